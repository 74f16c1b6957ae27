// Random numbers of a simulation: each of its parts has a sequence of its own, made of the seed and the part's name, so that what
// one part draws changes nothing for another.

import { createHash } from 'node:crypto';
import { Xorshift } from '../port/xorshift.ts';

export class Random {
  private readonly sequence: Xorshift;

  constructor(seed: number, name: string) {
    this.sequence = new Xorshift(createHash('sha256').update(`${seed}\0${name}`).digest().readInt32BE());
  }

  /** From 0 to before 1. */
  fraction(): number {
    return (this.sequence.next() >>> 0) / 2 ** 32;
  }

  /** From 0 to before `limit`. */
  below(limit: number): number {
    return Math.floor(this.fraction() * limit);
  }

  /** Draws nothing for what never happens. */
  happens(probability: number): boolean {
    return probability > 0 && this.fraction() < probability;
  }

  bytes(length: number): Uint8Array {
    return Uint8Array.from({ length }, () => this.sequence.next() >>> 24);
  }
}
