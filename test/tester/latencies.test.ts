import fc from 'fast-check';
import { expect, test } from 'vitest';
import { BUCKETS, bucketOf } from '../../src/sys/tester.ts';
import { bucketStart, summarize } from '../../src/tester/latencies.ts';

/** What a receiver would hand over. */
function stream(nanoseconds: readonly number[]) {
  const histogram = new Float64Array(BUCKETS);
  for (const value of nanoseconds) histogram[bucketOf(value)]++;
  return {
    received: nanoseconds.length,
    minNs: Math.min(...nanoseconds),
    maxNs: Math.max(...nanoseconds),
    sumNs: nanoseconds.reduce((sum, value) => sum + value, 0),
    histogram,
  };
}

test('native code and this code mean the same bucket, and none is wider than 1.6 %', () => {
  for (let bucket = 0; bucket < 34 * 64; bucket++) {
    const [start, next] = [bucketStart(bucket), bucketStart(bucket + 1)];
    expect(bucketOf(start)).toBe(bucket);
    expect(bucketOf(next - 1)).toBe(bucket);
    expect(next - start).toBeLessThanOrEqual(Math.max(1, start / 64));
  }
  expect(bucketOf(-5)).toBe(0);
  expect(bucketOf(1e15)).toBe(BUCKETS - 1);
});

test('minimum, mean and maximum are exact, percentiles as exact as a bucket', () => {
  const latency = fc.integer({ min: 1, max: 2_000_000_000 });
  fc.assert(
    fc.property(fc.array(latency, { minLength: 1, maxLength: 300 }), (values) => {
      const result = summarize([stream(values)]);
      const sorted = [...values].sort((a, b) => a - b);
      const exact = (share: number) => sorted[Math.ceil(sorted.length * share) - 1] / 1000;
      expect(result?.minUs).toBeCloseTo(sorted[0] / 1000, 3);
      expect(result?.maxUs).toBeCloseTo(sorted[sorted.length - 1] / 1000, 3);
      expect(result?.frames).toBe(values.length);
      for (const [found, wanted] of [
        [result?.p50Us, exact(0.5)],
        [result?.p99Us, exact(0.99)],
      ] as const) {
        expect(Math.abs((found ?? 0) - wanted)).toBeLessThanOrEqual(wanted * 0.016 + 0.001);
      }
    }),
  );
});

test('two directions count together, and silence has no latency', () => {
  const result = summarize([stream([1000, 1000, 1000]), stream([5000])]);
  expect(result).toMatchObject({ frames: 4, minUs: 1, meanUs: 2, maxUs: 5 });
  expect(summarize([{ ...stream([1]), received: 0 }])).toBeUndefined();
});
