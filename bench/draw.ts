// What comes next in traffic at random, the same in every run.

import { Xorshift } from '../src/port/xorshift.ts';

export class Draw {
  private readonly sequence = new Xorshift(0x2545_f491);

  /** An integer from 0 to `limit` - 1. */
  below(limit: number): number {
    return Math.floor(((this.sequence.next() >>> 0) / 2 ** 32) * limit);
  }
}
