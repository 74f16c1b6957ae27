// Fragments, against the rules of RFC 791 written down once more, whole bytes at a time.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { fragment } from '../../src/engine/fragment.ts';
import { COLUMN, FrameBatch, MARK, ROW } from '../../src/frame/frame_batch.ts';
import { be16, packet, sumOf } from '../support/engine/packets.ts';

const HEADER = 14;
const DATAGRAM = { from: 'a', to: 'b', src: '10.0.1.2', dst: '10.0.2.2' };

/** Puts a frame into a batch as `classify` leaves it; `shared`: the headers become the row's own. */
function place(batch: FrameBatch, frame: Uint8Array, shared: boolean): number {
  const row = batch.append(1, frame.length);
  const start = batch.rows[row + COLUMN.start];
  batch.bytes.set(frame, start);
  batch.rows[row + COLUMN.rest] = start + 12;
  if (shared) {
    batch.rows[row + COLUMN.mark] |= MARK.shared;
    batch.own(row);
  }
  return row;
}

function gather(batch: FrameBatch, row: number): number[] {
  const length = batch.gather(row, batch.aux);
  return [...batch.bytes.subarray(batch.aux, batch.aux + length)];
}

/** All frames of the batch, that of `row` first. */
function framesFrom(batch: FrameBatch, row: number): number[][] {
  const rows = [row];
  for (let other = row + ROW; other < batch.count * ROW; other += ROW) rows.push(other);
  return rows.map((one) => gather(batch, one));
}

function split(frame: Uint8Array, mtu: number): number[][] {
  const length = (frame[HEADER] & 15) * 4;
  const header = [...frame.subarray(0, HEADER + length)];
  const payload = [...frame.subarray(HEADER + length)];
  const word = header[20] * 256 + header[21];
  const frames: number[][] = [];
  for (let from = 0; ; ) {
    const left = payload.length - from;
    const isLast = left <= mtu - length;
    const size = isLast ? left : Math.floor((mtu - length) / 8) * 8;
    const own = [...header];
    if (from > 0 && (word & 0x1fff) === 0)
      own.splice(HEADER + 20, length - 20, ...copied(header.slice(HEADER + 20)));
    own.splice(16, 2, ...be16(length + size));
    const flag = isLast ? word & 0x2000 : 0x2000;
    own.splice(20, 2, ...be16((((word & 0x1fff) + from / 8) & 0x1fff) | flag));
    own.splice(24, 2, 0, 0);
    own.splice(24, 2, ...be16(~sumOf(own, HEADER)));
    frames.push([...own, ...payload.slice(from, from + size)]);
    if (isLast) return frames;
    from += size;
  }
}

/** Later fragments have no-operations in place of options without the copied flag. */
function copied(options: number[]): number[] {
  const left = [...options];
  for (let at = 0; at < left.length && left[at] !== 0; ) {
    if (left[at] === 1) {
      at++;
      continue;
    }
    const length = left[at + 1];
    if (left[at] < 128) left.fill(1, at, at + length);
    at += length;
  }
  return left;
}

const OPTIONS: number[][] = [
  [],
  [1, 1, 1, 1],
  [7, 7, 4, 0, 0, 0, 0, 0],
  [148, 4, 0, 0],
  [1, 68, 8, 5, 0, 0, 0, 0, 0, 148, 4, 0, 0, 1, 1, 0],
];

test('a packet falls into parts as RFC 791 says, whatever its headers and wherever its bytes lie', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 9000 }),
      fc.integer({ min: 68, max: 4000 }),
      fc.constantFrom(...OPTIONS),
      fc.constantFrom(0, 0x2000, 0x0005, 0x2100),
      fc.boolean(),
      (size, mtu, options, word, shared) => {
        const payload = Array.from({ length: size }, (_, n) => (n * 7 + (n >> 8)) & 0xff);
        const frame = packet({ ...DATAGRAM, options, payload, fragment: word });
        const expected = frame.length - HEADER > mtu ? split(frame, mtu) : [[...frame]];
        const batch = new FrameBatch(4, 70_000);
        const row = place(batch, frame, shared);
        const isPossible = expected.length <= 128;
        expect(fragment(batch, row, mtu)).toBe(isPossible);
        expect(framesFrom(batch, row)).toEqual(isPossible ? expected : [[...frame]]);
      },
    ),
    { numRuns: 300 },
  );
});

test('parts fall into parts again, as if the packet had met the narrow way at once', () => {
  const payload = Array.from({ length: 3000 }, (_, n) => n & 0xff);
  for (const shared of [false, true]) {
    const batch = new FrameBatch(4, 70_000);
    const row = place(batch, packet({ ...DATAGRAM, payload, fragment: 0 }), shared);
    expect(fragment(batch, row, 1500)).toBe(true);
    const middle = row + ROW;
    const [, again] = framesFrom(batch, row);
    const count = batch.count;
    expect(fragment(batch, middle, 576)).toBe(true);
    const parts = split(Uint8Array.from(again), 576);
    expect(gather(batch, middle)).toEqual(parts[0]);
    for (const [n, part] of parts.slice(1).entries()) expect(gather(batch, (count + n) * ROW)).toEqual(part);
  }
});

test('a checksum that was left to hardware is finished over all parts', () => {
  for (const shared of [false, true]) {
    for (const size of [1600, 1601]) {
      const payload = [...be16(1), ...be16(2), ...be16(size), 0x12, 0x34];
      for (let n = payload.length; n < size; n++) payload.push((n * 13) & 0xff);
      const frame = packet({ ...DATAGRAM, payload, fragment: 0 });
      const batch = new FrameBatch(4, 70_000);
      const row = place(batch, frame, shared);
      batch.rows[row + COLUMN.csumStart] = 34;
      batch.rows[row + COLUMN.csumOffset] = 6;
      expect(fragment(batch, row, 700)).toBe(true);
      const frames = framesFrom(batch, row);
      payload.splice(6, 2, ...be16(~sumOf(payload)));
      expect(frames).toEqual(split(packet({ ...DATAGRAM, payload, fragment: 0 }), 700));
      expect(batch.rows[row + ROW + COLUMN.csumStart]).toBe(0);
    }
  }
});

test('a checksum whose field is not among the headers, or a way without room for eight bytes, is refused', () => {
  const frame = packet({ ...DATAGRAM, payload: new Array(2000).fill(1), fragment: 0 });
  const batch = new FrameBatch(4, 70_000);
  const row = place(batch, frame, true);
  expect(fragment(batch, row, 27)).toBe(false);
  batch.rows[row + COLUMN.csumStart] = 600;
  batch.rows[row + COLUMN.csumOffset] = 6;
  expect(fragment(batch, row, 700)).toBe(false);
  expect(framesFrom(batch, row)).toEqual([[...frame]]);
});

test('a batch that is full takes no parts', () => {
  const frame = packet({ ...DATAGRAM, payload: new Array(2000).fill(1), fragment: 0 });
  const batch = new FrameBatch(1, 70_000);
  const row = place(batch, frame, true);
  while (batch.freeRows > 1) batch.appendAt(batch.slotAt(0), 1, 60);
  expect(fragment(batch, row, 700)).toBe(false);
  expect(gather(batch, row)).toEqual([...frame]);
});
