import { describe, expect, test } from 'vitest';
import { median, medianInterval, ratios } from '../../bench/statistics.ts';

describe('the median', () => {
  test('is the middle value, or the mean of the two in the middle', () => {
    expect(median([9, 1, 5])).toBe(5);
    expect(median([9, 1, 5, 7])).toBe(6);
  });

  test('does not change its argument', () => {
    const values = [3, 1, 2];
    median(values);
    expect(values).toEqual([3, 1, 2]);
  });
});

describe('the bootstrap interval', () => {
  // A normal distribution's quantiles: mean 100, deviation 10, 15 samples.
  const samples = [
    81.7, 88.5, 90.5, 92.9, 95.1, 96.8, 98.4, 100, 101.6, 103.2, 104.9, 107.1, 109.5, 111.5, 118.3,
  ];

  test('contains the median and is about as wide as theory says', () => {
    const [low, high] = medianInterval(samples);
    // The median's deviation is 1.2533 times the mean's, 10 / sqrt(15): 95 % are +-1.96 of that.
    expect(low).toBeLessThan(100);
    expect(high).toBeGreaterThan(100);
    expect(high - low).toBeGreaterThan(8);
    expect(high - low).toBeLessThan(19);
  });

  test('is the same for the same samples', () => {
    expect(medianInterval(samples)).toEqual(medianInterval(samples));
  });

  test('of equal samples is a point', () => {
    expect(medianInterval([4, 4, 4])).toEqual([4, 4]);
  });
});

test('ratios are made round by round, so that a drift of the machine cancels out', () => {
  const theirs = [100, 80, 60, 40];
  const ours = theirs.map((value) => value * 1.1);
  expect(ratios(ours, theirs).map((ratio) => ratio.toFixed(3))).toEqual(Array(4).fill('1.100'));
  expect(ratios([1, 2], [1])).toEqual([1]);
});
