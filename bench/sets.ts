// Sets of fresh engines of one family, which take turns: by where its memory lies, an engine is slow or fast for its whole life. The
// first of a family is what the others are compared with.

import type { Result } from './bench.ts';
import { Lab } from './lab.ts';
import type { TurnTaker } from './measuring.ts';
import { median, medianInterval } from './statistics.ts';

const TURNS = 15;
/** A set takes most of a minute, so that one counts as so many rounds. */
const ROUNDS_OF_A_SET = 3;

/** How much `--rounds` and `--quick` come to. */
export function amounts({ rounds, quick }: { rounds: number; quick: boolean }): {
  sets: number;
  turns: number;
} {
  return quick ? { sets: 1, turns: 1 } : { sets: Math.ceil(rounds / ROUNDS_OF_A_SET), turns: TURNS };
}

/** ns of each engine of a set, the median of its turns. */
export async function oneSet(
  open: readonly ((lab: Lab) => Promise<TurnTaker>)[],
  turns: number,
): Promise<number[]> {
  const lab = new Lab();
  try {
    const engines: TurnTaker[] = [];
    for (const one of open) engines.push(await one(lab));
    const times: number[][] = engines.map(() => []);
    for (let turn = 0; turn < turns; turn++) {
      for (let n = 0; n < engines.length; n++) {
        const engine = (n + turn) % engines.length;
        times[engine].push(await engines[engine].turn());
      }
    }
    return times.map(median);
  } finally {
    lab.close();
  }
}

/** Of each engine of a family to the first. @param times by set, as `oneSet` has them */
export function differences(
  family: readonly { name: string; plain?: string; atMost?: number }[],
  times: readonly (readonly number[])[],
  unit: string,
): Result[] {
  const typical = (n: number) => median(times.map((set) => set[n])).toFixed(1);
  return family.slice(1).map(({ name, plain, atMost }, before) => {
    const more = times.map((set) => set[before + 1] - set[0]);
    return {
      what: `${name}: more than ${plain}`,
      value: median(more),
      unit,
      interval: medianInterval(more),
      ...(atMost !== undefined && { expected: { atMost } }),
      detail: `${typical(before + 1)} and ${typical(0)} ns`,
    };
  });
}
