// Counts what became of copies: each counts once, as transmitted or as a drop of its port, however many emissions it
// took. The first emission that failed says why.

import { type Counters, PORT } from '../table/counters.ts';

/** `settle`: the device took it. */
export const OK = -1;

export class Settlement {
  private readonly counters: Counters;
  /** First drop reason among the settled emissions of the current copy. */
  private failed = OK;

  constructor(counters: Counters) {
    this.counters = counters;
  }

  /**
   * Result of the oldest unsettled emission: OK or a drop reason. The last one of a copy ends it; `row`, `bytes` and
   * `segments` are the copy's.
   */
  settle(row: number, port: number, drop: number, isLast: boolean, bytes: number, segments: number): void {
    if (drop !== OK && this.failed === OK) this.failed = drop;
    if (!isLast) return;
    if (this.failed === OK) {
      const { values } = this.counters;
      const counter = this.counters.port(port);
      values[counter + PORT.transmittedFrames] += 1;
      values[counter + PORT.transmittedBytes] += bytes;
      values[counter + PORT.transmittedSegments] += segments;
    } else {
      this.counters.drops.count(row, port, this.failed);
      this.failed = OK;
    }
  }

  /** A copy of the frame of `row` that ends before anything of it was emitted. */
  refuse(row: number, port: number, drop: number): void {
    this.counters.drops.count(row, port, drop);
  }
}
