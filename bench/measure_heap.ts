// How much the engine leaves on the heap; run with --expose-gc. Argument: frames. Prints one line of JSON, `HeapGrowth`.
//
// Collected before, not after: what was allocated and is garbage already counts too, unless a collection took it
// meanwhile, and those are counted.

import { PerformanceObserver } from 'node:perf_hooks';
import { getHeapStatistics } from 'node:v8';
import { BATCH } from '../src/engine/engine.ts';
import { Stations } from './stations.ts';

const STATIONS = 65_536;
const WARM_UP_POLLS = 50_000;

export interface HeapGrowth {
  frames: number;
  bytes: number;
  collections: number;
}

const { engine } = new Stations(STATIONS);

function forward(polls: number): void {
  for (let n = 0; n < polls; n++) {
    engine.clock[0] += 0.003;
    engine.receive(0);
    engine.forward();
  }
}

const collect = globalThis.gc;
if (collect === undefined) throw new Error('Run with --expose-gc');
let collections = 0;
const observer = new PerformanceObserver((list) => {
  collections += list.getEntries().length;
});
const turn = () => new Promise((resolve) => setTimeout(resolve, 10));

engine.clock[0] = performance.now();
forward(WARM_UP_POLLS);
getHeapStatistics();
await turn();
collect();
await turn();
observer.observe({ entryTypes: ['gc'] });
const polls = Math.ceil(Number(process.argv[2]) / BATCH);
const before = getHeapStatistics().used_heap_size;
forward(polls);
const bytes = getHeapStatistics().used_heap_size - before;
await turn();
const growth: HeapGrowth = { frames: polls * BATCH, bytes, collections };
process.stdout.write(`${JSON.stringify(growth)}\n`);
