// Times an engine in turns: prints `ready`; then for each line on its input one with the ns for each copy sent, so that
// programs can take turns. Ends when its input does.
//
// The generator is outside of the stop-watch, which costs two readings of the clock for a batch of 64, the same for all.

import { createInterface } from 'node:readline';
import type { Engine } from '../src/engine/engine.ts';

export interface Measured {
  readonly engine: Engine;
  /** That it has sent. */
  readonly copies: number;
  /** What time it is for the engine, ms; without it, the time it is. */
  now?(): number;
}

/** So many copies take some 20 ms. */
const CHUNK = 200_000;
/** Of a round: the program of another size has used the caches since. */
const LEAD = 20_000;
/** Until V8 has compiled what it will, ms. */
const WARM_UP_MS = 400;

export function takeTurns(measured: Measured): void {
  for (const end = performance.now() + WARM_UP_MS; performance.now() < end; ) time(measured, CHUNK);
  process.stdout.write('ready\n');
  createInterface({ input: process.stdin }).on('line', () => {
    time(measured, LEAD);
    process.stdout.write(`${time(measured, CHUNK)}\n`);
  });
}

function time(measured: Measured, wanted: number): number {
  const before = measured.copies;
  let elapsed = 0;
  while (measured.copies - before < wanted) elapsed += forward(measured.engine, measured);
  return (elapsed * 1e6) / (measured.copies - before);
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
