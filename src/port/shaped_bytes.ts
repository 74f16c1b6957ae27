// What a frame counts as for a shaper.

import { segmentsOf } from '../engine/offload.ts';
import { COLUMN, type FrameBatch } from '../frame/frame_batch.ts';
import { TAG_LEN } from '../wire/vlan.ts';

/** All its segments with their headers, as they will be on the wire. `overhead`: of each of them. */
export function wireBytes(batch: FrameBatch, row: number, tag: number, overhead: number): number {
  const { rows } = batch;
  const segments = Math.max(1, segmentsOf(batch, row));
  const each = overhead + (tag === 0 ? 0 : TAG_LEN);
  return rows[row + COLUMN.length] + (segments - 1) * rows[row + COLUMN.headerLength] + segments * each;
}
