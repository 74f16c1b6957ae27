// Contenders in turns, and each round in the other order than the one before: a machine that gets slower or warmer
// meanwhile is unfair to all alike.

import type { BenchOptions } from './bench.ts';
import type { Contender } from './tap_pair.ts';

export async function alternate<T>(
  contenders: readonly Contender[],
  { rounds, say }: BenchOptions,
  run: (contender: Contender) => Promise<T>,
): Promise<Record<Contender['name'], T[]>> {
  const results: Record<Contender['name'], T[]> = { taploom: [], pump: [] };
  for (let round = 0; round < rounds; round++) {
    say(`round ${round + 1} of ${rounds}`);
    for (const one of round % 2 === 0 ? contenders : [...contenders].reverse()) {
      results[one.name].push(await run(one));
    }
  }
  return results;
}
