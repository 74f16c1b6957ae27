// What the engine knows of a device. A source fills the batch, a sink empties a queue of egress copies; both are
// called once per poll, not per frame. TAPs and VTEPs share one source and one sink (one system-call burst for all).

import type { FrameBatch } from '../frame/frame_batch.ts';

/** Copies on their way out through one sink: frame `frame[k]` of the batch to next hop `hop[k]`, tagged `tag[k]`. */
export class EgressQueue {
  count = 0;
  readonly sink: Sink;
  readonly capacity: number;
  readonly frame: Uint16Array;
  readonly hop: Int32Array;
  /** TPID << 16 | TCI as int32 to insert after the MACs, 0 = none. */
  readonly tag: Int32Array;

  constructor(sink: Sink, capacity: number) {
    this.sink = sink;
    this.capacity = capacity;
    this.frame = new Uint16Array(capacity);
    this.hop = new Int32Array(capacity);
    this.tag = new Int32Array(capacity);
  }
}

export interface Source {
  /**
   * Appends frames to the batch while it has room: slot bytes, `start`, `length`, `ingress`, the offload columns
   * (0 where there are none), and `dest` (0, or a drop that the source itself decided).
   * Never blocks longer than `timeoutMs`, and at all only if the batch is empty. Never throws.
   */
  receive(batch: FrameBatch, limit: number, timeoutMs: number): void;
  /** Whether frames wait, so that the poll must not sleep. Sources that a file descriptor wakes leave it out. */
  isReady?(): boolean;
}

export interface Sink {
  /**
   * Sends every copy in `queue`, in order, and empties it. Each copy is counted once, as transmitted or as a transmit
   * drop of its port. May read, never write, the batch's frames. Never blocks, never throws.
   */
  transmit(batch: FrameBatch, queue: EgressQueue): void;
  /** For devices that hold frames back: hands on what is due at `now` (ms). Returns the next deadline, or Infinity. */
  service?(now: number): number;
}
