// The frame of a row as it was received: `classify` may have stripped a tag from the columns, but never from the bytes.

import { COLUMN } from '../frame/frame_batch.ts';
import { MACS_LEN } from '../wire/ethernet.ts';
import { TAG_LEN } from '../wire/vlan.ts';

/** Bytes of the tag that was stripped: 4 or 0. A frame that was given up early may have no `rest`. */
export function strippedTag(rows: Int32Array, row: number): number {
  return rows[row + COLUMN.rest] - rows[row + COLUMN.start] - MACS_LEN === TAG_LEN ? TAG_LEN : 0;
}

/** Bytes of the frame with the tag that was stripped, from the row's `start` on in one piece. */
export function receivedLength(rows: Int32Array, row: number): number {
  return rows[row + COLUMN.length] + strippedTag(rows, row);
}

/** Below this a loop is faster than a view of the bytes and `set`. */
const SMALL = 256;

/** Copies bytes between two arrays. */
export function copyBytes(
  source: Uint8Array,
  from: number,
  target: Uint8Array,
  to: number,
  length: number,
): void {
  if (length > SMALL) {
    target.set(source.subarray(from, from + length), to);
    return;
  }
  for (let k = 0; k < length; k++) target[to + k] = source[from + k];
}
