// Routers between the kernels of guests: every hop is seen, and every packet finds its size.

import { beforeEach, describe, expect, test } from 'vitest';
import type { NeighbourStatus } from '../../src/api.ts';
import { type Lab, openLab } from '../support/lab.ts';
import { expectLaws } from '../support/laws.ts';
import { needs } from '../support/needs.ts';
import type { Netns } from '../support/netns.ts';
import { Taploomd } from '../support/taploomd.ts';
import { ping, tcp } from '../support/traffic.ts';

needs('ping', 'traceroute', 'tracepath', 'nstat');

const tap = (netns: Netns, vlan: number) => ({ type: 'tap', netns: netns.name, vlan: { access: vlan } });
const inVlan = (vlan: number, net: number, host = 1, more = {}) => ({
  bridge: 'br0',
  vlan,
  address: [`10.0.${net}.${host}/24`, `fd00:${net}::${host}/64`],
  ...more,
});

/** Two routers with a link between them; `far` is behind the narrower one. */
const ROUTERS = {
  r1: {
    interfaces: { web: inVlan(10, 1), db: inVlan(20, 2), link: inVlan(99, 99) },
    routes: [
      { to: '10.0.3.0/24', via: '10.0.99.2' },
      { to: 'fd00:3::/64', via: 'fd00:99::2' },
    ],
  },
  r2: {
    interfaces: { link: inVlan(99, 99, 2), far: inVlan(30, 3, 1, { mtu: 1400 }) },
    routes: [
      { to: '0.0.0.0/0', via: '10.0.99.1' },
      { to: '::/0', via: 'fd00:99::1' },
    ],
  },
};

async function plug(guest: Netns, device: string, net: number, gateway = 1): Promise<void> {
  await guest.up(device, `10.0.${net}.9/24`, `fd00:${net}::9/64`);
  await guest.ip(
    `route add default via 10.0.${net}.${gateway}`,
    `route add default via fd00:${net}::${gateway}`,
  );
}

describe('guests in subnets', () => {
  let lab: Lab;
  let sw: Netns;
  let web: Netns;
  let db: Netns;
  let far: Netns;
  let daemon: Taploomd;

  const start = async (workers: number, ports: object = {}, routers: object = {}) => {
    const all = { web: tap(web, 10), db: tap(db, 20), far: tap(far, 30), ...ports };
    const br0 = { vlan_filtering: true, local: false, ports: all };
    const config = { version: 1, bridges: { br0 }, routers: { ...ROUTERS, ...routers } };
    daemon = await Taploomd.start(lab, sw, config, { args: ['--workers', String(workers)] });
    await Promise.all([plug(web, 'web', 1), plug(db, 'db', 2), plug(far, 'far', 3)]);
  };

  beforeEach(async () => {
    lab = await openLab();
    [sw, web, db, far] = await lab.netnsList(['sw', 'web', 'db', 'far']);
  });

  test('reach their gateway and each other over IPv4 and IPv6, and TCP its speed, with two workers', async () => {
    await start(2);
    for (const address of ['10.0.1.1', 'fd00:1::1', '10.0.2.9', 'fd00:2::9', '10.0.3.9', 'fd00:3::9'])
      expect(await ping(web, address, { waitSeconds: 2 }), address).toMatchObject({ received: 5 });
    expect((await tcp(web, db, '10.0.2.9', 1)).gigabitsPerSecond).toBeGreaterThan(0.3);
    const { counters } = await daemon.port('db');
    expect(counters.transmittedSegments).toBeGreaterThan(5 * counters.transmittedFrames);
    await tcp(db, web, 'fd00:1::9', 1);
    for (const guest of [web, db]) expect(await guest.checksumErrors()).toBe(0);
    await expectLaws(daemon);
  });

  test('see every hop, and find the narrowest', async () => {
    await start(1);
    for (const [net, text] of [
      ['10.0.', '.'],
      ['fd00:', '::'],
    ]) {
      const hops = [1, 99, 3].map((subnet, n) => `${net}${subnet}${text}${[1, 2, 9][n]}`);
      // Probes leave all at once, and one packet waits for a neighbour that is not known yet.
      expect(await ping(web, hops[2], { waitSeconds: 2 })).toMatchObject({ received: 5 });
      const traced = await web.check(['traceroute', '-n', '-q', '1', '-w', '2', hops[2]]);
      expect([...traced.matchAll(/^ *\d+ {2}(\S+)/gm)].map(([, hop]) => hop)).toEqual(hops);
      const path = await web.check(['tracepath', '-n', '-m', '5', hops[2]]);
      expect(path).toContain('pmtu 1400');
      expect(path).toMatch(/Resume: pmtu 1400 hops 3/);
    }
    // TCP, too: its first segments are too long for the last link.
    expect((await tcp(web, far, '10.0.3.9', 1)).bytes).toBeGreaterThan(0);
    expect((await tcp(web, far, 'fd00:3::9', 1)).bytes).toBeGreaterThan(0);
  });

  test('are told who is not there: no route, and nobody at an address', async () => {
    await start(1);
    const told = async (address: string) => {
      const { stdout } = await web.run(['ping', '-n', '-c', '1', '-W', '5', address], { timeoutMs: 10_000 });
      return stdout;
    };
    const answers = await Promise.all(['10.0.2.77', 'fd00:2::77', 'fd09::1'].map(told));
    expect(answers[0]).toContain('From 10.0.1.1 icmp_seq=1 Destination Host Unreachable');
    expect(answers[1]).toContain('From fd00:1::1 icmp_seq=1 Destination unreachable: Address unreachable');
    expect(answers[2]).toContain('From fd00:1::1 icmp_seq=1 Destination unreachable: No route');
  });

  test('keep their gateway when they move to another port', async () => {
    const [guest] = await lab.netnsList(['guest']);
    await start(1, { mv1: tap(guest, 10), mv2: tap(guest, 10) });
    const { address } = await guest.link('mv1');
    await guest.ip(`link set dev mv2 address 02:00:00:00:0f:02`);
    await guest.up('mv1', '10.0.1.20/24');
    await guest.ip('route add default via 10.0.1.1');
    expect(await ping(guest, '10.0.2.9')).toMatchObject({ received: 5 });
    await guest.ip(
      'link set dev mv1 down',
      'link set dev mv1 address 02:00:00:00:0f:01',
      'addr flush dev mv1',
    );
    await guest.ip(`link set dev mv2 address ${address}`);
    await guest.up('mv2', '10.0.1.20/24');
    await guest.ip('route add default via 10.0.1.1');
    expect(await ping(guest, '10.0.2.9')).toMatchObject({ received: 5 });
    // And the other way it is found at once, since its frames have told where it is.
    expect(await ping(db, '10.0.1.20')).toMatchObject({ received: 5 });
    const { neighbours } = (await daemon.get('/v1/neighbours?address=10.0.1.20')) as {
      neighbours: NeighbourStatus[];
    };
    expect(neighbours).toMatchObject([{ router: 'r1', interface: 'web', mac: address }]);
  });

  test('two tenants have the same addresses, and never meet', async () => {
    const [other, their] = await lab.netnsList(['other', 'their']);
    const r3 = { interfaces: { web: inVlan(110, 1), db: inVlan(120, 2) } };
    await start(1, { other: tap(other, 110), their: tap(their, 120) }, { r3 });
    await Promise.all([plug(other, 'other', 1), plug(their, 'their', 2)]);
    for (const [from, to] of [
      [web, db],
      [other, their],
    ] as const) {
      const before = (await to.snmp()).IcmpInEchos;
      expect(await ping(from, '10.0.2.9')).toMatchObject({ received: 5 });
      expect((await to.snmp()).IcmpInEchos - before).toBe(5);
      expect(await ping(from, 'fd00:2::9')).toMatchObject({ received: 5 });
    }
  });
});
