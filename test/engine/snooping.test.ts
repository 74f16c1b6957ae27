// Multicast snooping through a whole switch: reports come in at ports, and frames of groups go where they should.

import { expect, test } from 'vitest';
import type { MulticastStatus } from '../../src/api.ts';
import { queryFrame } from '../../src/wire/membership_frame.ts';
import { openRig, type Rig } from '../support/engine/rig.ts';
import { say, settle } from '../support/engine/turns.ts';
import { data, hello, join, leave, packet, report } from '../support/membership_frames.ts';

const G = '239.1.1.1';
const G6 = 'ff15::1:1';
const S = '198.51.100.1';
const S6 = '2001:db8::1';
/** 224.0.0.1 */
const ALL_SYSTEMS = Uint8Array.of(1, 0, 0x5e, 0, 0, 1);
const isSame = (a: Uint8Array, b: Uint8Array) => Buffer.compare(a, b) === 0;
const QUERIER = { querier: true, query_response_interval: 1, last_member_interval: 0.1 };

async function wait(rig: Rig, ms: number): Promise<void> {
  rig.now += ms;
  await settle(rig);
}

/** A bridge whose snooping restricts, of `p1` .. `p4`. */
async function snooping(multicast: object = {}, ports: object = {}, more: object = {}): Promise<Rig> {
  const rig = await openRig({
    br0: {
      multicast: { ...QUERIER, ...multicast },
      ports: { p1: {}, p2: {}, p3: {}, p4: {}, ...ports },
      ...more,
    },
  });
  await settle(rig);
  await wait(rig, 1000);
  return rig;
}

const ports = (status: MulticastStatus) => status.entries.map(({ group, port }) => `${group} ${port}`).sort();

test('frames of a group go to its members only, of both families', async () => {
  const rig = await snooping();
  for (const [group, source] of [
    [G, S],
    [G6, S6],
  ]) {
    expect(await say(rig, 'p4', data(group, source))).toBe('p1 p2 p3');
    expect(await say(rig, 'p1', join(group))).toBe('');
    expect(await say(rig, 'p2', report([['to_ex', group]], 2))).toBe('');
    expect(await say(rig, 'p4', data(group, source))).toBe('p1 p2');
    expect(await say(rig, 'p1', data(group, source))).toBe('p2');
    expect(await say(rig, 'p1', leave(group))).toBe('');
    await wait(rig, 100);
    await wait(rig, 100);
    expect(await say(rig, 'p4', data(group, source))).toBe('p2');
  }
  expect(ports(rig.taploom.multicast())).toEqual([`${G} p2`, `${G6} p2`]);
});

test('groups that share a MAC address do not share their frames', async () => {
  const rig = await snooping({ unknown: 'drop' });
  await say(rig, 'p1', join('239.1.1.1'));
  expect(await say(rig, 'p4', data('239.129.1.1', S))).toBe('p4 drops: unknown_multicast');
  expect(await say(rig, 'p4', data('239.1.1.1', S))).toBe('p1');
});

test('a host that wants one source gets no other', async () => {
  const rig = await snooping();
  for (const [group, one, other] of [
    ['232.1.1.1', S, '198.51.100.2'],
    ['ff35::1', S6, '2001:db8::2'],
  ]) {
    await say(rig, 'p1', report([['allow', group, one]]));
    await say(rig, 'p2', report([['to_ex', group, one]], 2));
    expect(await say(rig, 'p4', data(group, one))).toBe('p1');
    expect(await say(rig, 'p4', data(group, other))).toBe('p2');
    await say(rig, 'p2', report([['to_in', group]], 2));
    await wait(rig, 200);
    expect(await say(rig, 'p4', data(group, other))).toBe('p4 drops: no_destination');
  }
});

test('link-local groups are flooded whatever happens: neighbour discovery and mDNS never break', async () => {
  const rig = await snooping({ unknown: 'drop' });
  for (const [group, source] of [
    ['224.0.0.251', S],
    ['224.0.0.5', S],
    ['ff02::fb', S6],
    ['ff02::1:ff00:1', S6],
    ['ff12::1', S6],
  ]) {
    await say(rig, 'p1', join(group));
    expect(await say(rig, 'p4', data(group, source))).toBe('p1 p2 p3');
  }
  expect(rig.taploom.multicast().entries).toEqual([]);
  expect(rig.say('p4', 'a > *')).toHaveLength(3);
});

test('reports, and frames of all groups, go to routers: those that ask, those of PIM, those that are told', async () => {
  const rig = await snooping({}, { p4: { mcast_router: 'permanent' } });
  expect(await say(rig, 'p1', join(G))).toBe('p4');
  expect(await say(rig, 'p2', hello(105))).toBe('p1 p3 p4');
  expect(await say(rig, 'p1', join(G))).toBe('p2 p4');
  expect(await say(rig, 'p3', data(G, S))).toBe('p1 p2 p4');
  await wait(rig, 105_000);
  expect(await say(rig, 'p3', data(G, S))).toBe('p1 p4');
  const query = queryFrame(Uint8Array.of(2, 0, 0, 0, 0, 9), '192.0.2.1', {
    kind: 'query',
    version: 2,
    sources: [],
    maxResponse: 1000,
    suppress: false,
    robustness: 0,
    interval: 0,
  });
  expect(await say(rig, 'p3', query)).toBe('p1 p2 p4');
  const [igmp] = rig.taploom.multicast('br0').vlans;
  expect(igmp).toMatchObject({
    protocol: 'igmp',
    isActive: true,
    querier: { address: '192.0.2.1', port: 'p3' },
  });
  expect(igmp.routers.map(({ port, type }) => `${port} ${type}`)).toEqual(['p4 permanent', 'p3 temporary']);
});

test('frames to groups that nobody joined go where the bridge says', async () => {
  const rig = await snooping({ unknown: 'routers' }, { p2: { mcast_router: 'permanent' } });
  expect(await say(rig, 'p4', data(G, S))).toBe('p2');
  expect(await say(rig, 'p4', packet('239.9.9.9', 17, [1, 2, 3, 4, 5, 6, 7, 8], S))).toBe('p2');
});

test('groups that are no IP groups are flooded, whatever becomes of unknown ones', async () => {
  const rig = await snooping({ unknown: 'drop' });
  await say(rig, 'p1', join(G));
  // PTP (IEEE 1588), which nobody joins by IGMP.
  const ptp = Uint8Array.from([
    1,
    0x1b,
    0x19,
    0,
    0,
    0,
    2,
    0,
    0,
    0,
    0,
    1,
    0x88,
    0xf7,
    ...new Array(46).fill(0),
  ]);
  expect(await say(rig, 'p4', ptp)).toBe('p1 p2 p3');
});

test('without a querier nothing is restricted, and hosts hear each others reports', async () => {
  const rig = await snooping({ querier: false, unknown: 'drop' });
  expect(await say(rig, 'p1', join(G))).toBe('p2 p3 p4');
  expect(await say(rig, 'p4', data(G, S))).toBe('p1 p2 p3');
});

test('the switch asks every VLAN in its tag, and answers to one VLAN count there alone', async () => {
  const trunk = { vlan: { trunk: [10, 20] } };
  const rig = await snooping(
    {},
    { p1: trunk, p2: trunk, p3: { vlan: { access: 10 } }, p4: { vlan: { access: 20 } } },
    { vlan_filtering: true },
  );
  await wait(rig, 62_000);
  const heard = rig.received();
  const tags = (port: string) =>
    [
      ...new Set(heard.get(port)?.map(({ bytes }) => Buffer.from(bytes.subarray(12, 16)).toString('hex'))),
    ].sort();
  expect(tags('p1')).toEqual(['8100000a', '81000014']);
  expect(tags('p3')).toEqual(['080046c0', '86dd6000']);
  await say(rig, 'p3', join(G));
  expect(rig.taploom.multicast().entries).toMatchObject([{ vlan: 10, group: G, port: 'p3' }]);
  const tagged = (vid: number, frame: Uint8Array) =>
    Uint8Array.from([...frame.subarray(0, 12), 0x81, 0, 0, vid, ...frame.subarray(12)]);
  expect(await say(rig, 'p1', tagged(10, data(G, S)))).toBe('p3');
  expect(await say(rig, 'p1', tagged(20, data(G, S)))).toBe('p2 p4');
  await say(rig, 'p2', tagged(20, join(G, 2)));
  expect(await say(rig, 'p1', tagged(20, data(G, S)))).toBe('p2');
});

test("in a private VLAN groups are the primary one's, and a frame goes to those members that its VLAN reaches", async () => {
  const vlans = { 100: { private: { isolated: 101, communities: [102] } } };
  const inVlan = (access: number) => ({ vlan: { access } });
  const own = { p1: inVlan(100), p2: inVlan(101), p3: inVlan(101), p4: inVlan(102) };
  const rig = await snooping({ unknown: 'drop' }, own, { vlan_filtering: true, vlans });
  expect(rig.taploom.multicast().vlans.map(({ vlan }) => vlan)).toEqual([100, 100]);
  expect(await say(rig, 'p1', data(G, S))).toBe('p1 drops: unknown_multicast');
  for (const port of ['p1', 'p2', 'p3', 'p4']) expect(await say(rig, port, join(G))).toBe('');
  expect(ports(rig.taploom.multicast())).toEqual(['p1', 'p2', 'p3', 'p4'].map((port) => `${G} ${port}`));
  expect(await say(rig, 'p1', data(G, S))).toBe('p2 p3 p4');
  expect(await say(rig, 'p2', data(G, S))).toBe('p1');
  expect(await say(rig, 'p4', data(G, S))).toBe('p1');
});

test('static groups, limits and malformed packets', async () => {
  const rig = await snooping(
    {
      static: [
        { group: G, port: 'p3' },
        { group: '232.1.1.1', source: S, port: 'p2' },
      ],
    },
    { p1: { mcast_max_groups: 1 } },
  );
  expect(await say(rig, 'p4', data(G, S))).toBe('p3');
  expect(await say(rig, 'p4', data('232.1.1.1', S))).toBe('p2');
  await say(rig, 'p1', join('239.0.0.1'));
  await say(rig, 'p1', join('239.0.0.2'));
  for (const broken of [join(G), join(G6)]) {
    broken[broken.length - 1] ^= 1;
    await say(rig, 'p1', broken);
  }
  const [p1] = rig.taploom.multicastPorts();
  expect(p1).toMatchObject({ port: 'p1', groups: 1, reports: 2, refused: 1, malformed: { checksum: 2 } });
  expect(rig.taploom.events.stored({ types: ['limit'] })).toMatchObject([
    { limit: 'mcast_max_groups', port: 'p1', group: '239.0.0.2', value: 1 },
  ]);
});

test('a group by hand is there again when its port is, and what hosts said there is not', async () => {
  const rig = await snooping({ static: [{ group: G, port: 'p3' }] });
  await say(rig, 'p3', join('239.0.0.1'));
  expect(ports(rig.taploom.multicast())).toEqual(['239.0.0.1 p3', `${G} p3`]);
  const { p3 } = rig.taploom.config.bridges.br0.ports;
  const kept = rig.taploom.config.bridges.br0.multicast;
  await rig.change(({ bridges: { br0 } }) => {
    br0.ports = { p1: br0.ports.p1, p2: br0.ports.p2, p4: br0.ports.p4 };
    br0.multicast = { ...kept, static: [] } as typeof kept;
  });
  expect(ports(rig.taploom.multicast())).toEqual([]);
  await rig.change(({ bridges: { br0 } }) => {
    br0.ports.p3 = p3;
    br0.multicast = kept;
  });
  await settle(rig);
  expect(ports(rig.taploom.multicast())).toEqual([`${G} p3`]);
  expect(await say(rig, 'p4', data(G, S))).toBe('p3');
});

test('a change of the configuration takes effect, and what hosts said stays', async () => {
  const rig = await snooping();
  await say(rig, 'p1', join(G));
  const { config } = rig.taploom;
  const bridge = (multicast: object | undefined, more: object = {}) => ({
    version: 1 as const,
    bridges: { br0: { ...config.bridges.br0, multicast, ports: { ...config.bridges.br0.ports, ...more } } },
  });
  const changed = { ...config.bridges.br0.multicast, unknown: 'drop' };
  await rig.taploom.apply(bridge(changed, { p5: { type: 'memory' } }) as never);
  expect(await say(rig, 'p5', data('239.7.7.7', S))).toBe('p5 drops: unknown_multicast');
  expect(await say(rig, 'p5', data(G, S))).toBe('p1');
  await rig.taploom.apply(bridge(undefined) as never);
  expect(await say(rig, 'p4', data('239.7.7.7', S))).toBe('p1 p2 p3');
  expect(await say(rig, 'p4', join(G))).toBe('p1 p2 p3');
  expect(rig.taploom.multicast()).toEqual({ entries: [], vlans: [], ports: [] });
});

test('a port that floods reports keeps nobody else from being heard', async () => {
  const rig = await snooping({ max_groups: 100 });
  const { taploom } = rig;
  for (let n = 0; n < 2000; n++) {
    taploom.memoryPort('p1').send(join(`239.2.${n >> 8}.${n & 255}`));
    if (n % 64 === 63) taploom.poll(0, rig.now);
  }
  await settle(rig);
  expect(rig.counters('p1').receiveDropped.punt_limit).toBeGreaterThan(1000);
  expect(taploom.multicastPorts()[0].groups).toBe(100);
  await say(rig, 'p2', report([['to_ex', '239.2.0.0']], 2));
  expect(taploom.multicast().entries.filter(({ port }) => port === 'p2')).toHaveLength(1);
  rig.expectLaws();
});

test('a port that gets no unknown groups is asked which ones it wants, and gets those', async () => {
  const rig = await openRig({
    br0: { multicast: QUERIER, ports: { p1: { mcast_flood: false }, p2: {}, p3: {} } },
  });
  const asked = new Set<string>();
  for (let n = 0; n < 4; n++) {
    for (const [port, frames] of rig.received())
      if (frames.some(({ bytes }) => isSame(bytes.subarray(0, 6), ALL_SYSTEMS))) asked.add(port);
    await wait(rig, 500);
  }
  expect([...asked].sort()).toEqual(['p1', 'p2', 'p3']);
  expect(await say(rig, 'p3', data(G, S))).toBe('p2');
  expect(await say(rig, 'p1', join(G))).toBe('');
  expect(await say(rig, 'p3', data(G, S))).toBe('p1');
});
