// What may look at frames on their way without being a stage: mirrors and captures. None of it costs anything while
// nobody looks, but the drop pass, which is asked only where a frame is dropped anyway.

import { COLUMN, type FrameBatch } from '../frame/frame_batch.ts';
import { MACS_LEN } from '../wire/ethernet.ts';
import type { EgressQueue } from './port.ts';
import type { Topology } from './topology.ts';

/** A pass over received rows once they are decided, before they are routed and replicated. Rows are offsets, ROW apart. */
export interface IngressPass {
  rows(topology: Topology, from: number, to: number): void;
}

/**
 * A pass over the copies of one queue just before it is drained, from copy number `from` on. It may add to other queues, and as a
 * gate take copies out of this one, each of which it counts as dropped.
 */
export interface EgressPass {
  copies(topology: Topology, queue: EgressQueue, from: number): void;
}

/** A stage between decide and replicate: takes the rows at places `from` to `to` - 1 of the batch's list, and may let them come in anew. */
export type Route = (topology: Topology, from: number, to: number) => void;

/** The tag with which a frame was received, and which `classify` took off: TPID << 16 | TCI, 0 = none. */
export function receivedTag({ rows, view }: FrameBatch, row: number): number {
  const start = rows[row + COLUMN.start];
  return rows[row + COLUMN.rest] === start + MACS_LEN ? 0 : view.getInt32(start + MACS_LEN);
}

/** Bytes of a frame as it was received, tag included, from `start` on in one piece. Relies on `classify`. */
export function receivedLength({ rows }: FrameBatch, row: number): number {
  return rows[row + COLUMN.rest] + rows[row + COLUMN.length] - rows[row + COLUMN.start] - MACS_LEN;
}
