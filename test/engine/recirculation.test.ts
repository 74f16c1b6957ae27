// Rows that come in anew: a router's way through the engine, in small.

import { expect, test } from 'vitest';
import type { Route } from '../../src/engine/passes.ts';
import { COPY_FLAG } from '../../src/engine/port.ts';
import { COLUMN, FrameBatch, MARK, ROW } from '../../src/frame/frame_batch.ts';
import { DEST_CONSUMED, DEST_DROP, PORT_MASK } from '../../src/frame/hop.ts';
import { PORT } from '../../src/table/counters.ts';
import { DROP } from '../../src/table/drops.ts';
import * as ethernet from '../../src/wire/ethernet.ts';
import { lawViolations, openBench } from '../support/engine/stubs.ts';

const ROUTER = 0x72;
const MAX_ROUNDS = 8;

/** What is for the station `r` goes on in VLAN 20 from the port `router`, with `r` as its sender and for `b`. */
function createRoute(batch: FrameBatch, router: () => number, vlan = 20): Route {
  const { rows, view } = batch;
  return (_topology, from, to) => {
    for (let n = from; n < to; n++) {
      const row = batch.list[n];
      if ((rows[row + COLUMN.dest] & DEST_DROP) !== 0) continue;
      if ((view.getInt32(rows[row + COLUMN.start] + 2) & 0xff) !== ROUTER) continue;
      const next = batch.recirculate(row, router(), MAX_ROUNDS);
      if (next < 0) {
        rows[row + COLUMN.dest] = DEST_DROP | DROP.loop;
        continue;
      }
      rows[next + COLUMN.tci] = vlan;
      batch.own(next);
      const at = rows[next + COLUMN.start];
      ethernet.setSrc(view, at, 0x0200, ROUTER);
      if (vlan === 20) ethernet.setDst(view, at, 0x0200, 0x62);
    }
  };
}

const bridges = {
  br0: {
    vlan_filtering: true,
    ports: {
      p1: { vlan: { access: 10 } },
      p2: { vlan: { trunk: [20] } },
      router: { vlan: { trunk: [10, 20] } },
    },
  },
};

function openRouted(vlan = 20) {
  let router = 0;
  const bench = openBench(bridges, { createRoute: (batch) => createRoute(batch, () => router, vlan) });
  router = bench.port('router');
  return bench;
}

test('a frame goes on in another domain, and both laws hold on both ports', () => {
  const { engine, source, sink, port, counters } = openRouted();
  source.add(port('p1'), 'a > r "hello"');
  engine.poll(1);
  expect(sink.sent.get(port('p2'))).toEqual(['r > b vlan 20 "hello"']);
  expect(lawViolations(counters)).toEqual([]);
  expect(counters.values[counters.port(port('p1')) + PORT.consumed]).toBe(1);
  expect(counters.values[counters.port(port('router')) + PORT.recirculated]).toBe(1);
  // The router is a station of its domain like any other.
  source.add(port('p2'), 'b > r vlan 20 "back"');
  sink.sent.clear();
  engine.poll(2);
  expect(lawViolations(counters)).toEqual([]);
});

test('what is routed is mirrored as it came in and as it leaves, and a filter sees its new headers', () => {
  let router = 0;
  const { engine, source, sink, port, counters } = openBench(
    {
      br0: {
        ...bridges.br0,
        mirrors: {
          m1: { from: ['p1'], filter: 'ether src 02:00:00:00:00:61', to: 'mon' },
          m2: { from: ['p2'], filter: 'vlan 20 and ether src 02:00:00:00:00:72', snaplen: 100, to: 'mon' },
          m3: { from: ['p2'], filter: 'ether src 02:00:00:00:00:61', to: 'mon' },
        },
        ports: { ...bridges.br0.ports, mon: {} },
      },
    },
    { createRoute: (batch) => createRoute(batch, () => router) },
  );
  router = port('router');
  source.add(port('p1'), 'a > r size 1500');
  engine.poll(1);
  expect(sink.sent.get(port('p2'))).toEqual(['r > b vlan 20 size 1500']);
  expect(sink.sent.get(port('mon'))).toEqual(['a > r size 1500', 'r > b vlan 20 size 100']);
  expect(lawViolations(counters)).toEqual([]);
});

test('who routes in a circle is stopped, and it is counted', () => {
  const { engine, source, sink, port, counters } = openRouted(10);
  source.add(port('p1'), 'a > r');
  engine.poll(1);
  const router = counters.port(port('router'));
  expect(counters.values[router + PORT.drops + DROP.loop]).toBe(1);
  expect(counters.values[router + PORT.recirculated]).toBe(MAX_ROUNDS);
  expect(lawViolations(counters)).toEqual([]);
  expect([...sink.sent.values()].flat()).toEqual([]);
});

test.each([100, 640, 9000, 65_000])('what is mirrored before keeps its bytes, %i of them', (size) => {
  const { engine, source, sink, port, counters } = openRouted();
  const { batch, egress } = engine;
  engine.ingressPasses.push({
    rows(topology, from, to) {
      for (let row = from; row < to; row += ROW) {
        batch.rows[row + COLUMN.mark] |= MARK.shared;
        const queue = egress.queueOf[port('router')];
        if (queue === undefined) throw new Error('no queue');
        counters.values[counters.port(port('router')) + PORT.copies] += 1;
        egress.push(topology, queue, row, port('router'), 0, COPY_FLAG.mirrored);
      }
    },
  });
  source.add(port('p1'), `a > r size ${size} "hello"`);
  engine.poll(1);
  const lines = [...sink.sent.values()].flat();
  if (size <= 1514)
    expect(lines.sort()).toEqual(['a > r', 'r > b vlan 20'].map((l) => expect.stringContaining(l)));
  else expect(lines).toEqual([expect.stringContaining('a > r')]); // too big for the other
  expect(lawViolations(counters)).toEqual([]);
});

test('own headers are copied once, and the body stays where it is', () => {
  const batch = new FrameBatch(2, 1000);
  for (const length of [60, 632, 633, 9000, 65_549]) {
    batch.clear();
    const row = batch.append(1, length);
    const at = batch.frameAt(row);
    for (let n = 0; n < length; n++) batch.bytes[at + n] = n % 251;
    batch.rows[row + COLUMN.rest] = at + 12;
    const next = batch.recirculate(row, 2, 1);
    expect(batch.rows[row + COLUMN.dest]).toBe(DEST_CONSUMED);
    expect(batch.rows[next + COLUMN.ingress] & PORT_MASK).toBe(2);
    batch.own(next);
    expect(batch.isOwned(next)).toBe(false); // nobody else has these bytes
    batch.rows[next + COLUMN.mark] |= MARK.shared;
    batch.own(next);
    expect(batch.isOwned(next)).toBe(true);
    const head = batch.headLength(next);
    expect(head).toBe(length <= 632 ? length : 512);
    batch.bytes.fill(0xee, batch.rows[next + COLUMN.start], batch.rows[next + COLUMN.start] + head);
    // The original is untouched, and a whole of both pieces can be had.
    for (let n = 0; n < length; n++)
      if (batch.bytes[at + n] !== n % 251) throw new Error(`byte ${n} changed`);
    expect(batch.gather(next, batch.slotAt(1))).toBe(length);
    for (let n = 0; n < length; n++) {
      const byte = batch.bytes[batch.slotAt(1) + n];
      if (byte !== (n < head ? 0xee : n % 251)) throw new Error(`byte ${n} of the copy is ${byte}`);
    }
    // A row that shares own headers gets others.
    const third = batch.recirculate(next, 3, 2);
    batch.rows[third + COLUMN.mark] |= MARK.shared;
    batch.own(third);
    batch.bytes[batch.rows[third + COLUMN.start]] = 0x11;
    expect(batch.bytes[batch.rows[next + COLUMN.start]]).toBe(0xee);
    expect(batch.headLength(third)).toBe(head);
    expect(batch.recirculate(third, 3, 2)).toBe(-1);
  }
});
