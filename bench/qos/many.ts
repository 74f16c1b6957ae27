// What many shaped ports cost: idle beside others, and busy, in the engine alone.

import type { BenchOptions, Outcome, Result } from '../bench.ts';
import { Lab } from '../lab.ts';
import { TurnTaker } from '../measuring.ts';
import { median, medianInterval, ratios } from '../statistics.ts';

/** Of fresh engines, 20 ms each. */
const TURNS = 15;
const ROUNDS_OF_A_SET = 3;
const IDLE = 1.02;
const BUSY = 1.1;

export function manyDuration({ rounds, quick }: { rounds: number; quick: boolean }): number {
  return (quick ? 1 : Math.ceil(rounds / ROUNDS_OF_A_SET)) * 4 * (3 + TURNS * 0.06);
}

export async function many(options: BenchOptions): Promise<Outcome> {
  const idle = await compared(options, ['idle', 0], ['idle', 1000]);
  const busy = await compared(options, ['busy', 10], ['busy', 1000]);
  return {
    results: [
      resultOf(
        'a frame to a port that is not shaped, beside 1,000 idle shaped ones / beside none',
        idle,
        IDLE,
      ),
      resultOf('a frame that waits, 1,000 shaped ports / 10', busy, BUSY),
    ],
  };
}

/** The second best of the turns: what else the machine does only adds. */
function undisturbed(turns: readonly number[]): number {
  return [...turns].sort((a, b) => a - b)[Math.min(1, turns.length - 1)];
}

type Load = readonly ['idle' | 'busy', ports: number];

async function compared({ rounds, quick, say }: BenchOptions, ...loads: Load[]): Promise<number[][]> {
  const sets = quick ? 1 : Math.ceil(rounds / ROUNDS_OF_A_SET);
  const times: number[][] = loads.map(() => []);
  for (let set = 0; set < sets; set++) {
    say(`${loads[1][1]} shaped ports, ${loads[1][0]}: ${set + 1} of ${sets}`);
    const lab = new Lab();
    try {
      const engines: TurnTaker[] = [];
      for (const [what, ports] of loads) engines.push(await TurnTaker.withShapers(lab, what, ports));
      const turns: number[][] = loads.map(() => []);
      for (let turn = 0; turn < TURNS; turn++)
        for (let n = 0; n < loads.length; n++) {
          const at = (n + turn) % loads.length;
          turns[at].push(await engines[at].turn());
        }
      for (const [n, own] of turns.entries()) times[n].push(undisturbed(own));
    } finally {
      lab.close();
    }
  }
  return times;
}

function resultOf(what: string, [few, all]: readonly (readonly number[])[], atMost: number): Result {
  const each = ratios(all, few);
  return {
    what,
    value: median(each),
    unit: 'times',
    interval: medianInterval(each),
    expected: { atMost },
    detail: `${median(all).toFixed(1)} and ${median(few).toFixed(1)} ns, engine alone`,
  };
}
