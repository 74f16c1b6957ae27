import { COLUMN } from '../frame/frame_batch.ts';
import { MACS_LEN } from '../wire/ethernet.ts';

/** Of a frame that is not parsed any further: whoever looks on sees it as it was received. */
export function giveUp(rows: Int32Array, row: number, dest: number): void {
  rows[row + COLUMN.rest] = rows[row + COLUMN.start] + MACS_LEN;
  rows[row + COLUMN.dest] = dest;
}
