// Keeps the last drops of each port: what `taploom drops --last` shows. Told of every drop, in the cold path; takes its
// memory with the first one, and no more than a number of them each second.

import { COLUMN, type FrameBatch } from '../frame/frame_batch.ts';
import { MAX_PORTS } from '../frame/hop.ts';
import type { DropPass } from '../table/counters.ts';
import { HEAD_ROOM, LastDrops } from '../table/last_drops.ts';
import { copyBytes } from './copy_bytes.ts';
import { receivedLength } from './passes.ts';

export class DropKeeper implements DropPass {
  private readonly batch: FrameBatch;
  private readonly clock: Float64Array;
  private last: LastDrops | null = null;

  /** @param clock the engine's: one word, ms */
  constructor(batch: FrameBatch, clock: Float64Array) {
    this.batch = batch;
    this.clock = clock;
  }

  /** For readers in other threads; null = nothing was dropped yet. */
  get memory(): SharedArrayBuffer | null {
    return this.last === null ? null : this.last.memory;
  }

  /** @param row -1 if the bytes are gone */
  dropped(row: number, port: number, code: number): void {
    const { rows, bytes } = this.batch;
    this.last ??= LastDrops.allocate(MAX_PORTS);
    const { last } = this;
    if (!last.admit(this.clock)) return;
    const length = row < 0 ? 0 : receivedLength(this.batch, row);
    const at = last.begin(port, code, this.clock, length);
    if (length > 0) {
      // In one piece also where the row owns its headers: they have more room.
      copyBytes(bytes, rows[row + COLUMN.start], last.bytes, at, Math.min(length, HEAD_ROOM));
    }
    last.end(port, at);
  }

  /** The port's number will mean another port. */
  forget(port: number): void {
    this.last?.clear(port);
  }
}
