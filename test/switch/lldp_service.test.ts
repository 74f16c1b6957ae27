// LLDP in a switch, on a host of the test's own: which ports the agent gets, and that it is called in time.

import { networkInterfaces } from 'node:os';
import { afterEach, expect, test } from 'vitest';
import type { LldpChange } from '../../src/api.ts';
import { stableMac } from '../../src/config/defaults.ts';
import { parseConfig } from '../../src/config/schema.ts';
import type { Host, Punt } from '../../src/protocol/host.ts';
import { LldpService } from '../../src/switch/lldp_service.ts';
import { MACHINE } from '../../src/switch/world.ts';
import { monotonicMs } from '../../src/sys/clock.ts';
import { lldpduStart, parseLldpdu } from '../../src/wire/lldp/lldpdu.ts';
import { LLDPD, lldpFrame } from '../wire/lldp/frames.ts';

const NIC = '02:00:00:00:0e:01';
const HOST_SIDE = '02:00:00:00:0e:02';

class TestHost implements Host {
  sent: { port: string; frame: Uint8Array }[] = [];
  private listener: (punt: Punt) => void = () => {};

  send(port: string, frame: Uint8Array): boolean {
    this.sent.push({ port, frame });
    return true;
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
    return () => {};
  }

  receive(port: string, bytes: Uint8Array, at = monotonicMs()): void {
    this.listener({ port, vlan: 0, tag: 0, bytes, at });
  }

  said() {
    return this.sent.splice(0).map(({ port, frame }) => {
      const { lldpdu } = parseLldpdu(frame, lldpduStart(frame));
      return { port, source: Buffer.from(frame.subarray(6, 12)).toString('hex'), ...lldpdu };
    });
  }
}

let host: TestHost;
let changes: LldpChange[];
let service: LldpService | undefined;
afterEach(() => service?.close());

function open(threaded: boolean, up = new Set(['up', 'eth1', 'vm1'])): LldpService {
  host = new TestHost();
  changes = [];
  const devices = new Map(
    [...up].map((name, port) => [name, { spec: { port }, mac: name === 'eth1' ? NIC : HOST_SIDE }]),
  );
  service = new LldpService(
    {
      devices: devices as never,
      mtus: { get: () => 1400 } as never,
      goneNames: new Set(),
      linkWatch: { isUp: (name: string) => up.has(name) } as never,
      counters: {} as never,
    },
    (change) => void changes.push(change),
  );
  service.attach(host, { threaded, world: MACHINE });
  return service;
}

const config = (bridge: object, ports: object, name = 'br0') =>
  parseConfig({ version: 1, bridges: { [name]: { ...bridge, ports } } });
const PORTS = {
  eth1: { type: 'af_packet', lldp: true, vlan: { trunk: [10, 20], native: 30 } },
  vm1: { type: 'tap', lldp: true, vlan: { access: 10 } },
  vm2: { type: 'tap' },
  eth2: { type: 'af_packet' },
};

test('a port says what it is: its bridge, its VLAN, its size, and an address that is not that of its other end', () => {
  const lldp = open(false);
  lldp.poll(1000);
  lldp.update(config({ vlan_filtering: true }, PORTS));
  const chassis = { type: 'mac', text: stableMac('br0') };
  expect(host.said()).toMatchObject([
    { port: 'eth1', source: NIC.replaceAll(':', ''), chassisId: chassis, pvid: 30, maxFrameSize: 1422 },
    { port: 'vm1', source: stableMac('br0').replaceAll(':', ''), chassisId: chassis, pvid: 10 },
  ]);
  expect(lldp.ports().map(({ port, mode }) => [port, mode])).toEqual([
    ['eth1', 'both'],
    ['vm1', 'both'],
    ['eth2', 'receive'],
  ]);
});

test('without VLAN filtering there is no port VLAN, and an address of the bridge is told where there is one', () => {
  const [name, [{ address }]] = Object.entries(networkInterfaces()).find(([, list]) =>
    list?.some(({ family }) => family === 'IPv4'),
  ) as [string, { address: string }[]];
  const lldp = open(false);
  lldp.update(config({}, { vm1: { type: 'tap', lldp: true } }, name));
  const [said] = host.said();
  expect(said.pvid).toBeUndefined();
  expect(said.managementAddresses).toContain(address);
});

test('a bridge that begins to forward LLDP ends it: goodbye, and neighbours go', () => {
  const lldp = open(false);
  lldp.poll(0);
  lldp.update(config({}, { vm1: { type: 'tap', lldp: true } }));
  host.receive('vm1', LLDPD, 0);
  expect(lldp.neighbors()).toHaveLength(1);
  host.said();
  lldp.update(config({ group_fwd_mask: 0x4000 }, { vm1: { type: 'tap', lldp: true } }));
  expect(host.said()).toMatchObject([{ port: 'vm1', ttl: 0 }]);
  expect([lldp.neighbors(), lldp.ports()]).toEqual([[], []]);
  expect(changes.map(({ kind }) => kind)).toEqual(['added', 'removed']);
});

test('a switch without threads lives in the time of its polls', () => {
  const lldp = open(false, new Set(['vm1']));
  lldp.poll(0);
  lldp.update(config({}, { vm1: { type: 'tap', lldp: true }, vm2: { type: 'tap', lldp: 'receive' } }));
  host.receive('vm2', lldpFrame({ ttl: 40 }), 0);
  expect(lldp.neighbors()).toMatchObject([{ expiresIn: 40 }]);
  for (let now = 0; now < 39_999; now += 500) lldp.poll(now);
  expect(host.said()).toHaveLength(2);
  expect(lldp.neighbors()).toMatchObject([{ expiresIn: 0.5 }]);
  lldp.poll(40_000);
  expect(lldp.neighbors()).toEqual([]);
  expect(lldp.ports()[1].counters.ageouts).toBe(1);
});

test('a link that comes up is noticed within two seconds of a threaded switch', async () => {
  const up = new Set(['vm1']);
  const lldp = open(true, up);
  up.clear();
  lldp.update(config({}, { vm1: { type: 'tap', lldp: true } }));
  await new Promise((done) => setTimeout(done, 50));
  expect(host.said()).toEqual([]);
  up.add('vm1');
  const end = Date.now() + 2000;
  while (host.sent.length === 0 && Date.now() < end) await new Promise((done) => setTimeout(done, 20));
  expect(host.said()).toMatchObject([{ port: 'vm1', ttl: 121 }]);
});

test('until there is a host nothing happens', () => {
  const lldp = open(false);
  lldp.close();
  lldp.update(config({ vlan_filtering: true }, PORTS));
  lldp.poll(1);
  expect([lldp.neighbors(), lldp.ports()]).toEqual([[], []]);
});
