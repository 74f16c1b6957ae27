import { expect, test } from 'vitest';
import { Lock } from '../../src/table/lock.ts';
import { crowd } from '../support/shared/crowd.ts';

test('threads that take turns lose no addition, and none of them sleeps for ever', {
  timeout: 30_000,
}, async () => {
  const TURNS = 100_000;
  const words = new Int32Array(new SharedArrayBuffer(64));
  await crowd(
    3,
    { words, TURNS },
    `const { Lock } = await load('table/lock');
     const { words, TURNS } = data;
     const lock = new Lock(words, 3);
     start();
     for (let n = 0; n < TURNS; n++) {
       lock.take();
       words[0] = words[0] + 1; // torn apart without the lock
       lock.release();
     }`,
  );
  expect(words[0]).toBe(3 * TURNS);
  expect(words[3]).toBe(0);
});

/** A lock that is taken, and what becomes of a thread that sleeps over it: how many ms it did, or its error. */
async function sleepOver() {
  const words = new Int32Array(new SharedArrayBuffer(64));
  const lock = new Lock(words, 0);
  lock.take();
  const other = crowd(
    1,
    { words },
    `const { Lock } = await load('table/lock');
     const from = performance.now();
     try { new Lock(data.words, 0).take(); } catch (error) { return error.message; }
     return performance.now() - from;`,
  );
  await expect.poll(() => words[0], { timeout: 5000 }).toBe(2);
  return { words, lock, other };
}

test('who waits for a thread that died gives up, and a lock that is free works on', async () => {
  const { words, lock, other } = await sleepOver();
  lock.abandon();
  expect(await other).toEqual(['A worker died with a lock']);
  expect(() => lock.take()).toThrow('A worker died');
  lock.release();
  lock.take();
  expect(words[0]).toBe(1);
});

test('who finds it taken sleeps until it is free', async () => {
  const { lock, other } = await sleepOver();
  await new Promise((resolve) => setTimeout(resolve, 100));
  lock.release();
  const [waited] = await other;
  expect(waited).toBeGreaterThan(90);
});
