// Why a frame does not go where it may not, in a private VLAN, and what VLANs say of learning and floods.

import { expect, test } from 'vitest';
import { openTraceRig, type TraceRig } from './trace_rig.ts';

const access = (vid: number) => ({ vlan: { access: vid } });
const CAUSE = '(bridges.br0.vlans["100"].private: { isolated: 101, communities: [102] })';

async function open(): Promise<TraceRig> {
  return openTraceRig({
    br0: {
      vlan_filtering: true,
      vlans: {
        100: { private: { isolated: 101, communities: [102] } },
        20: { learning: false, flood: false },
      },
      static: [{ mac: '02:00:00:00:00:70', vlan: 100, port: 'p' }],
      ports: { p: access(100), i: access(101), j: access(101), c: access(102), x: access(20), y: access(20) },
    },
  });
}

test('whom a broadcast of an isolated host does not reach', async () => {
  const rig = await open();
  expect(await rig.told('i', 'i > *')).toEqual([
    'classify: Untagged on i is VLAN 101, isolated of the primary VLAN 100 (bridges.br0.ports.i.vlan.access: 101)',
    'learn: 02:00:00:00:00:69 is new: it would be learned on i in VLAN 101',
    'decide: A broadcast goes to all of VLAN 101',
    'replicate: i is left out: the frame came from there (bridges.br0.ports.i.hairpin: false, as installed)',
    `replicate: j is left out: VLAN 101, isolated of the primary VLAN 100, does not reach it ${CAUSE}`,
    `replicate: c is left out: VLAN 101, isolated of the primary VLAN 100, does not reach it ${CAUSE}`,
    'replicate: x is left out: not in VLAN 101 (bridges.br0.ports.x.vlan.access: 20)',
    'replicate: y is left out: not in VLAN 101 (bridges.br0.ports.y.vlan.access: 20)',
    'egress: p: untagged (bridges.br0.ports.p.vlan.access: 100), 60 bytes',
  ]);
});

test('a station that may not be reached', async () => {
  const rig = await open();
  rig.say('j', 'j > *');
  const { steps, outcome } = await rig.trace('c', 'c > j');
  expect(steps.at(-1)).toMatchObject({
    stage: 'replicate',
    verdict: 'private_vlan',
    message: `VLAN 102, community of the primary VLAN 100, does not reach j ${CAUSE}: dropped, private_vlan`,
    path: 'bridges.br0.vlans["100"].private',
  });
  expect(outcome).toMatchObject({ verdict: 'dropped', reason: 'private_vlan' });
});

test('a static address of the primary VLAN, from a secondary one; and a tag that does not help', async () => {
  const rig = await open();
  const told = await rig.told('c', 'c > p');
  expect(told[2]).toMatch(
    /^decide: 02:00:00:00:00:70 is on p in VLAN 102, a static entry \(bridges\.br0\.static\[0\]/,
  );
  expect((await rig.trace('i', 'i > * vlan 100')).outcome.reason).toBe('vlan_not_allowed');
});

test('a VLAN that neither learns nor floods', async () => {
  const rig = await open();
  expect((await rig.told('x', 'x > z')).slice(1)).toEqual([
    'learn: VLAN 20 learns nothing (bridges.br0.vlans["20"].learning: false)',
    'decide: 02:00:00:00:00:7a is not known: it floods VLAN 20',
    ...['p', 'i', 'j', 'c'].map((port) =>
      expect.stringContaining(`replicate: ${port} is left out: not in VLAN 20`),
    ),
    'replicate: x is left out: the frame came from there (bridges.br0.ports.x.hairpin: false, as installed)',
    'replicate: y is left out: no unknown addresses (bridges.br0.vlans["20"].flood: false)',
    'replicate: Nobody else is there to take it in VLAN 20: dropped, no_destination',
  ]);
});
