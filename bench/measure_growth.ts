// Times an engine of a given size; a program of its own for each size, because a second engine in one thread makes the
// frames of both slower. Arguments: what grows, size. Prints `ready`; then for each line on its input one with the ns for
// each copy sent, so that sizes can take turns. Ends when its input does.
//
// The generator is outside of the stop-watch, which costs two readings of the clock for a batch of 64, the same for all.

import { createInterface } from 'node:readline';
import { floodEngine, type GrowingEngine, vlanEngine } from './growing_engines.ts';
import { Stations } from './stations.ts';

/** So many copies take some 20 ms. */
const CHUNK = 200_000;
/** Of a round: the program of another size has used the caches since. */
const LEAD = 20_000;
/** Until V8 has compiled what it will, ms. */
const WARM_UP_MS = 400;

const MAKERS: Record<string, (size: number) => Pick<GrowingEngine, 'engine' | 'copies'>> = {
  stations: (size) => new Stations(size),
  vlans: vlanEngine,
  flood: floodEngine,
};

const [what, size] = process.argv.slice(2);
const growing = MAKERS[what](Number(size));
for (const end = performance.now() + WARM_UP_MS; performance.now() < end; ) time(CHUNK);
process.stdout.write('ready\n');
createInterface({ input: process.stdin }).on('line', () => {
  time(LEAD);
  process.stdout.write(`${time(CHUNK)}\n`);
});

function time(wanted: number): number {
  const { engine } = growing;
  const before = growing.copies;
  let elapsed = 0;
  let copies = 0;
  while (copies < wanted) {
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
