// What hooks generate: frames that come in as if a port had received them, or leave through it. A source of the engine while
// some hook generates.

import { COLUMN, FRAME_ROOM, type FrameBatch, MARK } from '../frame/frame_batch.ts';
import { DEST_DIRECT } from '../frame/hop.ts';
import { type Counters, PORT } from '../table/counters.ts';
import { HEADER_LEN } from '../wire/ethernet.ts';
import type { HookOutput } from './hook.ts';

/** What one call of `generate` may say. */
export class HookSource implements HookOutput {
  room = 0;
  /** The port of the hook that is called. */
  port = 0;
  private readonly batch: FrameBatch;
  private readonly counters: Counters;

  constructor(batch: FrameBatch, counters: Counters) {
    this.batch = batch;
    this.counters = counters;
  }

  receive(frame: Uint8Array): boolean {
    return this.append(frame) >= 0;
  }

  transmit(frame: Uint8Array): boolean {
    const row = this.append(frame);
    if (row < 0) return false;
    this.batch.rows[row + COLUMN.dest] = DEST_DIRECT;
    this.batch.rows[row + COLUMN.user] = this.port;
    return true;
  }

  /** The row of a generated frame, or -1. */
  private append(frame: Uint8Array): number {
    const { batch, counters, port } = this;
    const { length } = frame;
    if (length < HEADER_LEN || length > FRAME_ROOM)
      throw new RangeError(`Frame of ${length} bytes: from ${HEADER_LEN} to ${FRAME_ROOM}`);
    if (this.room === 0) return -1;
    this.room -= 1;
    const row = batch.append(port, length);
    batch.bytes.set(frame, batch.frameAt(row));
    batch.rows[row + COLUMN.mark] = MARK.generated;
    batch.rows[row + COLUMN.tci] = 0;
    // `classify` counts every row as received.
    const at = counters.port(port);
    counters.values[at + PORT.generated] += 1;
    counters.values[at + PORT.receivedFrames] -= 1;
    counters.values[at + PORT.receivedBytes] -= length;
    return row;
  }
}
