// The poll itself: budgets, queues, and what happens to frames in flight when the topology changes.

import { expect, test, vi } from 'vitest';
import type { Engine } from '../../src/engine/engine.ts';
import { hop } from '../../src/frame/hop.ts';
import { PORT } from '../../src/table/counters.ts';
import { DROP } from '../../src/table/drops.ts';
import { Fdb } from '../../src/table/fdb.ts';
import { ports } from '../support/engine/rig.ts';
import { lawViolations, openBench } from '../support/engine/stubs.ts';

/** All entries of the FDB, five words each. */
function entriesOf(engine: Engine): number[][] {
  const found: number[][] = [];
  const out = new Int32Array(500);
  for (let from = 0; from >= 0; ) {
    const { next, entries } = engine.readFdb(from, out);
    for (let n = 0; n < entries; n++) found.push([...out.subarray(n * 5, n * 5 + 5)]);
    from = next;
  }
  return found;
}

test('a flood to 256 members is spread over several polls; none is lost, and each port gets them in order', () => {
  const bench = openBench({ br0: { ports: ports(257) } });
  const { engine, source, sink } = bench;
  const frames = Array.from({ length: 64 }, (_, n) => `a > * "frame ${n}"`);
  for (const line of frames) source.add(bench.port('p1'), line);
  let polls = 0;
  do {
    engine.poll(1000 + polls);
    polls++;
    expect(lawViolations(bench.counters, !engine.isBusy)).toEqual([]);
  } while (engine.isBusy);
  expect(polls).toBeGreaterThan(8);
  expect(polls).toBeLessThan(64);
  for (let n = 2; n <= 257; n++) expect(sink.sent.get(bench.port(`p${n}`))).toEqual(frames);
  expect(sink.sent.get(bench.port('p1'))).toBeUndefined();
});

test('a port owes for the copies that a flood of its frames makes beyond the first, up to a limit', () => {
  const bench = openBench({ br0: { ports: ports(257) } });
  const { engine, source } = bench;
  const { owed } = engine.batch;
  const [from, to] = [bench.port('p1'), bench.port('p2')];
  source.add(to, 'b > a');
  engine.poll(1000);
  expect(owed[to]).toBeGreaterThan(255 * 8192);
  source.add(from, 'a > b');
  engine.poll(1000);
  expect(owed[from]).toBe(0);
  for (let n = 0; n < 64; n++) source.add(from, 'a > *');
  do engine.poll(1000);
  while (engine.isBusy);
  expect(owed[from]).toBe(16 * 1024 * 1024);
});

test('while frames wait for their turn nothing more is received, and afterwards it is', () => {
  const bench = openBench({ br0: { ports: ports(257) } });
  const { engine, source, sink } = bench;
  for (let n = 0; n < 70; n++) source.add(bench.port('p1'), `a > * "${n}"`);
  let polls = 0;
  for (; (sink.sent.get(bench.port('p2')) ?? []).length < 70 && polls < 100; polls++) engine.poll(1000);
  expect(sink.sent.get(bench.port('p2'))).toEqual(Array.from({ length: 70 }, (_, n) => `a > * "${n}"`));
});

test('a sink’s queue that fills up in the middle of a poll is drained there and then', () => {
  const bench = openBench({ br0: { ports: ports(257) } });
  for (let n = 0; n < 4; n++) bench.source.add(bench.port('p1'), `a > * "${n}"`);
  bench.engine.poll(1000);
  expect(bench.sink.calls.length).toBeGreaterThan(1);
  expect(bench.sink.calls.reduce((sum, count) => sum + count)).toBe(1024);
});

test('of a station that speaks on two ports in one batch, the port that it spoke on last is learned', () => {
  for (const order of [
    ['p1', 'p2'],
    ['p2', 'p1'],
  ]) {
    const bench = openBench({ br0: { ports: ports(3) } });
    bench.source.add(bench.port('p1'), 'a > *');
    bench.engine.poll(1000);
    for (const port of order) bench.source.add(bench.port(port), 'a > *');
    bench.engine.poll(1001);
    bench.source.add(bench.port('p3'), 'c > a');
    bench.engine.poll(1002);
    expect(bench.sink.sent.get(bench.port(order[1]))).toContain('c > a');
    expect(bench.sink.sent.get(bench.port(order[0])) ?? []).not.toContain('c > a');
  }
});

test('a frame reaches a station that was first seen later in the same batch', () => {
  const bench = openBench({ br0: { ports: ports(3) } });
  bench.source.add(bench.port('p1'), 'a > b');
  bench.source.add(bench.port('p2'), 'b > a');
  bench.engine.poll(1000);
  expect(bench.sink.sent.get(bench.port('p2'))).toEqual(['a > b']);
  expect(bench.sink.sent.get(bench.port('p1'))).toEqual(['b > a']);
  expect(bench.sink.sent.get(bench.port('p3'))).toBeUndefined();
});

test('a port that cannot take a copy costs that copy and no other', () => {
  const bench = openBench({ br0: { ports: ports(3) } });
  bench.sink.room = 2;
  for (let n = 0; n < 5; n++) bench.source.add(bench.port('p1'), `a > * "${n}"`);
  bench.engine.poll(1000);
  expect(lawViolations(bench.counters)).toEqual([]);
  const at = bench.counters.port(bench.port('p2'));
  expect(bench.counters.values[at + PORT.drops + DROP.queue_full]).toBe(3);
  expect(bench.counters.values[bench.counters.port(bench.port('p1')) + PORT.forwarded]).toBe(5);
});

test('frames that wait while the topology changes are decided again under the new one', () => {
  const bridges = { br0: { ports: ports(300) } };
  const bench = openBench(bridges);
  const { engine, source, sink, counters } = bench;
  for (let n = 0; n < 64; n++) source.add(bench.port('p1'), `a > * "${n}"`);
  engine.poll(1000);
  expect(engine.isBusy).toBe(true);
  const gone = bench.port('p2');
  const before = sink.sent.get(gone)?.length ?? 0;
  engine.detach(gone);
  engine.swap(bench.topology({ br0: { ports: { p1: {}, p3: {} } } }));
  expect(sink.sent.get(bench.port('p3'))).toHaveLength(before);
  engine.poll(1001);
  expect(engine.isBusy).toBe(false);
  expect(sink.sent.get(bench.port('p3'))).toEqual(Array.from({ length: 64 }, (_, n) => `a > * "${n}"`));
  expect(sink.sent.get(gone)).toHaveLength(before);
  expect(lawViolations(counters)).toEqual([]);
  expect(counters.values[counters.port(gone) + PORT.drops + DROP.device_gone]).toBe(0);
});

test('frames that wait while their port leaves its domain are dropped with a reason', () => {
  const bench = openBench({ br0: { ports: ports(300) } });
  const { engine, source, counters } = bench;
  for (let n = 0; n < 64; n++) source.add(bench.port('p1'), `a > * "${n}"`);
  engine.poll(1000);
  const from = counters.port(bench.port('p1'));
  const waiting = 64 - counters.values[from + PORT.forwarded];
  expect(waiting).toBeGreaterThan(0);
  engine.swap(bench.topology({ br0: { ports: { p2: {}, p3: {} } }, br1: { ports: { p1: {}, p4: {} } } }));
  engine.poll(1001);
  expect(engine.isBusy).toBe(false);
  expect(counters.values[from + PORT.drops + DROP.reconfigured]).toBe(waiting);
  expect(lawViolations(counters)).toEqual([]);
});

test('between the polls of one batch a source may look, and receives nothing', () => {
  const bench = openBench({ br0: { ports: ports(257) } });
  const { engine, source } = bench;
  let looks = 0;
  engine.addSource({ look: () => looks++, receive: () => {} });
  for (let n = 0; n < 64; n++) source.add(bench.port('p1'), `a > * "${n}"`);
  let polls = 0;
  do {
    engine.poll(1000 + polls);
    polls++;
  } while (engine.isBusy);
  expect(looks).toBe(polls - 1);
});

test('a frame from a port that is no more is dropped with a reason', () => {
  const bench = openBench({ br0: { ports: ports(3) } });
  const gone = bench.port('p3');
  bench.engine.swap(bench.topology({ br0: { ports: ports(2) } }));
  bench.source.add(gone, 'a > *');
  bench.engine.poll(1000);
  expect(lawViolations(bench.counters)).toEqual([]);
  expect(bench.counters.values[bench.counters.port(gone) + PORT.drops + DROP.reconfigured]).toBe(1);
  expect(bench.sink.sent.size).toBe(0);
});

test('a swap keeps the entries that are still true and forgets the others', () => {
  const bench = openBench({
    br0: {
      vlan_filtering: true,
      ports: { p1: { vlan: { trunk: [10, 20] } }, p2: {}, p3: { vlan: { access: 10 } } },
    },
    br1: { ports: { q1: {}, q2: {} } },
  });
  const { engine, source } = bench;
  source.add(bench.port('p1'), 'a > * vlan 10');
  source.add(bench.port('p1'), 'a > * vlan 20');
  source.add(bench.port('p3'), 'b > *');
  source.add(bench.port('q1'), 'c > *');
  engine.poll(1000);
  const known = () =>
    entriesOf(engine)
      .map(([index, , lo]) => {
        const domain = bench.compiler.domain(index);
        return `${domain?.bridge} ${domain?.vid} ${String.fromCharCode(lo & 0xff)}`;
      })
      .sort();
  expect(known()).toEqual(['br0 10 a', 'br0 10 b', 'br0 20 a', 'br1 0 c']);
  // p1 leaves VLAN 20, p3 goes, br1 gets a neighbour.
  engine.detach(bench.port('p3'));
  engine.swap(
    bench.topology({
      br0: { vlan_filtering: true, ports: { p1: { vlan: { trunk: [10] } }, p2: {} } },
      br1: { ports: { q1: {}, q2: {}, q3: {} } },
    }),
  );
  expect(known()).toEqual(['br0 10 a', 'br1 0 c']);
  // A larger table takes over what the smaller one knew.
  engine.swap(
    bench.topology({
      br0: { vlan_filtering: true, fdb_limit: 100_000, ports: { p1: { vlan: { trunk: [10] } }, p2: {} } },
      br1: { ports: { q1: {}, q2: {} } },
    }),
  );
  expect(known()).toEqual(['br0 10 a', 'br1 0 c']);
});

test('a table entry that points out of its domain is not followed', () => {
  const bench = openBench({ br0: { ports: ports(2) }, br1: { ports: { q1: {} } } });
  const stale = bench.topology({ br0: { ports: ports(2) }, br1: { ports: { q1: {} } } });
  // A static entry of br0 that names a port of br1: no configuration can say that, a bug could.
  const domain = bench.compiler.domains.find('br0', 0) as number;
  const statics = Int32Array.of((domain << 16) | 0x0200, 0x78, bench.port('q1'));
  bench.engine.swap({ ...stale, statics });
  bench.source.add(bench.port('p1'), 'a > x');
  bench.engine.poll(1000);
  expect(bench.sink.sent.size).toBe(0);
  expect(bench.counters.values[bench.counters.port(bench.port('p1')) + PORT.drops + DROP.not_member]).toBe(1);
  expect(lawViolations(bench.counters)).toEqual([]);
});

test('every source gets its turn, however busy the first one is', () => {
  const bench = openBench({ br0: { ports: ports(3) } });
  const { engine, sink } = bench;
  const busy = bench.source;
  const quiet = new (busy.constructor as new () => typeof busy)();
  engine.addSource(quiet);
  quiet.add(bench.port('p2'), 'q > *');
  for (let n = 0; n < 64 * 3; n++) busy.add(bench.port('p1'), 'b > *');
  engine.poll(1000);
  engine.poll(1001);
  expect(sink.sent.get(bench.port('p3'))).toContain('q > *');
});

test('hairpin on a tunnel turns frames round to its other remotes, never to the one that they came from', () => {
  const remotes = ['192.0.2.2', '192.0.2.3', '192.0.2.4'];
  const tunnel = { type: 'vxlan', vni: 1, local: '192.0.2.1', remotes, hairpin: true };
  const bench = openBench({ br0: { ports: { vx: tunnel, p1: {} } } });
  const { engine, source, sink, counters } = bench;
  const vx = bench.port('vx');
  const sent = () => sink.sent.get(vx)?.length ?? 0;
  source.add(hop(vx, 1), 'a > *');
  engine.poll(1000);
  expect(sent()).toBe(2);
  source.add(hop(vx, 2), 'b > a'); // from one remote to another
  engine.poll(1001);
  expect(sent()).toBe(3);
  source.add(hop(vx, 1), 'c > a'); // a is behind remote 1, too
  engine.poll(1002);
  expect(sent()).toBe(3);
  expect(counters.values[counters.port(vx) + PORT.drops + DROP.same_port]).toBe(1);
  expect(lawViolations(counters)).toEqual([]);
});

test('with a large table, too, a swap forgets the entries of ports that leave, and statics that are no more', () => {
  const keys = { fdb_limit: 100_000 };
  const static_ = [{ mac: '02:00:00:00:00:99', port: 'p1' }];
  const bench = openBench({ br0: { ...keys, static: static_, ports: ports(3) } });
  const { engine, source } = bench;
  for (const [port, name] of [
    ['p1', 'a'],
    ['p2', 'b'],
    ['p3', 'c'],
  ])
    source.add(bench.port(port), `${name} > *`);
  engine.poll(1000);
  const known = () =>
    entriesOf(engine)
      .map(([, , lo]) => (lo & 0xff).toString(16))
      .sort();
  expect(known()).toEqual(['61', '62', '63', '99']);
  engine.swap(bench.topology({ br0: { ...keys, ports: ports(4) } }));
  expect(known()).toEqual(['61', '62', '63']);
  engine.swap(bench.topology({ br0: { ...keys, ports: ports(2) } }));
  expect(known()).toEqual(['61', '62']);
  engine.swap(bench.topology({ br0: { ...keys, ports: { p2: {} } }, br1: { ports: { p1: {} } } }));
  expect(known()).toEqual(['62']);
});

test('the sweeper visits a large table in shares, and is through after its period and some polls', () => {
  const bench = openBench({ br0: { fdb_limit: 100_000, ageing_time: 1, ports: ports(2) } });
  const { engine, source, counters } = bench;
  engine.poll(1000);
  const learned = () => counters.values[counters.port(bench.port('p1')) + PORT.learned];
  for (let round = 0; round < 10; round++) {
    for (let n = 0; n < 64; n++) {
      const station = String.fromCharCode(0x61 + ((round * 64 + n) % 26));
      source.add(bench.port('p1'), `${station} > *`);
    }
    engine.poll(1000);
  }
  expect(learned()).toBe(26);
  engine.poll(60_000);
  expect(learned()).toBeGreaterThan(0); // no poll walks over all of it
  for (let n = 0; n < 8; n++) engine.poll(60_000);
  expect(learned()).toBe(0);
});

test('the FDB is walked over while it holds entries that may expire, and no longer', () => {
  const sweep = vi.spyOn(Fdb.prototype, 'sweep');
  const { engine, source, port } = openBench({
    br0: { ports: ports(2), ageing_time: 10, static: [{ mac: '02:00:00:00:00:09', port: 'p2' }] },
  });
  const pollUntil = (from: number, to: number) => {
    sweep.mockClear();
    for (let now = from; now <= to; now += 500) engine.poll(now);
    return sweep.mock.calls.length;
  };
  expect(pollUntil(1000, 5000)).toBe(0);
  source.add(port('p1'), 'a > * "hello"');
  expect(pollUntil(5500, 10_000)).toBeGreaterThan(5);
  pollUntil(10_500, 20_000); // it expires
  expect(entriesOf(engine)).toHaveLength(1);
  expect(pollUntil(20_500, 30_000)).toBe(0);
  sweep.mockRestore();
});
