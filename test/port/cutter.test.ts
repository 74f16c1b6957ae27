import fc from 'fast-check';
import { expect, test } from 'vitest';
import { completeChecksum, Segmenter } from '../../src/engine/segment.ts';
import { COLUMN, FrameBatch, ROW } from '../../src/frame/frame_batch.ts';
import { Cutter } from '../../src/port/cutter.ts';
import { build, classified, shapes } from '../engine/offload_frames.ts';

/** All segments of the frame of `row`, as they would be on a wire. */
function segments(batch: FrameBatch, row: number): string[] {
  const { rows, bytes, aux } = batch;
  const found: string[] = [];
  if (rows[row + COLUMN.gsoType] === 0) {
    const length = completeChecksum(batch, row, aux);
    return [bytes.toString('hex', aux, aux + length)];
  }
  const segmenter = new Segmenter();
  expect(segmenter.begin(batch, row)).toBeGreaterThan(0);
  for (let length = segmenter.next(batch, aux); length > 0; length = segmenter.next(batch, aux))
    found.push(bytes.toString('hex', aux, aux + length));
  return found;
}

test('the parts of a super-frame are segmented into what the whole would have been, whatever their size', () => {
  const batch = new FrameBatch(2, 80_000);
  const { rows, bytes } = batch;
  fc.assert(
    fc.property(shapes, fc.boolean(), fc.integer({ min: 1, max: 12 }), (shape, stripped, each) => {
      const frame = build(shape);
      fc.pre(frame.gsoType !== 0);
      classified(batch, 0, frame, stripped);
      const whole = segments(batch, 0);
      const cutter = new Cutter();
      expect(cutter.begin(batch, 0)).toBe(whole.length);
      const parts: string[] = [];
      const at = batch.shapedAt;
      for (let n = 0; ; n++) {
        batch.copyRow(0, ROW);
        if (n > 0) Cutter.withoutCwr(rows, ROW);
        if (!cutter.next(batch, each, ROW, at)) break;
        expect(cutter.segments).toBe(Math.min(each, whole.length - parts.length));
        // As it comes out of a queue: in one piece.
        const to = batch.slotAt(1);
        const { headerLength, payload } = cutter.segmenter;
        bytes.copyWithin(to, at, at + headerLength);
        bytes.copyWithin(to + headerLength, payload, payload + cutter.length - headerLength);
        rows[ROW + COLUMN.start] = to;
        rows[ROW + COLUMN.rest] = to + 12;
        parts.push(...segments(batch, ROW));
      }
      expect(parts).toEqual(whole);
    }),
    { numRuns: 300 },
  );
});
