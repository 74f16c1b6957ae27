// The seed of a random test: the same in every run, so that what failed fails again and what passed passes. `npm run test:long` tries others.

/** @param told by whoever repeats a failure: an environment variable of the test's own */
export function seedOf(told: string | undefined): number {
  if (told !== undefined) return Number(told);
  return process.env.TAPLOOM_SEEDS === 'fresh' ? Date.now() % 2 ** 31 : 1;
}
