import { expect, test } from 'vitest';
import type { SwitchConfigInput } from '../../src/config/schema.ts';
import { openRig, ports } from '../support/engine/rig.ts';

const MINUTE = 60_000;

test('unknown destinations and groups are flooded, never back, and known ones go to one port', async () => {
  const rig = await openRig({ br0: { ports: ports(3) } });
  expect(rig.say('p1', 'a > b')).toEqual(['p2: a > b', 'p3: a > b']);
  expect(rig.say('p2', 'b > a')).toEqual(['p1: b > a']);
  expect(rig.say('p1', 'a > b')).toEqual(['p2: a > b']);
  expect(rig.say('p1', 'a > *')).toEqual(['p2: a > *', 'p3: a > *']);
  expect(rig.say('p1', 'a > 01:00:5e:00:00:fb')).toEqual([
    'p2: a > 01:00:5e:00:00:fb',
    'p3: a > 01:00:5e:00:00:fb',
  ]);
});

test('many bridges are as many switches: the same station in each', async () => {
  const names = Array.from({ length: 20 }, (_, n) => `br${n}`);
  const rig = await openRig(
    Object.fromEntries(names.map((name) => [name, { ports: { [`${name}x`]: {}, [`${name}y`]: {} } }])),
  );
  for (const name of names) {
    expect(rig.say(`${name}x`, `a > * "${name}"`)).toEqual([`${name}y: a > * "${name}"`]);
    expect(rig.say(`${name}y`, `b > a "${name}"`)).toEqual([`${name}x: b > a "${name}"`]);
  }
  for (const name of names) expect(rig.say(`${name}x`, 'a > b')).toEqual([`${name}y: a > b`]);
});

test('a frame for a station behind its own port is dropped, or with hairpin turned round', async () => {
  const rig = await openRig({ br0: { ports: { p1: {}, p2: { hairpin: true } } } });
  rig.say('p1', 'a > *');
  expect(rig.say('p1', 'b > a')).toEqual(['p1 drops: same_port']);
  expect(rig.say('p2', 'c > *')).toEqual(['p1: c > *', 'p2: c > *']);
  expect(rig.say('p2', 'd > c')).toEqual(['p2: d > c']);
});

test('isolated ports reach the others and not each other', async () => {
  const rig = await openRig({
    br0: { ports: { p1: { isolated: true }, p2: { isolated: true }, p3: {} } },
  });
  expect(rig.say('p1', 'a > *')).toEqual(['p3: a > *']);
  expect(rig.say('p2', 'b > *')).toEqual(['p3: b > *']);
  expect(rig.say('p1', 'a > b')).toEqual(['p1 drops: isolated']);
  expect(rig.say('p3', 'c > *')).toEqual(['p1: c > *', 'p2: c > *']);
  expect(rig.say('p3', 'c > a')).toEqual(['p1: c > a']);
});

test('a port with flood off gets broadcasts and its own stations, and no unknown unicast', async () => {
  const rig = await openRig({ br0: { ports: { p1: {}, p2: { flood: false }, p3: {} } } });
  expect(rig.say('p1', 'a > b')).toEqual(['p3: a > b']);
  expect(rig.say('p1', 'a > *')).toEqual(['p2: a > *', 'p3: a > *']);
  expect(rig.say('p2', 'b > *')).toEqual(['p1: b > *', 'p3: b > *']);
  expect(rig.say('p1', 'a > b')).toEqual(['p2: a > b']);
});

test('a port with learning off teaches nothing', async () => {
  const rig = await openRig({ br0: { ports: { p1: { learning: false }, p2: {}, p3: {} } } });
  rig.say('p1', 'a > *');
  expect(rig.say('p2', 'b > a')).toEqual(['p1: b > a', 'p3: b > a']);
  expect(await rig.fdb()).toEqual(['br0 vlan 0 02:00:00:00:00:62 p2']);
});

test('a frame that nobody else could get is dropped with a reason', async () => {
  const rig = await openRig({ br0: { ports: ports(1) } });
  expect(rig.say('p1', 'a > *')).toEqual(['p1 drops: no_destination']);
  expect(rig.say('p1', 'a > b')).toEqual(['p1 drops: no_destination']);
});

test('group and zero source addresses are dropped and not learned', async () => {
  const rig = await openRig({ br0: { ports: ports(2) } });
  for (const source of ['*', '01:00:5e:00:00:01', '00:00:00:00:00:00', '03:00:00:00:00:01']) {
    expect(rig.say('p1', `${source} > *`)).toEqual(['p1 drops: bad_source']);
  }
  expect(await rig.fdb()).toEqual([]);
});

test('a station that moves is found at its new port at once, and counted there', async () => {
  const rig = await openRig({ br0: { ports: ports(3) } });
  rig.say('p1', 'a > *');
  rig.say('p2', 'a > *');
  expect(rig.say('p3', 'b > a')).toEqual(['p2: b > a']);
  expect(rig.counters('p2').stationMoves).toBe(1);
  expect(rig.counters('p1').stationMoves).toBe(0);
  expect(rig.taploom.ports().map(({ learnedAddresses }) => learnedAddresses)).toEqual([0, 1, 1]);
});

test('a station ages by what it sends, not by what is sent to it', async () => {
  const rig = await openRig({ br0: { ageing_time: 300, ports: ports(3) } });
  rig.say('p1', 'a > *');
  rig.say('p2', 'b > *');
  for (let minute = 1; minute < 5; minute++) {
    rig.now += MINUTE;
    expect(rig.say('p2', 'b > a')).toEqual(['p1: b > a']);
  }
  rig.now += MINUTE + 300;
  expect(rig.say('p2', 'b > a')).toEqual(['p1: b > a', 'p3: b > a']);
  expect(rig.say('p3', 'c > b')).toEqual(['p2: c > b']);
});

test('a station that speaks stays for ever', async () => {
  const rig = await openRig({ br0: { ageing_time: 10, ports: ports(3) } });
  for (let n = 0; n < 100; n++) {
    rig.say('p1', 'a > *');
    rig.now += 9_000;
  }
  expect(rig.say('p2', 'b > a')).toEqual(['p1: b > a']);
});

test('entries that aged out are swept, and the gauges follow', async () => {
  const rig = await openRig({ br0: { ageing_time: 10, ports: ports(2) } });
  for (const station of 'abcdef') rig.say('p1', `${station} > *`);
  expect(rig.taploom.bridges()[0].learnedAddresses).toBe(6);
  rig.now += 11_000;
  for (let n = 0; n < 30; n++, rig.now += 100) rig.run();
  expect(rig.taploom.bridges()[0].learnedAddresses).toBe(0);
  expect(rig.taploom.ports()[0].learnedAddresses).toBe(0);
});

test('with ageing_time 0 nothing is learned, and what was known is forgotten', async () => {
  const rig = await openRig({ br0: { ageing_time: 0, ports: ports(3) } });
  rig.say('p1', 'a > *');
  expect(rig.say('p2', 'b > a')).toEqual(['p1: b > a', 'p3: b > a']);
  expect(await rig.fdb()).toEqual([]);
});

test('when ageing_time becomes 0, stations that go on speaking are flooded too', async () => {
  const bridge = (ageing_time: number): SwitchConfigInput => ({
    version: 1,
    bridges: { br0: { local: false, ageing_time, ports: { p1, p2: p1, p3: p1 } } },
  });
  const p1 = { type: 'memory' } as const;
  const rig = await openRig({ br0: { ports: ports(3) } });
  rig.say('p1', 'a > *');
  await rig.taploom.apply(bridge(0));
  rig.say('p1', 'a > *');
  expect(rig.say('p2', 'b > a')).toEqual(['p1: b > a', 'p3: b > a']);
});

test('ages are told on the clock that the switch was given', async () => {
  const rig = await openRig({ br0: { ports: ports(2) } });
  rig.say('p1', 'a > *');
  rig.now += 12_800;
  rig.run();
  const pages = [];
  for await (const page of rig.taploom.fdb()) pages.push(...page);
  expect(pages).toMatchObject([{ mac: '02:00:00:00:00:61', port: 'p1', type: 'learned', age: 12.8 }]);
});

test('static entries hold against what stations say, and are not counted', async () => {
  const rig = await openRig({
    br0: { fdb_limit: 1, static: [{ mac: '02:00:00:00:00:61', port: 'p1' }], ports: ports(3) },
  });
  expect(rig.say('p3', 'b > a')).toEqual(['p1: b > a']);
  rig.say('p2', 'a > *');
  expect(rig.say('p3', 'b > a')).toEqual(['p1: b > a']);
  rig.now += 100 * MINUTE;
  expect(rig.say('p3', 'b > a')).toEqual(['p1: b > a']);
  expect(rig.taploom.bridges()[0].learnedAddresses).toBe(1);
  expect(await rig.fdb()).toContain('br0 vlan 0 02:00:00:00:00:61 p1 static');
});

test('at a limit an address is not learned, is counted, and its frame is forwarded all the same', async () => {
  const rig = await openRig({
    br0: { fdb_limit: 3, ports: { p1: { fdb_limit: 2 }, p2: {}, p3: {} } },
  });
  for (const station of 'abc') expect(rig.say('p1', `${station} > *`)).toHaveLength(2);
  expect(rig.counters('p1').learnRefused).toBe(1);
  expect(rig.say('p2', 'x > a')).toEqual(['p1: x > a']);
  expect(rig.say('p2', 'x > c')).toEqual(['p1: x > c', 'p3: x > c']);
  // The bridge has its three: who has most of them gives way to who has none, if not at once then with one of its next frames.
  for (let tries = 0; rig.say('p2', 'x > y').length === 2; tries++) {
    expect(tries).toBeLessThan(40);
    expect(rig.say('p3', 'y > x')).toEqual(['p2: y > x']);
  }
  expect(rig.say('p2', 'z > y')).toEqual(['p3: z > y']);
  expect(rig.counters('p2').learnRefused).toBe(1);
});

test.each([
  [0, 0, true],
  [1, 0, false],
  [2, 0, false],
  [3, 0, false],
  [0xe, 0, false],
  [3, 0x8, true],
  [0xe, 0x4000, true],
  [0xe, 0x8, false],
  [0xf, 0x8000, true],
])('reserved group %i with group_fwd_mask %i: forwarded %s', async (group, mask, isForwarded) => {
  const rig = await openRig({ br0: { group_fwd_mask: mask, ports: ports(2) } });
  const to = `01:80:c2:00:00:0${group.toString(16)}`;
  expect(rig.say('p1', `a > ${to}`)).toEqual(isForwarded ? [`p2: a > ${to}`] : ['p1 drops: reserved_group']);
});

test('a port may forward more reserved groups than its bridge, of frames that come in there', async () => {
  const rig = await openRig({
    br0: { group_fwd_mask: 0x8, ports: { p1: { group_fwd_mask: 0x4 }, p2: {} } },
  });
  const lacp = '01:80:c2:00:00:02';
  const eapol = '01:80:c2:00:00:03';
  expect(rig.say('p1', `a > ${lacp}`)).toEqual([`p2: a > ${lacp}`]);
  expect(rig.say('p2', `b > ${lacp}`)).toEqual(['p2 drops: reserved_group']);
  for (const [from, to] of [
    ['p1', 'p2'],
    ['p2', 'p1'],
  ])
    expect(rig.say(from, `c > ${eapol}`)).toEqual([`${to}: c > ${eapol}`]);
});

test('the group behind the reserved ones is an ordinary one', async () => {
  const rig = await openRig({ br0: { ports: ports(2) } });
  expect(rig.say('p1', 'a > 01:80:c2:00:00:10')).toEqual(['p2: a > 01:80:c2:00:00:10']);
});

test('a frame larger than the egress MTU is dropped there, and tags do not count', async () => {
  const rig = await openRig({
    br0: {
      vlan_filtering: true,
      ports: { p1: { vlan: { trunk: [1, 5] } }, p2: { vlan: { trunk: [1, 5] } }, p3: { mtu: 1400 } },
    },
  });
  expect(rig.say('p1', 'a > * vlan 1 size 1514')).toEqual([
    'p2: a > * vlan 1 size 1514',
    'p3 drops: too_big',
  ]);
  expect(rig.say('p1', 'a > * vlan 1 size 1515')).toEqual(['p2 drops: too_big', 'p3 drops: too_big']);
  expect(rig.say('p1', 'a > * vlan 1 size 1414')).toEqual([
    'p2: a > * vlan 1 size 1414',
    'p3: a > * size 1414',
  ]);
  // A tag that stays in the frame is no payload either. `size` counts without tags.
  expect(rig.say('p1', 'a > * vlan 5 vlan 9 size 1514')).toEqual(['p2: a > * vlan 5 vlan 9 size 1514']);
  expect(rig.say('p1', 'a > * vlan 5 vlan 9 size 1515')).toEqual(['p2 drops: too_big']);
});

test('frames to a station that moved to a full port flood, and the refusal is counted', async () => {
  const rig = await openRig({ br0: { ports: { p1: {}, p2: { fdb_limit: 1 }, p3: {} } } });
  rig.say('p2', 'x > *');
  rig.say('p1', 'a > *');
  expect(rig.say('p3', 'b > a')).toEqual(['p1: b > a']);
  rig.say('p2', 'a > *');
  expect(rig.say('p3', 'b > a')).toEqual(['p1: b > a', 'p2: b > a']);
  expect(rig.counters('p2')).toMatchObject({ learnRefused: 1, stationMoves: 0 });
  expect(await rig.fdb()).toEqual(['br0 vlan 0 02:00:00:00:00:62 p3', 'br0 vlan 0 02:00:00:00:00:78 p2']);
});
