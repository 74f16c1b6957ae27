// One port's faults: its chances, its sequence of random numbers, and what it holds back.

import type { EgressQueue } from '../engine/port.ts';
import { HeldFrames } from './held_frames.ts';
import { Xorshift } from './xorshift.ts';

export interface FaultOptions {
  drop?: number;
  duplicate?: number;
  corrupt?: number;
  /** ms */
  delay?: number;
  /** Of the pseudo-random sequence: the same seed and the same frames give the same faults. */
  seed?: number;
}

/** Words of `chances`. */
export const CHANCE = { drop: 0, duplicate: 1, corrupt: 2 } as const;

const RANGE = 0x1_0000_0000;

export class FaultyPort {
  readonly number: number;
  /** To the sink behind the faults, for one copy. */
  readonly queue: EgressQueue;
  /** Null without a delay. */
  readonly outgoing: HeldFrames | null;
  readonly incoming: HeldFrames | null;
  /** By CHANCE, as a share of 2^32. */
  private readonly chances: Float64Array;
  private readonly sequence: Xorshift;

  constructor(number: number, queue: EgressQueue, options: FaultOptions) {
    const { drop = 0, duplicate = 0, corrupt = 0, delay = 0, seed = 1 } = options;
    this.number = number;
    this.queue = queue;
    this.outgoing = delay === 0 ? null : new HeldFrames(delay);
    this.incoming = delay === 0 ? null : new HeldFrames(delay);
    this.chances = Float64Array.of(drop * RANGE, duplicate * RANGE, corrupt * RANGE);
    this.sequence = new Xorshift(seed);
  }

  happens(chance: number): boolean {
    return this.chances[chance] > 0 && this.sequence.next() >>> 0 < this.chances[chance];
  }

  flipBit(view: DataView, at: number, length: number): void {
    const byte = Math.floor(((this.sequence.next() >>> 0) * length) / RANGE);
    const bit = this.sequence.next() >>> 29;
    if (length > 0) view.setUint8(at + byte, view.getUint8(at + byte) ^ (1 << bit));
  }

  /** Gives what was held back since the last time its time. */
  date(clock: Float64Array): void {
    this.outgoing?.date(clock);
    this.incoming?.date(clock);
  }

  clear(): void {
    this.outgoing?.clear();
    this.incoming?.clear();
  }
}
