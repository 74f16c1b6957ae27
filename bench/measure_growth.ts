// Times engines of growing size against each other; a program of its own, so that it meets a fresh heap. Arguments:
// what grows, rounds, sizes. Prints one line of JSON: size -> ns for each copy sent, one for each round.
//
// All engines stand in one process and take turns, chunk by chunk. The generator is outside of the stop-watch, which
// costs two readings of the clock for a batch of 64, the same for all.

import { floodEngine, type GrowingEngine, vlanEngine } from './growing_engines.ts';
import { Stations } from './stations.ts';

/** So many copies take some 20 ms. */
const CHUNK = 200_000;
const WARM_UP_ROUNDS = 4;

const MAKERS: Record<string, (size: number) => Pick<GrowingEngine, 'engine' | 'copies'>> = {
  stations: (size) => new Stations(size),
  vlans: vlanEngine,
  flood: floodEngine,
};

const [what, rounds, ...sizes] = process.argv.slice(2);
const engines = sizes.map((size) => ({ size, growing: MAKERS[what](Number(size)), samples: [] as number[] }));
for (let round = 0; round < WARM_UP_ROUNDS + Number(rounds); round++) {
  for (const { growing, samples } of engines) {
    const ns = time(growing);
    if (round >= WARM_UP_ROUNDS) samples.push(ns);
  }
}
const times = Object.fromEntries(engines.map(({ size, samples }) => [size, samples]));
process.stdout.write(`${JSON.stringify(times)}\n`);

function time(growing: Pick<GrowingEngine, 'engine' | 'copies'>): number {
  const { engine } = growing;
  const before = growing.copies;
  let elapsed = 0;
  let copies = 0;
  while (copies < CHUNK) {
    engine.receive(0);
    const from = performance.now();
    engine.clock[0] = from;
    do engine.forward();
    while (engine.isBusy);
    elapsed += performance.now() - from;
    copies = growing.copies - before;
  }
  return (elapsed * 1e6) / copies;
}
