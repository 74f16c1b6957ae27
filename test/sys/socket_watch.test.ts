import { afterEach, beforeEach, expect, test } from 'vitest';
import { receiveRights, sendRights, unixPair } from '../../src/sys/rights.ts';
import { SocketWatch } from '../../src/sys/socket_watch.ts';
import { closeFd, createWake, drainWake, signalWake } from '../../src/sys/wake.ts';

let left: number;
let right: number;
let event: number;
let watch: SocketWatch;

beforeEach(() => {
  [left, right] = unixPair();
  event = createWake();
  watch = new SocketWatch();
});

afterEach(() => {
  watch.close();
  for (const fd of [left, right, event]) closeFd(fd);
});

test('it tells of bytes on a socket and of every signal of an eventfd, until they are dropped', async () => {
  let bytes = 0;
  let signals = 0;
  watch.add(right, () => {
    bytes += receiveRights(right, Buffer.alloc(64)).length;
  });
  watch.add(event, () => {
    drainWake(event);
    signals++;
  });
  sendRights(left, Buffer.from('hello'));
  await expect.poll(() => bytes).toBe(5);
  for (const count of [1, 2, 3]) {
    signalWake(event);
    await expect.poll(() => signals).toBe(count);
  }
  watch.drop(event);
  signalWake(event);
  sendRights(left, Buffer.from('more'));
  await expect.poll(() => bytes).toBe(9);
  expect(signals).toBe(3);
});
