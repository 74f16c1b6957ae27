// A trace says the priority with which a frame leaves, and its queue is that of the DSCP with which it leaves.

import { expect, test } from 'vitest';
import { openTraceRig } from './trace_rig.ts';

const vlan = { trunk: [10] };
const fields = { src: '02:00:00:00:00:61', dst: 'ff:ff:ff:ff:ff:ff', ipSrc: '10.0.0.1', ipDst: '10.0.0.2' };

async function open(rewrite: object) {
  const classes = [{ name: 'voice', match: { dscp: 46 } }, { name: 'rest' }];
  const uplink = { shape: '10mbit', rewrite, classes };
  return openTraceRig({
    br0: { vlan_filtering: true, ports: { p1: { vlan }, p2: { vlan, qos: uplink }, p3: { vlan } } },
  });
}

async function left(rig: Awaited<ReturnType<typeof open>>, pcp: number) {
  const trace = await rig.taploom.trace({ bridge: 'br0', port: 'p1', fields: { ...fields, vlan: 10, pcp } });
  const queue = trace.steps.find(({ verdict }) => verdict === 'queue')?.message.replace(/^.* /, '');
  return { tags: trace.outcome.copies?.map(({ tag }) => tag?.pcp), queue };
}

test('rewriting of a port is its own', async () => {
  const rig = await open({ pcp: { 6: 3 }, dscp: { 6: 46 } });
  expect(await left(rig, 6)).toEqual({ tags: [3, 6], queue: expect.stringContaining('voice') });
  expect(await left(rig, 5)).toEqual({ tags: [5, 5], queue: expect.stringContaining('rest') });
});

test('a priority that is not rewritten to that DSCP waits elsewhere', async () => {
  const rig = await open({ dscp: 'class_selector' });
  expect(await left(rig, 6)).toEqual({ tags: [6, 6], queue: expect.stringContaining('rest') });
});
