// What a second worker brings where both directions of a pair are busy, so that each worker has a port to receive from:
// TCP both ways at once. Every number of workers has the same CPUs to itself, if there are enough.

import { Arena } from './arena.ts';
import type { Bench, CurveChart, Outcome } from './bench.ts';
import { join } from './compare.ts';
import { taploomWith } from './contenders/taploom.ts';
import { CPUS, cpusBeside, cpusFor } from './cpus.ts';
import { estimate } from './estimate.ts';
import { median, medianInterval, ratios } from './statistics.ts';
import { sendTcp } from './traffic/iperf.ts';

const COUNTS = [1, 2];
const MOST = Math.max(...COUNTS);
/** CPUs: both ends of TCP want one each, too. With fewer, workers and hosts share them, and nothing is promised. */
const ENOUGH = 4;
const AT_LEAST = 1.6;

export const workers: Bench = {
  name: 'workers',
  question: 'How much more passes between two TAPs with two workers than with one?',
  duration: (options) => estimate(options, COUNTS.length),
  async run(options) {
    const kinds = COUNTS.map((count) => taploomWith(String(count), { workers: count, cpus: cpusFor(MOST) }));
    const arena = await Arena.open(kinds, {}, { ...options, peers: [] });
    try {
      const rounds = await arena.alternate('workers', options, async (lab, { hosts }, seconds) => {
        return { ...(await sendTcp(lab, hosts, seconds, { bothWays: true, cpus: cpusBeside(MOST) })) };
      });
      const gbits = COUNTS.map((count) =>
        (rounds.samples.get(String(count)) ?? []).map(({ values }) => values.gbits ?? Number.NaN),
      );
      const failed = [...rounds.failed].map(([count, why]) => `${count} workers: ${why}`);
      return join([{ notes: [...arena.notes, ...failed] }, report(gbits)]);
    } finally {
      arena.close();
    }
  },
};

/** Of Gb/s for each number of workers, NaN for a round that failed; its pair is left out. */
export function report(all: number[][], cpus = CPUS): Outcome {
  const what = 'TCP, both directions at once: 2 workers / 1';
  const expected = cpus >= ENOUGH ? { atLeast: AT_LEAST } : undefined;
  const pairs = Math.max(...all.map((one) => one.length));
  const whole = Array.from({ length: pairs }, (_, n) => n).filter((n) =>
    all.every((one) => Number.isFinite(one[n])),
  );
  if (whole.length === 0) {
    const why = 'no pair of rounds succeeded';
    if (expected === undefined) return { results: [], notes: [`${what}: ${why}.`] };
    return { results: [], unmeasured: [{ what, unit: 'times', expected, why }] };
  }
  const gbits = all.map((one) => whole.map((n) => one[n]));
  const failed = pairs - whole.length;
  const each = ratios(gbits[1], gbits[0]);
  const chart: CurveChart = {
    name: 'workers',
    what: 'Workers',
    x: 'workers',
    unit: 'Gb/s of TCP, both directions together',
    curves: [
      {
        name: 'Taploom',
        points: COUNTS.map((x, n) => ({
          x,
          median: median(gbits[n]),
          interval: medianInterval(gbits[n]),
          rounds: gbits[n],
        })),
      },
    ],
  };
  const result = {
    what,
    value: median(each),
    unit: 'times',
    interval: medianInterval(each),
    expected,
    detail:
      `${gbits.map((one) => median(one).toFixed(1)).join(' to ')} Gb/s on ${cpus} CPUs` +
      (failed > 0 ? `; ${failed} of ${pairs} pairs are left out, because a round failed` : ''),
  };
  return { results: [result], curves: [chart] };
}
