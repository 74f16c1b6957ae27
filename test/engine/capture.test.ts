// The capture's passes over a batch that the test fills, as the engine fills it.

import { beforeEach, describe, expect, test } from 'vitest';
import { type CaptureSpec, Captures, MAX_CAPTURES } from '../../src/engine/capture.ts';
import { DropKeeper } from '../../src/engine/drop_keeper.ts';
import { EgressQueue, type Sink } from '../../src/engine/port.ts';
import type { Topology } from '../../src/engine/topology.ts';
import { COLUMN, FrameBatch, ROW } from '../../src/frame/frame_batch.ts';
import { DEST_CONSUMED, DEST_DIRECT, DEST_DROP, MAX_PORTS } from '../../src/frame/hop.ts';
import { CaptureRing, DIRECTIONS } from '../../src/table/capture_ring.ts';
import { DROP } from '../../src/table/drops.ts';
import { KEPT, LastDrops, RATE } from '../../src/table/last_drops.ts';
import { BPF } from '../../src/wire/bpf.ts';

const NOTHING = {} as Topology;
const ALL = DIRECTIONS.in | DIRECTIONS.out | DIRECTIONS.drop;
const TAG = 0x8100_000a | 0;

let batch: FrameBatch;
let clock: Float64Array;
let captures: Captures;
let ports: Uint8Array;
beforeEach(() => {
  batch = new FrameBatch(64, 4096);
  clock = new Float64Array([12_345.678901]);
  captures = new Captures(batch, clock);
  ports = new Uint8Array(new SharedArrayBuffer(MAX_PORTS)).fill(1);
});

/** Bytes 0, 1, 2 ... with an optional tag behind the MACs; as `classify` leaves them. */
function receive(port: number, length: number, isTagged = false): { row: number; bytes: Buffer } {
  const bytes = Buffer.from(Array.from({ length }, (_, n) => n & 255));
  if (isTagged) bytes.writeUInt32BE(0x8100_000a, 12);
  const row = batch.append(port, length);
  const start = batch.frameAt(row);
  batch.bytes.set(bytes, start);
  batch.rows[row + COLUMN.rest] = start + (isTagged ? 16 : 12);
  batch.rows[row + COLUMN.length] = length - (isTagged ? 4 : 0);
  return { row, bytes };
}

function start(change: Partial<CaptureSpec> = {}, capacity = 1 << 16): CaptureRing {
  const ring = CaptureRing.allocate(MAX_PORTS, capacity);
  captures.start(
    {
      id: 1,
      rings: [ring.memory],
      ports: ports.buffer as unknown as SharedArrayBuffer,
      directions: ALL,
      program: null,
      snaplen: 262_144,
      count: 0,
      ...change,
    },
    0,
  );
  return ring;
}

function read(ring: CaptureRing) {
  const frames = [];
  for (let at = ring.peek(); at >= 0; at = ring.peek()) {
    frames.push({
      time: ring.time(at),
      port: ring.port(at),
      direction: ring.direction(at),
      reason: ring.reason(at),
      length: ring.length(at),
      bytes: Buffer.from(ring.bytes.slice(at, at + ring.captured(at))),
    });
    ring.release(at);
  }
  return frames;
}

function queueOf(...copies: [row: number, hop: number, tag: number][]): EgressQueue {
  const queue = new EgressQueue({} as Sink, 64);
  for (const copy of copies) queue.push(...copy, 0);
  return queue;
}

describe('a capture', () => {
  test('has received frames as they came, with the tag that was stripped, and why they are to be dropped', () => {
    const ring = start();
    const plain = receive(3, 60);
    const tagged = receive(4, 1000, true);
    const dropped = receive(5, 64, true);
    batch.rows[dropped.row + COLUMN.dest] = DEST_DROP | DROP.isolated;
    captures.rows(NOTHING, 0, batch.count * ROW);
    const common = { time: 12_345.678901, direction: DIRECTIONS.in, reason: 0 };
    expect(read(ring)).toEqual([
      { ...common, port: 3, length: 60, bytes: plain.bytes },
      { ...common, port: 4, length: 1000, bytes: tagged.bytes },
      { ...common, port: 5, length: 64, bytes: dropped.bytes, reason: DROP.isolated + 1 },
    ]);
  });

  test('has what the host takes as received, not dropped, and what it sends only on its way out', () => {
    const ring = start();
    const taken = receive(3, 60);
    const sent = receive(4, 60);
    batch.rows[taken.row + COLUMN.dest] = DEST_CONSUMED;
    batch.rows[sent.row + COLUMN.dest] = DEST_DIRECT;
    captures.rows(NOTHING, 0, batch.count * ROW);
    captures.copies(NOTHING, queueOf([sent.row, 4, 0]), 0);
    expect(read(ring)).toMatchObject([
      { port: 3, direction: DIRECTIONS.in, reason: 0, bytes: taken.bytes },
      { port: 4, direction: DIRECTIONS.out, reason: 0, bytes: sent.bytes },
    ]);
  });

  test('has copies as they leave: tagged, untagged, or tagged anew', () => {
    const ring = start();
    const tagged = receive(3, 600, true);
    const plain = receive(3, 61);
    captures.copies(
      NOTHING,
      queueOf([tagged.row, 7, TAG], [tagged.row, 8, 0], [plain.row, (5 << 12) | 9, TAG]),
      0,
    );
    const untagged = Buffer.concat([tagged.bytes.subarray(0, 12), tagged.bytes.subarray(16)]);
    const tag = Buffer.from([0x81, 0, 0, 0x0a]);
    const retagged = Buffer.concat([plain.bytes.subarray(0, 12), tag, plain.bytes.subarray(12)]);
    expect(read(ring).map(({ port, direction, length, bytes }) => [port, direction, length, bytes])).toEqual([
      [7, DIRECTIONS.out, 600, tagged.bytes],
      [8, DIRECTIONS.out, 596, untagged],
      [9, DIRECTIONS.out, 65, retagged],
    ]);
  });

  test.each([1, 11, 12, 13, 15, 16, 17, 40])(
    'cuts frames at a snapshot length of %i, and tells how long they were',
    (snaplen) => {
      const ring = start({ snaplen });
      const { row, bytes } = receive(3, 100, true);
      captures.rows(NOTHING, 0, batch.count * ROW);
      captures.copies(NOTHING, queueOf([row, 7, TAG]), 0);
      captures.dropped(row, 7, DROP.queue_full);
      const cut = bytes.subarray(0, snaplen);
      expect(read(ring).map(({ length, bytes, reason }) => [length, bytes, reason])).toEqual([
        [100, cut, 0],
        [100, cut, 0],
        [100, cut, DROP.queue_full + 1],
      ]);
    },
  );

  test('is only about the directions and ports it asked for, also when they change', () => {
    ports.fill(0);
    ports[7] = 1;
    const ring = start({ directions: DIRECTIONS.out });
    const { row } = receive(7, 60);
    const all = () => {
      captures.rows(NOTHING, 0, batch.count * ROW);
      captures.copies(NOTHING, queueOf([row, 7, 0], [row, 8, 0]), 0);
      captures.dropped(row, 7, DROP.too_big);
      return read(ring).map(({ port }) => port);
    };
    expect(all()).toEqual([7]);
    ports[8] = 1;
    expect(all()).toEqual([7, 8]);
    captures.stop(1);
    expect(captures.isActive).toBe(false);
    expect(all()).toEqual([]);
  });

  test('asks its program about the frame as it would be captured', () => {
    const isTagged = [
      [BPF.LD_H_ABS, 0, 0, 12],
      [BPF.JEQ_K, 0, 3, 0x8100],
      [BPF.LD_H_ABS, 0, 0, 14],
      [BPF.JEQ_K, 0, 1, 10],
      [BPF.RET_K, 0, 0, 20],
      [BPF.RET_K, 0, 0, 0],
    ] as const;
    const ring = start({ program: isTagged });
    const tagged = receive(3, 60, true);
    const plain = receive(4, 60);
    captures.rows(NOTHING, 0, batch.count * ROW);
    captures.copies(NOTHING, queueOf([tagged.row, 7, 0], [plain.row, 8, TAG], [tagged.row, 9, TAG]), 0);
    expect(read(ring).map(({ port, length, bytes }) => [port, length, bytes.length])).toEqual([
      [3, 60, 20],
      [8, 64, 20],
      [9, 60, 20],
    ]);
  });

  test('ends after its count, and those that do not fit are lost and counted by port', () => {
    const counted = start({ id: 1, count: 3 });
    const small = start({ id: 2 }, 1024);
    for (let n = 0; n < 20; n++) receive(n % 2 === 0 ? 3 : 4, 200);
    captures.rows(NOTHING, 0, batch.count * ROW);
    expect(read(counted)).toHaveLength(3);
    expect(counted.lostOf(3) + counted.lostOf(4)).toBe(0);
    const kept = read(small);
    expect(kept).toHaveLength(4); // 224 bytes each
    expect(small.lostOf(3) + small.lostOf(4)).toBe(16);
    expect(small.lostOf(3)).toBe(8);
    captures.rows(NOTHING, 0, 2 * ROW);
    expect(read(small)).toHaveLength(2);
    expect(read(counted)).toHaveLength(0);
  });

  test('is one of a few, and a program that is none starts nothing', () => {
    for (let id = 1; id <= MAX_CAPTURES; id++) start({ id });
    expect(() => start({ id: 9 })).toThrow('At most 4 captures');
    captures.stop(2);
    expect(() => start({ id: 9, program: [[BPF.JA, 0, 0, 5]] })).toThrow('jump beyond the end');
    start({ id: 9 });
  });

  test('wakes its reader once for what a poll brought', async () => {
    const ring = start();
    const waited = ring.changed(5000);
    receive(3, 60);
    captures.rows(NOTHING, 0, ROW);
    captures.notify();
    const before = performance.now();
    await waited;
    expect(performance.now() - before).toBeLessThan(1000);
  });
});

describe('the ring', () => {
  test('keeps frames of every size in order while it goes round', () => {
    const ring = CaptureRing.allocate(MAX_PORTS, 4096);
    let next = 0;
    let expected = 0;
    for (let round = 0; round < 2000; round++) {
      const length = (round * 37) % 900;
      const at = ring.reserve(length);
      if (at >= 0) {
        ring.bytes.fill(next & 255, at, at + length);
        ring.describe(at, clock, next++, 1, DIRECTIONS.in, 0, 1);
        ring.commit();
      }
      if (at >= 0 && round % 3 !== 0) continue;
      for (let peeked = ring.peek(); peeked >= 0; peeked = ring.peek()) {
        const bytes = ring.bytes.subarray(peeked, peeked + ring.captured(peeked));
        expect(ring.length(peeked)).toBe(expected);
        expect(bytes.every((byte) => byte === (expected & 255))).toBe(true);
        expected++;
        ring.release(peeked);
      }
    }
    expect(next).toBeGreaterThan(1000);
  });
});

describe('the last drops', () => {
  test('take no memory before the first one, and then keep 16 headers of each port', () => {
    const keeper = new DropKeeper(batch, clock);
    expect(keeper.memory).toBeNull();
    const { row, bytes } = receive(3, 500, true);
    const short = receive(3, 60);
    for (let n = 0; n < 20; n++) {
      clock[0] = n;
      keeper.dropped(row, 3, DROP.vlan_not_allowed);
    }
    keeper.dropped(short.row, 9, DROP.queue_full);
    keeper.dropped(-1, 9, DROP.device_gone);
    const last = new LastDrops(keeper.memory as SharedArrayBuffer);
    const kept = last.read(3);
    expect(kept).toHaveLength(KEPT);
    expect(kept.map(({ time }) => time)).toEqual(Array.from({ length: KEPT }, (_, n) => n + 4));
    expect(kept[0]).toMatchObject({ code: DROP.vlan_not_allowed, length: 500 });
    expect(Buffer.from(kept[0].bytes)).toEqual(bytes.subarray(0, 128));
    expect(last.read(9).map(({ code, length, bytes }) => [code, length, bytes.length])).toEqual([
      [DROP.queue_full, 60, 60],
      [DROP.device_gone, 0, 0],
    ]);
    expect(last.read(4)).toEqual([]);
    keeper.forget(3);
    expect(last.read(3)).toEqual([]);
    expect(last.read(9)).toHaveLength(2);
  });

  test('are no more than a number in each second', () => {
    const keeper = new DropKeeper(batch, clock);
    const { row } = receive(3, 60);
    const { row: other } = receive(4, 60);
    for (let n = 0; n < RATE + 500; n++) keeper.dropped(row, 3, DROP.runt);
    keeper.dropped(other, 4, DROP.runt);
    const last = new LastDrops(keeper.memory as SharedArrayBuffer);
    expect(last.read(4)).toEqual([]);
    clock[0] += 1000;
    keeper.dropped(other, 4, DROP.runt);
    expect(last.read(4)).toHaveLength(1);
  });

  test('are left out while they are being written', () => {
    const last = LastDrops.allocate(8);
    const first = last.begin(3, 1, clock, 20);
    expect(last.read(3)).toEqual([]);
    last.end(3, first);
    expect(last.read(3)).toHaveLength(1);
    for (let n = 1; n < KEPT; n++) last.end(3, last.begin(3, 1, clock, 20));
    last.begin(3, 2, clock, 20);
    expect(last.read(3)).toHaveLength(KEPT - 1);
  });
});
