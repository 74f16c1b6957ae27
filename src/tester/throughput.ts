// RFC 2544: throughput (26.1), latency (26.2), frame loss rate (26.3), for one frame size.
//
// A rate is what was really offered, in frames a second and direction. Latency is taken of every frame of a trial, not of
// one frame in its middle as in the RFC: percentiles need many.

import { type Bench, flatOut, type StreamSet, trialOf } from './bench.ts';
import { type LatencySummary, summarize } from './latencies.ts';
import type { Losses } from './losses.ts';
import { searchRate } from './search.ts';
import type { Trial } from './trial.ts';

/** RFC 2544, 26.3: from 100 % down in steps of at most 10 %, until two trials in a row lose nothing. */
const CURVE_STEP = 0.1;
const CURVE_QUIET = 2;

/** A trial as a report shows it. Frames are those of all streams together, rates those of the slowest stream. */
export interface TrialSummary {
  requestedFramesPerSecond: number;
  offeredFramesPerSecond: number;
  receivedFramesPerSecond: number;
  sent: number;
  received: number;
  lost: number;
  duplicates: number;
  reordered: number;
  losses: Losses;
  /** Somebody set the clock meanwhile, so latencies are wrong. */
  clockSet: boolean;
  latency?: LatencySummary;
}

export interface ThroughputOptions extends StreamSet {
  seconds: number;
  /** Share of frames that may be lost. */
  lossTolerance: number;
  resolution: number;
  /** Highest rate to try. */
  rate?: number;
  /** Trials that must fail before a rate is believed to be too high. */
  attempts: number;
}

export interface Throughput {
  frameBytes: number;
  /** In each direction. 0 if even the slowest trial lost frames. */
  framesPerSecond: number;
  /** Frames with FCS, without preamble and gap. */
  bitsPerSecond: number;
  /** What kept it from being more; `receiver`: frames came, and this program was too slow to count them. */
  limit: 'switch' | 'generator' | 'receiver' | 'rate';
  trials: number;
  latency?: LatencySummary;
  best?: TrialSummary;
  /** The trial with the lowest rate that lost too much. */
  failed?: TrialSummary;
  /** As fast as the generator could. */
  overload: TrialSummary;
}

export function summary(trial: Trial, requested: number): TrialSummary {
  const sum = (key: 'duplicates' | 'reordered' | 'backwards') =>
    trial.streams.reduce((all, { at }) => all + at[0][key], 0);
  return {
    requestedFramesPerSecond: Math.round(requested),
    offeredFramesPerSecond: Math.round(trial.offered),
    receivedFramesPerSecond: Math.round(trial.arrived),
    sent: trial.sent,
    received: trial.received,
    lost: trial.lost,
    duplicates: sum('duplicates'),
    reordered: sum('reordered'),
    losses: trial.losses,
    clockSet: sum('backwards') > 0,
    latency: summarize(trial.streams.map(({ at }) => at[0])),
  };
}

export async function throughput(bench: Bench, options: ThroughputOptions): Promise<Throughput> {
  const { size, seconds, lossTolerance, resolution, attempts } = options;
  const overload = await flatOut(bench, options, seconds);
  const top = Math.min(options.rate ?? Number.POSITIVE_INFINITY, overload.offered);
  const search = await searchRate(
    { top, resolution, topIs: top === options.rate ? 'rate' : 'generator' },
    async (rate) => {
      for (let attempt = 1; ; attempt++) {
        const trial = await trialOf(bench, options, { rate, seconds });
        const ok = trial.sent > 0 && trial.lost <= lossTolerance * trial.sent;
        bench.say(
          `${size} bytes, ${thousands(trial.offered)} frames/s: ${thousands(trial.lost)} of ${thousands(trial.sent)} lost`,
        );
        if (ok || attempt >= attempts) return { ok, offered: trial.offered, trial: summary(trial, rate) };
      }
    },
  );
  const { best } = search;
  const failed = search.failed?.trial;
  const ourFault = search.limit === 'switch' && failed && failed.losses.receiver > failed.lost / 2;
  const framesPerSecond = best?.trial.offeredFramesPerSecond ?? 0;
  return {
    frameBytes: size,
    framesPerSecond,
    bitsPerSecond: framesPerSecond * size * 8,
    limit: ourFault ? 'receiver' : search.limit,
    trials: search.trials.length,
    latency: best?.trial.latency,
    best: best?.trial,
    failed,
    overload: summary(overload, overload.offered),
  };
}

/** One trial at each of several rates from the highest down. */
export async function lossCurve(bench: Bench, options: ThroughputOptions): Promise<TrialSummary[]> {
  const { size, seconds } = options;
  const top = options.rate ?? (await flatOut(bench, options, seconds)).offered;
  const curve: TrialSummary[] = [];
  for (let share = 1; share > CURVE_STEP / 2; share -= CURVE_STEP) {
    const trial = await trialOf(bench, options, { rate: top * share, seconds });
    curve.push(summary(trial, top * share));
    bench.say(
      `${size} bytes, ${thousands(trial.offered)} frames/s: ${thousands(trial.lost)} of ${thousands(trial.sent)} lost`,
    );
    const last = curve.slice(-CURVE_QUIET);
    if (last.length === CURVE_QUIET && last.every(({ lost }) => lost === 0)) break;
  }
  return curve;
}

/** A trial at one rate, for its latencies. */
export async function latency(
  bench: Bench,
  options: StreamSet & { seconds: number; rate: number },
): Promise<TrialSummary> {
  const { rate, seconds } = options;
  return summary(await trialOf(bench, options, { rate, seconds }), rate);
}

function thousands(value: number): string {
  return Math.round(value).toLocaleString('en');
}
