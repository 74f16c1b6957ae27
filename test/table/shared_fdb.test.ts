// The FDB that several threads use at the same time: small and full of collisions, so that entries move all the time.
// Every next hop carries the address that it belongs to, and one that was torn from another entry shows.

import fc from 'fast-check';
import { expect, onTestFinished, test, vi } from 'vitest';
import { BRIDGE, Counters, PORT } from '../../src/table/counters.ts';
import { Fdb, LEARNED, MOVED, REFUSED } from '../../src/table/fdb.ts';
import { type FdbRules, STATIC } from '../../src/table/fdb_entry.ts';
import { SharedFdb } from '../../src/table/shared_fdb.ts';
import { crowd } from '../support/shared/crowd.ts';

const PORTS = 4;
const SEED = Int32Array.of(0x1234_5678, -0x2345_6789, 0x3456_789a, -0x4567_89ab);
const rules: FdbRules = {
  domainBridge: Uint16Array.of(0, 1),
  ageing: Float64Array.of(0, 1280),
  bridgeFdbLimit: Uint32Array.of(0, 100),
  fdbLimit: Uint32Array.of(0, 100, 100, 60, 60),
};

const step = fc.oneof(
  {
    weight: 10,
    arbitrary: fc.record({
      op: fc.constant('learn'),
      lo: fc.nat(60),
      by: fc.integer({ min: 1, max: PORTS }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      op: fc.constant('static'),
      lo: fc.nat(60),
      by: fc.integer({ min: 1, max: PORTS }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ op: fc.constant('wait'), lo: fc.constant(0), by: fc.integer({ min: 1, max: 6 }) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      op: fc.constant('sweep'),
      lo: fc.constant(0),
      by: fc.integer({ min: 1, max: 80 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      op: fc.constant('flush'),
      lo: fc.constant(0),
      by: fc.integer({ min: 1, max: PORTS }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ op: fc.constantFrom('forget', 'ageing'), lo: fc.nat(60), by: fc.nat(2) }),
  },
);

function changeAgeing(table: Fdb, ageing: number, tick: number): void {
  const next = { ...rules, ageing: Float64Array.of(0, ageing) };
  table.expire(next, tick);
  table.configure(next);
}

test('to one thread it answers as the table that is not shared', () => {
  const run = (steps: { op: string; lo: number; by: number }[]) => {
    const [mine, theirs] = [Counters.allocate(8, 2), Counters.allocate(8, 2)];
    const fdb = new Fdb(new Int32Array(64 * 4), mine, rules, SEED);
    const shared = new SharedFdb(SharedFdb.allocate(64), theirs, rules, SEED);
    let tick = 0;
    for (const { op, lo, by } of steps) {
      const both = (act: (table: Fdb) => unknown) => expect(act(shared)).toEqual(act(fdb));
      if (op === 'learn') both((table) => table.learn(1, 2, lo, by, tick));
      else if (op === 'static') both((table) => table.addStatic(1, 2, lo, by, STATIC));
      else if (op === 'sweep') both((table) => table.sweep(tick, by));
      else if (op === 'forget') both((table) => table.forget(1, 2, lo, by & STATIC));
      else if (op === 'ageing') both((table) => changeAgeing(table, 1280 * by, tick));
      else if (op === 'flush') both((table) => table.flush((_, hop) => hop === by));
      else tick += by;
      both((table) => Array.from({ length: 61 }, (_, station) => table.lookup(1, 2, station, tick)));
      both((table) => table.read(0, tick, new Int32Array(64 * 5)));
    }
    expect(theirs.values).toEqual(mine.values);
  };
  fc.assert(fc.property(fc.array(step, { maxLength: 80, size: 'max' }), run), { numRuns: 100 });
});

test('an entry that a worker with a newer clock has just refreshed is fresh, and not swept', () => {
  const fdb = new SharedFdb(SharedFdb.allocate(64), Counters.allocate(8, 2), rules, SEED);
  fdb.learn(1, 2, 3, 1, 100);
  expect(fdb.lookup(1, 2, 3, 98)).toBe(1);
  fdb.sweep(98, 64);
  expect(fdb.lookup(1, 2, 3, 100)).toBe(1);
  const out = new Int32Array(10);
  expect(fdb.read(0, 98, out)).toEqual({ next: -1, entries: 1 });
  expect(out[4]).toBe(0);
});

test('a lookup during a change is known not to count', () => {
  const memory = SharedFdb.allocate(64);
  const [one, other] = [0, 1].map(() => new SharedFdb(memory, Counters.allocate(8, 2), rules, SEED));
  let version = one.version();
  expect(one.isUnchanged(version)).toBe(true);
  other.learn(1, 2, 3, 1, 0);
  expect(one.isUnchanged(version)).toBe(false);
  version = one.version();
  // Nothing moves: no reason to look again.
  expect(other.refresh(other.home((1 << 16) | 2, 3), 1, 1)).toBe(true);
  one.learn(1, 2, 4, 1, 1);
  expect(one.isUnchanged(version)).toBe(true);
  // A change that is not over, seen from its middle.
  const header = new Int32Array(memory, 0, 4);
  header[2]++;
  expect(one.isUnchanged(one.version())).toBe(false);
});

test('stations that move or are refused give nobody a reason to look again', () => {
  const memory = SharedFdb.allocate(64);
  const tight = { ...rules, bridgeFdbLimit: Uint32Array.of(0, 1) };
  const [one, other] = [0, 1].map(() => new SharedFdb(memory, Counters.allocate(8, 2), tight, SEED));
  expect(other.learn(1, 2, 3, 1, 0)).toBe(LEARNED);
  const version = one.version();
  expect(other.learn(1, 2, 3, 2, 0)).toBe(MOVED);
  expect(other.learn(1, 2, 4, 2, 0)).toBe(REFUSED);
  expect(one.isUnchanged(version)).toBe(true);
  expect(one.lookup(1, 2, 3, 0)).toBe(2);
});

test('an entry that becomes static just when its station is seen stays static', () => {
  const memory = SharedFdb.allocate(64);
  const [one, other] = [0, 1].map(() => new SharedFdb(memory, Counters.allocate(8, 2), rules, SEED));
  one.learn(1, 2, 3, 1, 0);
  const exchange = Atomics.compareExchange;
  const spy = vi
    .spyOn(Atomics, 'compareExchange')
    .mockImplementation((...args: Parameters<typeof exchange>) => {
      spy.mockRestore();
      other.addStatic(1, 2, 3, 1, STATIC);
      return exchange(...args);
    });
  onTestFinished(() => spy.mockRestore());
  expect(one.refresh(one.home((1 << 16) | 2, 3), 1, 5)).toBe(true);
  expect(one.lookup(1, 2, 3, 1_000_000)).toBe(1);
});

test('threads that learn, move, look up and sweep see no entry of another address, and lose none that is static', {
  timeout: 60_000,
}, async () => {
  const THREADS = 3;
  const STATIONS = 170;
  const STATICS = 10;
  const counters = Array.from({ length: THREADS }, () => Counters.allocate(8, 2));
  const memory = SharedFdb.allocate(256);
  const clock = new Int32Array(new SharedArrayBuffer(4));
  const table = new SharedFdb(memory, counters[0], rules, SEED);
  for (let lo = 0; lo < STATICS; lo++)
    expect(table.addStatic(1, 2, lo, ((lo + 1) << 12) | 1, STATIC)).toBe(true);
  const data = {
    memory,
    counters: counters.map(({ memory }) => memory),
    clock,
    rules: { ...rules, ageing: Float64Array.of(0, 256), bridgeFdbLimit: Uint32Array.of(0, 160) },
    SEED,
    STATIONS,
    STATICS,
    ms: 3000,
  };
  const results = (await crowd(
    THREADS,
    data,
    `const { SharedFdb } = await load('table/shared_fdb');
     const { Counters } = await load('table/counters');
     const { memory, clock, rules, SEED, STATIONS, STATICS, ms } = data;
     const fdb = new SharedFdb(memory, new Counters(data.counters[index], 2, data.counters[0]), rules, SEED);
     let x = 77 + index;
     const random = (below) => {
       x ^= x << 13; x ^= x >>> 17; x ^= x << 5;
       return (x >>> 0) % below;
     };
     const { createSearch, KEY, KEY_WORDS } = await load('table/search');
     const search = createSearch(40);
     const { keys } = search;
     const hops = new Int32Array(32), los = new Int32Array(40);
     let wrong = 0, lost = 0, again = 0, passes = 0;
     const at = (n) => keys[n * KEY_WORDS + KEY.entry];
     start();
     const end = performance.now() + ms;
     while (performance.now() < end) {
       for (let turn = 0; turn < 50; turn++) {
         // A little behind or ahead of the others, as polls are.
         const tick = Atomics.load(clock, 0) + index;
         for (let n = 0; n < 40; n++) {
           los[n] = random(STATIONS);
           keys[n * KEY_WORDS + KEY.hi] = (1 << 16) | 2;
           keys[n * KEY_WORDS + KEY.lo] = los[n];
         }
         // As the stages do: 32 addresses looked up, 8 learned.
         const version = fdb.version();
         search.find(fdb, 0, 40);
         for (let n = 32; n < 40; n++) {
           const lo = los[n];
           // Most stations stay; the hop says whose it is.
           const hop = ((lo + 1) << 12) | (1 + (lo + (random(20) === 0 ? 1 : 0)) % 4);
           if (!fdb.refresh(at(n), hop, tick)) fdb.learn(1, 2, lo, hop, tick);
         }
         for (let n = 0; n < 32; n++) hops[n] = fdb.hopAt(at(n), 1, tick) || fdb.lookup(1, 2, los[n], tick);
         passes++;
         if (!fdb.isUnchanged(version)) {
           again++;
           fdb.take();
           for (let n = 0; n < 32; n++) hops[n] = fdb.lookup(1, 2, los[n], tick);
           fdb.release();
         }
         if (index === 0) {
           if (random(4) === 0) Atomics.add(clock, 0, 1);
           fdb.sweep(tick, 64);
         }
         for (let n = 0; n < 32; n++) {
           if (hops[n] !== 0 && hops[n] >>> 12 !== los[n] + 1) wrong++;
           if (los[n] < STATICS && hops[n] !== (((los[n] + 1) << 12) | 1)) lost++;
         }
       }
     }
     return { wrong, lost, again, passes };`,
  )) as Record<'wrong' | 'lost' | 'again' | 'passes', number>[];
  for (const { wrong, lost, again, passes } of results) {
    expect({ wrong, lost }).toEqual({ wrong: 0, lost: 0 });
    expect(passes).toBeGreaterThan(1000);
    expect(again).toBeGreaterThan(0); // otherwise they were never at it together
  }
  // What is left is whole: every entry once, found where it is, and counted.
  const entries = new Int32Array(256 * 5);
  const count = table.read(0, clock[0], entries).entries;
  const learned = new Map<number, number>();
  const seen = new Set<number>();
  for (let at = 0; at < count * 5; at += 5) {
    const [, , lo, hop, flags] = entries.subarray(at, at + 5);
    expect(seen.has(lo)).toBe(false);
    seen.add(lo);
    expect(table.lookup(1, 2, lo, clock[0])).toBe(hop);
    if ((flags & STATIC) === 0) learned.set(hop & 0xfff, (learned.get(hop & 0xfff) ?? 0) + 1);
  }
  table.flush((_domain, _hop, _hi, _lo, flags) => flags === 0);
  table.sweep(clock[0], 256);
  const { gauges } = counters[0];
  expect(gauges[counters[0].bridge(1) + BRIDGE.learned]).toBe(0);
  for (let port = 1; port <= PORTS; port++) expect(gauges[counters[0].port(port) + PORT.learned]).toBe(0);
  const words = new Int32Array(memory, 64);
  const inUse = Array.from({ length: 256 }, (_, slot) => words[slot * 4]).filter((key) => key !== 0).length;
  expect(inUse).toBe(STATICS);
  expect(new Int32Array(memory)[3]).toBe(STATICS);
});
