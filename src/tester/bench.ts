// What the measurements of this folder share: the ports, how long and how patiently to look, and how to make a switch
// forget. How these are come by (a running Taploom, any interfaces) is the caller's business.

import { setTimeout as sleep } from 'node:timers/promises';
import type { Stream, TrialPlan } from './stream.ts';
import { type Side, testFrame } from './test_frame.ts';
import type { TestPort } from './test_port.ts';
import { type Context, runTrial, type Trial } from './trial.ts';

/** Fast enough to be over soon, slow enough for any switch's queue. */
const INTRODUCTION_RATE = 20_000;
/** For the last of the introductions to be processed. */
const INTRODUCTION_MS = 20;
/** How long the generator shows what it can do. */
const FLAT_OUT_SECONDS = 0.5;

export interface Bench extends Context {
  readonly ports: readonly TestPort[];
  readonly settle: number;
  /** Progress, a line. */
  say(text: string): void;
  /** Makes the switch forget the stations of the ports: by asking it, or by waiting. */
  forget(): Promise<void>;
  /** Learned stations of the bridge; undefined if it does not tell. */
  learned(): Promise<number | undefined>;
}

export interface StreamSet {
  size: number;
  bidirectional: boolean;
  /** Of each side. */
  stations: number;
}

export function streamsOf({ ports }: Bench, { size, bidirectional, stations }: StreamSet): Stream[] {
  const stream = (from: Side, to: Side) => ({
    from: ports[from],
    to: [ports[to]],
    frame: testFrame(size, from, to),
    sources: stations,
    destinations: stations,
  });
  return bidirectional ? [stream(0, 1), stream(1, 0)] : [stream(0, 1)];
}

/** Every station of both sides says where it is (RFC 2544, 23: learning frames), so that nothing is flooded. */
export async function introduce(bench: Bench, { size, stations }: StreamSet): Promise<void> {
  const both = streamsOf(bench, { size, stations, bidirectional: true });
  const plan = { rate: INTRODUCTION_RATE, seconds: 60, frames: stations, settle: 0 };
  await runTrial(
    both.map((stream) => ({ ...stream, to: [] })),
    plan,
    bench,
  );
  await sleep(INTRODUCTION_MS);
}

export async function trialOf(bench: Bench, set: StreamSet, plan: Omit<TrialPlan, 'settle'>): Promise<Trial> {
  await introduce(bench, set);
  return runTrial(streamsOf(bench, set), { ...plan, settle: bench.settle }, bench);
}

/** As fast as the generator can, for a moment: what it offers, and what the switch forwards of that. */
export function flatOut(bench: Bench, set: StreamSet, seconds: number): Promise<Trial> {
  return trialOf(bench, set, { rate: 0, seconds: Math.min(seconds, FLAT_OUT_SECONDS) });
}
