// Times an engine in turns: prints `ready`; then for each line on its input one with the ns for each copy sent, so that
// programs can take turns. Ends when its input does.
//
// Asked for a part, it tells the time of so large a part of its batches at most: what a machine with other work to do still tells
// of the cost of a loop.
//
// The generator is outside of the stop-watch, which costs two readings of the clock for a batch, the same for all.

import { createInterface } from 'node:readline';
import type { Engine } from '../src/engine/engine.ts';

export interface Measured {
  readonly engine: Engine;
  /** That it has sent. */
  readonly copies: number;
  /** Between two batches, and not timed. */
  tidy?(): void;
  /** What time it is for the engine, ms; without it, the time it is. */
  now?(): number;
}

/** So many copies take some 20 ms. */
const CHUNK = 200_000;
/** Of a round: the program of another size has used the caches since. */
const LEAD = 20_000;
/** Until V8 has compiled what it will, ms. */
const WARM_UP_MS = 400;

export function takeTurns(measured: Measured, part?: number): void {
  for (const end = performance.now() + WARM_UP_MS; performance.now() < end; ) time(measured, CHUNK, part);
  process.stdout.write('ready\n');
  createInterface({ input: process.stdin }).on('line', () => {
    time(measured, LEAD, part);
    process.stdout.write(`${time(measured, CHUNK, part)}\n`);
  });
}

function time(measured: Measured, wanted: number, part?: number): number {
  return part === undefined ? mean(measured, wanted) : quantile(measured, wanted, part);
}

function mean(measured: Measured, wanted: number): number {
  const before = measured.copies;
  let elapsed = 0;
  while (measured.copies - before < wanted) elapsed += forward(measured.engine, measured);
  return (elapsed * 1e6) / (measured.copies - before);
}

function quantile(measured: Measured, wanted: number, part: number): number {
  const before = measured.copies;
  const times: number[] = [];
  while (measured.copies - before < wanted) {
    times.push(forward(measured.engine, measured));
    measured.tidy?.();
  }
  const copies = (measured.copies - before) / times.length;
  return (times.sort((a, b) => a - b)[Math.floor(times.length * part)] * 1e6) / copies;
}

/** Forwards one batch; ms. A function of its own: V8 would compile the loop around it anew in every turn. */
function forward(engine: Engine, measured: Measured): number {
  engine.receive(0);
  const from = performance.now();
  engine.clock[0] = measured.now === undefined ? from : measured.now();
  do engine.forward();
  while (engine.isBusy);
  return performance.now() - from;
}
