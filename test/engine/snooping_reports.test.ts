// What others have reported of snooping bridges, tried on ours.

import { expect, test } from 'vitest';
import { openRig, type Rig } from '../support/engine/rig.ts';
import { say, settle } from '../support/engine/turns.ts';
import { data, join, leave, report } from '../support/membership_frames.ts';

const G = '239.1.1.1';
const S = '198.51.100.1';
const S6 = '2001:db8::1';

async function snooping(multicast: object = {}): Promise<Rig> {
  const quick = { querier: true, query_response_interval: 1, last_member_interval: 0.1 };
  const ports = { p1: {}, p2: {}, p3: {}, p4: {} };
  const rig = await openRig({ br0: { multicast: { ...quick, ...multicast }, ports } });
  await settle(rig);
  rig.now += 1000;
  await settle(rig);
  return rig;
}

test('openwrt/openwrt#18769: a group that has the MAC address of a link-local one takes nothing from it', async () => {
  const rig = await snooping({ unknown: 'drop' });
  for (const [joined, flooded, source] of [
    ['ff15::1', 'ff02::1', S6],
    ['239.0.0.251', '224.0.0.251', S],
  ]) {
    await say(rig, 'p1', join(joined));
    expect(await say(rig, 'p4', data(joined, source))).toBe('p1');
    expect(await say(rig, 'p4', data(flooded, source))).toBe('p1 p2 p3');
  }
});

test('openwrt/openwrt#17292: what asks for DHCPv6 and for neighbours reaches all', async () => {
  const rig = await snooping({ unknown: 'drop' });
  for (const group of ['ff02::1:2', 'ff02::2', 'ff02::1:ff12:3456'])
    expect(await say(rig, 'p4', data(group, 'fe80::4'))).toBe('p1 p2 p3');
});

test('troglobit/mrouted#42: a receiver that leaves takes the group from no other', async () => {
  const rig = await snooping();
  for (const host of [1, 2]) await say(rig, `p${host}`, report([['to_ex', G]], host));
  await say(rig, 'p2', report([['to_in', G]], 2));
  for (let n = 0; n < 4; n++) {
    rig.now += 1000;
    expect(await say(rig, 'p4', data(G, S))).toMatch(/^p1( p2)?$/);
  }
  expect(await say(rig, 'p4', data(G, S))).toBe('p1');
});

test('kernelkit/infix#452: without mcast_fast_leave the group stays while its hosts are asked', async () => {
  const rig = await snooping();
  await say(rig, 'p1', join(G));
  await say(rig, 'p1', leave(G));
  rig.now += 150;
  expect(await say(rig, 'p4', data(G, S))).toBe('p1');
  rig.now += 100;
  await settle(rig);
  expect(rig.taploom.multicast().entries).toEqual([]);
});

test('ovn-org/ovn#126: no host hears the report of another, after which it would keep silent', async () => {
  const rig = await snooping();
  expect(await say(rig, 'p1', join(G))).toBe('');
  expect(await say(rig, 'p2', join(G, 2))).toBe('');
  expect(rig.taploom.multicast().entries.map(({ port }) => port)).toEqual(['p1', 'p2']);
});
