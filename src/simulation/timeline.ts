// The clock of a simulation: the next thing that happens, or what a switch has to do -> the clock is set -> frames arrive ->
// switches are polled until nothing comes of it any more -> the next.
//
// A switch takes turns of the event loop to carry out what it decides. Turns are counted, never timed.

import { setImmediate as turn } from 'node:timers/promises';
import { TaploomError } from '../error.ts';
import { NS } from './direction.ts';
import type { Node } from './node.ts';
import { Schedule } from './schedule.ts';

/** The clock of a switch begins here, ms: that of a machine which has been up for a while. */
export const UP_SINCE = 1_000_000;
/** Turns without a frame after which a moment is over. What a switch decides is in force after two. */
const QUIET_TURNS = 3;
/** A switch is polled at least so often, ns: tables are swept, and it looks at its ports. */
const LONGEST_SLEEP = 1000 * NS;
/** The next moment, ns. */
const MOMENT = 1;

interface Sleeper {
  readonly node: Node;
  /** When it is polled next, ns. */
  nextAt: number;
}

export class Timeline {
  /** ns since the start. */
  time = 0;
  isRunning = false;
  private readonly schedule = new Schedule();
  private readonly sleepers = new Map<Node, Sleeper>();

  /** ns: at once, or while time passes in the next moment, whatever else happens in this one. */
  get soonest(): number {
    return this.isRunning ? this.time + MOMENT : this.time;
  }

  add(node: Node): void {
    this.sleepers.set(node, { node, nextAt: this.time });
  }

  /** It has something to do now. */
  wake(node: Node): void {
    const sleeper = this.sleepers.get(node);
    if (sleeper !== undefined) sleeper.nextAt = this.time;
  }

  /** `by`: decides who is first of those that are due in the same moment. */
  at(time: number, by: number, act: () => void): void {
    this.schedule.add(time, by, act);
  }

  /** Lets time pass to `end`, ns, or until the condition is true. */
  async pass(end: number, condition: () => boolean): Promise<void> {
    if (!(end >= this.time && Number.isFinite(end)))
      throw new RangeError('Time passes forwards, and not for ever');
    this.mustStand();
    this.isRunning = true;
    try {
      await this.settle([...this.sleepers.values()]);
      let isMet = condition();
      for (let next = this.next(); next <= end && !isMet; next = this.next()) {
        this.time = Math.max(this.time, next);
        while (this.schedule.next <= this.time) this.schedule.take()?.();
        await this.settle([...this.sleepers.values()].filter(({ nextAt }) => nextAt <= this.time));
        isMet = condition();
      }
      if (!isMet) this.time = end;
      await this.settle([...this.sleepers.values()]);
    } finally {
      this.isRunning = false;
    }
  }

  /** @throws TaploomError `running` */
  mustStand(): void {
    if (this.isRunning)
      throw new TaploomError('running', 'Not while time passes: do it between two calls of run');
  }

  private next(): number {
    let next = this.schedule.next;
    for (const { nextAt } of this.sleepers.values()) next = Math.min(next, nextAt);
    return next;
  }

  /** Polls until nothing more comes of it. */
  private async settle(awake: readonly Sleeper[]): Promise<void> {
    for (let quiet = 0; awake.length > 0 && quiet < QUIET_TURNS; quiet++) {
      for (const { node } of awake) if (node.poll()) quiet = -1;
      await turn();
      for (const { node } of awake) await node.taploom.settled();
    }
    for (const sleeper of awake) {
      const due = Math.ceil((sleeper.node.taploom.deadline() - UP_SINCE) * NS);
      // Not in this moment again: it had its turn.
      sleeper.nextAt = Math.min(Math.max(due, this.time + MOMENT), this.time + LONGEST_SLEEP);
    }
  }
}
