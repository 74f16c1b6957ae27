import type { BenchOptions } from './bench.ts';

/** What a round costs beyond its traffic: starting both ends, reading counters, letting frames arrive. */
const OVERHEAD_S = 0.45;
const SETUP_S = 3;

/** Seconds that so many pairs of (work, contender) take, warm-up included. */
export function estimate(
  { rounds, seconds }: Pick<BenchOptions, 'rounds' | 'seconds'>,
  pairs: number,
): number {
  return SETUP_S + pairs * (rounds * (seconds + OVERHEAD_S) + Math.min(1, seconds) + OVERHEAD_S);
}
