// Several threads that run the same built code on the same memory at the same time. A worker cannot run TypeScript on
// Node 20, so what they do is JavaScript in a string, with the built modules at hand.

import { Worker } from 'node:worker_threads';
import { onTestFinished } from 'vitest';

const DIST = new URL('../../../dist/src/', import.meta.url);

/**
 * Runs `body` in `count` threads, and resolves with what each returned. It sees `index`, `data`, `load(module)`, and
 * `start`, which returns when all threads are there.
 */
export function crowd(count: number, data: Record<string, unknown>, body: string): Promise<unknown[]> {
  const code = `
    const { parentPort, workerData } = require('node:worker_threads');
    const { index, data, gate } = workerData;
    const load = (name) => import('${DIST.href}' + name + '.js');
    const start = () => {
      Atomics.add(gate, 0, 1);
      while (Atomics.load(gate, 0) < ${count});
    };
    (async () => { ${body} })().then(
      (value) => parentPort.postMessage({ value }),
      (error) => parentPort.postMessage({ error: error.stack }),
    );`;
  const gate = new Int32Array(new SharedArrayBuffer(4));
  return Promise.all(
    Array.from({ length: count }, (_, index) => {
      const worker = new Worker(code, { eval: true, workerData: { index, data, gate } });
      onTestFinished(async () => {
        await worker.terminate();
      });
      return new Promise((resolve, reject) => {
        worker.on('error', reject);
        worker.on('message', ({ value, error }: { value: unknown; error?: string }) =>
          error === undefined ? resolve(value) : reject(new Error(error)),
        );
      });
    }),
  );
}
