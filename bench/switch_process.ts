// A switch in a process of its own, threaded, as a program that embeds the library has it. Arguments: configuration as
// JSON, number of workers. Prints `opening` and `ready` with the time (ms since 1970); the line `ports` on its input makes it print its
// ports with all counters; ends when its input does.
//
// With --trace-gc V8 reports collections of both isolates, by address. Where --expose-gc is given too, the main one is
// made to collect once before the switch opens, so that the first address in the output is the main thread's.

import { createInterface } from 'node:readline';
import { Switch } from '../src/index.ts';

const say = (event: string) =>
  process.stdout.write(`${event} ${Math.round(performance.timeOrigin + performance.now())}\n`);

globalThis.gc?.();
say('opening');
const taploom = await Switch.open(JSON.parse(process.argv[2]), { workers: Number(process.argv[3] ?? 1) });
say('ready');
createInterface({ input: process.stdin })
  .on('line', (line) => {
    if (line === 'ports') process.stdout.write(`ports ${JSON.stringify(taploom.ports())}\n`);
  })
  .on('close', () => void taploom.close());
// The terminal's Ctrl-C is for whoever started this process; it closes the input.
process.on('SIGINT', () => {});
