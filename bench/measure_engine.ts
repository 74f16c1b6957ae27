// Times the engine alone; a program of its own, so that every number of stations meets a fresh heap and fresh machine
// code. Argument: stations. Prints one line of JSON, a `EngineTimes`.
//
// The stop-watch runs around `forward` only, not around the generator, which has just written the frames before (as a
// kernel would have: headers are in the cache either way). Two clock readings a batch are part of what it shows; the
// same loop with nothing between them is measured in turns with the others, and its median subtracted.

import { BATCH } from '../src/engine/engine.ts';
import { ROW } from '../src/frame/frame_batch.ts';
import type { Fdb } from '../src/table/fdb.ts';
import { tickAt } from '../src/table/fdb_entry.ts';
import * as ethernet from '../src/wire/ethernet.ts';
import { Stations } from './stations.ts';
import { median } from './statistics.ts';

const POLLS = 1500;
const CHUNKS = 31;
const WARM_UP_CHUNKS = 6;

export interface EngineTimes {
  /** ns per frame, one for each chunk of 192,000 frames, the clock's own cost subtracted. */
  engine: number[];
  /** ns per lookup of one random station in the engine's FDB, measured in turns with the engine. */
  probe: number[];
  /** Subtracted from the above, ns per frame. */
  clock: number;
  /** ns per frame that the generator takes, which the above do not contain. */
  generator: number;
}

const stations = new Stations(Number(process.argv[2]));
const { engine } = stations;
const { batch } = engine;
// The engine keeps its table to itself; looking into that one, not into a copy, leaves the caches as they are.
const { fdb } = Reflect.get(engine, 'keeper') as { fdb: Fdb };
const hi = new Int32Array(BATCH);
const lo = new Int32Array(BATCH);
let found = 0;

function timeEngine(): number {
  let elapsed = 0;
  for (let n = 0; n < POLLS; n++) {
    engine.receive(0);
    const from = performance.now();
    engine.clock[0] = from;
    engine.forward();
    elapsed += performance.now() - from;
  }
  return perFrame(elapsed);
}

function timeProbe(): number {
  let elapsed = 0;
  for (let n = 0; n < POLLS; n++) {
    generate();
    for (let i = 0; i < BATCH; i++) {
      hi[i] = ethernet.dstHi(batch.view, batch.frameAt(i * ROW));
      lo[i] = ethernet.dstLo(batch.view, batch.frameAt(i * ROW));
    }
    const from = performance.now();
    const tick = tickAt(from);
    for (let i = 0; i < BATCH; i++) if (fdb.lookup(1, hi[i], lo[i], tick) !== 0) found++;
    elapsed += performance.now() - from;
  }
  return perFrame(elapsed);
}

function timeClock(): number {
  let elapsed = 0;
  for (let n = 0; n < POLLS; n++) {
    generate();
    const from = performance.now();
    elapsed += performance.now() - from;
  }
  return perFrame(elapsed);
}

function timeGenerator(): number {
  const from = performance.now();
  for (let n = 0; n < POLLS; n++) generate();
  return perFrame(performance.now() - from);
}

function generate(): void {
  batch.clear();
  stations.receive(batch, BATCH);
}

function perFrame(ms: number): number {
  batch.clear();
  return (ms * 1e6) / (POLLS * BATCH);
}

const forwardedBefore = stations.forwarded;
const copiesBefore = stations.copies;
const samples: Record<'engine' | 'probe' | 'clock' | 'generator', number[]> = {
  engine: [],
  probe: [],
  clock: [],
  generator: [],
};
for (let n = 0; n < WARM_UP_CHUNKS + CHUNKS; n++) {
  const one = { engine: timeEngine(), probe: timeProbe(), clock: timeClock(), generator: timeGenerator() };
  if (n < WARM_UP_CHUNKS) continue;
  for (const key of Object.keys(one) as (keyof typeof one)[]) samples[key].push(one[key]);
}

// Speed counts only if the work was done: every frame forwarded, to one port, and every lookup a hit.
const frames = (WARM_UP_CHUNKS + CHUNKS) * POLLS * BATCH;
const forwarded = stations.forwarded - forwardedBefore;
const copies = stations.copies - copiesBefore;
if (forwarded !== frames || copies !== frames || found !== frames) {
  throw new Error(
    `Of ${frames} frames ${forwarded} were forwarded as ${copies} copies; ${found} lookups hit`,
  );
}

const clock = median(samples.clock);
const times: EngineTimes = {
  engine: samples.engine.map((ns) => ns - clock),
  probe: samples.probe.map((ns) => ns - clock),
  clock,
  generator: median(samples.generator),
};
process.stdout.write(`${JSON.stringify(times)}\n`);
