// What rounds of several contenders say: a bar for each, and Taploom's ratio to those of whom something is expected.

import type { Rounds, Sample } from './arena.ts';
import type { Bar, Expected, Outcome, Result } from './bench.ts';
import { TAPLOOM } from './contenders/taploom.ts';
import { round } from './round.ts';
import { median, medianInterval, ratios } from './statistics.ts';

export interface Comparison {
  /** Of the chart's file. */
  name: string;
  what: string;
  unit: string;
  better: 'more' | 'less';
  /** The metric of a round; undefined if the round failed. */
  metric(sample: Sample): number | undefined;
  /** Peer -> bound for the ratio of Taploom's value to its; undefined: the ratio is told, nothing was promised. */
  expected?: Record<string, number | undefined>;
}

/** Below that a CPU is not what holds up the traffic. */
const BUSY = 0.9;

export function compare(rounds: Rounds, comparison: Comparison): Required<Pick<Outcome, 'results' | 'bars'>> {
  const { name, what, unit, better, expected = {} } = comparison;
  const values = new Map<string, number[]>();
  const bars: Bar[] = [];
  for (const [contender, samples] of rounds.samples) {
    // No traffic at all is the least there can be; but there is no time that it took.
    const measured = samples.map(
      (sample) => comparison.metric(sample) ?? (better === 'more' ? 0 : Number.NaN),
    );
    const valid = measured.filter((value) => !Number.isNaN(value));
    if (valid.length === 0) continue;
    values.set(contender, measured);
    const note = describe(samples, better === 'more');
    bars.push({ name: contender, median: median(valid), interval: medianInterval(valid), note });
  }
  if (better === 'more') {
    for (const [contender, why] of rounds.failed) {
      bars.push({ name: contender, median: 0, interval: [0, 0], note: `passes no traffic: ${why}` });
    }
  }
  const results = Object.entries(expected).flatMap(([peer, bound]): Result[] => {
    const theirs = values.get(peer);
    if (theirs === undefined) return [];
    // Taploom's own failure is a result like any other.
    const ours = values.get(TAPLOOM) ?? theirs.map(() => (better === 'more' ? 0 : Number.POSITIVE_INFINITY));
    const each = ratios(ours, theirs).filter((ratio) => !Number.isNaN(ratio));
    if (each.length === 0) return [];
    const promise: Expected | undefined =
      bound === undefined ? undefined : better === 'more' ? { atLeast: bound } : { atMost: bound };
    const valid = (list: number[]) => median(list.filter((value) => !Number.isNaN(value)));
    return [
      {
        what: `${what}: Taploom / ${peer}`,
        value: median(each),
        unit: 'times',
        interval: medianInterval(each),
        expected: promise,
        limited:
          better === 'more' && isLimitedByGenerator(rounds.samples.get(TAPLOOM) ?? [])
            ? 'by the generator'
            : undefined,
        detail: `${round(valid(ours))} and ${round(valid(theirs))} ${unit}`,
      },
    ];
  });
  return { results, bars: [{ name, what, unit, better, bars }] };
}

/** The generator is at its end while the switch still has time. */
export function isLimitedByGenerator(samples: readonly Sample[]): boolean {
  if (samples.length === 0) return false;
  const middle = (pick: (sample: Sample) => number) => median(samples.map(pick));
  return middle((s) => s.switchCpuBusy) < BUSY && middle((s) => s.senderCpuBusy) >= BUSY;
}

/** Where the CPU's time went, and where frames were lost. */
export function describe(samples: readonly Sample[], isSaturating: boolean): string {
  const sum = (pick: (sample: Sample) => number) => samples.reduce((total, one) => total + pick(one), 0);
  const share = (pick: (sample: Sample) => number) => `${(100 * median(samples.map(pick))).toFixed(0)} %`;
  const parts: string[] = [];
  if (sum((s) => s.cpuNs) > 0) parts.push(`switch ${share((s) => s.switchShare)} of a CPU`);
  const sent = sum((s) => s.sent);
  const lost = (what: string, count: number) => {
    const percent = (100 * count) / sent;
    if (sent > 0 && percent >= 0.1) parts.push(`${percent.toFixed(1)} % lost ${what}`);
  };
  lost(
    "in the sender's queue",
    sum((s) => s.lostInQueue),
  );
  lost(
    'in the switch',
    sum((s) => s.lostInSwitch),
  );
  const reasons = new Set(samples.flatMap(({ drops }) => Object.keys(drops)));
  for (const reason of reasons) {
    parts.push(`${sum((s) => s.drops[reason] ?? 0).toLocaleString('en')} dropped: ${reason}`);
  }
  if (isSaturating && isLimitedByGenerator(samples)) parts.push('limited by the generator');
  const failed = samples.filter(({ values }) => Object.keys(values).length === 0).length;
  if (failed > 0) parts.push(`${failed} of ${samples.length} rounds failed`);
  return parts.join(', ');
}

/** One outcome of many. */
export function join(outcomes: readonly Partial<Outcome>[]): Outcome {
  return {
    results: outcomes.flatMap(({ results = [] }) => results),
    bars: outcomes.flatMap(({ bars = [] }) => bars),
    curves: outcomes.flatMap(({ curves = [] }) => curves),
    notes: [...new Set(outcomes.flatMap(({ notes = [] }) => notes))],
  };
}
