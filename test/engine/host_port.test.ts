// The host's end in the engine: traps, punts and their limits, and what the host sends and relays.

import { expect, test } from 'vitest';
import { type Topology, TRAPPING, VLAN_STRIDE } from '../../src/engine/topology.ts';
import { PORT } from '../../src/table/counters.ts';
import { DROP } from '../../src/table/drops.ts';
import { bytesAt, META, RELAY, SEND, SlotRing } from '../../src/table/slot_ring.ts';
import { FIRST_TYPE, TRAP } from '../../src/table/traps.ts';
import { parse, show } from '../support/engine/frame_text.ts';
import { lawViolations, openBench } from '../support/engine/stubs.ts';

const LLDP = '01:80:c2:00:00:0e';
const bridges = {
  br0: {
    vlan_filtering: true,
    ports: { p1: { vlan: { trunk: [10] } }, p2: { vlan: { access: 10 } }, p3: { vlan: { access: 10 } } },
  },
};

function openHosted(traps: Record<string, number>) {
  const bench = openBench(bridges);
  const { engine, port, counters } = bench;
  const topology = bench.topology(bridges);
  for (const [name, mask] of Object.entries(traps)) {
    topology.traps[port(name)] = mask;
    if (mask >>> FIRST_TYPE !== 0) topology.pvid[port(name)] |= TRAPPING;
  }
  topology.trapTypes[0] = 0x88b5; // what frame_text sends
  engine.swap(topology);
  const [toHost, fromHost] = [SlotRing.allocate(), SlotRing.allocate()];
  engine.host.connect(toHost, fromHost);
  engine.addSource(engine.host);
  const received = new SlotRing(toHost);
  const spoken = new SlotRing(fromHost);
  const take = () => {
    const lines: string[] = [];
    for (let slot = received.peek(); slot >= 0; slot = received.peek()) {
      const meta = slot >> 2;
      const { words } = received;
      const bytes = received.bytes.slice(bytesAt(slot), bytesAt(slot) + words[meta + META.length]);
      const domain = words[meta + META.domain];
      lines.push(
        `${show(bytes)} of p${words[meta + META.port]} trap ${words[meta + META.reason]} ` +
          `tag ${(words[meta + META.tag] >>> 0).toString(16)} vlan ${domain === 0 ? 0 : topology.domainVid[domain]}`,
      );
      received.release();
    }
    return lines;
  };
  const speak = (reason: number, name: string, line: string) => {
    const slot = spoken.reserve();
    const frame = parse(line);
    spoken.bytes.set(frame, bytesAt(slot));
    spoken.words[(slot >> 2) + META.length] = frame.length;
    spoken.words[(slot >> 2) + META.port] = port(name);
    spoken.words[(slot >> 2) + META.reason] = reason;
    spoken.commit();
  };
  const count = (name: string, counter: number) => counters.values[counters.port(port(name)) + counter];
  return { ...bench, inForce: topology as Topology, take, speak, count };
}

test('a trunk without a native VLAN gives the host what is its own, tagged or not, and learns nothing from it', () => {
  const { engine, source, sink, port, take, count, counters } = openHosted({ p1: 1 << TRAP.lldp });
  source.add(port('p1'), `a > ${LLDP} "hello"`);
  source.add(port('p1'), `a > ${LLDP} vlan 10 pcp 5`);
  engine.poll(1);
  const p1 = port('p1');
  expect(take()).toEqual([
    `a > ${LLDP} "hello" of p${p1} trap 14 tag 0 vlan 0`,
    `a > ${LLDP} of p${p1} trap 14 tag 8100a00a vlan 10`,
  ]);
  expect(count('p1', PORT.consumed)).toBe(2);
  expect(count('p1', PORT.punted)).toBe(2);
  expect([...sink.sent.values()].flat()).toEqual([]);
  expect(lawViolations(counters)).toEqual([]);
});

test('other ports and other groups are none of the host', () => {
  const { engine, source, port, take, count, counters } = openHosted({ p1: 1 << TRAP.lldp });
  source.add(port('p2'), `a > ${LLDP}`);
  source.add(port('p1'), 'a > 01:80:c2:00:00:03 vlan 10');
  engine.poll(1);
  expect(take()).toEqual([]);
  expect(count('p2', PORT.drops + DROP.reserved_group)).toBe(1);
  expect(count('p1', PORT.drops + DROP.reserved_group)).toBe(1);
  expect(lawViolations(counters)).toEqual([]);
});

test('an EtherType can be a trap, behind a tag too', () => {
  const { engine, source, port, take } = openHosted({ p1: 1 << FIRST_TYPE });
  source.add(port('p1'), 'a > b vlan 10');
  source.add(port('p1'), 'a > * "x"');
  engine.poll(1);
  expect(take()).toHaveLength(2);
});

test('PAUSE goes nowhere, and teaches nothing', () => {
  const { engine, source, sink, port, count } = openHosted({});
  source.add(port('p2'), 'a > 01:80:c2:00:00:01');
  source.add(port('p3'), 'b > a');
  engine.poll(1);
  expect(count('p2', PORT.drops + DROP.reserved_group)).toBe(1);
  expect(sink.sent.get(port('p1'))).toEqual(['b > a vlan 10']); // flooded: a is unknown
});

test('a port has an allowance of punts, which comes back with time, and takes none from another', () => {
  const { engine, source, port, take, count, counters } = openHosted({
    p1: 1 << TRAP.lldp,
    p2: 1 << TRAP.lldp,
  });
  for (let n = 0; n < 60; n++) source.add(port('p1'), `a > ${LLDP}`);
  source.add(port('p2'), `b > ${LLDP}`);
  engine.poll(1);
  expect(count('p1', PORT.punted)).toBe(16);
  expect(count('p1', PORT.drops + DROP.punt_limit)).toBe(44);
  expect(count('p2', PORT.punted)).toBe(1);
  expect(take()).toHaveLength(17);
  source.add(port('p1'), `a > ${LLDP}`);
  engine.poll(102);
  expect(count('p1', PORT.punted)).toBe(17);
  expect(lawViolations(counters)).toEqual([]);
});

test('nobody listens: what is the host’s is dropped and counted', () => {
  const bench = openBench(bridges);
  const topology = bench.topology(bridges);
  topology.traps[bench.port('p1')] = 1 << TRAP.lldp;
  bench.engine.swap(topology);
  bench.source.add(bench.port('p1'), `a > ${LLDP}`);
  bench.engine.poll(1);
  expect(lawViolations(bench.counters)).toEqual([]);
});

test('what the host sends leaves past all tables and states; what it relays is as if received', () => {
  const { engine, sink, port, inForce, speak, count, counters } = openHosted({});
  inForce.vlan.fill(0, port('p1') * VLAN_STRIDE, (port('p1') + 1) * VLAN_STRIDE);
  speak(SEND, 'p1', `s > ${LLDP} "mine"`);
  speak(RELAY, 'p2', 'a > * "as if"');
  engine.poll(1);
  expect(sink.sent.get(port('p1'))).toEqual([`s > ${LLDP} "mine"`]);
  expect(sink.sent.get(port('p3'))).toEqual(['a > * "as if"']);
  expect(count('p1', PORT.injected)).toBe(1);
  expect(count('p2', PORT.injected)).toBe(1);
  expect(count('p2', PORT.receivedFrames)).toBe(0);
  expect(count('p2', PORT.receivedBytes)).toBe(0);
  expect(lawViolations(counters)).toEqual([]);
  speak(SEND, 'p1', 's > * "again"');
  engine.detach(port('p1'));
  engine.poll(2);
  expect(lawViolations(counters)).toEqual([]);
});

test('a port that is removed and added again while frames wait starts from nothing', () => {
  const { engine, source, port, counters, count } = openHosted({});
  for (let n = 0; n < 60; n++) source.add(port('p2'), 'a > * size 65000');
  for (let n = 0; n < 4; n++) source.add(port('p2'), '01:00:00:00:00:00 > *');
  engine.poll(1);
  expect(engine.isBusy).toBe(true);
  engine.orphan(port('p2'));
  counters.clearPort(port('p2'));
  while (engine.isBusy) engine.poll(1);
  expect(count('p2', PORT.receivedFrames)).toBe(0);
  expect(lawViolations(counters)).toEqual([]);
});
