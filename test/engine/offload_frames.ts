// The frames of src/testing/offload_frame.ts in batches, and at random.

import fc from 'fast-check';
import { COLUMN, FrameBatch, ROW } from '../../src/frame/frame_batch.ts';
import { type OffloadFrame, payloadOf, type Shape } from '../../src/testing/offload_frame.ts';

export * from '../../src/testing/offload_frame.ts';

/** Puts a frame into the slot of `row` with the columns that a source sets. */
export function receive(batch: FrameBatch, row: number, frame: OffloadFrame): void {
  const at = batch.slotAt(row / ROW);
  batch.bytes.set(frame.bytes, at);
  batch.rows[row + COLUMN.start] = at;
  batch.rows[row + COLUMN.length] = frame.bytes.length;
  batch.rows[row + COLUMN.gsoType] = frame.gsoType;
  batch.rows[row + COLUMN.gsoSize] = frame.gsoType === 0 ? 0 : frame.shape.gsoSize;
  batch.rows[row + COLUMN.csumStart] = frame.csumStart;
  batch.rows[row + COLUMN.csumOffset] = frame.csumOffset;
}

/** The columns after classify: with `stripped`, the frame came with one more tag, which lies between its pieces. */
export function classified(batch: FrameBatch, row: number, frame: OffloadFrame, stripped: boolean): void {
  receive(batch, row, frame);
  const at = batch.rows[row + COLUMN.start];
  batch.rows[row + COLUMN.rest] = at + 12;
  if (stripped) {
    batch.bytes.set(frame.bytes.subarray(12), at + 16);
    batch.bytes.set([0x81, 0x00, 0x60, 0x0a], at + 12);
    batch.rows[row + COLUMN.rest] = at + 16;
  }
  batch.rows[row + COLUMN.headerLength] = frame.gsoType === 0 ? 0 : frame.headerLength;
}

/** A batch with room behind its slots for the longest segment, and some to see what should not be written. */
export function smallBatch(): FrameBatch {
  return new FrameBatch(2, 80_000);
}

const PAD_OPTION: [number, number[]] = [60, [0, 0, 1, 4, 0, 0, 0, 0]];
const TIMESTAMPS = [1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2];

/** Well-formed frames of every kind that may be segmented. */
export const shapes: fc.Arbitrary<Shape> = fc
  .record({
    version: fc.constantFrom(4 as const, 6 as const),
    protocol: fc.constantFrom('tcp' as const, 'udp' as const),
    payload: fc
      .tuple(fc.integer({ min: 1, max: 3000 }), fc.nat(255))
      .map(([length, seed]) => payloadOf(length, seed)),
    gsoSize: fc.integer({ min: 8, max: 2000 }),
    tags: fc.constantFrom<number[]>([], [0x8100_2064], [0x88a8_0001, 0x8100_0fff]),
    ipOptions: fc.constantFrom<number[]>([], [1, 1, 1, 1], new Array(40).fill(1)),
    tcpOptions: fc.constantFrom<number[]>([], TIMESTAMPS, new Array(40).fill(1)),
    extensions: fc.constantFrom<[number, number[]][]>([], [PAD_OPTION], [[0, PAD_OPTION[1]], PAD_OPTION]),
    flags: fc.nat(255),
    seq: fc.nat(0xffff_ffff),
    id: fc.nat(0xffff),
    padding: fc.constantFrom(0, 0, 3),
    finished: fc.constantFrom(false, false, true),
  })
  .map((shape) => (shape.protocol === 'udp' ? { ...shape, finished: false } : shape));
