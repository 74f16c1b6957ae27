// Connected sockets in a burst: frames out of a byte stream, wherever it is cut, and into one, whoever reads it slowly.

import { closeSync, readSync, writeSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, onTestFinished, test } from 'vitest';
import { type Burst, KIND, ROW, RX, TX } from '../../src/sys/burst.ts';
import { unixPair } from '../../src/sys/rights.ts';
import { closeSocket, openStream } from '../../src/sys/socket.ts';
import { framed } from '../support/socket_peers.ts';
import { burst, entry, eventList, frame, HEADER, HEADROOM, received, STRIDE } from './rig.ts';

const EAGAIN = 11;
const EBADF = 9;
const EFAULT = 14;
const EPIPE = 32;
const EPROTO = 71;
const LARGEST = STRIDE - HEADROOM;

/** Our end of a stream, in the burst as source 7, and theirs. */
function pair(b: Burst): { ours: number; theirs: number } {
  const [ours, theirs] = unixPair();
  openStream(ours);
  onTestFinished(() => closeSocket(ours));
  let isOpen = true;
  onTestFinished(() => {
    if (isOpen) closeQuietly(theirs);
    isOpen = false;
  });
  b.add(ours, 7, KIND.stream);
  return { ours, theirs };
}

function closeQuietly(fd: number): void {
  try {
    closeSync(fd);
  } catch {
    // The test did.
  }
}

/** Frames until there are no more, at most `limit` in a call. */
function drain(b: Burst, limit: number): { frames: Buffer[]; events: [number, number][] } {
  const frames: Buffer[] = [];
  const events: [number, number][] = [];
  for (let idle = 0; idle < 2 && events.length === 0; ) {
    const count = b.receive(0, limit, 0);
    for (let slot = 0; slot < count; slot++) frames.push(received(b, slot));
    events.push(...eventList(b));
    idle = count === 0 ? idle + 1 : 0;
  }
  return { frames, events };
}

function put(b: Burst, n: number, fd: number, bytes: Buffer, at: number): number {
  const end = entry(b, n, fd, [framed(bytes).subarray(0, 16), bytes.subarray(12)], at);
  b.tx[n * ROW + TX.kind] = KIND.stream;
  return end;
}

describe('a stream', () => {
  test('frames come whole and in order, wherever the stream is cut and however many are asked for', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: LARGEST }), { minLength: 1, maxLength: 60 }),
        fc.array(fc.integer({ min: 1, max: 9000 }), { minLength: 1, maxLength: 40 }),
        fc.integer({ min: 1, max: 40 }),
        (lengths, cuts, limit) => {
          const b = burst();
          const [ours, theirs] = unixPair();
          openStream(ours);
          b.add(ours, 7, KIND.stream);
          try {
            const sent = lengths.map((length, n) => frame(Math.max(length, 14), n).subarray(0, length));
            const bytes = Buffer.concat(sent.map(framed));
            const got: Buffer[] = [];
            for (let at = 0, n = 0; at < bytes.length; n++) {
              at += writeSync(theirs, bytes, at, Math.min(cuts[n % cuts.length], bytes.length - at));
              got.push(...drain(b, limit).frames);
            }
            expect(got.length).toBe(sent.length);
            expect(Buffer.concat(got).equals(Buffer.concat(sent))).toBe(true);
          } finally {
            b.remove(ours);
            closeSocket(ours);
            closeSync(theirs);
          }
        },
      ),
      { numRuns: 60 },
    );
  });

  test('any bytes are frames, or the end of the connection, and never more', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 3000 }), (bytes) => {
        const b = burst();
        const [ours, theirs] = unixPair();
        openStream(ours);
        b.add(ours, 7, KIND.stream);
        try {
          writeSync(theirs, bytes);
          closeSync(theirs);
          const { frames, events } = drain(b, 64);
          expect(frames.reduce((sum, { length }) => sum + length + 4, 0)).toBeLessThanOrEqual(bytes.length);
          expect(events).toHaveLength(1);
          expect([EPROTO, EPIPE]).toContain(events[0][1]);
          expect(b.receive(0, 64, 0)).toBe(0);
        } finally {
          closeSocket(ours);
        }
      }),
      { numRuns: 200 },
    );
  });

  test('a frame has an empty virtio-net header before it, and nothing behind it is written', () => {
    const b = burst();
    const { theirs } = pair(b);
    b.bytes.fill(0xaa);
    writeSync(theirs, framed(frame(60)));
    expect(b.receive(3, 1, 100)).toBe(1);
    expect(b.rx.subarray(3 * ROW, 3 * ROW + 3)).toEqual(new Int32Array([7, 60, 0]));
    const at = 3 * STRIDE + HEADROOM;
    expect(b.bytes.subarray(at - HEADER, at)).toEqual(Buffer.alloc(HEADER));
    expect([b.bytes[at - HEADER - 1], b.bytes[at + 60]]).toEqual([0xaa, 0xaa]);
  });

  test.each([0, LARGEST + 1, 0x8000_0000])(
    'a length of %i is the end of it, after the frames before',
    (length) => {
      const b = burst();
      const { theirs } = pair(b);
      const head = Buffer.alloc(4);
      head.writeUInt32BE(length);
      writeSync(theirs, Buffer.concat([framed(frame(60)), head, Buffer.alloc(200)]));
      expect(drain(b, 8)).toEqual({ frames: [frame(60)], events: [[7, EPROTO]] });
      expect(b.receive(0, 8, 0)).toBe(0);
    },
  );

  test('what was read and not handed over yet keeps its turn, and the end comes after it', () => {
    const b = burst();
    const { theirs } = pair(b);
    writeSync(theirs, Buffer.concat([1, 2, 3].map((n) => framed(frame(60, n)))));
    closeQuietly(theirs);
    expect(drain(b, 1)).toEqual({ frames: [1, 2, 3].map((n) => frame(60, n)), events: [[7, EPIPE]] });
  });

  test('a slow reader gets whole frames and nothing else, and the rest of one as soon as it reads', () => {
    const b = burst({ txCapacity: 64 }, 64 * 5000);
    const { ours, theirs } = pair(b);
    const bytes = frame(4000, 9);
    const results: number[] = [];
    for (let round = 0; round < 4; round++) {
      let at = b.slots * STRIDE;
      for (let n = 0; n < 64; n++) at = put(b, n, ours, bytes, at);
      b.transmit(64);
      for (let n = 0; n < 64; n++) results.push(b.result(n));
    }
    const taken = results.filter((result) => result > 0);
    expect(taken.every((result) => result === 4004)).toBe(true);
    expect(results.filter((result) => result < 0).every((result) => result === -EAGAIN)).toBe(true);
    expect(taken.length).toBeGreaterThan(10);
    expect(taken.length).toBeLessThan(256);
    let all = Buffer.alloc(0);
    const room = Buffer.alloc(100_000);
    while (all.length < taken.length * 4004) {
      all = Buffer.concat([all, room.subarray(0, readSync(theirs, room))]);
      b.receive(0, 8, 0); // the socket is writable: the rest goes
    }
    expect(all.equals(Buffer.concat(taken.map(() => framed(bytes))))).toBe(true);
    put(b, 0, ours, frame(60), b.slots * STRIDE);
    b.transmit(1);
    expect(b.result(0)).toBe(64);
  });

  test('entries that cannot be are refused one by one, and so is all for a stream that nobody opened or that has ended', () => {
    const b = burst();
    const { ours, theirs } = pair(b);
    let at = put(b, 0, ours, frame(60), b.slots * STRIDE);
    at = put(b, 1, ours, frame(60), at);
    b.tx[ROW + TX.piece] = b.bytes.length - 3;
    at = put(b, 2, 1_000_000, frame(60), at);
    put(b, 3, ours, frame(60), at);
    b.transmit(4);
    expect([0, 1, 2, 3].map((n) => b.result(n))).toEqual([64, -EFAULT, -EBADF, 64]);
    closeQuietly(theirs);
    put(b, 0, ours, frame(60), b.slots * STRIDE);
    b.transmit(1);
    expect(b.result(0)).toBe(-EPIPE);
  });

  test('one that nobody opened is not watched', () => {
    const b = burst();
    const [ours, theirs] = unixPair();
    onTestFinished(() => [ours, theirs].forEach(closeQuietly));
    expect(() => b.add(ours, 7, KIND.stream)).toThrow('EBADF');
    expect(b.rx[RX.source]).toBe(0);
  });
});
