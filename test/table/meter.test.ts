import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  GREEN,
  METER,
  METER_STATE,
  METER_STATE_WORDS,
  METER_WORDS,
  meter,
  RED,
  YELLOW,
} from '../../src/table/meter.ts';

/** RFC 2698, section 3, colour-blind, word for word: buckets of tokens. */
class Model {
  private tc: number;
  private tp: number;
  private last = 0;
  private readonly rates: { cir: number; cbs: number; pir: number; pbs: number };

  /** Bytes a ms, and bytes. */
  constructor(rates: { cir: number; cbs: number; pir: number; pbs: number }) {
    this.rates = rates;
    this.tc = rates.cbs;
    this.tp = rates.pbs;
  }

  colour(now: number, bytes: number): number {
    const { cir, cbs, pir, pbs } = this.rates;
    this.tc = Math.min(cbs, this.tc + (now - this.last) * cir);
    this.tp = Math.min(pbs, this.tp + (now - this.last) * pir);
    this.last = now;
    if (this.tp - bytes < 0) return RED;
    this.tp -= bytes;
    if (this.tc - bytes < 0) return YELLOW;
    this.tc -= bytes;
    return GREEN;
  }
}

describe('the meter of RFC 2698', () => {
  test('gives every packet the colour that buckets of tokens give it', () => {
    const packet = fc.record({
      ms: fc.integer({ min: 0, max: 50 }),
      bytes: fc.integer({ min: 1, max: 9000 }),
    });
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 1000 }),
        fc.integer({ min: 1, max: 3 }),
        fc.integer({ min: 1, max: 20_000 }),
        fc.integer({ min: 1, max: 20_000 }),
        fc.array(packet, { maxLength: 80 }),
        (cir, times, cbs, pbs, packets) => {
          // Powers of two apart from cir, so that both sides round alike.
          const rates = { cir, cbs, pir: cir * times, pbs };
          const model = new Model(rates);
          const settings = new Float64Array(METER_WORDS);
          settings[METER.cost] = 1 / cir;
          settings[METER.burst] = cbs / cir;
          settings[METER.peakCost] = 1 / rates.pir;
          settings[METER.peakBurst] = pbs / rates.pir;
          const state = new Float64Array(METER_STATE_WORDS);
          const clock = new Float64Array(1);
          const colours = [0, 0, 0];
          for (const { ms, bytes } of packets) {
            clock[0] += ms;
            const colour = meter(settings, 0, state, 0, bytes, clock);
            colours[colour]++;
            expect(colour).toBe(model.colour(clock[0], bytes));
          }
          expect([...state.subarray(METER_STATE.green, METER_STATE.red + 1)]).toEqual(colours);
        },
      ),
      { numRuns: 300 },
    );
  });

  test('without a peak rate knows no yellow', () => {
    const settings = new Float64Array(METER_WORDS);
    settings[METER.cost] = 1;
    settings[METER.burst] = 10;
    const state = new Float64Array(METER_STATE_WORDS);
    const clock = new Float64Array([5]);
    const colours = Array.from({ length: 12 }, () => meter(settings, 0, state, 0, 1, clock));
    expect(colours).toEqual([...new Array(10).fill(GREEN), RED, RED]);
    clock[0] += 2;
    expect([1, 2, 3].map(() => meter(settings, 0, state, 0, 1, clock))).toEqual([GREEN, GREEN, RED]);
  });
});
