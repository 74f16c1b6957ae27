// src/sys in worker threads: the built modules, because Node 20 does not run TypeScript in a worker.

import { Worker } from 'node:worker_threads';
import { expect, onTestFinished, test } from 'vitest';
import { KIND } from '../../src/sys/burst.ts';
import { closeFd, createWake, signalWake } from '../../src/sys/wake.ts';
import { openLab } from '../support/lab.ts';
import { needs } from '../support/needs.ts';
import { bridgedTaps, burst, eventList, inject, owned } from './rig.ts';

needs();

const SYS = new URL('../../dist/src/sys/', import.meta.url);

const PRELUDE = `
const { parentPort, workerData } = require('node:worker_threads');
const load = (name) => import('${SYS.href}' + name + '.js');
const options = { slots: 64, stride: 4288, headroom: 64, vnetHeader: 12, txCapacity: 64 };
const makeBurst = (Burst) => new Burst(Buffer.alloc(64 * 4288 + 4096), options);
const run = (main) => main().then((v) => parentPort.postMessage(v), (e) => parentPort.postMessage({ error: e.stack }));
`;

/** Runs `body` in a worker; it may await, and what it returns comes back. `ready` is called when it says so. */
function inWorker(
  body: string,
  data: Record<string, number>,
  ready: () => void = () => {},
): Promise<unknown> {
  const code = `${PRELUDE} run(async () => { ${body} });`;
  const worker = new Worker(code, { eval: true, workerData: data });
  onTestFinished(async () => {
    await worker.terminate();
  });
  return new Promise((resolve, reject) => {
    worker.on('error', reject);
    worker.on('message', (message) => (message === 'ready' ? ready() : resolve(message)));
  });
}

test('a signal from this thread ends the sleep of a worker in epoll_wait', async () => {
  const wake = owned({ fd: createWake() });
  const result = await inWorker(
    `const { Burst, KIND } = await load('burst');
     const b = makeBurst(Burst);
     b.add(workerData.wake, 5, KIND.wake);
     parentPort.postMessage('ready');
     b.receive(0, 64, 10000);
     const answer = { slept: b.now - b.waitedFrom, events: b.eventCount, source: b.events[0], errno: b.events[1] };
     b.close();
     return answer;`,
    { wake: wake.fd },
    () => setTimeout(() => signalWake(wake.fd), 100),
  );
  expect(result).toMatchObject({ events: 1, source: 5, errno: 0 });
  const { slept } = result as { slept: number };
  expect(slept).toBeGreaterThan(50);
  expect(slept).toBeLessThan(5000);
});

test('a worker signals this thread', async () => {
  const wake = owned({ fd: createWake() });
  const b = burst();
  b.add(wake.fd, 6, KIND.wake);
  expect(await inWorker(`return (await load('wake')).signalWake(workerData.wake);`, { wake: wake.fd })).toBe(
    0,
  );
  b.receive(0, 1, 1000);
  expect(eventList(b)).toEqual([[6, 0]]);
});

test('a worker receives and transmits on TAPs that this thread has opened', async () => {
  const { taps } = await bridgedTaps(await openLab(), 3);
  inject(burst(), taps[0].fd, 10);
  const result = await inWorker(
    `const { Burst, KIND, RX, TX, ROW } = await load('burst');
     const b = makeBurst(Burst);
     b.add(workerData.from, 1, KIND.tap);
     let count = 0;
     for (let tries = 0; tries < 50 && count < 10; tries++) count += b.receive(count, 64, 200);
     for (let i = 0; i < count; i++) {
       const at = i * 4288 + 64;
       const length = b.rx[i * ROW + RX.length];
       b.tx.set([workerData.to, KIND.tap, 2, at - 12, 40, at + 28, length - 28], i * ROW + TX.fd);
     }
     b.transmit(count);
     const results = Array.from({ length: count }, (_, n) => b.result(n));
     b.close();
     return results;`,
    { from: taps[1].fd, to: taps[2].fd },
  );
  expect(result).toEqual(new Array(10).fill(72));
});

test('each of several workers has a burst of its own', async () => {
  const wakes = [1, 2, 3].map(() => owned({ fd: createWake() }));
  const sleepers = wakes.map((wake, i) =>
    inWorker(
      `const { Burst, KIND } = await load('burst');
       const b = makeBurst(Burst);
       b.add(workerData.wake, workerData.source, KIND.wake);
       b.receive(0, 64, 10000);
       const source = b.events[0];
       b.close();
       return source;`,
      { wake: wake.fd, source: 10 + i },
    ),
  );
  for (const wake of wakes) signalWake(wake.fd);
  expect(await Promise.all(sleepers)).toEqual([10, 11, 12]);
});

test('a signal to a closed fd is an error number, not an exception', () => {
  const fd = createWake();
  closeFd(fd);
  expect(signalWake(fd)).toBe(-9);
});
