// The agent on a host of the test's own, under simulated time: what is received, what is sent, and when.

import { beforeEach, describe, expect, test } from 'vitest';
import type { LldpChange } from '../../../src/api.ts';
import type { Host, Punt } from '../../../src/protocol/host.ts';
import { Lldp, type LldpPortSpec } from '../../../src/protocol/lldp/lldp.ts';
import { MAX_IN_TOTAL, MAX_PER_PORT } from '../../../src/protocol/lldp/neighbors.ts';
import { lldpduStart, parseLldpdu } from '../../../src/wire/lldp/lldpdu.ts';
import { bytesOf, LLDPD, LLDPD_SHUTDOWN, lldpFrame, tlv } from '../../wire/lldp/frames.ts';

const BRIDGE_MAC = '02:00:5e:10:00:02';

class World implements Host {
  now = 0;
  isFull = false;
  sent: { at: number; port: string; frame: Uint8Array }[] = [];
  changes: string[] = [];
  listener: ((punt: Punt) => void) | undefined;
  readonly lldp: Lldp;

  constructor() {
    this.lldp = new Lldp(this, { name: 'host-7', description: 'Taploom' }, (change) => this.note(change));
  }

  send(port: string, frame: Uint8Array): boolean {
    if (!this.isFull) this.sent.push({ at: this.now / 1000, port, frame });
    return !this.isFull;
  }

  async trap(): Promise<void> {}

  sendIn(): boolean {
    return false;
  }

  flood(): boolean {
    return false;
  }

  relay(): boolean {
    return false;
  }

  onPunt(_: 'lldp', listener: (punt: Punt) => void) {
    this.listener = listener;
    return () => {
      this.listener = undefined;
    };
  }

  private note({ kind, neighbor }: LldpChange): void {
    this.changes.push(`${kind} ${neighbor.port} ${neighbor.chassisId} ${neighbor.portId}`);
  }

  ports(...specs: (Partial<LldpPortSpec> & { name: string })[]): void {
    const common = { bridge: 'br0', mode: 'both', chassis: BRIDGE_MAC, mac: BRIDGE_MAC, mtu: 1500 } as const;
    this.lldp.setPorts(
      specs.map((spec) => ({ ...common, isUp: true, ...spec })),
      this.now,
    );
    this.lldp.tick(this.now);
  }

  receive(bytes: Uint8Array, port = 'p1', vlan = 0): void {
    this.listener?.({ port, vlan, tag: 0, bytes, at: this.now });
    this.lldp.tick(this.now);
  }

  /** Lets time pass, from deadline to deadline. */
  until(seconds: number): void {
    for (let next = this.lldp.deadline(); next <= seconds * 1000; next = this.lldp.deadline()) {
      this.now = Math.max(this.now, next);
      this.lldp.tick(this.now);
    }
    this.now = seconds * 1000;
  }

  /** `port@seconds`, with `!` for a shutdown. */
  sends(): string[] {
    return this.sent.splice(0).map(({ at, port, frame }) => {
      const { lldpdu } = parseLldpdu(frame, lldpduStart(frame));
      return `${port}@${at}${lldpdu?.ttl === 0 ? '!' : ''}`;
    });
  }

  counters(port = 'p1') {
    return this.lldp.ports().find((one) => one.port === port)?.counters;
  }

  names(): string[] {
    return this.lldp.neighbors(this.now).map(({ chassisId, portId }) => `${chassisId} ${portId}`);
  }
}

let world: World;
beforeEach(() => {
  world = new World();
});

describe('hearing', () => {
  test('a frame of lldpd becomes a neighbour, and goes with its shutdown', () => {
    world.ports({ name: 'p1', mode: 'receive' });
    world.now = 1000;
    world.receive(LLDPD, 'p1', 10);
    world.now = 3_500;
    expect(world.lldp.neighbors(world.now)).toMatchObject([
      {
        bridge: 'br0',
        port: 'p1',
        mac: '02:00:00:00:0a:01',
        vlan: 10,
        chassisId: '02:00:00:00:0a:01',
        chassisIdType: 'mac',
        portIdType: 'mac',
        systemName: 'golden',
        ttl: 120,
        expiresIn: 117.5,
        age: 2.5,
        otherTlvs: [{}, {}, { oui: '33:44:55' }],
      },
    ]);
    world.receive(LLDPD_SHUTDOWN);
    expect(world.names()).toEqual([]);
    const id = '02:00:00:00:0a:01';
    expect(world.changes).toEqual([`added p1 ${id} ${id}`, `removed p1 ${id} ${id}`]);
    expect(world.counters()).toMatchObject({ framesIn: 2, ageouts: 0, tlvsUnrecognized: 3 });
    expect(world.sends()).toEqual([]);
  });

  test('one that is silent for its time to live is forgotten, to the second', () => {
    world.ports({ name: 'p1', mode: 'receive' });
    world.receive(lldpFrame({ ttl: 20 }));
    world.until(15);
    world.receive(lldpFrame({ ttl: 20 }));
    world.until(34.999);
    expect(world.names()).toEqual(['c p']);
    world.until(35);
    expect(world.names()).toEqual([]);
    expect(world.lldp.ports()[0].neighbors).toBe(0);
    expect(world.counters()?.ageouts).toBe(1);
    expect(world.changes).toEqual(['added p1 c p', 'removed p1 c p']);
    expect(world.lldp.deadline()).toBe(Number.POSITIVE_INFINITY);
  });

  test('a shutdown ends the neighbour that sends it, not another port of the same chassis, nor on another port', () => {
    world.ports({ name: 'p1', mode: 'receive' }, { name: 'p2', mode: 'receive' });
    world.receive(lldpFrame({ port: 'a' }, tlv(5, 'name a')));
    world.receive(lldpFrame({ port: 'b' }, tlv(5, 'name b')));
    world.receive(lldpFrame({ port: 'a' }, tlv(5, 'name a')), 'p2');
    world.receive(lldpFrame({ port: 'a', ttl: 0 }));
    const left = world.lldp.neighbors(world.now);
    expect(left.map(({ port, portId, systemName }) => [port, portId, systemName])).toEqual([
      ['p1', 'b', 'name b'],
      ['p2', 'a', 'name a'],
    ]);
    // Of one that nobody knows it is no news.
    world.receive(lldpFrame({ port: 'z', ttl: 0 }));
    expect(world.changes.filter((change) => change.startsWith('removed'))).toEqual(['removed p1 c a']);
  });

  test('a neighbour that changes its port ID is beside its new self until its time is over', () => {
    world.ports({ name: 'p1', mode: 'receive' });
    world.receive(lldpFrame({ port: 'old' }));
    world.until(30);
    world.receive(lldpFrame({ port: 'new' }));
    expect(world.names()).toEqual(['c old', 'c new']);
    world.until(121);
    expect(world.names()).toEqual(['c new']);
  });

  test('only news are reported, and replace all that was known', () => {
    world.ports({ name: 'p1', mode: 'receive' });
    world.receive(lldpFrame({}, tlv(5, 'a'), tlv(6, 'b')));
    world.receive(lldpFrame({}, tlv(5, 'a'), tlv(6, 'b')));
    world.receive(lldpFrame({ ttl: 60 }, tlv(5, 'a'), tlv(6, 'b')));
    expect(world.changes).toEqual(['added p1 c p']);
    world.receive(lldpFrame({ ttl: 60 }, tlv(5, 'z')));
    world.receive(lldpFrame({ ttl: 60, mac: '020000000b02' }, tlv(5, 'z')));
    expect(world.changes).toEqual(['added p1 c p', 'changed p1 c p', 'changed p1 c p']);
    expect(world.lldp.neighbors(world.now)).toMatchObject([{ systemName: 'z', mac: '02:00:00:00:0b:02' }]);
    expect(world.lldp.neighbors(world.now)[0].systemDescription).toBeUndefined();
  });

  test('tagged frames count, other frames and other ports do not, and errors are counted', () => {
    world.ports({ name: 'p1', mode: 'receive' });
    world.receive(lldpFrame({ chassis: 'tagged', tag: '8100e000' }));
    world.receive(bytesOf('0180c200000e 020000000b01 0800 4500'));
    world.receive(lldpFrame(), 'nobody');
    expect(world.counters()).toMatchObject({ framesIn: 1 });
    world.receive(bytesOf('0180c200000e 020000000b01 88cc 0000'));
    world.receive(lldpFrame({ chassis: 'half' }, tlv(7, 'x'), tlv(7, 'y'), tlv(100, '')));
    expect(world.names()).toEqual(['tagged p', 'half p']);
    expect(world.counters()).toMatchObject({
      framesIn: 3,
      framesDiscarded: 1,
      framesInErrors: 2,
      tlvsDiscarded: 2,
      tlvsUnrecognized: 1,
    });
  });
});

describe('a stranger', () => {
  test('cannot have more than its port may, and pushes nobody out', () => {
    world.ports({ name: 'p1', mode: 'receive' }, { name: 'p2', mode: 'receive' });
    world.receive(lldpFrame({ chassis: 'friend' }));
    for (let n = 0; n < 1000; n++) world.receive(lldpFrame({ chassis: `s${n}`, ttl: 65_535 }));
    world.receive(lldpFrame({ chassis: 'friend' }, tlv(5, 'still there')));
    expect(world.names()).toHaveLength(MAX_PER_PORT);
    expect(world.lldp.neighbors(world.now)[0]).toMatchObject({
      chassisId: 'friend',
      systemName: 'still there',
    });
    const refused = 1000 - (MAX_PER_PORT - 1);
    expect(world.counters()).toMatchObject({ neighborsRefused: refused, framesDiscarded: refused });
    world.receive(lldpFrame({ chassis: 'other' }), 'p2');
    expect(world.names()).toHaveLength(MAX_PER_PORT + 1);
  });

  test('with many ports cannot have more than all may, and places that are free again are given again', () => {
    const names = Array.from({ length: MAX_IN_TOTAL / MAX_PER_PORT + 5 }, (_, n) => `p${n}`);
    world.ports(...names.map((name) => ({ name, mode: 'receive' as const })));
    for (const name of names) {
      for (let n = 0; n < MAX_PER_PORT; n++) world.receive(lldpFrame({ chassis: `s${n}` }), name);
    }
    expect(world.names()).toHaveLength(MAX_IN_TOTAL);
    const last = names.at(-1) as string;
    expect(world.counters(last)?.neighborsRefused).toBe(MAX_PER_PORT);
    world.receive(lldpFrame({ chassis: 's0', ttl: 0 }), 'p0');
    world.receive(lldpFrame(), last);
    expect(world.names()).toHaveLength(MAX_IN_TOTAL);
    // A port that goes gives back its places, too.
    world.ports({ name: last, mode: 'receive' });
    for (let n = 0; n < 20; n++) world.receive(lldpFrame({ chassis: `t${n}` }), last);
    expect(world.names()).toHaveLength(MAX_PER_PORT);
  });
});

describe('speaking', () => {
  test('a port that is asked to says who it is, every 30 s, and to a new neighbour at once', () => {
    world.ports({ name: 'p1', mtu: 1500, pvid: 10, managementAddresses: ['192.0.2.1'] });
    world.until(40);
    const { frame } = world.sent[0];
    expect(parseLldpdu(frame, lldpduStart(frame)).lldpdu).toMatchObject({
      chassisId: { type: 'mac', text: BRIDGE_MAC },
      portId: { type: 'interface_name', text: 'p1' },
      ttl: 121,
      systemName: 'host-7',
      systemDescription: 'Taploom',
      portDescription: 'port p1 of bridge br0',
      enabledCapabilities: ['bridge'],
      managementAddresses: ['192.0.2.1'],
      pvid: 10,
      maxFrameSize: 1522,
    });
    expect(world.sends()).toEqual(['p1@0', 'p1@30']);
    world.receive(LLDPD);
    world.until(80);
    expect(world.sends()).toEqual(['p1@40', 'p1@41', 'p1@42', 'p1@43', 'p1@73']);
    expect(world.counters()).toMatchObject({ framesOut: 7, framesNotSent: 0, tlvsOmitted: 0 });
  });

  test('a port that only receives is silent, and so is one whose link is down', () => {
    world.ports({ name: 'p1', mode: 'receive' }, { name: 'p2', isUp: false });
    world.receive(LLDPD);
    world.receive(LLDPD, 'p2');
    world.until(60);
    expect(world.sends()).toEqual([]);
    expect(world.names()).toHaveLength(2);
    world.ports({ name: 'p1', mode: 'receive' }, { name: 'p2' });
    world.until(61);
    expect(world.sends()).toEqual(['p2@60']);
    // Down again: nobody is there to say goodbye to, and what was learned keeps until its time is over.
    world.ports({ name: 'p1', mode: 'receive' }, { name: 'p2', isUp: false });
    world.until(119);
    expect(world.sends()).toEqual([]);
    expect(world.names()).toHaveLength(2);
    world.until(121);
    expect(world.names()).toHaveLength(0);
  });

  test('a port that goes, stops sending or gets another chassis says goodbye', () => {
    world.ports({ name: 'p1' }, { name: 'p2' }, { name: 'p3' });
    world.receive(LLDPD, 'p1');
    world.until(5);
    world.sends();
    world.ports({ name: 'p2', mode: 'receive' }, { name: 'p3', chassis: '02:00:00:00:00:99' });
    const shutdowns = world.sent.filter(({ at }) => at === 5);
    expect(world.sends()).toEqual(['p1@5!', 'p3@5!', 'p2@5!', 'p3@5']);
    expect(parseLldpdu(shutdowns[1].frame, 14).lldpdu).toMatchObject({ chassisId: { text: BRIDGE_MAC } });
    expect(world.changes.at(-1)).toMatch(/^removed p1/);
    world.until(6);
    world.ports({ name: 'p2' });
    world.until(9);
    // p3 says goodbye again; p2 comes back two seconds after its own.
    expect(world.sends()).toEqual(['p3@6!', 'p2@7']);
  });

  test('what changes is said at once', () => {
    world.ports({ name: 'p1', mtu: 1500 });
    world.until(10);
    world.ports({ name: 'p1', mtu: 1500 });
    expect(world.sends()).toEqual(['p1@0']);
    world.ports({ name: 'p1', mtu: 1400 });
    world.ports({ name: 'p1', mtu: 1400, pvid: 5 });
    expect(world.sends()).toEqual(['p1@10', 'p1@10']);
  });

  test('while the data plane has no room it tries again every second', () => {
    world.isFull = true;
    world.ports({ name: 'p1' });
    world.until(2.5);
    world.isFull = false;
    world.until(10);
    expect(world.sends()).toEqual(['p1@3']);
    expect(world.counters()).toMatchObject({ framesNotSent: 3, framesOut: 1 });
  });

  test('closing says goodbye once, and listens no longer', () => {
    world.ports({ name: 'p1' }, { name: 'p2', mode: 'receive' });
    world.sends();
    world.lldp.close(0);
    world.lldp.close(0);
    expect(world.sends()).toEqual(['p1@0!']);
    expect(world.listener).toBeUndefined();
    expect(world.lldp.deadline()).toBe(Number.POSITIVE_INFINITY);
  });

  test('with an MTU of 68 the mandatory TLVs are there', () => {
    world.ports({ name: 'p1', mtu: 68 });
    const { frame } = world.sent[0];
    expect(frame.length).toBeLessThanOrEqual(82);
    expect(parseLldpdu(frame, 14).lldpdu).toMatchObject({ ttl: 121, maxFrameSize: 90 });
    expect(world.counters()?.tlvsOmitted).toBeGreaterThan(0);
  });
});
