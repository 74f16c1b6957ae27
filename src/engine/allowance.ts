// How often the switch answers with errors: each port has an allowance, so that a stranger cannot use it as a mirror.

import { MAX_PORTS } from '../frame/hop.ts';

/** One answer in so many ms, and so many at once. Linux' icmp_msgs_per_sec and icmp_msgs_burst. */
const INTERVAL = 1;
const BURST = 50;

export class Allowance {
  private readonly clock: Float64Array;
  /** By port: when its allowance is whole again, in ms. */
  private readonly wholeAt = new Float64Array(MAX_PORTS);

  /** @param clock its first word is now, in ms */
  constructor(clock: Float64Array) {
    this.clock = clock;
  }

  /** Takes one answer from the port's allowance, if there is one. */
  take(port: number): boolean {
    const now = this.clock[0];
    const wholeAt = Math.max(now, this.wholeAt[port]) + INTERVAL;
    if (wholeAt - now > BURST * INTERVAL) return false;
    this.wholeAt[port] = wholeAt;
    return true;
  }
}
