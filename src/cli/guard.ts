// The last guard: an error that nobody caught. What was asked for is lost; what forwards is another thread, and goes on.

import type { Logger } from '../control/log.ts';

/** Errors within `WINDOW_MS` that are too many: something is broken for good, and a new start is better. */
const MAX_ERRORS = 10;
const WINDOW_MS = 60_000;

export class Guard {
  private readonly log: Logger;
  private readonly giveUp: (error: Error) => void;
  private times: number[] = [];

  constructor(log: Logger, giveUp: (error: Error) => void) {
    this.log = log;
    this.giveUp = giveUp;
  }

  /** @param isRunning false: an error of the start, which has nothing to go on with */
  caught(error: Error, isRunning: boolean, now = Date.now()): void {
    this.times = [...this.times.filter((time) => now - time < WINDOW_MS), now];
    if (!isRunning || this.times.length > MAX_ERRORS) this.giveUp(error);
    else this.log.error({ err: error }, 'An error that nobody expected; taploomd goes on');
  }
}
