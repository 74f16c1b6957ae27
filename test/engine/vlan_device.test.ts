// Tags of VLAN devices on the interface of a port: the kernel's, not the switch's.

import { expect, test } from 'vitest';
import { storeTraps } from '../../src/engine/topology.ts';
import { PORT } from '../../src/table/counters.ts';
import { DROP } from '../../src/table/drops.ts';
import { parse } from '../support/engine/frame_text.ts';
import { lawViolations, openBench } from '../support/engine/stubs.ts';

const trunk = { vlan: { trunk: [10, 11], native: 1 } };
const filtering = { br0: { vlan_filtering: true, ports: { p1: trunk, p2: trunk } } };
const unaware = { br0: { ports: { p1: {}, p2: {} } } };
const LACP = '01:80:c2:00:00:02';

function open(bridges: Parameters<typeof openBench>[0], ...tags: number[]) {
  const bench = openBench(bridges);
  const topology = bench.topology(bridges, { vlanTags: new Map([['p1', new Set(tags)]]) });
  bench.engine.swap(topology);
  const { engine, source, sink, port, counters } = bench;
  /** How many frames left through the other port, and how many were a VLAN device's. */
  const say = (name: string, frame: string | Uint8Array) => {
    const dropped = () => counters.values[counters.port(port(name)) + PORT.drops + DROP.vlan_device];
    const before = dropped();
    source.add(port(name), frame);
    engine.poll(1);
    expect(lawViolations(counters)).toEqual([]);
    const sent = [...sink.sent.values()].flat().length;
    sink.sent.clear();
    return { sent, dropped: dropped() - before };
  };
  return { ...bench, inForce: topology, say };
}

const passes = { sent: 1, dropped: 0 };
const isTheirs = { sent: 0, dropped: 1 };

test.each([
  ['filters VLANs', filtering],
  ['does not', unaware],
])('a bridge that %s leaves exactly these tags to the devices', (_, bridges) => {
  const { say } = open(bridges, 0x8100_000a);
  expect(say('p1', 'a > * vlan 10')).toEqual(isTheirs);
  expect(say('p1', 'a > * vlan 10 pcp 5 dei')).toEqual(isTheirs);
  expect(say('p1', 'a > * vlan 10 vlan 11')).toEqual(isTheirs);
  expect(say('p1', 'a > * vlan 11')).toEqual(passes);
  expect(say('p1', 'a > *')).toEqual(passes);
  expect(say('p2', 'a > * vlan 10')).toEqual(passes);
});

test("group addresses of the link are the device's with its tag, too", () => {
  const { say, counters, port } = open(unaware, 0x8100_000a);
  expect(say('p1', `a > ${LACP} vlan 10`)).toEqual(isTheirs);
  say('p1', `a > ${LACP}`);
  expect(counters.values[counters.port(port('p1')) + PORT.drops + DROP.reserved_group]).toBe(1);
});

test('a service tag is another tag than a customer tag of the same VLAN', () => {
  const { say } = open(unaware, (0x88a8 << 16) | 10, 0x8100_0fff);
  const service = parse('a > * vlan 10');
  service.set([0x88, 0xa8], 12);
  expect(say('p1', service)).toEqual(isTheirs);
  expect(say('p1', 'a > * vlan 10')).toEqual(passes);
  expect(say('p1', 'a > * vlan 4095')).toEqual(isTheirs);
});

test("a frame that ends within its tag is no device's", () => {
  const { say } = open(filtering, 0x8100_000a);
  expect(say('p1', parse('a > * vlan 10').subarray(0, 16))).toEqual({ sent: 0, dropped: 0 });
});

test('a trap that comes and goes takes nothing away', () => {
  const { say, inForce, port } = open(unaware, 0x8100_000a);
  storeTraps(inForce, port('p1'), 1 << 16, new Uint16Array(8));
  storeTraps(inForce, port('p1'), 0, new Uint16Array(8));
  expect(say('p1', 'a > * vlan 10')).toEqual(isTheirs);
});
