// Ends connections that were silent for too long, a share of them at a time. The leader does it, for all workers.

import type { Connections } from '../table/connections.ts';

/** It comes around in this time, in ms. */
const PERIOD = 2000;
/** How often it does a share of that, in ms. */
const INTERVAL = 100;
/** Most connections that it looks at in one poll, if none of them is over: 10 us. Else 250 that end: 0.2 ms. */
const BUDGET = 16_384;

export class ConnectionSweeper {
  private readonly swept = new Float64Array(1);
  /** Connections that it should have looked at by now. */
  private unswept = 0;

  /** Whether it wants to go on soon. */
  get isBehind(): boolean {
    return this.unswept > 0;
  }

  /** Does a share of the work if it is time to; `clock[0]` is now. */
  sweep(connections: Connections, clock: Float64Array): void {
    const { swept } = this;
    if (clock[0] - swept[0] >= INTERVAL) {
      const share = Math.min(1, (clock[0] - swept[0]) / PERIOD);
      swept[0] = clock[0];
      const { high } = connections.flows;
      this.unswept = connections.used === 0 ? 0 : Math.min(high, this.unswept + Math.ceil(high * share));
    }
    if (this.unswept === 0) return;
    this.unswept -= connections.sweep(Math.floor(clock[0] / 1000), this.unswept, BUDGET);
  }
}
