// The FDB against a Map that does the same slowly. Tables are small and addresses few, so that chains collide, wrap
// around the end of the table, and are repaired while they are in use.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { BRIDGE, Counters, PORT } from '../../src/table/counters.ts';
import { Fdb, KNOWN, LEARNED, MOVED, REFUSED } from '../../src/table/fdb.ts';
import { type FdbRules, LOCAL, STATIC, tickAt } from '../../src/table/fdb_entry.ts';

const TICKS = 1 << 24;
const MS_PER_TICK = 128;

/** Domains 1 and 2 belong to bridge 1, domain 3 to bridge 2. `ageing` by bridge. */
function rulesOf(limits: Partial<{ ageing: number[]; bridge: number[]; port: number[] }> = {}): FdbRules {
  const { ageing = [0, 1280, 2560], bridge = [0, 1000, 1000], port = [0, 1000, 1000, 1000] } = limits;
  const domainBridge = Uint16Array.of(0, 1, 1, 2);
  return {
    domainBridge,
    ageing: Float64Array.from(domainBridge, (bridge) => ageing[bridge]),
    bridgeFdbLimit: Uint32Array.from(bridge),
    fdbLimit: Uint32Array.from(port),
  };
}

function makeFdb(slots: number, rules: FdbRules = rulesOf(), seed = 1, counters = Counters.allocate(8, 8)) {
  const words = new Int32Array(slots * 4);
  // Four words of full width, as the switch draws them; a small multiplier would not spread its keys.
  const random = Int32Array.from({ length: 4 }, (_, n) => Math.imul(seed * 4 + n + 1, 0x9e37_79b1));
  const fdb = new Fdb(words, counters, rules, random);
  return { fdb, words, counters };
}

const hop = (port: number, remote = 0) => (remote << 12) | port;
const learnedOn = (counters: Counters, port: number) => counters.values[counters.port(port) + PORT.learned];
const learnedIn = (counters: Counters, bridge: number) =>
  counters.values[counters.bridge(bridge) + BRIDGE.learned];

interface Entry {
  domain: number;
  hi: number;
  lo: number;
  hop: number;
  seen: number;
  flags: number;
}

/** What the table promises, without its room: `learn` may refuse more, and says so. */
class Model {
  readonly entries = new Map<string, Entry>();
  tick = 0;
  rules: FdbRules;

  constructor(rules: FdbRules) {
    this.rules = rules;
  }

  isFresh({ domain, seen, flags }: Entry, { ageing: times } = this.rules): boolean {
    const ageing = times[domain];
    const age = (this.tick - seen + TICKS) % TICKS;
    return flags !== 0 || (ageing > 0 && age <= Math.ceil(ageing / MS_PER_TICK));
  }

  lookup(domain: number, hi: number, lo: number): number {
    const entry = this.entries.get(`${domain} ${hi} ${lo}`);
    return entry !== undefined && this.isFresh(entry) ? entry.hop : 0;
  }

  put(domain: number, hi: number, lo: number, to: number, flags: number): void {
    this.entries.set(`${domain} ${hi} ${lo}`, { domain, hi, lo, hop: to, seen: this.tick, flags });
  }

  forget(matches: (entry: Entry) => boolean): number {
    let count = 0;
    for (const [key, entry] of this.entries) {
      if (!matches(entry)) continue;
      this.entries.delete(key);
      count++;
    }
    return count;
  }

  /** What is expired when an ageing time changes is gone for good. Where it was 0 there is nothing. */
  configure(rules: FdbRules): void {
    const old = this.rules;
    if (old.ageing.some((time, domain) => time !== 0 && time !== rules.ageing[domain])) {
      this.forget((entry) => !this.isFresh(entry, old) || !this.isFresh(entry, rules));
    }
    this.rules = rules;
  }

  learned(matches: (entry: Entry) => boolean): number {
    return [...this.entries.values()].filter((entry) => entry.flags === 0 && matches(entry)).length;
  }
}

type Step =
  | { op: 'learn'; domain: number; lo: number; hop: number }
  | { op: 'static'; domain: number; lo: number; hop: number; flags: number }
  | { op: 'wait'; ticks: number }
  | { op: 'sweep'; budget: number }
  | { op: 'flush'; port: number; domain: number }
  | { op: 'resize'; slots: number }
  | { op: 'rules'; ageing: number[] };

const key = { domain: fc.integer({ min: 1, max: 3 }), lo: fc.integer({ min: -12, max: 12 }) };
const hops = fc
  .tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 0, max: 2 }))
  .map(([p, r]) => hop(p, r));
const steps: fc.Arbitrary<Step> = fc.oneof(
  { weight: 10, arbitrary: fc.record({ op: fc.constant('learn' as const), ...key, hop: hops }) },
  {
    weight: 1,
    arbitrary: fc.record({
      op: fc.constant('static' as const),
      ...key,
      hop: hops,
      flags: fc.constantFrom(STATIC, STATIC | LOCAL),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ op: fc.constant('wait' as const), ticks: fc.integer({ min: 1, max: 15 }) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ op: fc.constant('sweep' as const), budget: fc.integer({ min: 1, max: 200 }) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ op: fc.constant('flush' as const), port: fc.nat(3), domain: fc.nat(3) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ op: fc.constant('resize' as const), slots: fc.constantFrom(64, 128, 256) }),
  },
  {
    weight: 1,
    arbitrary: fc
      .tuple(fc.constantFrom(0, 640, 1280), fc.constantFrom(0, 2560))
      .map((times) => ({ op: 'rules' as const, ageing: [0, ...times] })),
  },
);

describe('against a Map', () => {
  test.each([0, TICKS - 20])('every answer and every gauge agrees, starting at tick %i', (start) => {
    const run = (list: Step[], seed: number) => {
      const limits = { bridge: [0, 20, 10], port: [0, 4, 8, 40] };
      let rules = rulesOf(limits);
      const counters = Counters.allocate(8, 8);
      let { fdb } = makeFdb(64, rules, seed, counters);
      const model = new Model(rules);
      model.tick = start;
      for (const step of list) {
        if (step.op === 'learn') learnBoth(fdb, model, step);
        else if (step.op === 'static') {
          expect(fdb.addStatic(step.domain, 5, step.lo, step.hop, step.flags)).toBe(true);
          model.put(step.domain, 5, step.lo, step.hop, step.flags);
        } else if (step.op === 'wait') model.tick = (model.tick + step.ticks) % TICKS;
        else if (step.op === 'sweep') {
          fdb.sweep(model.tick, step.budget);
          // A sweep may forget any of what is stale; which, only the gauges tell.
          dropSwept(fdb, model, counters);
          if (step.budget >= fdb.slots) expect(model.learned((entry) => !model.isFresh(entry))).toBe(0);
        } else if (step.op === 'flush') {
          const matches = (domain: number, to: number) =>
            (step.port === 0 || (to & 0xfff) === step.port) && (step.domain === 0 || domain === step.domain);
          const flushed = fdb.flush((domain, to, _hi, _lo, flags) => flags === 0 && matches(domain, to));
          expect(flushed).toBe(model.forget((e) => e.flags === 0 && matches(e.domain, e.hop)));
        } else if (step.op === 'rules') {
          rules = rulesOf({ ...limits, ageing: step.ageing });
          fdb.expire(rules, model.tick);
          fdb.configure(rules);
          model.configure(rules);
        } else {
          const next = makeFdb(step.slots, rules, seed, counters).fdb;
          fdb.moveTo(next);
          fdb = next;
        }
        expectSame(fdb, model, counters);
      }
    };
    fc.assert(
      fc.property(fc.array(steps, { maxLength: 120, size: 'max' }), fc.integer({ min: 1, max: 1000 }), run),
      { numRuns: 100 },
    );
  });
});

function learnBoth(fdb: Fdb, model: Model, step: { domain: number; lo: number; hop: number }): void {
  const { domain, lo } = step;
  const { rules } = model;
  const old = model.entries.get(`${domain} 5 ${lo}`);
  const bridge = rules.domainBridge[domain];
  const port = step.hop & 0xfff;
  const inBridge = model.learned((e) => rules.domainBridge[e.domain] === bridge);
  const onPort = model.learned((e) => (e.hop & 0xfff) === port);
  let expected = LEARNED;
  if (old !== undefined && (old.flags !== 0 || old.hop === step.hop)) expected = KNOWN;
  else if (old !== undefined) {
    expected = (old.hop & 0xfff) === port || onPort < rules.fdbLimit[port] ? MOVED : REFUSED;
  } else if (rules.ageing[domain] === 0) expected = KNOWN;
  else if (onPort >= rules.fdbLimit[port]) expected = REFUSED;
  const done = fdb.learn(domain, 5, lo, step.hop, model.tick);
  if (expected === LEARNED && inBridge >= rules.bridgeFdbLimit[bridge]) {
    if (done === LEARNED) giveWay(fdb, model, bridge, onPort);
    else expected = REFUSED;
  }
  expect(done).toBe(expected);
  if (expected === REFUSED) model.entries.delete(`${domain} 5 ${lo}`);
  else if (rules.ageing[domain] !== 0 && !old?.flags) model.put(domain, 5, lo, step.hop, 0);
}

/** A newcomer took the place of one entry, of a port that had clearly more. */
function giveWay(fdb: Fdb, model: Model, bridge: number, onPort: number): void {
  const isThere = (e: Entry) => e.flags !== 0 || fdb.lookup(e.domain, e.hi, e.lo, e.seen) !== 0;
  const gone = [...model.entries.entries()].filter(([, entry]) => !isThere(entry));
  expect(gone).toHaveLength(1);
  const [[name, { domain, hop }]] = gone;
  expect(model.rules.domainBridge[domain]).toBe(bridge);
  const had = model.learned((e) => (e.hop & 0xfff) === (hop & 0xfff));
  expect(had).toBeGreaterThan((onPort * 4) / 3 + 1);
  model.entries.delete(name);
}

function dropSwept(fdb: Fdb, model: Model, counters: Counters): void {
  const total = () => learnedIn(counters, 1) + learnedIn(counters, 2);
  if (total() === model.learned(() => true)) return;
  // Reading at the tick of birth shows what is still there.
  const left = new Set<string>();
  for (const entry of model.entries.values()) {
    if (entry.flags !== 0 || fdb.lookup(entry.domain, entry.hi, entry.lo, entry.seen) !== 0) {
      left.add(`${entry.domain} ${entry.hi} ${entry.lo}`);
    }
  }
  for (const [name, entry] of model.entries) {
    if (left.has(name)) continue;
    expect(model.isFresh(entry), `${name} was swept while it was fresh`).toBe(false);
    model.entries.delete(name);
  }
}

function expectSame(fdb: Fdb, model: Model, counters: Counters): void {
  const wrong: string[] = [];
  for (let domain = 1; domain <= 3; domain++) {
    for (let lo = -12; lo <= 12; lo++) {
      const [found, right] = [fdb.lookup(domain, 5, lo, model.tick), model.lookup(domain, 5, lo)];
      if (found !== right) wrong.push(`${domain} ${lo}: ${found}, not ${right}`);
    }
  }
  expect(wrong).toEqual([]);
  const { domainBridge } = model.rules;
  expect([1, 2, 3].map((port) => learnedOn(counters, port))).toEqual(
    [1, 2, 3].map((port) => model.learned((e) => (e.hop & 0xfff) === port)),
  );
  expect([1, 2].map((bridge) => learnedIn(counters, bridge))).toEqual(
    [1, 2].map((bridge) => model.learned((e) => domainBridge[e.domain] === bridge)),
  );
  const out = new Int32Array(5 * 7); // several pages
  const read: string[] = [];
  for (let from = 0; from >= 0; ) {
    const page = fdb.read(from, model.tick, out);
    for (let at = 0; at < page.entries * 5; at += 5)
      read.push(`${out[at]} ${out[at + 1]} ${out[at + 2]} ${out[at + 3]}`);
    from = page.next;
  }
  const expected = [...model.entries.values()].filter((entry) => model.isFresh(entry));
  expect(read.sort()).toEqual(expected.map((e) => `${e.domain} ${e.hi} ${e.lo} ${e.hop}`).sort());
}

test('an entry is found until its age passes ageing_time, also across the end of the tick counter', () => {
  for (const seen of [0, 100, TICKS - 5]) {
    const { fdb } = makeFdb(64);
    fdb.learn(1, 1, 2, hop(3), seen);
    expect(fdb.lookup(1, 1, 2, (seen + 10) % TICKS)).toBe(3);
    expect(fdb.lookup(1, 1, 2, (seen + 11) % TICKS)).toBe(0);
  }
});

test('a lookup does not keep an entry alive, its station does', () => {
  const { fdb } = makeFdb(64);
  fdb.learn(1, 1, 2, hop(3), 0);
  for (let tick = 1; tick <= 10; tick++) expect(fdb.lookup(1, 1, 2, tick)).toBe(3);
  expect(fdb.lookup(1, 1, 2, 11)).toBe(0);
  fdb.learn(1, 1, 2, hop(3), 11);
  expect(fdb.lookup(1, 1, 2, 21)).toBe(3);
});

test('ticks come from milliseconds and stay within 24 bits', () => {
  expect(tickAt(0)).toBe(0);
  expect(tickAt(127.9)).toBe(0);
  expect(tickAt(128)).toBe(1);
  expect(tickAt(TICKS * 128 + 256)).toBe(2);
  expect(tickAt(1e15)).toBeGreaterThanOrEqual(0);
});

test('a port that sprays a million addresses displaces no entry of another port', () => {
  const rules = rulesOf({ bridge: [0, 8192, 0], port: [0, 4096, 8192, 0] });
  const { fdb, counters } = makeFdb(16_384, rules);
  for (let lo = 0; lo < 4000; lo++) expect(fdb.learn(1, 1, lo, hop(2), 0)).toBe(LEARNED);
  let refused = 0;
  for (let n = 0; n < 1_000_000; n++) {
    if (fdb.learn(1, 2, Math.imul(n, 0x9e37_79b1), hop(1), 1 + (n & 3)) === REFUSED) refused++;
  }
  expect(refused).toBe(1_000_000 - 4096);
  expect(learnedOn(counters, 1)).toBe(4096);
  for (let lo = 0; lo < 4000; lo++) expect(fdb.lookup(1, 1, lo, 5)).toBe(2);
  // And others can still learn.
  expect(fdb.learn(1, 3, 1, hop(2), 5)).toBe(LEARNED);
});

test('in a full bridge the port with the most addresses gives way to newcomers, and comes to rest', () => {
  const { fdb, counters } = makeFdb(2048, rulesOf({ bridge: [0, 1000, 0], port: [0, 1000, 1000, 1000] }));
  let lo = 0;
  const spray = (port: number, count: number) => {
    let learned = 0;
    for (let n = 0; n < count; n++) if (fdb.learn(1, port, lo++, hop(port), 1) === LEARNED) learned++;
    return learned;
  };
  expect(spray(1, 100_000)).toBe(1000);
  // Stations of others are learned all the same, each at the expense of the one who sprays.
  expect(spray(2, 50)).toBe(50);
  expect([1, 2].map((port) => learnedOn(counters, port))).toEqual([950, 50]);
  for (let n = 0; n < 50; n++) expect(fdb.lookup(1, 2, 100_000 + n, 1)).toBe(2);
  // Two who spray at once do not take turns for ever: that would fill the table with dead entries.
  for (let n = 0; n < 1000; n++) {
    spray(1, 100);
    spray(3, 100);
  }
  const rich = [1, 3].map((port) => learnedOn(counters, port));
  expect(Math.max(...rich)).toBeLessThanOrEqual((Math.min(...rich) * 4) / 3 + 2);
  expect(fdb.taken).toBeLessThan(2 * 1000);
  expect(spray(2, 50)).toBe(50);
  expect(learnedIn(counters, 1)).toBe(1000);
});

test('a station that moves to a full port is forgotten, not sent to where it was', () => {
  const { fdb, counters } = makeFdb(64, rulesOf({ port: [0, 1000, 1, 0] }));
  fdb.learn(1, 1, 1, hop(1), 0);
  fdb.learn(1, 1, 2, hop(2), 0);
  expect(fdb.learn(1, 1, 1, hop(2), 0)).toBe(REFUSED);
  expect(fdb.lookup(1, 1, 1, 0)).toBe(0);
  expect([learnedOn(counters, 1), learnedOn(counters, 2)]).toEqual([0, 1]);
  expect(fdb.learn(1, 1, 1, hop(1), 0)).toBe(LEARNED);
  // Behind another remote of its own full port it is followed.
  expect(fdb.learn(1, 1, 2, hop(2, 7), 0)).toBe(MOVED);
  expect(fdb.lookup(1, 1, 2, 0)).toBe(hop(2, 7));
});

test('an ageing time of 300, 0, 300 s, or 300, 1, 300, brings nothing back', () => {
  for (const between of [0, 1000]) {
    const { fdb, counters } = makeFdb(64, rulesOf({ ageing: [0, 300_000, 300_000] }));
    fdb.learn(1, 1, 1, hop(1), 0);
    fdb.learn(3, 1, 1, hop(2), 0);
    fdb.addStatic(1, 1, 2, hop(1), 0);
    for (const ageing of [between, 300_000]) {
      const rules = rulesOf({ ageing: [0, ageing, 300_000] });
      fdb.expire(rules, 20);
      fdb.configure(rules);
      expect([1, 2].map((lo) => fdb.lookup(1, 1, lo, 20))).toEqual([0, 1]);
      expect(fdb.lookup(3, 1, 1, 20)).toBe(2);
    }
    expect([learnedIn(counters, 1), learnedIn(counters, 2)]).toEqual([0, 1]);
  }
});

test('other rules with the same ageing times leave what has expired to the sweeper', () => {
  const { fdb, counters } = makeFdb(64);
  fdb.learn(1, 1, 1, hop(1), 0);
  fdb.expire(rulesOf({ port: [0, 5, 5, 5] }), 11);
  expect(learnedIn(counters, 1)).toBe(1);
});

test('one sweep of the whole table makes room for static entries, however full of dead and expired ones it is', () => {
  const rules = rulesOf({ bridge: [0, 1024, 0], port: [0, 1024, 1024, 0] });
  for (let seed = 1; seed <= 20; seed++) {
    const { fdb } = makeFdb(1024, rules, seed);
    let lo = 0;
    while (fdb.learn(1, 1, lo++, hop(1), 0) !== REFUSED) if (lo === 500) fdb.flush(() => true);
    fdb.sweep(11, 300); // the pass does not begin at the first slot
    while (fdb.learn(1, 1, lo++, hop(2), 1) !== REFUSED);
    fdb.sweep(12, 1024);
    expect(fdb.taken).toBe(0);
    for (let n = 0; n < 600; n++) expect(fdb.addStatic(1, 2, n, hop(2), 0)).toBe(true);
  }
});

test('dead slots run out and come back: learning pauses until the sweeper has been there', () => {
  const { fdb, counters } = makeFdb(64, rulesOf({ bridge: [0, 32, 0] }));
  let refused = 0;
  for (let round = 0, lo = 0; round < 10; round++) {
    for (let n = 0; n < 30; n++) if (fdb.learn(1, 1, lo++, hop(1), 0) === REFUSED) refused++;
    fdb.flush(() => true);
  }
  expect(refused).toBeGreaterThan(0);
  expect(learnedIn(counters, 1)).toBe(0);
  expect(fdb.addStatic(1, 9, 9, hop(2), 0)).toBe(true);
  fdb.sweep(0, 64);
  for (let lo = 0; lo < 30; lo++) expect(fdb.learn(1, 2, lo, hop(1), 0)).toBe(LEARNED);
  expect(fdb.lookup(1, 9, 9, 0)).toBe(2);
});

test('a table that shrinks below its entries forgets some, and goes on working', () => {
  const counters = Counters.allocate(8, 8);
  const big = makeFdb(4096, rulesOf({ bridge: [0, 2000, 0], port: [0, 2000, 0, 0] }), 3, counters).fdb;
  for (let lo = 0; lo < 2000; lo++) expect(big.learn(1, 1, lo, hop(1), 0)).toBe(LEARNED);
  const small = makeFdb(1024, rulesOf({ bridge: [0, 512, 0] }), 3, counters).fdb;
  big.moveTo(small);
  let found = 0;
  for (let lo = 0; lo < 2000; lo++) if (small.lookup(1, 1, lo, 0) !== 0) found++;
  expect(found).toBe(learnedIn(counters, 1));
  expect(found).toBeLessThan(1024);
  expect(found).toBeGreaterThan(500);
  small.sweep(100, 1024);
  expect(learnedIn(counters, 1)).toBe(0);
  expect(small.learn(1, 1, 1, hop(1), 100)).toBe(LEARNED);
});

test('a table that shrank has room for static entries everywhere', () => {
  const counters = Counters.allocate(8, 8);
  const big = makeFdb(4096, rulesOf({ bridge: [0, 2000, 0], port: [0, 2000, 0, 0] }), 3, counters).fdb;
  for (let lo = 0; lo < 2000; lo++) big.learn(1, 1, lo, hop(1), 0);
  for (let lo = 0; lo < 50; lo++) big.addStatic(1, 2, lo, hop(2), 0);
  const small = makeFdb(1024, rulesOf(), 3, counters).fdb;
  big.moveTo(small);
  for (let lo = 0; lo < 50; lo++) small.addStatic(1, 2, lo, hop(2), 0);
  for (let lo = 0; lo < 50; lo++) expect(small.lookup(1, 2, lo, 0)).toBe(2);
});

test('a million stations are all found, none twice, in a table of the size that the compiler gives them', () => {
  const COUNT = 1_000_000;
  const rules = rulesOf({ bridge: [0, COUNT, 0], port: [0, COUNT, COUNT, 0] });
  const { fdb, counters } = makeFdb(1 << 21, rules);
  const at = (n: number) => ({ hi: (n >>> 16) & 0xfcff, lo: Math.imul(n, 2) });
  let refused = 0;
  for (let n = 0; n < COUNT; n++) {
    const { hi, lo } = at(n);
    if (fdb.learn(1, hi, lo, hop(1 + (n & 1)), 0) !== LEARNED) refused++;
  }
  expect(refused).toBe(0);
  expect(learnedIn(counters, 1)).toBe(COUNT);
  let wrong = 0;
  for (let n = 0; n < COUNT; n++) {
    const { hi, lo } = at(n);
    if (fdb.lookup(1, hi, lo, 5) !== 1 + (n & 1)) wrong++;
  }
  expect(wrong).toBe(0);
  expect(fdb.learn(1, 7, 7, hop(1), 0)).toBe(REFUSED);
  expect(fdb.flush((_domain, to) => to === 1)).toBe(COUNT / 2);
  expect(learnedOn(counters, 2)).toBe(COUNT / 2);
});

test('static entries that a full table refuses do not use it up', () => {
  const { fdb } = makeFdb(16);
  let added = 0;
  for (let lo = 0; lo < 100; lo++) if (fdb.addStatic(1, 1, lo, hop(1), 0)) added++;
  expect(added).toBe(15);
  fdb.flush(() => true);
  fdb.sweep(0, 16);
  for (let lo = 0; lo < 15; lo++) expect(fdb.addStatic(1, 2, lo, hop(1), 0)).toBe(true);
});

test('a read walks over a bounded part of the table, and says where to go on though it found nothing', () => {
  const { fdb } = makeFdb(1 << 17);
  const out = new Int32Array(50);
  let reads = 0;
  for (let from = 0; from >= 0; reads++) {
    const { next, entries } = fdb.read(from, 0, out);
    expect(entries).toBe(0);
    from = next;
  }
  expect(reads).toBe(4);
});
