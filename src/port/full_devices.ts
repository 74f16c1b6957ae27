// Which devices refuse frames because they take less than is sent there: told ten times a second at most.

import { MAX_PORTS } from '../frame/hop.ts';

/** ms */
const QUIET = 100;

export class FullDevices {
  private readonly clock: Float64Array;
  /** By port: when it was told, ms. */
  private readonly toldAt = new Float64Array(MAX_PORTS).fill(Number.NEGATIVE_INFINITY);
  private readonly news = new Uint16Array(MAX_PORTS);
  private count = 0;

  /** @param clock its first word is now, in ms */
  constructor(clock: Float64Array) {
    this.clock = clock;
  }

  get isNews(): boolean {
    return this.count > 0;
  }

  /** The device of the port refused a frame. */
  note(port: number): void {
    const { toldAt, clock } = this;
    if (clock[0] - toldAt[port] < QUIET) return;
    toldAt[port] = clock[0];
    this.news[this.count++] = port;
  }

  /** Ports that were noted since the last time. */
  take(): number[] {
    const ports = [...this.news.subarray(0, this.count)];
    this.count = 0;
    return ports;
  }
}
