// A frame whose headers lie apart from its body, in one piece again, for those who look at it: filters and captures.

import { COLUMN, FRAME_ROOM, type FrameBatch } from '../frame/frame_batch.ts';
import { MACS_LEN } from '../wire/ethernet.ts';
import { copyBytes } from './copy_bytes.ts';

export class WholeFrame {
  /** Pages that are never written take no memory. */
  readonly bytes = new Uint8Array(FRAME_ROOM);
  readonly view = new DataView(this.bytes.buffer);

  /** Writes the untagged frame of `row` to the front of `bytes`. Returns its length. */
  gather(batch: FrameBatch, row: number): number {
    const { rows, bytes } = batch;
    const length = rows[row + COLUMN.length];
    const head = batch.headLength(row);
    copyBytes(bytes, rows[row + COLUMN.start], this.bytes, 0, MACS_LEN);
    copyBytes(bytes, rows[row + COLUMN.rest], this.bytes, MACS_LEN, head - MACS_LEN);
    if (head < length) copyBytes(bytes, batch.bodyAt(row), this.bytes, head, length - head);
    return length;
  }
}
