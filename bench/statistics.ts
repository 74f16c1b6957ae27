// Medians, and how sure one may be of them: the bootstrap draws the samples again, with replacement, 2,000 times.

const DRAWS = 2000;

/** 95 % of what the bootstrap drew lies between the two. */
export type Interval = [low: number, high: number];

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** Of the median. The same samples give the same interval. */
export function medianInterval(values: readonly number[]): Interval {
  const random = generator();
  const drawn = Float64Array.from({ length: values.length });
  const medians = Array.from({ length: DRAWS }, () => {
    for (let i = 0; i < drawn.length; i++) drawn[i] = values[Math.floor(random() * values.length)];
    return median([...drawn]);
  }).sort((a, b) => a - b);
  return [medians[Math.floor(0.025 * DRAWS)], medians[Math.ceil(0.975 * DRAWS) - 1]];
}

/** Round by round, because both of a pair saw the same moods of the machine. */
export function ratios(ours: readonly number[], theirs: readonly number[]): number[] {
  return Array.from({ length: Math.min(ours.length, theirs.length) }, (_, n) => ours[n] / theirs[n]);
}

/** xorshift32, 0 <= x < 1. */
function generator(seed = 0x2545_f491): () => number {
  let x = seed;
  return () => {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    return (x >>> 0) / 2 ** 32;
  };
}
