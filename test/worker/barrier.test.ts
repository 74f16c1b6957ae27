import { expect, test } from 'vitest';
import { Barrier } from '../../src/worker/barrier.ts';
import { crowd } from '../support/shared/crowd.ts';

test('nobody does anything else while the first worker is at it', { timeout: 30_000 }, async () => {
  const ROUNDS = 2000;
  const { memory } = new Barrier();
  const words = new Int32Array(new SharedArrayBuffer(64));
  const seen = await crowd(
    3,
    { memory, words, ROUNDS },
    `const { Barrier } = await load('worker/barrier');
     const { memory, words, ROUNDS } = data;
     const barrier = new Barrier(memory);
     let torn = 0;
     start();
     for (let n = 0; n < ROUNDS; n++) {
       if (index === 0) {
         barrier.during(2, () => {
           words[0] = -1;
           for (let spin = 0; spin < 500; spin++) Atomics.add(words, 15, 1);
           words[0] = n;
         });
       } else {
         barrier.join();
         // The first may already be waiting for the next round, but cannot begin it.
         if (Atomics.load(words, 0) !== n) torn++;
       }
     }
     return torn;`,
  );
  expect(seen).toEqual([0, 0, 0]);
  expect(words[0]).toBe(ROUNDS - 1);
});

test('what the first worker cannot do, it and the others learn by an exception, and the next round works', async () => {
  const { memory } = new Barrier();
  const outcome = await crowd(
    2,
    { memory },
    `const { Barrier } = await load('worker/barrier');
     const barrier = new Barrier(data.memory);
     const messages = [];
     for (const act of [() => { throw new Error('no'); }, () => {}]) {
       try {
         if (index === 0) barrier.during(1, act);
         else barrier.join();
         messages.push('fine');
       } catch (error) {
         messages.push(error.message);
       }
     }
     return messages;`,
  );
  expect(outcome).toEqual([
    ['no', 'fine'],
    ['The first worker failed', 'fine'],
  ]);
});

test.each([
  ['the others', 0],
  ['the first', 1],
])('nobody waits for ever for %s when a worker has died', async (_, role) => {
  const barrier = new Barrier();
  const waiting = crowd(
    1,
    { memory: barrier.memory, role },
    `const { Barrier } = await load('worker/barrier');
     const barrier = new Barrier(data.memory);
     try {
       if (data.role === 0) barrier.during(1, () => {});
       else barrier.join();
     } catch (error) {
       return error.message;
     }`,
  );
  await new Promise((resolve) => setTimeout(resolve, 200));
  barrier.abandon();
  expect(await waiting).toEqual(['Another worker is dead']);
});

test('alone, there is nothing to wait for', () => {
  expect(new Barrier().during(0, () => 5)).toBe(5);
});
