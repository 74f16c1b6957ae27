import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { checkOffload, MAX_GSO_HEADER } from '../../src/engine/offload.ts';
import { completeChecksum, Segmenter } from '../../src/engine/segment.ts';
import { COLUMN, type FrameBatch } from '../../src/frame/frame_batch.ts';
import {
  build,
  type OffloadFrame,
  receive,
  type Shape,
  shapes,
  smallBatch,
  verifies,
} from './offload_frames.ts';

const tcp4 = (more: Partial<Shape> = {}): Shape => ({
  version: 4,
  protocol: 'tcp',
  payload: new Uint8Array(3000).fill(0x61),
  gsoSize: 1000,
  ...more,
});

function check(frame: OffloadFrame, spoil?: (batch: FrameBatch) => void): { ok: boolean; batch: FrameBatch } {
  const batch = smallBatch();
  receive(batch, 0, frame);
  spoil?.(batch);
  return { ok: checkOffload(batch, 0), batch };
}

test('every well-formed request passes and its headers are measured', () => {
  const batch = smallBatch();
  fc.assert(
    fc.property(shapes, (shape) => {
      const frame = build(shape);
      receive(batch, 0, frame);
      expect(checkOffload(batch, 0)).toBe(true);
      const isGso = frame.bytes.length - frame.headerLength > shape.gsoSize;
      expect(batch.rows[COLUMN.gsoType]).toBe(isGso ? frame.gsoType : 0);
      expect(batch.rows[COLUMN.gsoSize]).toBe(isGso ? shape.gsoSize : 0);
      expect(batch.rows[COLUMN.headerLength]).toBe(isGso ? frame.headerLength : 0);
      expect(batch.rows[COLUMN.csumStart]).toBe(frame.csumStart);
    }),
    { numRuns: 200 },
  );
});

test('a frame that fits one segment is no longer a GSO frame', () => {
  const one = check(build(tcp4({ gsoSize: 3000 })));
  expect([
    one.ok,
    one.batch.rows[COLUMN.gsoType],
    one.batch.rows[COLUMN.gsoSize],
    one.batch.rows[COLUMN.csumStart],
  ]).toEqual([true, 0, 0, 34]);
  expect(check(build(tcp4({ gsoSize: 2999 }))).batch.rows[COLUMN.gsoType]).toBe(1);
});

test('a checksum request of any protocol passes if it lies behind the MAC header and within the frame', () => {
  const bytes = Uint8Array.from([...new Array(12).fill(2), 0x81, 0, 0, 1, 0x12, 0x34, 1, 2, 3, 4]);
  const frame = { ...build(tcp4()), bytes, gsoType: 0, csumOffset: 2 };
  expect(check({ ...frame, csumStart: 18 }).ok).toBe(true);
  expect(check({ ...frame, csumStart: 19 }).ok).toBe(false);
  expect(check({ ...frame, csumStart: 17 }).ok).toBe(false);
  expect(check({ ...frame, csumStart: 18, csumOffset: 65_535 }).ok).toBe(false);
});

describe('a GSO request is refused', () => {
  const columns: [string, (batch: FrameBatch) => void][] = [
    ['with a gso_size of 0', (batch) => batch.rows.fill(0, COLUMN.gsoSize, COLUMN.gsoSize + 1)],
    [
      'with the gso_size that Linux keeps for itself',
      (batch) => batch.rows.fill(0xffff, COLUMN.gsoSize, COLUMN.gsoSize + 1),
    ],
    ['of an unknown type', (batch) => batch.rows.fill(2, COLUMN.gsoType, COLUMN.gsoType + 1)],
    ['of type UFO', (batch) => batch.rows.fill(3, COLUMN.gsoType, COLUMN.gsoType + 1)],
    ['of a tunnel type', (batch) => batch.rows.fill(0x21, COLUMN.gsoType, COLUMN.gsoType + 1)],
    ['of the other IP version', (batch) => batch.rows.fill(4, COLUMN.gsoType, COLUMN.gsoType + 1)],
    ['of UDP for a TCP frame', (batch) => batch.rows.fill(5, COLUMN.gsoType, COLUMN.gsoType + 1)],
    [
      'whose csum_start is not the TCP header',
      (batch) => batch.rows.fill(36, COLUMN.csumStart, COLUMN.csumStart + 1),
    ],
    [
      'whose csum_offset is not the checksum field',
      (batch) => batch.rows.fill(6, COLUMN.csumOffset, COLUMN.csumOffset + 1),
    ],
    ['whose TCP header is cut off', (batch) => batch.rows.fill(53, COLUMN.length, COLUMN.length + 1)],
    ['whose IP header is cut off', (batch) => batch.rows.fill(33, COLUMN.length, COLUMN.length + 1)],
    ['whose EtherType is cut off', (batch) => batch.rows.fill(13, COLUMN.length, COLUMN.length + 1)],
  ];
  test.each(columns)('%s', (_, spoil) => {
    expect(check(build(tcp4()), spoil).ok).toBe(false);
  });

  test('with ECN for UDP, or without a checksum to complete for UDP', () => {
    const frame = build({ ...tcp4(), protocol: 'udp' });
    expect(check(frame).ok).toBe(true);
    expect(check(frame, (batch) => batch.rows.fill(0x85, COLUMN.gsoType, COLUMN.gsoType + 1)).ok).toBe(false);
    expect(check(frame, (batch) => batch.rows.fill(0, COLUMN.csumStart, COLUMN.csumStart + 1)).ok).toBe(
      false,
    );
  });

  test('of UDP for a TCP frame, even if its checksum is asked for where UDP has it', () => {
    const frame = { ...build(tcp4()), gsoType: 5, csumOffset: 6 };
    expect(check(frame).ok).toBe(false);
  });

  test('with a TCP data offset that is too small or beyond the frame', () => {
    const spoil = (offset: number) => {
      const frame = build(tcp4({ payload: new Uint8Array(8), gsoSize: 1 }));
      frame.bytes[frame.l4 + 12] = offset << 4;
      return check(frame).ok;
    };
    expect([4, 5, 7, 8].map(spoil)).toEqual([false, true, true, false]);
  });

  test('with more headers than any segment should repeat', () => {
    const options = (bytes: number): [number, number[]] => [
      60,
      [0, bytes / 8 - 1, ...new Array(bytes - 2).fill(0)],
    ];
    const room = MAX_GSO_HEADER - 14 - 40 - 20;
    const frame = (bytes: number) => build({ ...tcp4(), version: 6, extensions: [options(bytes)] });
    expect(check(frame(room - (room % 8))).ok).toBe(true);
    expect(check(frame(room - (room % 8) + 8)).ok).toBe(false);
  });
});

/** A frame with some bytes, mostly of its headers, and some of its columns changed. */
const mutated = fc.record({
  shape: shapes,
  edits: fc.array(fc.tuple(fc.nat(150), fc.nat(255)), { maxLength: 4 }),
  cut: fc.oneof({ weight: 4, arbitrary: fc.constant(0) }, fc.nat(200)),
  gsoType: fc.option(fc.oneof(fc.constantFrom(0, 1, 4, 5, 0x81, 0x84), fc.nat(255))),
  gsoSize: fc.option(fc.nat(65_535)),
  csumStart: fc.option(fc.oneof(fc.nat(120), fc.nat(65_535))),
  csumOffset: fc.option(fc.oneof(fc.constantFrom(6, 16), fc.nat(65_535))),
});
type Mutated = typeof mutated extends fc.Arbitrary<infer T> ? T : never;

/** What comes out of the whole path, as one buffer; everything around the frame is filled with `poison`. */
function outcome(batch: FrameBatch, mutation: Mutated, skipCheck: boolean, poison: number): Buffer[] {
  const frame = build(mutation.shape);
  for (const [at, value] of mutation.edits) if (at < frame.bytes.length) frame.bytes[at] = value;
  batch.bytes.fill(poison);
  const bytes = frame.bytes.subarray(0, Math.max(14, frame.bytes.length - mutation.cut));
  receive(batch, 0, { ...frame, bytes });
  batch.rows[COLUMN.gsoType] = mutation.gsoType ?? frame.gsoType;
  batch.rows[COLUMN.gsoSize] = mutation.gsoSize ?? mutation.shape.gsoSize;
  batch.rows[COLUMN.csumStart] = mutation.csumStart ?? frame.csumStart;
  batch.rows[COLUMN.csumOffset] = mutation.csumOffset ?? frame.csumOffset;
  batch.rows[COLUMN.rest] = batch.rows[COLUMN.start] + 12;
  if (!skipCheck && !checkOffload(batch, 0)) return [];

  const before = Buffer.from(batch.bytes);
  const at = batch.aux + 50;
  const result: Buffer[] = [];
  let room = 0;
  if (batch.rows[COLUMN.gsoType] !== 0) {
    const segmenter = new Segmenter();
    const count = segmenter.begin(batch, 0);
    room = segmenter.maxLength;
    for (let n = 0; n < count; n++) {
      const length = segmenter.next(batch, at);
      expect(length).toBeGreaterThan(0);
      expect(length).toBeLessThanOrEqual(room);
      if (n < 3 || n === count - 1) result.push(Buffer.from(batch.bytes.subarray(at, at + length)));
    }
    expect(segmenter.next(batch, at)).toBe(0);
    if (batch.rows[COLUMN.csumStart] === 0 && mutation.edits.length === 0) {
      expect(result.every((segment) => verifies(segment, frame))).toBe(true);
    }
  } else if (batch.rows[COLUMN.csumStart] !== 0) {
    room = completeChecksum(batch, 0, at);
    if (room > 0) result.push(Buffer.from(batch.bytes.subarray(at, at + room)));
  }
  room = Math.max(room, 0);
  expect(batch.bytes.subarray(0, at).equals(before.subarray(0, at))).toBe(true);
  expect(batch.bytes.subarray(at + room).equals(before.subarray(at + room))).toBe(true);
  return result;
}

test('a hostile request never throws, writes beyond its room, or lets bytes outside the frame leak', () => {
  const one = smallBatch();
  const other = smallBatch();
  fc.assert(
    fc.property(mutated, fc.boolean(), (mutation, skipCheck) => {
      expect(outcome(one, mutation, skipCheck, 0x00)).toEqual(outcome(other, mutation, skipCheck, 0xff));
    }),
    { numRuns: 500 },
  );
});
