// Random numbers of faults and simulations: the same seed, the same numbers. xorshift32 (Marsaglia 2003), nothing for secrets.

/** Neither may the state of the sequence be 0, nor should it be small. */
const GOLDEN = 0x9e37_79b1;
const NOT_ZERO = 0x9e37_79b9;

export class Xorshift {
  private state: number;

  /** `seed`: an integer. */
  constructor(seed: number) {
    // Spread, because the first numbers after a small seed are small, too.
    this.state = Math.imul(seed + 1, GOLDEN);
  }

  /** An int32: anything larger would be a heap object. */
  next(): number {
    let x = this.state || NOT_ZERO;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.state = x;
    return x;
  }
}
