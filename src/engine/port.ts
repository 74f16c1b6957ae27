// What the engine knows of a device. A source fills the batch, a sink empties a queue of egress copies; both are
// called once per poll, not per frame. TAPs and VTEPs share one source and one sink (one system-call burst for all).

import type { FrameBatch } from '../frame/frame_batch.ts';

/** Words of a queue entry. */
export const COPY = {
  /** The frame's row in its batch. */
  row: 0,
  hop: 1,
  /** TPID << 16 | TCI as int32 to insert after the MACs, 0 = none. */
  tag: 2,
  /** Bits of COPY_FLAG. */
  flags: 3,
} as const;
export const COPY_WORDS = 4;

/** What passes say of a copy. */
export const COPY_FLAG = {
  /** Made by a mirror, and never mirrored again. */
  mirrored: 1,
} as const;

/** Copies on their way out through one sink, COPY_WORDS words each in `copies`. */
export class EgressQueue {
  count = 0;
  /** Copies that the egress passes have seen. */
  passed = 0;
  readonly sink: Sink;
  /** Copies after which it is to be drained; there is room for as many again, which passes may add meanwhile. */
  readonly capacity: number;
  readonly copies: Int32Array;

  constructor(sink: Sink, capacity: number) {
    this.sink = sink;
    this.capacity = capacity;
    this.copies = new Int32Array(2 * capacity * COPY_WORDS);
  }

  /** Whether not even a pass may add to it. */
  get isFull(): boolean {
    return this.count === 2 * this.capacity;
  }

  push(row: number, hop: number, tag: number, flags: number): void {
    const at = this.count++ * COPY_WORDS;
    this.copies[at + COPY.row] = row;
    this.copies[at + COPY.hop] = hop;
    this.copies[at + COPY.tag] = tag;
    this.copies[at + COPY.flags] = flags;
  }
}

export interface Source {
  /**
   * Appends frames to the batch, in at most `limit` slots, which are free: slot bytes, `start`, `length`, `ingress`, the offload columns
   * (0 where there are none), and `dest` (0, or a drop that the source itself decided).
   * Never blocks longer than `timeoutMs`, and at all only if the batch is empty. Never throws.
   */
  receive(batch: FrameBatch, limit: number, timeoutMs: number): void;
  /** Called instead of `receive` while the batch is still in use: takes news of other kinds, never frames. */
  look?(): void;
  /** Whether frames wait, so that the poll must not sleep. Sources that a file descriptor wakes leave it out. */
  isReady?(): boolean;
}

export interface Sink {
  /**
   * Emits every copy in `queue`, in order, and empties it: at once, or into a transmit list that `flush` sends. Each copy is
   * counted once, as transmitted or as a transmit drop of its port. May read, never write, the batch's frames. Never
   * blocks, never throws.
   */
  transmit(batch: FrameBatch, queue: EgressQueue): void;
  /** Sends what was emitted and is not sent yet. Called once a poll when all queues are empty; sinks may share a list. */
  flush?(batch: FrameBatch): void;
  /** For sinks that hold frames back: emits what is due at `clock[0]`, in ms. Called once a poll, before the drain. */
  service?(batch: FrameBatch, clock: Float64Array): void;
  /** It gives copies on to the queues of other sinks, and has its turn before them. */
  readonly givesOn?: boolean;
  /** One word: when `service` is wanted next, in ms; Infinity = never. Read at the end of a poll. */
  readonly deadline?: Float64Array;
}
