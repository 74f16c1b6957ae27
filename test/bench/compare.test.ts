import { describe, expect, test } from 'vitest';
import type { Rounds, Sample } from '../../bench/arena.ts';
import { isReached } from '../../bench/bench.ts';
import { type Comparison, compare, describe as tell } from '../../bench/compare.ts';

const sample = (value: number, rest: Partial<Sample> = {}): Sample => ({
  values: { kpps: value },
  cpuNs: 1e9,
  forwarded: 1000,
  switchShare: 1,
  switchCpuBusy: 1,
  senderCpuBusy: 1,
  sent: 1000,
  lostInQueue: 0,
  lostInSwitch: 0,
  drops: {},
  ...rest,
});

const rounds = (samples: Record<string, Sample[]>, failed: Record<string, string> = {}): Rounds => ({
  samples: new Map(Object.entries(samples)),
  failed: new Map(Object.entries(failed)),
});

const comparison: Comparison = {
  name: 'udp',
  what: 'UDP',
  unit: 'kpps',
  better: 'more',
  metric: ({ values }) => values.kpps,
  expected: { 'C pump': 0.97 },
};

describe('a comparison', () => {
  test('has a bar for each contender and a ratio for each peer of whom something is expected', () => {
    const all = { Taploom: [sample(110), sample(55)], 'C pump': [sample(100), sample(50)], VDE: [sample(1)] };
    const { results, bars } = compare(rounds(all), comparison);
    expect(bars[0].bars.map(({ name, median }) => [name, median])).toEqual([
      ['Taploom', 82.5],
      ['C pump', 75],
      ['VDE', 1],
    ]);
    expect(results).toHaveLength(1);
    expect(results[0]).toMatchObject({ what: 'UDP: Taploom / C pump', expected: { atLeast: 0.97 } });
    expect(results[0].value).toBeCloseTo(1.1);
  });

  test('turns the bound around where less is better', () => {
    const all = { Taploom: [sample(2)], 'C pump': [sample(1)] };
    const [result] = compare(rounds(all), { ...comparison, better: 'less' }).results;
    expect(result).toMatchObject({ value: 2, expected: { atMost: 0.97 } });
  });

  test('counts a failed round as no traffic, and leaves it out of times', () => {
    const all = { Taploom: [sample(4), sample(4)], 'C pump': [sample(2), { ...sample(0), values: {} }] };
    const more = compare(rounds(all), comparison).bars[0].bars[1];
    expect(more).toMatchObject({ median: 1, note: expect.stringContaining('1 of 2 rounds failed') });
    const less = compare(rounds(all), { ...comparison, better: 'less' }).bars[0].bars[1];
    expect(less.median).toBe(2);
  });

  test('shows a contender that passes no traffic, without a ratio', () => {
    const { results, bars } = compare(
      rounds({ Taploom: [sample(1)] }, { 'C pump': 'it stalls' }),
      comparison,
    );
    expect(bars[0].bars[1]).toMatchObject({
      name: 'C pump',
      median: 0,
      note: 'passes no traffic: it stalls',
    });
    expect(results).toEqual([]);
  });
});

test('a failure of Taploom misses what was promised', () => {
  const alone = rounds({ 'C pump': [sample(1)] }, { Taploom: 'it stalls' });
  for (const better of ['more', 'less'] as const) {
    const [result] = compare(alone, { ...comparison, better }).results;
    expect(isReached(result), better).toBe(false);
  }
});

describe('a note', () => {
  test('says where frames were lost', () => {
    const lossy = sample(1, { lostInQueue: 100, lostInSwitch: 50, drops: { egress_full: 50 } });
    expect(tell([lossy], true)).toBe(
      "switch 100 % of a CPU, 10.0 % lost in the sender's queue, 5.0 % lost in the switch, 50 dropped: egress_full",
    );
  });

  test('says that the generator is the limit if the switch had time left and the generator had not', () => {
    const left = { switchCpuBusy: 0.6, switchShare: 0.5 };
    expect(tell([sample(1, left)], true)).toBe('switch 50 % of a CPU, limited by the generator');
    expect(tell([sample(1, { ...left, senderCpuBusy: 0.6 })], true)).toBe('switch 50 % of a CPU');
    expect(tell([sample(1, left)], false)).toBe('switch 50 % of a CPU');
    expect(tell([sample(1)], true)).toBe('switch 100 % of a CPU');
  });
});
