// The list without system calls: who fills it, when it is sent, and what becomes of the copies.

import { expect, test } from 'vitest';
import { EgressQueue } from '../../src/engine/port.ts';
import { COLUMN, FrameBatch, ROW } from '../../src/frame/frame_batch.ts';
import { hop } from '../../src/frame/hop.ts';
import { TapSink } from '../../src/port/tap_sink.ts';
import { KIND } from '../../src/sys/burst.ts';
import { Counters, PORT } from '../../src/table/counters.ts';
import { DROP } from '../../src/table/drops.ts';
import { Remotes } from '../../src/table/remotes.ts';
import { addressWords } from '../../src/wire/ip_address.ts';
import { build, classified, payloadOf } from '../engine/offload_frames.ts';
import { StubBurst } from '../support/engine/stub_burst.ts';
import { tunnelOver } from '../support/engine/tunnel.ts';

const TAP = 1;
const TUNNEL = 3;
const EIO = 5;
const EMSGSIZE = 90;
const ENOBUFS = 105;

function setUp({ txCapacity = 512, aux = 512 * 1024 } = {}) {
  const batch = new FrameBatch(8, aux);
  const burst = new StubBurst(batch.bytes, txCapacity);
  const counters = Counters.allocate(16, 2);
  const remotes = new Remotes(100, 20, 5);
  remotes.configure([{ row: 1, port: TUNNEL, address: addressWords('192.0.2.2') }], () => true);
  const { list, registry, sockets } = tunnelOver(burst.asBurst(), counters, remotes);
  const rest = { udpSegment: true, tos: 0, remoteLearning: true, maxRemotes: 10 };
  registry.add({ port: TUNNEL, vni: 42, vtep: 0, family: 4, dstPort: 4789, senders: [9], ...rest });
  const taps = new TapSink(list, counters);
  taps.add(TAP, 7, KIND.tap, 0);
  const toTap = (row: number, copies = 1) => {
    const queue = new EgressQueue(taps, 64);
    for (let n = 0; n < copies; n++) queue.push(row, TAP, 0, 0);
    taps.transmit(batch, queue);
  };
  const toTunnel = (row: number) => {
    const queue = new EgressQueue(sockets, 64);
    queue.push(row, hop(TUNNEL, 1), 0, 0);
    sockets.transmit(batch, queue);
  };
  const count = (port: number, counter: number) => counters.values[counters.port(port) + counter];
  return { batch, burst, list, taps, toTap, toTunnel, count };
}

/** Slot `n` holds a frame of `length` bytes, full of `n`. */
function plain(batch: FrameBatch, n: number, length: number): number {
  const row = n * ROW;
  const at = batch.slotAt(n);
  batch.describe(row, at, 0, length);
  batch.rows[row + COLUMN.rest] = at + 12;
  batch.bytes.fill(n + 1, at, at + length);
  return row;
}

const gso = (payload: number) =>
  build({ version: 4, protocol: 'tcp', payload: payloadOf(payload), gsoSize: 1000 });

test('all sinks share one list, which is sent once, in the order of emission', () => {
  const { batch, burst, list, toTap, toTunnel, count } = setUp();
  toTap(plain(batch, 1, 60));
  toTunnel(plain(batch, 2, 70));
  classified(batch, 0, gso(1500), false);
  toTap(0);
  toTap(plain(batch, 3, 80));
  expect(burst.calls).toEqual([]);
  list.flush(batch);
  list.flush(batch);
  expect(burst.calls).toEqual([5]);
  expect(burst.sent.map(({ fd }) => fd)).toEqual([7, 9, 7, 7, 7]);
  const bytes = burst.sent.map((one) => one.bytes);
  expect(bytes[0]).toEqual(new Uint8Array(72).fill(0, 0, 12).fill(2, 12));
  expect(bytes[1]).toEqual(new Uint8Array(78).fill(3).fill(0, 0, 8).fill(8, 0, 1).fill(42, 6, 7));
  expect(bytes[4]).toEqual(new Uint8Array(92).fill(0, 0, 12).fill(4, 12));
  expect(count(TAP, PORT.transmittedFrames)).toBe(3);
  expect(count(TAP, PORT.transmittedSegments)).toBe(2);
  expect(count(TUNNEL, PORT.transmittedFrames)).toBe(1);
});

test('a copy of many emissions counts once, and its first failure wins', () => {
  const { batch, burst, list, toTap, count } = setUp();
  classified(batch, 0, gso(4000), false);
  burst.results = [0, -ENOBUFS, -EMSGSIZE, 0];
  const full: number[] = [];
  list.onFull = (port) => full.push(port);
  toTap(0);
  toTap(plain(batch, 1, 60));
  list.flush(batch);
  expect(full).toEqual([TAP]);
  expect(count(TAP, PORT.drops + DROP.queue_full)).toBe(1);
  expect(count(TAP, PORT.drops + DROP.too_big)).toBe(0);
  expect(count(TAP, PORT.transmittedFrames)).toBe(1);
  expect(count(TAP, PORT.transmittedBytes)).toBe(60);
});

test.each([1, 3, 7])(
  'with room for %i entries it is sent whenever it is full, and copies keep whole',
  (txCapacity) => {
    const { batch, burst, list, toTap, count } = setUp({ txCapacity });
    classified(batch, 0, gso(9000), false);
    burst.results = [0, -EIO, 0, 0, 0, 0, 0, 0, 0];
    toTap(0);
    toTap(plain(batch, 1, 60), 4);
    list.flush(batch);
    expect(burst.calls.every((entries) => entries > 0 && entries <= txCapacity)).toBe(true);
    expect(burst.calls.reduce((sum, entries) => sum + entries)).toBe(13);
    expect(count(TAP, PORT.drops + DROP.port_down)).toBe(1);
    expect(count(TAP, PORT.transmittedFrames)).toBe(4);
    expect(count(TAP, PORT.up)).toBe(1);
  },
);

test('with little room it is sent before what it names is overwritten', () => {
  const { batch, burst, list, toTap, count } = setUp({ aux: 72 * 1024 });
  const frame = gso(30_000);
  classified(batch, 0, frame, false);
  toTap(0);
  list.flush(batch);
  expect(burst.calls.length).toBeGreaterThan(3);
  expect(burst.sent).toHaveLength(30);
  for (const [n, { bytes }] of burst.sent.entries()) {
    const payload = bytes.subarray(12 + frame.headerLength);
    const from = frame.headerLength + n * 1000;
    expect(payload).toEqual(frame.bytes.subarray(from, from + 1000));
  }
  expect(count(TAP, PORT.transmittedSegments)).toBe(30);
});

test('a frame whose headers contradict its request is refused, and nothing of it is emitted', () => {
  const { batch, burst, list, toTap, count } = setUp();
  classified(batch, 0, gso(4000), false);
  batch.rows[COLUMN.csumStart] += 2;
  toTap(0);
  batch.rows[COLUMN.gsoType] = 0;
  batch.rows[COLUMN.csumStart] = 2;
  toTap(0);
  list.flush(batch);
  expect(burst.sent).toEqual([]);
  expect(count(TAP, PORT.drops + DROP.bad_packet)).toBe(2);
});

test('an interface tells by its answers whether it is up; a socket does not', () => {
  const { batch, burst, list, toTap, toTunnel, count } = setUp();
  const row = plain(batch, 0, 60);
  burst.results = [-EIO, -EIO];
  toTap(row);
  toTunnel(row);
  list.flush(batch);
  expect([count(TAP, PORT.up), count(TUNNEL, PORT.up)]).toEqual([0, 1]);
  toTap(row);
  list.flush(batch);
  expect(count(TAP, PORT.up)).toBe(1);
});
