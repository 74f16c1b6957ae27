// What the switch says itself is not what a policer, a tenant's bandwidth, a full queue or an access list is about.

import { expect, test } from 'vitest';
import { parse } from '../support/engine/frame_text.ts';
import { openRig, type Rig } from '../support/engine/rig.ts';

const LLDP = parse('c > 01:80:c2:00:00:0e');
const vlan = { trunk: [10] };
const more = { acls: { none: [{ deny: 'any' }] }, tenants: { acme: { bandwidth: '8kbit' } } } as never;

const open = (keys: object, others: object = {}, bridge: object = {}): Promise<Rig> =>
  openRig(
    { br0: { vlan_filtering: true, ports: { p1: { vlan }, p2: { vlan, ...keys }, ...others }, ...bridge } },
    more,
  );

/** More than p2 may be sent. */
function flood(rig: Rig): string[] {
  const port = rig.taploom.memoryPort('p1');
  return rig.run(() => {
    for (let n = 0; n < 3000; n++) port.send(parse('a > * vlan 10 "x"'));
  }, 60);
}

test.each([
  ['a policer', 'policed', { qos: { police: { out: { rate: '1pps', burst: 1 } } } }],
  ['policers by a match', 'policed', { qos: { police: { out: [{ rate: '1pps', burst: 1 }] } } }],
  ['the bandwidth of its tenant', 'tenant_bandwidth', { tenant: 'acme' }],
  ['an access list', 'acl_out', { acls: { out: ['none'] } }],
  ['a full queue', 'shaper_full', { qos: { shape: '100kbit', limit: '2kb' } }],
])('%s stops none of it', async (_, reason, keys) => {
  const rig = await open(keys);
  expect(flood(rig).some((line) => line.startsWith(`p2 drops: ${reason}`))).toBe(true);
  const { host } = rig.taploom;
  const four = (say: () => boolean) => {
    const lines = rig.run(() => {
      for (let n = 0; n < 4; n++) expect(say()).toBe(true);
    }, 3);
    return lines.filter((line) => line.startsWith('p2'));
  };
  expect(four(() => host.send('p2', LLDP))).toEqual(Array(4).fill('p2: c > 01:80:c2:00:00:0e'));
  expect(four(() => host.sendIn('br0', 10, 'p2', parse('c > b')))).toEqual(
    Array(4).fill('p2: c > b vlan 10'),
  );
  expect(four(() => host.flood('br0', 10, parse('c > *')))).toEqual(Array(4).fill('p2: c > * vlan 10'));
  // What it lets in again is a guest's word.
  expect(four(() => host.relay('p1', parse('a > * vlan 10')))).toEqual([`p2 drops: ${reason} x4`]);
});

test('what a mirror copies of it is policed as all that it copies', async () => {
  const qos = { police: { out: { rate: '1pps', burst: 1 } } };
  const rig = await open(
    {},
    { w: { qos } },
    { mirrors: { watch: { from: ['p2'], direction: 'out', to: 'w' } } },
  );
  const lines = rig.run(() => {
    for (let n = 0; n < 4; n++) rig.taploom.host.send('p2', LLDP);
  }, 3);
  expect(lines.filter((line) => line.startsWith('w'))).toEqual([
    expect.stringContaining('w: '),
    'w drops: policed x3',
  ]);
});

test('it costs a shaped port what it is: others wait for it, and more than a second of it waits, too', async () => {
  const rig = await open({ qos: { shape: { rate: '100kbit', burst: '1ms' } } });
  const { host } = rig.taploom;
  const big = parse('c > * size 1250');
  // 100 ms each, the first for nothing: eleven are a second.
  const lines = rig.run(() => {
    for (let n = 0; n < 15; n++) host.send('p2', big);
  }, 3);
  expect(lines).toHaveLength(11);
  expect(rig.counters('p2').held).toBe(4);
  rig.say('p1', 'a > * vlan 10');
  const waits = [];
  for (let t = 0; t < 1700; t += 10) {
    rig.now += 10;
    waits.push(...rig.run().map((line) => [t, line.includes('"') || line.includes('vlan')] as const));
  }
  expect(waits.filter(([, isGuest]) => !isGuest)).toHaveLength(4);
  expect(waits.filter(([, isGuest]) => isGuest)).toHaveLength(1);
  expect(waits.at(-1)?.[0]).toBeGreaterThan(1400);
  expect(waits.at(-1)?.[1]).toBe(true);
});
