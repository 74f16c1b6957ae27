// What a second worker brings where both directions of a pair are busy, so that each worker has a port to receive from:
// TCP both ways at once. Every number of workers has the same CPUs to itself, if there are enough.

import { Arena } from './arena.ts';
import type { Bench, CurveChart, Outcome } from './bench.ts';
import { taploomWith } from './contenders/taploom.ts';
import { CPUS, cpusFor } from './cpus.ts';
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
        return { ...(await sendTcp(lab, hosts, seconds, { bothWays: true })) };
      });
      const gbits = COUNTS.map((count) =>
        (rounds.samples.get(String(count)) ?? []).map(({ values }) => values.gbits),
      );
      const failed = [...rounds.failed].map(([count, why]) => `${count} workers: ${why}`);
      const notes = [...arena.notes, ...failed];
      if (failed.length > 0 || !gbits.flat().every(Number.isFinite)) return { results: [], notes };
      return { ...report(gbits), notes };
    } finally {
      arena.close();
    }
  },
};

function report(gbits: number[][]): Outcome {
  const each = ratios(gbits[1], gbits[0]);
  const chart: CurveChart = {
    name: 'workers',
    what: 'Workers',
    x: 'workers',
    unit: 'Gb/s of TCP, both directions together',
    curves: [
      {
        name: 'Taploom',
        points: COUNTS.map((x, n) => ({ x, median: median(gbits[n]), interval: medianInterval(gbits[n]) })),
      },
    ],
  };
  const result = {
    what: 'TCP, both directions at once: 2 workers / 1',
    value: median(each),
    unit: 'times',
    interval: medianInterval(each),
    expected: CPUS >= ENOUGH ? { atLeast: AT_LEAST } : undefined,
    detail: `${gbits.map((one) => median(one).toFixed(1)).join(' to ')} Gb/s on ${CPUS} CPUs`,
  };
  return { results: [result], curves: [chart] };
}
