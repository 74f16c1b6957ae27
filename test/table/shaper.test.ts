// The shaper on a clock of the test's own: what leaves, and when.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ENTRY, ENTRY_FLOATS, ENTRY_TIME, ENTRY_WORDS, Slab, unitsOf } from '../../src/table/frame_store.ts';
import { CLASS, classAt, FAIR, QOS, QOS_ROW } from '../../src/table/qos_table.ts';
import { Shaper } from '../../src/table/shaper.ts';
import { layOut, storeSize, TALLY } from '../../src/table/shaper_state.ts';

interface Spec {
  priority?: number;
  weight?: number;
  /** Bits a second. */
  min?: number;
  max?: number;
  limit?: number;
  maxAge?: number;
  fair?: boolean;
}

const cost = (bits: number) => 8000 / bits;

class Bench {
  readonly clock = new Float64Array([1000]);
  readonly shaper: Shaper;
  /** Bytes that left, by class. */
  readonly sent: number[];
  /** When each frame left, and its class. */
  readonly left: { at: number; class: number; flow: number; delay: number }[] = [];

  constructor(rate: number, classes: Spec[], burst = 5, catchUp = Number.POSITIVE_INFINITY) {
    const settings = new Float64Array(QOS_ROW);
    let memory = 0;
    settings[QOS.cost] = cost(rate);
    settings[QOS.burst] = burst;
    settings[QOS.catchUp] = catchUp;
    settings[QOS.classes] = classes.length;
    classes.forEach((spec, c) => {
      const at = classAt(c);
      settings[at + CLASS.priority] = spec.priority === undefined ? 0 : spec.priority + 1;
      settings[at + CLASS.weight] = spec.weight ?? 1;
      settings[at + CLASS.minCost] = spec.min === undefined ? 0 : cost(spec.min);
      settings[at + CLASS.maxCost] = spec.max === undefined ? 0 : cost(spec.max);
      settings[at + CLASS.limit] = spec.limit ?? 100_000;
      settings[at + CLASS.maxAge] = spec.maxAge ?? Number.POSITIVE_INFINITY;
      settings[at + CLASS.fair] = spec.fair === true ? FAIR.flows : FAIR.off;
      settings[at + CLASS.target] = 5;
      settings[at + CLASS.interval] = 100;
      memory += settings[at + CLASS.limit];
    });
    // Neither its region nor its settings are the first.
    const units = unitsOf(storeSize(settings, memory));
    const region = { memory: new SharedArrayBuffer(Slab.size(3 + units)), at: 3 };
    layOut(region, settings, memory);
    const slab = new Slab(region.memory);
    const all = new Float64Array(2 * QOS_ROW);
    all.set(settings, QOS_ROW);
    this.shaper = new Shaper(slab, all);
    this.shaper.select(slab, region.at, QOS_ROW);
    this.sent = classes.map(() => 0);
  }

  /** False = it was dropped. */
  push(c: number, bytes: number, flow = 0): boolean {
    const { shaper } = this;
    const frame = shaper.take(c, bytes, bytes);
    if (frame === 0) return false;
    shaper.store.words[frame * ENTRY_WORDS + ENTRY.flow] = flow;
    shaper.push(frame, this.clock);
    return true;
  }

  drain(): void {
    const { shaper, clock } = this;
    for (let frame = shaper.pop(clock); frame !== 0; frame = shaper.pop(clock)) {
      const { words, floats } = shaper.store;
      const at = frame * ENTRY_WORDS;
      this.sent[words[at + ENTRY.class]] += words[at + ENTRY.wire];
      this.left.push({
        at: clock[0],
        class: words[at + ENTRY.class],
        flow: words[at + ENTRY.flow],
        delay: clock[0] - floats[frame * ENTRY_FLOATS + ENTRY_TIME],
      });
      shaper.store.release(frame);
    }
  }

  /** Keeps these classes full for `ms`, looking every `step` ms. */
  greedy(ms: number, classes: readonly number[], bytes = 1000, step = 0.5): void {
    for (const end = this.clock[0] + ms; this.clock[0] < end; this.clock[0] += step) {
      for (const c of classes) while (this.shaper.framesOf(c) < 20) this.push(c, bytes, c);
      this.drain();
    }
  }
}

/** Bits a second. */
const rateOf = (bytes: number, ms: number) => (bytes * 8000) / ms;

describe('a rate', () => {
  test('is never exceeded by more than the burst and one frame, and never missed while frames wait', () => {
    const step = fc.record({
      ms: fc.double({ min: 0.01, max: 4, noNaN: true }),
      frames: fc.integer({ min: 0, max: 8 }),
    });
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 1000 }),
        fc.array(step, { minLength: 1, maxLength: 60 }),
        fc.integer({ min: 60, max: 9000 }),
        (mbit, steps, bytes) => {
          const rate = mbit * 1e6;
          const bench = new Bench(rate, [{ limit: 1e6 }]);
          const begin = bench.clock[0];
          for (const { ms, frames } of steps) {
            for (let n = 0; n < frames; n++) bench.push(0, bytes);
            bench.drain();
            const most = (rate / 8000) * (bench.clock[0] - begin + 5) + bytes;
            expect(bench.sent[0]).toBeLessThanOrEqual(most + 1e-3);
            if (!bench.shaper.isEmpty) {
              expect(bench.shaper.wakeAt[0]).toBeGreaterThan(bench.clock[0]);
              expect(bench.shaper.wakeAt[0]).toBeLessThanOrEqual(bench.clock[0] + bytes * cost(rate) + 1e-6);
            }
            bench.clock[0] += ms;
          }
        },
      ),
      { numRuns: 200 },
    );
  });

  test('is kept exactly by who wakes up late, as long as frames wait', () => {
    const bench = new Bench(8e6, [{ limit: 1e6 }]);
    for (let n = 0; n < 500; n++) bench.push(0, 1000);
    for (let n = 0; n < 10; n++, bench.clock[0] += 40) bench.drain();
    // 1 byte a us: 360 ms, and what a pause before left
    expect(bench.sent[0]).toBeGreaterThanOrEqual(360_000);
    expect(bench.sent[0]).toBeLessThanOrEqual(366_000);
  });

  test('makes up for no more than it is told to', () => {
    const bench = new Bench(8e6, [{ limit: 1e6 }], 5, 10);
    for (let n = 0; n < 500; n++) bench.push(0, 1000);
    for (let n = 0; n < 10; n++, bench.clock[0] += 40) bench.drain();
    // 10 ms of each 40, and a frame
    expect(bench.sent[0]).toBeGreaterThanOrEqual(95_000);
    expect(bench.sent[0]).toBeLessThanOrEqual(112_000);
  });

  test('gives memory back: a store that was full a hundred times is empty again', () => {
    const bench = new Bench(1e9, [{ limit: 100_000 }, { limit: 100_000, fair: true }]);
    for (let round = 0; round < 100; round++) {
      for (let n = 0; n < 500; n++) bench.push(n % 2, 40 + ((n * 977 + round) % 9000), n);
      while (!bench.shaper.isEmpty) {
        bench.clock[0] += 0.2;
        bench.drain();
      }
    }
    expect(bench.shaper.bytesOf(0)).toBe(0);
    expect(bench.shaper.bytesOf(1)).toBe(0);
    let free = 0;
    for (let frame = bench.shaper.store.take(2000); frame !== 0; frame = bench.shaper.store.take(2000))
      free++;
    expect(free).toBe(Math.ceil(200_000 / 1024) + 64);
  });
});

describe('classes', () => {
  test('share by weight, within a frame', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 2, maxLength: 8 }),
        fc.integer({ min: 64, max: 1500 }),
        (weights, bytes) => {
          const bench = new Bench(
            1e7,
            weights.map((weight) => ({ weight })),
            0,
          );
          bench.greedy(
            50,
            weights.map((_, c) => c),
            bytes,
            0.1,
          );
          const turns = weights.map((weight, c) => bench.sent[c] / weight);
          const least = Math.min(...weights);
          expect(Math.max(...turns) - Math.min(...turns)).toBeLessThanOrEqual((2 * bytes) / least + 1e-6);
        },
      ),
      { numRuns: 40 },
    );
  });

  test('get their minima, however many others are greedy, and share what is left', () => {
    const bench = new Bench(1e8, [{ min: 5e7 }, { weight: 1 }, { weight: 1 }, { weight: 1 }, { weight: 1 }]);
    bench.greedy(400, [0, 1, 2, 3, 4]);
    expect(rateOf(bench.sent[0], 400) / 5e7).toBeGreaterThan(0.97);
    expect(rateOf(bench.sent[0], 400) / 5e7).toBeLessThan(1.05);
    expect(rateOf(bench.sent[1], 400) / 1.25e7).toBeGreaterThan(0.95);
    // Nobody else is there any more: it gets all.
    const before = bench.sent[1];
    bench.greedy(100, [1]);
    expect(rateOf(bench.sent[1] - before, 100)).toBeGreaterThan(7e7);
  });

  test('do not exceed their ceiling, and others get what is left', () => {
    const bench = new Bench(1e8, [{ max: 1e7 }, {}]);
    bench.greedy(400, [0, 1]);
    expect(rateOf(bench.sent[0], 400) / 1e7).toBeLessThan(1.03);
    expect(rateOf(bench.sent[0], 400) / 1e7).toBeGreaterThan(0.98);
    expect(rateOf(bench.sent[1], 400) / 9e7).toBeGreaterThan(0.98);
  });

  test('with a priority go before all others, and the higher first', () => {
    const bench = new Bench(1e7, [{ weight: 100, min: 9e6 }, { priority: 1 }, { priority: 5 }]);
    for (const c of [0, 1, 2]) for (let n = 0; n < 3; n++) bench.push(c, 1000);
    for (let n = 0; n < 100; n++, bench.clock[0] += 0.5) bench.drain();
    expect(bench.left.map((one) => one.class)).toEqual([2, 2, 2, 1, 1, 1, 0, 0, 0]);
  });

  test('drop what does not fit, and what has waited too long', () => {
    const bench = new Bench(8e6, [{ limit: 5000, maxAge: 3 }]);
    expect([1, 2, 3, 4, 5, 6, 7].map(() => bench.push(0, 1000))).toEqual([
      true,
      true,
      true,
      true,
      true,
      false,
      false,
    ]);
    expect(bench.shaper.full).toBe(2);
    bench.clock[0] += 4;
    bench.drain();
    expect(bench.sent[0]).toBe(0);
    expect(bench.shaper.late).toBe(5);
    expect(bench.shaper.tally(0, TALLY.late)).toBe(5);
    expect(bench.shaper.isEmpty).toBe(true);
  });
});

describe('a fair class', () => {
  test('gives each flow its share, and a thin one no delay', () => {
    const bench = new Bench(1e7, [{ fair: true, limit: 1e6 }]);
    let thin = 0;
    for (let ms = 0; ms < 400; ms++, bench.clock[0] += 1) {
      for (let n = 0; n < 4; n++) bench.push(0, 1000, 7);
      if (ms % 20 === 0) {
        bench.push(0, 100, 9);
        thin++;
      }
      bench.drain();
    }
    const delays = bench.left.filter(({ flow }) => flow === 9).map(({ delay }) => delay);
    expect(delays.length).toBe(thin);
    expect(Math.max(...delays)).toBeLessThan(4);
  });

  test('drops from the flow that fills the queue', () => {
    const bench = new Bench(1e6, [{ fair: true, limit: 20_000 }]);
    for (let n = 0; n < 100; n++) bench.push(0, 1000, 7);
    expect(bench.push(0, 1000, 9)).toBe(true);
    expect(bench.shaper.full).toBe(81);
    for (let n = 0; n < 300; n++, bench.clock[0] += 1) bench.drain();
    expect(bench.left.filter(({ flow }) => flow === 9).length).toBe(1);
  });

  test('takes it from each that floods in the same measure, and nothing from who does not', () => {
    const bench = new Bench(1e6, [{ fair: true, limit: 40_000 }]);
    expect(bench.push(0, 1000, 8)).toBe(true);
    for (let n = 0; n < 40; n++) bench.push(0, 1000, 7);
    for (let n = 0; n < 300; n++) for (const flow of [7, 7, 7, 9]) bench.push(0, 1000, flow);
    for (let n = 0; n < 400; n++, bench.clock[0] += 1) bench.drain();
    const count = (wanted: number) => bench.left.filter(({ flow }) => flow === wanted).length;
    expect(count(8)).toBe(1);
    // Half of 39, but for what CoDel drops of a standing queue.
    expect(Math.min(count(7), count(9))).toBeGreaterThan(14);
  });

  test('keeps a standing queue short: CoDel', () => {
    // Twice the rate without end: the more is dropped, the longer it lasts.
    const bench = new Bench(1e7, [{ fair: true, limit: 4e6 }]);
    const drops: number[] = [];
    for (let ms = 0; ms < 4000; ms++, bench.clock[0] += 1) {
      for (let n = 0; n < 2; n++) bench.push(0, 1000, 7);
      bench.drain();
      if (ms % 1000 === 999) drops.push(bench.shaper.late);
    }
    expect(drops[0]).toBeGreaterThan(3);
    const each = drops.map((count, n) => count - (drops[n - 1] ?? 0));
    for (let n = 1; n < each.length; n++) expect(each[n]).toBeGreaterThan(each[n - 1]);
    expect(bench.shaper.tally(0, TALLY.late)).toBe(bench.shaper.late);
  });
});
