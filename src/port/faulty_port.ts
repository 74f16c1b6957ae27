// One port's faults: its chances, its sequence of random numbers, and what it holds back.

import type { EgressQueue } from '../engine/port.ts';
import { HeldFrames } from './held_frames.ts';

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
/** Neither may the state of the sequence be 0, nor should it be small. */
const GOLDEN = 0x9e37_79b1;
const NOT_ZERO = 0x9e37_79b9;

export class FaultyPort {
  readonly number: number;
  /** To the sink behind the faults, for one copy. */
  readonly queue: EgressQueue;
  /** Null without a delay. */
  readonly outgoing: HeldFrames | null;
  readonly incoming: HeldFrames | null;
  /** By CHANCE, as a share of 2^32. */
  private readonly chances: Float64Array;
  private state: number;

  constructor(number: number, queue: EgressQueue, options: FaultOptions) {
    const { drop = 0, duplicate = 0, corrupt = 0, delay = 0, seed = 1 } = options;
    this.number = number;
    this.queue = queue;
    this.outgoing = delay === 0 ? null : new HeldFrames(delay);
    this.incoming = delay === 0 ? null : new HeldFrames(delay);
    this.chances = Float64Array.of(drop * RANGE, duplicate * RANGE, corrupt * RANGE);
    // Spread, because the first numbers after a small seed are small, too.
    this.state = Math.imul(seed + 1, GOLDEN);
  }

  happens(chance: number): boolean {
    return this.chances[chance] > 0 && this.random() >>> 0 < this.chances[chance];
  }

  flipBit(view: DataView, at: number, length: number): void {
    const byte = Math.floor(((this.random() >>> 0) * length) / RANGE);
    const bit = this.random() >>> 29;
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

  /** xorshift32 (Marsaglia 2003), as int32: anything larger would be a heap object. */
  private random(): number {
    let x = this.state || NOT_ZERO;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.state = x;
    return x;
  }
}
