// Faults in front of sinks that send later. What faults do to frames: fault.test.ts.

import { expect, test } from 'vitest';
import { EgressQueue } from '../../src/engine/port.ts';
import { COLUMN, FrameBatch, ROW } from '../../src/frame/frame_batch.ts';
import { Faults } from '../../src/port/faults.ts';
import { TapSink } from '../../src/port/tap_sink.ts';
import { TransmitList } from '../../src/port/transmit_list.ts';
import { KIND } from '../../src/sys/burst.ts';
import { Counters, PORT } from '../../src/table/counters.ts';
import { DROP } from '../../src/table/drops.ts';
import { StubBurst } from '../support/engine/stub_burst.ts';

function setUp() {
  const batch = new FrameBatch(8, 512 * 1024);
  const burst = new StubBurst(batch.bytes);
  const counters = Counters.allocate(16, 2);
  const taps = new TapSink(new TransmitList(burst.asBurst(), counters), counters);
  const faults = new Faults(counters);
  for (const port of [1, 2]) taps.add(port, 100 + port, KIND.tap, 0);
  const queue = new EgressQueue(faults, 64);
  const put = (n: number, length: number) => {
    const at = batch.slotAt(n);
    batch.describe(n * ROW, at, 0, length);
    batch.rows[n * ROW + COLUMN.rest] = at + 12;
    batch.bytes.fill(n + 1, at, at + length);
  };
  const clock = Float64Array.of(1000);
  /** One poll's egress: `copies` are [row, port]. */
  const poll = (...copies: [number, number][]) => {
    faults.service(batch, clock);
    for (const [n, port] of copies) queue.push(n * ROW, port, 0, 0);
    faults.transmit(batch, queue);
    faults.flush(batch);
    return burst.sent.splice(0).map(({ fd, bytes }) => ({ port: fd - 100, bytes: bytes.subarray(12) }));
  };
  const count = (port: number, counter: number) => counters.values[counters.port(port) + counter];
  return { batch, burst, taps, faults, put, poll, clock, count };
}

const bits = (byte: number) => byte.toString(2).replaceAll('0', '').length;

test.each([100, 40_000])('damaged frames of one poll, of %i bytes, do not get into each other', (length) => {
  const { faults, taps, put, poll } = setUp();
  faults.add(1, taps, { corrupt: 1, seed: 4 });
  for (let n = 0; n < 5; n++) put(n, length);
  const sent = poll(...[0, 1, 2, 3, 4].map((n): [number, number] => [n, 1]));
  expect(sent.map(({ bytes }) => bytes.length)).toEqual(new Array(5).fill(length));
  for (const [n, { bytes }] of sent.entries()) {
    expect(bytes.reduce((sum, byte) => sum + bits(byte ^ (n + 1)), 0)).toBe(1);
  }
});

test('small frames that were held back leave in one call', () => {
  const { burst, faults, taps, put, poll, clock } = setUp();
  faults.add(1, taps, { delay: 10 });
  for (let n = 0; n < 5; n++) put(n, 100);
  expect(poll(...[0, 1, 2, 3, 4].map((n): [number, number] => [n, 1]))).toEqual([]);
  expect(faults.deadline[0]).toBe(1010);
  for (let n = 0; n < 5; n++) put(n, 0);
  clock[0] = 1010;
  expect(poll().map(({ bytes }) => bytes)).toEqual([1, 2, 3, 4, 5].map((n) => new Uint8Array(100).fill(n)));
  expect(burst.calls).toEqual([5]);
  expect(faults.deadline[0]).toBe(Number.POSITIVE_INFINITY);
});

test('each port has its own faults, and they end with it', () => {
  const { faults, taps, put, poll, clock, count } = setUp();
  faults.add(1, taps, { delay: 500 });
  faults.add(2, taps, { delay: 20 });
  put(0, 60);
  poll([0, 1], [0, 2], [0, 1]);
  expect(faults.deadline[0]).toBe(1020);
  clock[0] = 1020;
  expect(poll().map(({ port }) => port)).toEqual([2]);
  expect(faults.deadline[0]).toBe(1500);
  faults.remove(1);
  expect(count(1, PORT.drops + DROP.fault_transmit)).toBe(2);
  clock[0] = 2000;
  expect(poll()).toEqual([]);
  expect(faults.isEmpty).toBe(false);
  faults.remove(2);
  expect(faults.isEmpty).toBe(true);
});
