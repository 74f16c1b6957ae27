import { Worker } from 'node:worker_threads';
import fc from 'fast-check';
import { expect, onTestFinished, test } from 'vitest';
import { FRAME_ROOM } from '../../src/frame/frame_batch.ts';
import { FrameRing } from '../../src/port/frame_ring.ts';
import { crowd } from '../support/shared/crowd.ts';

const CAPACITY = 256 * 1024;

/** Writes a frame of `length` bytes that tells its number everywhere. */
function write(ring: FrameRing, length: number, n: number): boolean {
  const at = ring.reserve(length);
  if (at < 0) return false;
  ring.bytes.fill(n & 0xff, at, at + length);
  ring.describe(at, n & 0xff, n & 0xffff, (n * 3) & 0xffff, (n * 7) & 0xffff);
  ring.commit();
  return true;
}

function expectNext(ring: FrameRing, length: number, n: number): void {
  const at = ring.peek();
  expect(at).toBeGreaterThanOrEqual(0);
  expect(ring.length(at)).toBe(length);
  expect(ring.bytes.subarray(at, at + length).every((byte) => byte === (n & 0xff))).toBe(true);
  expect([ring.gsoType(at), ring.gsoSize(at), ring.csumStart(at), ring.csumOffset(at)]).toEqual([
    n & 0xff,
    n & 0xffff,
    (n * 3) & 0xffff,
    (n * 7) & 0xffff,
  ]);
  ring.release(at);
}

test('a ring gives back what was put in, in order, whatever the lengths and however often it wraps', () => {
  const lengths = fc.oneof(fc.integer({ min: 0, max: 100 }), fc.integer({ min: 0, max: FRAME_ROOM }));
  const steps = fc.oneof(
    fc.record({ op: fc.constant('write' as const), length: lengths }),
    fc.record({ op: fc.constant('read' as const), count: fc.integer({ min: 1, max: 8 }) }),
  );
  fc.assert(
    fc.property(fc.array(steps, { maxLength: 200 }), (list) => {
      const ring = FrameRing.allocate(CAPACITY);
      const waiting: { length: number; n: number }[] = [];
      list.forEach((step, n) => {
        if (step.op === 'write') {
          const bytes = waiting.reduce((sum, { length }) => sum + length + 24, 0);
          const taken = write(ring, step.length, n);
          if (taken) waiting.push({ length: step.length, n });
          // It may refuse for the padding at its end, but not while half of it is empty.
          else expect(bytes + 2 * step.length + 48).toBeGreaterThan(CAPACITY);
        } else {
          for (let k = 0; k < step.count && waiting.length > 0; k++) {
            const { length, n: number } = waiting.shift() as { length: number; n: number };
            expectNext(ring, length, number);
          }
        }
        expect(ring.isEmpty).toBe(waiting.length === 0);
      });
      for (const { length, n } of waiting) expectNext(ring, length, n);
      expect(ring.peek()).toBe(-1);
    }),
    { numRuns: 60 },
  );
});

test('the largest frame fits an empty ring, wherever its positions are', () => {
  const ring = FrameRing.allocate(CAPACITY);
  for (let n = 0; n < 300; n++) {
    expect(write(ring, (n * 1237) % FRAME_ROOM, n)).toBe(true);
    expectNext(ring, (n * 1237) % FRAME_ROOM, n);
    expect(write(ring, FRAME_ROOM, n)).toBe(true);
    expectNext(ring, FRAME_ROOM, n);
  }
});

test('positions pass 2^32 without a trace', () => {
  const ring = FrameRing.allocate(CAPACITY);
  const state = new Int32Array(ring.memory, 0, 16);
  const almost = -(CAPACITY / 2); // a multiple of the capacity less a half, modulo 2^32
  state[0] = almost;
  state[8] = almost;
  for (let n = 0; n < 1000; n++) {
    expect(write(ring, 1000, n)).toBe(true);
    expect(write(ring, 77, n)).toBe(true);
    expectNext(ring, 1000, n);
    expectNext(ring, 77, n);
  }
  expect(state[0]).toBeGreaterThan(0);
});

test('a full ring refuses and keeps what it has', () => {
  const ring = FrameRing.allocate(CAPACITY);
  let count = 0;
  while (write(ring, 60, count)) count++;
  expect(count).toBe(Math.floor(CAPACITY / 80));
  expect(write(ring, 60, 0)).toBe(false);
  expectNext(ring, 60, 0);
  expect(write(ring, 60, count)).toBe(true);
  for (let n = 1; n <= count; n++) expectNext(ring, 60, n);
  expect(ring.isEmpty).toBe(true);
});

test('capacities that could not hold a frame, or are no power of two, are refused', () => {
  expect(() => FrameRing.allocate(128 * 1024)).toThrow(RangeError);
  expect(() => FrameRing.allocate(300_000)).toThrow(RangeError);
});

test('a reader in another thread sees every frame complete and in order', { timeout: 30_000 }, async () => {
  const COUNT = 50_000;
  const ring = FrameRing.allocate(CAPACITY);
  const file = new URL('../../dist/src/port/frame_ring.js', import.meta.url).href;
  const worker = new Worker(
    `const { parentPort, workerData } = require('node:worker_threads');
     import(${JSON.stringify(file)}).then(({ FrameRing }) => {
       const ring = new FrameRing(workerData.memory);
       let wrong = 0;
       for (let n = 0; n < ${COUNT}; ) {
         const at = ring.peek();
         if (at < 0) { Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 0.05); continue; }
         const length = ring.length(at);
         if (length !== 60 + (n % 1400) || ring.gsoSize(at) !== (n & 0xffff)) wrong++;
         for (let k = 0; k < length; k += 13) if (ring.bytes[at + k] !== (n & 0xff)) { wrong++; break; }
         ring.release(at);
         n++;
       }
       parentPort.postMessage(wrong);
     });`,
    { eval: true, workerData: { memory: ring.memory } },
  );
  onTestFinished(async () => {
    await worker.terminate();
  });
  const result = new Promise((resolve, reject) => {
    worker.once('message', resolve);
    worker.once('error', reject);
  });
  for (let n = 0; n < COUNT; ) {
    if (write(ring, 60 + (n % 1400), n)) n++;
    else await new Promise((resolve) => setImmediate(resolve));
  }
  expect(await result).toBe(0);
});

test('a reader that waits is woken by notify, and not kept waiting by what is already there', async () => {
  const ring = FrameRing.allocate(CAPACITY);
  const keepAlive = setInterval(() => {}, 1000);
  onTestFinished(() => clearInterval(keepAlive));
  const waiting = ring.changed(10_000);
  write(ring, 60, 1);
  ring.notify();
  await waiting;
  await ring.changed(10_000);
  ring.release(ring.peek());
  const before = Date.now();
  await ring.changed(30);
  expect(Date.now() - before).toBeGreaterThanOrEqual(25);
});

test('writers that take turns by the lock leave every frame whole, and each its own in order', async () => {
  const COUNT = 20_000;
  const ring = FrameRing.allocate(CAPACITY);
  const writers = crowd(
    2,
    { memory: ring.memory, COUNT },
    `const { FrameRing } = await load('port/frame_ring');
     const ring = new FrameRing(data.memory);
     start();
     for (let n = 0; n < data.COUNT; ) {
       ring.lock.take();
       const at = ring.reserve(8 + (n % 90));
       if (at >= 0) {
         ring.view.setUint32(at, n);
         ring.describe(at, index, 8 + (n % 90), 0, 0);
         ring.commit();
         n++;
       }
       ring.lock.release();
     }`,
  );
  const next = [0, 0];
  while (next[0] + next[1] < 2 * COUNT) {
    for (let at = ring.peek(); at >= 0; at = ring.peek()) {
      const writer = ring.gsoType(at);
      const frame = [ring.view.getUint32(at), ring.length(at), ring.gsoSize(at)];
      const length = 8 + (next[writer] % 90);
      if (`${frame}` !== `${[next[writer], length, length]}`) {
        expect({ writer, frame }).toEqual({ writer, frame: [next[writer], length, length] });
      }
      next[writer]++;
      ring.release(at);
    }
    await new Promise((resolve) => setImmediate(resolve));
  }
  await writers;
  expect(next).toEqual([COUNT, COUNT]);
});
