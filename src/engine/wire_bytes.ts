// What a frame is on a wire.

import { COLUMN, type FrameBatch } from '../frame/frame_batch.ts';

/** Bytes of all segments with their headers, and with a tag of `tagLength` bytes each. */
export function wireBytes({ rows }: FrameBatch, row: number, segments: number, tagLength: number): number {
  const headers = (segments - 1) * rows[row + COLUMN.headerLength];
  return rows[row + COLUMN.length] + headers + segments * tagLength;
}
