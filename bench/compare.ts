// What rounds of several contenders say: a bar for each, and Taploom's ratio to those of whom something is expected.

import type { Rounds, Sample } from './arena.ts';
import type { Bar, Expected, Outcome, Result, Unmeasured } from './bench.ts';
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
/** Part of the datagrams that must be lost for it to be told. */
const NOTABLE = 0.001;
/** A failed round of Taploom takes so many times the longest time of anybody: a time that is over all bounds, and finite. */
const FAILED_TIMES = 1000;

type Compared = Required<Pick<Outcome, 'results' | 'unmeasured' | 'bars'>>;

export function compare(rounds: Rounds, comparison: Comparison): Compared {
  const { name, what, unit, better, expected = {} } = comparison;
  const measured = new Map<string, number[]>();
  for (const [contender, samples] of rounds.samples) {
    measured.set(
      contender,
      samples.map((sample) => comparison.metric(sample) ?? Number.NaN),
    );
  }
  // Taploom's own failure is a result like any other: the worst one.
  const longest = Math.max(0, ...[...measured.values()].flat().filter(Number.isFinite));
  const worst = better === 'more' ? 0 : FAILED_TIMES * longest;
  const counted = (contender: string, value: number) =>
    contender === TAPLOOM && Number.isNaN(value) ? worst : value;

  const bars: Bar[] = [];
  for (const [contender, values] of measured) {
    const valid = values.map((value) => counted(contender, value)).filter(Number.isFinite);
    if (valid.length === 0) continue;
    bars.push({
      name: contender,
      median: median(valid),
      interval: medianInterval(valid),
      rounds: values.map((value) => (Number.isNaN(value) ? 'failed' : value)),
      note: describe(rounds.samples.get(contender) ?? [], better === 'more'),
    });
  }
  if (better === 'more') {
    for (const [contender, why] of rounds.failed) {
      bars.push({ name: contender, median: 0, interval: [0, 0], note: `passes no traffic: ${why}` });
    }
  }

  const results: Result[] = [];
  const unmeasured: Unmeasured[] = [];
  for (const [peer, bound] of Object.entries(expected)) {
    const theirs = measured.get(peer) ?? [];
    const ours = measured.get(TAPLOOM) ?? theirs.map(() => Number.NaN);
    const title = `${what}: Taploom / ${peer}`;
    const promise: Expected | undefined =
      bound === undefined ? undefined : better === 'more' ? { atLeast: bound } : { atMost: bound };
    // A round in which the peer failed says nothing about Taploom.
    const each = ratios(
      ours.map((value) => counted(TAPLOOM, value)),
      theirs,
    ).filter(Number.isFinite);
    if (each.length === 0) {
      const why =
        theirs.length > 0 ? 'no round of it succeeded' : (rounds.failed.get(peer) ?? 'it is left out');
      if (promise) unmeasured.push({ what: title, unit: 'times', expected: promise, why: `${peer}: ${why}` });
      continue;
    }
    results.push({
      what: title,
      value: median(each),
      unit: 'times',
      interval: medianInterval(each),
      expected: promise,
      limited:
        better === 'more' && isLimitedByGenerator(rounds.samples.get(TAPLOOM) ?? [])
          ? 'by the generator'
          : undefined,
      detail: [
        `${typical(ours)} and ${typical(theirs)} ${unit}`,
        ...failures('Taploom', ours),
        ...failures(peer, theirs),
      ].join('; '),
    });
  }
  return { results, unmeasured, bars: [{ name, what, unit, better, bars }] };
}

/** Of the rounds that succeeded. */
function typical(values: readonly number[]): string {
  const valid = values.filter(Number.isFinite);
  return valid.length > 0 ? round(median(valid)) : 'nothing';
}

function failures(contender: string, values: readonly number[]): string[] {
  const failed = values.filter(Number.isNaN).length;
  if (failed === 0) return [];
  const verdict = contender === TAPLOOM ? 'which count as the worst' : 'which are left out';
  return [`${failed} of ${values.length} rounds of ${contender} failed, ${verdict}`];
}

/** The switch had time left while there was traffic, and lost nothing for want of it. */
export function isLimitedByGenerator(samples: readonly Sample[]): boolean {
  const valid = samples.filter(({ values }) => Object.keys(values).length > 0);
  if (valid.length === 0 || sum(valid, ({ cpuNs }) => cpuNs) === 0) return false;
  // TCP finds its rate by filling queues until they lose something.
  const datagrams = valid.filter(({ values }) => values.received !== undefined);
  const lost = sum(datagrams, (one) => one.lostInQueue + one.lostInSwitch);
  if (lost > NOTABLE * sum(datagrams, ({ sent }) => sent)) return false;
  return median(valid.map(({ switchShare }) => switchShare)) < BUSY;
}

function sum(samples: readonly Sample[], pick: (sample: Sample) => number): number {
  return samples.reduce((total, one) => total + pick(one), 0);
}

/** Where the CPU's time went, and where frames were lost. */
export function describe(samples: readonly Sample[], isSaturating: boolean): string {
  const share = (pick: (sample: Sample) => number) => `${(100 * median(samples.map(pick))).toFixed(0)} %`;
  const parts: string[] = [];
  if (sum(samples, (s) => s.cpuNs) > 0) parts.push(`switch ${share((s) => s.switchShare)} of a CPU`);
  const sent = sum(samples, (s) => s.sent);
  const lost = (what: string, count: number) => {
    if (sent > 0 && count >= NOTABLE * sent)
      parts.push(`${((100 * count) / sent).toFixed(1)} % lost ${what}`);
  };
  lost(
    "in the sender's queue",
    sum(samples, (s) => s.lostInQueue),
  );
  lost(
    'in the switch',
    sum(samples, (s) => s.lostInSwitch),
  );
  const unanswered = sum(samples, ({ values }) => values.lost ?? 0);
  if (unanswered > 0) {
    const asked = sum(samples, ({ values }) => values.samples ?? 0);
    parts.push(`${unanswered} of ${asked.toLocaleString('en')} questions without an answer`);
  }
  const reasons = new Set(samples.flatMap(({ drops }) => Object.keys(drops)));
  for (const reason of reasons) {
    parts.push(`${sum(samples, (s) => s.drops[reason] ?? 0).toLocaleString('en')} dropped: ${reason}`);
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
    unmeasured: outcomes.flatMap(({ unmeasured = [] }) => unmeasured),
    bars: outcomes.flatMap(({ bars = [] }) => bars),
    curves: outcomes.flatMap(({ curves = [] }) => curves),
    notes: [...new Set(outcomes.flatMap(({ notes = [] }) => notes))],
  };
}
