// Dry runs in a thread of their own: in the thread of an engine a second set of stages would halve its speed, and which
// engines an embedder's thread has is not ours to know. The thread begins with the first trace (0.1 s), keeps no process
// alive and ends with its switch.

import { Worker } from 'node:worker_threads';
import { TaploomError } from '../error.ts';
import type { Flight } from './dry_run.ts';
import type { Sighting } from './sighting.ts';

export type RunnerAnswer = { sighting: Sighting; error?: undefined } | { error: string };

export class Runner {
  private worker: Worker | null = null;
  private readonly waiting: { resolve(sighting: Sighting): void; reject(error: Error): void }[] = [];

  run(flight: Flight): Promise<Sighting> {
    this.worker ??= this.open();
    const { worker } = this;
    return new Promise((resolve, reject) => {
      this.waiting.push({ resolve, reject });
      worker.ref();
      worker.postMessage(flight);
    });
  }

  async close(): Promise<void> {
    const { worker } = this;
    this.worker = null;
    await worker?.terminate();
  }

  private open(): Worker {
    // Compiled, in its folder beside this one, bundled or not; as TypeScript where Node itself strips types.
    const file = import.meta.url.endsWith('.ts') ? '../trace/thread.ts' : '../trace/thread.js';
    const execArgv = process.execArgv.some((arg) => arg.startsWith('--input-type')) ? [] : undefined;
    const worker = new Worker(new URL(file, import.meta.url), { name: 'taploom trace', execArgv });
    worker.unref();
    worker.on('message', (answer: RunnerAnswer) => {
      const next = this.waiting.shift();
      if (this.waiting.length === 0) worker.unref();
      if (answer.error === undefined) next?.resolve(answer.sighting);
      else next?.reject(new TaploomError('trace_failed', `Cannot trace: ${answer.error}`));
    });
    const end = (error: Error) => {
      if (this.worker === worker) this.worker = null;
      for (const { reject } of this.waiting.splice(0)) reject(error);
    };
    worker.on('error', end);
    worker.on('exit', () => end(new TaploomError('closed', 'The switch is closed')));
    return worker;
  }
}
