// Scenarios of Linux' selftests (net/forwarding) that no other test has: docs/features.md.

import { expect, test } from 'vitest';
import { openRig, ports } from '../support/engine/rig.ts';

const A = '02:00:00:00:00:61';
const B = '02:00:00:00:00:62';

test('a static entry admits its station to a locked port in its VLAN only', async () => {
  const trunk = { vlan: { trunk: [100], native: 1 } };
  const rig = await openRig({
    br0: {
      vlan_filtering: true,
      static: [{ mac: A, vlan: 100, port: 'p1' }],
      ports: { p1: { ...trunk, locked: true }, p2: trunk },
    },
  });
  expect(rig.say('p1', 'a > * vlan 100')).toEqual(['p2: a > * vlan 100']);
  expect(rig.say('p1', 'a > *')).toEqual(['p1 drops: locked']);
  await rig.change((config) => {
    config.bridges.br0.static = [];
  });
  expect(rig.say('p1', 'a > * vlan 100')).toEqual(['p1 drops: locked']);
  await rig.change((config) => {
    config.bridges.br0.ports.p1.locked = false;
  });
  expect(rig.say('p1', 'a > * vlan 100')).toEqual(['p2: a > * vlan 100']);
});

test('with MAB off on one port its locked entries go, and those of others and static ones stay', async () => {
  const rig = await openRig({
    br0: {
      static: [
        { mac: A, port: 'p1' },
        { mac: B, port: 'p2' },
      ],
      ports: ports(2, { locked: true, mab: true }),
    },
  });
  rig.say('p1', 'c > *');
  rig.say('p2', 'd > *');
  const statics = [`br0 vlan 0 ${A} p1 static`, `br0 vlan 0 ${B} p2 static`];
  const locked = ['br0 vlan 0 02:00:00:00:00:63 p1', 'br0 vlan 0 02:00:00:00:00:64 p2'];
  expect(await rig.fdb()).toEqual([...statics, ...locked]);
  await rig.change((config) => {
    config.bridges.br0.ports.p1.mab = false;
  });
  expect(await rig.fdb()).toEqual([...statics, locked[1]]);
});

test('a static entry in the place of a learned one gives its room back, and needs none at the limit', async () => {
  const rig = await openRig({ br0: { fdb_limit: 2, ports: ports(2) } });
  const learned = () => rig.taploom.bridges()[0].learnedAddresses;
  for (const station of 'abc') rig.say('p1', `${station} > x`);
  expect(learned()).toBe(2);
  await rig.change((config) => {
    config.bridges.br0.static = [
      { mac: A, port: 'p1' },
      { mac: '02:00:00:00:00:7a', port: 'p2' },
    ];
  });
  expect(learned()).toBe(1);
  expect(rig.say('p1', 'b > z')).toEqual(['p2: b > z']);
  rig.say('p1', 'c > x');
  rig.say('p1', 'd > x');
  expect(await rig.fdb()).toEqual([
    `br0 vlan 0 ${A} p1 static`,
    `br0 vlan 0 ${B} p1`,
    'br0 vlan 0 02:00:00:00:00:63 p1',
    'br0 vlan 0 02:00:00:00:00:7a p2 static',
  ]);
});

test('unknown unicast and unknown groups are flooded where they may, and one is not the other', async () => {
  const rig = await openRig({ br0: { ports: ports(2) } });
  const group = '01:00:5e:01:02:03';
  const set = (keys: object) => rig.change((config) => void Object.assign(config.bridges.br0.ports.p2, keys));
  const reaches = (to: string) => rig.say('p1', `a > ${to}`).includes(`p2: a > ${to}`);
  expect([reaches('x'), reaches(group)]).toEqual([true, true]);
  await set({ flood: false });
  expect([reaches('x'), reaches(group)]).toEqual([false, true]);
  await set({ flood: true, mcast_flood: false });
  expect([reaches('x'), reaches(group)]).toEqual([true, false]);
  await set({ mcast_flood: true });
  expect([reaches('x'), reaches(group)]).toEqual([true, true]);
});

test('a station is learned from its frame, ages, and is not learned where learning is off', async () => {
  const rig = await openRig({ br0: { ageing_time: 10, ports: ports(3) } });
  expect(rig.say('p2', 'b > a')).toEqual(['p1: b > a', 'p3: b > a']);
  rig.say('p1', 'a > b');
  expect(rig.say('p2', 'b > a')).toEqual(['p1: b > a']);
  rig.now += 11_000;
  expect(rig.say('p2', 'b > a')).toEqual(['p1: b > a', 'p3: b > a']);
  await rig.change((config) => {
    config.bridges.br0.ports.p1.learning = false;
  });
  rig.say('p1', 'a > b');
  expect(rig.say('p2', 'b > a')).toEqual(['p1: b > a', 'p3: b > a']);
});

test('with learning off a port does not say either that a station has moved there: it is sought where it was', async () => {
  const rig = await openRig({
    br0: { ageing_time: 10, ports: { p1: {}, p2: { learning: false }, p3: {} } },
  });
  rig.say('p1', 'a > x');
  rig.say('p2', 'a > x');
  expect(rig.say('p3', 'b > a')).toEqual(['p1: b > a']);
  rig.now += 11_000;
  rig.say('p2', 'a > x');
  expect(rig.say('p3', 'b > a')).toEqual(['p1: b > a', 'p2: b > a']);
});
