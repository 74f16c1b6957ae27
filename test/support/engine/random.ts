// Pseudo-random choices that a seed repeats (mulberry32, public domain).

export class Random {
  private state: number;

  constructor(seed: number) {
    this.state = seed;
  }

  /** 32 bits. */
  next(): number {
    this.state = (this.state + 0x6d2b_79f5) | 0;
    let t = Math.imul(this.state ^ (this.state >>> 15), 1 | this.state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return (t ^ (t >>> 14)) >>> 0;
  }

  /** Both ends included. */
  between(min: number, max: number): number {
    return min + (this.next() % (max - min + 1));
  }

  chance(probability: number): boolean {
    return this.next() < probability * 2 ** 32;
  }

  pick<T>(list: readonly T[]): T {
    return list[this.next() % list.length];
  }

  some<T>(list: readonly T[], probability: number): T[] {
    return list.filter(() => this.chance(probability));
  }

  /** TPID and TCI as one number. */
  tag(vid: number): number {
    return 0x8100 * 0x1_0000 + this.between(0, 15) * 0x1000 + vid;
  }

  /** Destination and source out of few stations, now and then a strange one. */
  macs(): number[] {
    const station = () => [2, 0, 0, 0, 0, this.between(1, 12)];
    const strange = () => Array.from({ length: 6 }, () => this.between(0, 255));
    const to = this.pick([
      station(),
      station(),
      new Array(6).fill(255),
      [1, 0x80, 0xc2, 0, 0, this.between(0, 16)],
      strange(),
    ]);
    return [...to, ...(this.chance(0.95) ? station() : strange())];
  }
}
