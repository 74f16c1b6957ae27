import { expect, test } from 'vitest';
import { openRig, ports, type Rig } from '../support/engine/rig.ts';

const MEMBERS = { m1: { type: 'memory' }, m2: { type: 'memory' } };

/** Two stations and a static aggregate. */
async function rig(
  aggregate: Record<string, unknown> = {},
  bridge: Record<string, unknown> = {},
): Promise<Rig> {
  const bond0 = { type: 'aggregate', lacp: 'off', members: MEMBERS, ...aggregate };
  return openRig({ br0: { ...bridge, ports: { ...ports(2), bond0 } } });
}

/** Where a line came out. */
const at = (lines: string[]) => lines.map((line) => line.split(':')[0]);

test("a flood reaches an aggregate once, and what comes in through a member is the aggregate's", async () => {
  const one = await rig();
  const lines = one.say('p1', 'a > *');
  expect(lines).toHaveLength(2);
  expect(at(lines)[0]).toBe('p2');
  expect(['m1', 'm2']).toContain(at(lines)[1]);
  expect(one.say('m1', 'c > *')).toEqual(['p1: c > *', 'p2: c > *']);
  expect(one.say('m2', 'd > a')).toEqual(['p1: d > a']);
  expect(await one.fdb()).toEqual([
    'br0 vlan 0 02:00:00:00:00:61 p1',
    'br0 vlan 0 02:00:00:00:00:63 bond0',
    'br0 vlan 0 02:00:00:00:00:64 bond0',
  ]);
  // Between its own members nothing is forwarded.
  expect(one.say('m1', 'c > d')).toEqual(['bond0 drops: same_port']);
  expect(one.counters('bond0')).toMatchObject({ receivedFrames: 3, copies: 1, transmittedFrames: 1 });
  expect(one.counters('m1')).toMatchObject({ receivedFrames: 2, consumed: 2 });
  expect(one.counters('m1').copies + one.counters('m2').copies).toBe(1);
});

test('flows share the members, and each keeps its own', async () => {
  const one = await rig();
  one.say('m1', 'z > *');
  const member = (n: number) => at(one.say('p1', `${String.fromCharCode(97 + n)} > z`))[0];
  const first = Array.from({ length: 20 }, (_, n) => member(n));
  expect(new Set(first)).toEqual(new Set(['m1', 'm2']));
  for (let round = 0; round < 3; round++) {
    expect(Array.from({ length: 20 }, (_, n) => member(n))).toEqual(first);
  }
});

test('VLANs, isolation and mirrors are those of the aggregate', async () => {
  const one = await openRig({
    br0: {
      vlan_filtering: true,
      mirrors: { w: { from: ['bond0'], to: 'p3' } },
      ports: {
        p1: { vlan: { access: 10 } },
        p2: { vlan: { access: 20 } },
        p3: {},
        bond0: {
          type: 'aggregate',
          lacp: 'off',
          vlan: { trunk: [10, 20] },
          members: { m1: { type: 'memory' } },
        },
      },
    },
  });
  expect(one.say('m1', 'a > * vlan 10')).toEqual(['p1: a > *', 'p3: a > * vlan 10']);
  expect(one.say('m1', 'a > *')).toEqual(['bond0 drops: vlan_untagged']);
  expect(one.say('p2', 'b > *')).toEqual(['p3: b > * vlan 20', 'm1: b > * vlan 20']);
});

test('active-backup sends and takes in through one member only', async () => {
  const one = await rig({
    mode: 'active_backup',
    members: { m1: { type: 'memory' }, m2: { type: 'memory', priority: 1 } },
  });
  for (let n = 0; n < 10; n++) {
    expect(at(one.say('p1', `${String.fromCharCode(97 + n)} > *`))).toEqual(['p2', 'm2']);
  }
  expect(one.say('m1', 'z > *')).toEqual(['m1 drops: not_collecting']);
});

test('members come and go while frames flow; without any the frames are dropped for that reason', async () => {
  const one = await rig();
  const change = async (members: Record<string, unknown>) => {
    const { config } = one.taploom;
    const bond0 = { ...config.bridges.br0.ports.bond0, members };
    const br0 = { ...config.bridges.br0, ports: { ...config.bridges.br0.ports, bond0 } };
    return one.taploom.apply({ version: 1, bridges: { br0 } } as never);
  };
  expect(await change({ m1: { type: 'memory' } })).toMatchObject([
    { op: 'delete', path: 'bridges.br0.ports.bond0.members.m2', ok: true },
  ]);
  for (let n = 0; n < 5; n++) expect(at(one.say('p1', `${'abcde'[n]} > *`))).toEqual(['p2', 'm1']);
  expect(await change({})).toMatchObject([{ op: 'delete', ok: true }]);
  expect(one.say('p1', 'a > *')).toEqual(['p2: a > *', 'bond0 drops: no_member']);
  expect(one.taploom.ports().find(({ name }) => name === 'bond0')).toMatchObject({
    state: 'down',
    reason: 'it has no members',
  });
  await change({ m3: { type: 'memory' } });
  expect(at(one.say('p1', 'a > *'))).toEqual(['p2', 'm3']);
});

test('an LACPDU reaches the protocol, and nobody else', async () => {
  const one = await rig({ lacp: 'active' });
  one.run(() => {}, 3);
  const frames = one.received().get('m1');
  expect(frames?.length ?? 0).toBeLessThanOrEqual(3);
  expect(one.say('m1', 'c > *')).toEqual(['m1 drops: not_collecting']);
  expect(one.taploom.ports().find(({ name }) => name === 'bond0')).toMatchObject({ state: 'down' });
});
