// Wall-clock time for what the data plane stamped with its monotonic clock.

import { monotonicMs } from '../sys/clock.ts';

/** Beyond this the wall clock was set, and is not only read at another moment, ms. */
const STEP = 5;
const NS = 1_000_000;

export class WallClock {
  /** Wall clock less monotonic clock, ms. */
  private offset = 0;

  constructor() {
    this.follow();
  }

  /** Looks whether the wall clock was set. Once for many frames. */
  follow(): void {
    const before = monotonicMs();
    const now = Date.now();
    if (Math.abs(now - before - this.offset) < STEP) return;
    // Date.now() has whole milliseconds; the start of this process and what passed since are known more exactly.
    const exact = performance.timeOrigin + performance.now();
    this.offset = (Math.abs(exact - now) < STEP ? exact : now) - monotonicMs();
  }

  /** Milliseconds since 1970 at the monotonic time `ms`. */
  milliseconds(ms: number): number {
    return ms + this.offset;
  }

  /** Nanoseconds since 1970. Apart, because a double holds them only to 256. */
  nanoseconds(ms: number): bigint {
    const whole = Math.floor(ms) + Math.floor(this.offset);
    const part = ms - Math.floor(ms) + (this.offset - Math.floor(this.offset));
    return BigInt(whole) * BigInt(NS) + BigInt(Math.round(part * NS));
  }
}
