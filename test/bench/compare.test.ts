import { describe, expect, test } from 'vitest';
import type { Rounds, Sample } from '../../bench/arena.ts';
import { isReached } from '../../bench/bench.ts';
import { type Comparison, compare, describe as tell } from '../../bench/compare.ts';

const sample = (value: number, rest: Partial<Sample> = {}): Sample => ({
  values: { kpps: value },
  cpuNs: 1e9,
  forwarded: 1000,
  switchShare: 1,
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

  const failed = { ...sample(0), values: {} };

  test('counts a failed round of Taploom as the worst: no traffic, or a time over all bounds', () => {
    const all = { Taploom: [sample(4), failed, failed], 'C pump': [sample(2), sample(2), sample(2)] };
    const more = compare(rounds(all), comparison);
    expect(more.results[0]).toMatchObject({
      value: 0,
      detail: expect.stringContaining('2 of 3 rounds of Taploom failed'),
    });
    expect(more.bars[0].bars[0]).toMatchObject({
      median: 0,
      rounds: [4, 'failed', 'failed'],
      note: expect.stringContaining('2 of 3 rounds failed'),
    });
    const less = compare(rounds(all), { ...comparison, better: 'less' });
    expect(less.results[0].value).toBeGreaterThan(100);
    expect(isReached(less.results[0])).toBe(false);
    expect(JSON.stringify([more, less])).not.toContain('null');
  });

  test.each(['more', 'less'] as const)(
    'where %s is better, gains nothing from a peer whose rounds mostly fail',
    (better) => {
      const all = { Taploom: [sample(1), sample(1), sample(1)], 'C pump': [failed, sample(2), failed] };
      const { results, bars } = compare(rounds(all), { ...comparison, better });
      expect(results[0]).toMatchObject({
        value: 0.5,
        interval: [0.5, 0.5],
        detail: '1.00 and 2.00 kpps; 2 of 3 rounds of C pump failed, which are left out',
      });
      expect(bars[0].bars[1]).toMatchObject({
        median: 2,
        note: expect.stringContaining('2 of 3 rounds failed'),
      });
    },
  );

  test('says of a promise that it is not measured when no round of the peer succeeded', () => {
    const all = { Taploom: [sample(1)], 'C pump': [failed] };
    const { results, unmeasured } = compare(rounds(all), comparison);
    expect(results).toEqual([]);
    expect(unmeasured).toEqual([
      {
        what: 'UDP: Taploom / C pump',
        unit: 'times',
        expected: { atLeast: 0.97 },
        why: 'C pump: no round of it succeeded',
      },
    ]);
  });

  test('shows a contender that passes no traffic, and no ratio to it', () => {
    const { results, unmeasured, bars } = compare(
      rounds({ Taploom: [sample(1)] }, { 'C pump': 'it stalls' }),
      comparison,
    );
    expect(bars[0].bars[1]).toMatchObject({
      name: 'C pump',
      median: 0,
      note: 'passes no traffic: it stalls',
    });
    expect(results).toEqual([]);
    expect(unmeasured).toMatchObject([{ why: 'C pump: it stalls' }]);
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

  test('says that the generator is the limit if the switch had time left and lost nothing', () => {
    const left = { switchShare: 0.5 };
    expect(tell([sample(1, left)], true)).toBe('switch 50 % of a CPU, limited by the generator');
    expect(tell([sample(1, left)], false)).toBe('switch 50 % of a CPU');
    expect(tell([sample(1)], true)).toBe('switch 100 % of a CPU');
    const lossy = { ...left, lostInQueue: 100, values: { kpps: 1, received: 900 } };
    expect(tell([sample(1, lossy)], true)).not.toContain('generator');
    expect(tell([sample(1, { ...left, cpuNs: 0 })], true)).toBe('');
  });

  test('says how many questions had no answer', () => {
    const asked = { values: { samples: 1000, lost: 3 } };
    expect(tell([sample(1, asked), sample(1, asked)], false)).toContain(
      '6 of 2,000 questions without an answer',
    );
  });
});
