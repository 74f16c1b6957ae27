// Latencies of a trial: a histogram with buckets of 1.6 %, filled by native/tester_receive.c. Minimum, mean and maximum
// are exact, percentiles as exact as a bucket is wide.

import { BUCKETS, SUB_BUCKETS } from '../sys/tester.ts';

/** Microseconds. */
export interface LatencySummary {
  frames: number;
  minUs: number;
  meanUs: number;
  p50Us: number;
  p99Us: number;
  maxUs: number;
}

export interface Latencies {
  received: number;
  minNs: number;
  maxNs: number;
  sumNs: number;
  histogram: Float64Array;
}

/** Smallest value, in ns, that falls into a bucket. */
export function bucketStart(bucket: number): number {
  if (bucket < SUB_BUCKETS) return bucket;
  const shift = Math.floor(bucket / SUB_BUCKETS) - 1;
  return (bucket - shift * SUB_BUCKETS) * 2 ** shift;
}

/** Of several streams together; undefined if nothing arrived. */
export function summarize(streams: readonly Latencies[]): LatencySummary | undefined {
  const arrived = streams.filter(({ received }) => received > 0);
  const frames = arrived.reduce((sum, { received }) => sum + received, 0);
  if (frames === 0) return undefined;
  const min = Math.min(...arrived.map(({ minNs }) => minNs));
  const max = Math.max(...arrived.map(({ maxNs }) => maxNs));
  const percentile = (share: number) => {
    let left = Math.ceil(frames * share);
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      left -= arrived.reduce((sum, { histogram }) => sum + histogram[bucket], 0);
      // the middle of the bucket, which may lie beyond what was seen
      if (left <= 0) return Math.min(max, Math.max(min, (bucketStart(bucket) + bucketStart(bucket + 1)) / 2));
    }
    return max;
  };
  return {
    frames,
    minUs: us(min),
    meanUs: us(arrived.reduce((sum, { sumNs }) => sum + sumNs, 0) / frames),
    p50Us: us(percentile(0.5)),
    p99Us: us(percentile(0.99)),
    maxUs: us(max),
  };
}

function us(nanoseconds: number): number {
  return Math.round(nanoseconds) / 1000;
}
