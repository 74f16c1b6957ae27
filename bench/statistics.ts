// Medians, and how sure one may be of them: the bootstrap draws the samples again, with replacement, 2,000 times.

const DRAWS = 2000;

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** 95 % interval of `statistic`, which gets the indices of the drawn samples. The same samples give the same interval. */
export function bootstrap(samples: number, statistic: (drawn: number[]) => number): [number, number] {
  const random = generator();
  const results = Array.from({ length: DRAWS }, () =>
    statistic(Array.from({ length: samples }, () => Math.floor(random() * samples))),
  ).sort((a, b) => a - b);
  return [results[Math.floor(0.025 * DRAWS)], results[Math.ceil(0.975 * DRAWS) - 1]];
}

export function medianInterval(values: readonly number[]): [number, number] {
  return bootstrap(values.length, (drawn) => median(drawn.map((n) => values[n])));
}

/** Ratio of two medians; rounds are drawn as pairs, because both of a pair saw the same moods of the machine. */
export function ratioInterval(ours: readonly number[], theirs: readonly number[]): [number, number] {
  return bootstrap(
    ours.length,
    (drawn) => median(drawn.map((n) => ours[n])) / median(drawn.map((n) => theirs[n])),
  );
}

/** xorshift32, 0 <= x < 1. */
export function generator(seed = 0x2545_f491): () => number {
  let x = seed;
  return () => {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    return (x >>> 0) / 2 ** 32;
  };
}
