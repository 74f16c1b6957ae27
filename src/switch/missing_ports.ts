// Ports that are wanted and cannot be had now, and when each is tried again: at once when something happened that can help,
// and on a slow clock that grows slower.
//
//   never there --waiting--> up --its device is lost--> gone --> up          anything else that stands in the way: failed

import { NOT_YET } from '../config/refuse.ts';
import type { SwitchConfig } from '../config/schema.ts';
import { withoutPorts } from '../config/without_ports.ts';

/** Pauses between tries, ms: doubled from the first to the last. */
const FIRST_PAUSE = 1000;
const LAST_PAUSE = 60_000;

/** What every reason would begin with. */
const VERB = /^Cannot (attach port|create bridge) \S+: /;

export type MissingState = 'waiting' | 'gone' | 'failed';

export interface Missing {
  state: MissingState;
  /** One sentence: why, and what helps. */
  reason: string;
  tries: number;
  /** When it is tried again, ms. */
  nextAt: number;
  /** When something last happened that can help, ms. */
  hurriedAt: number;
}

export interface Obstacle {
  code?: string;
  message: string;
}

export class MissingPorts {
  private readonly ports = new Map<string, Missing>();

  get(port: string): Missing | undefined {
    return this.ports.get(port);
  }

  get size(): number {
    return this.ports.size;
  }

  names(): string[] {
    return [...this.ports.keys()];
  }

  /**
   * A try that came to nothing.
   * @param since when the try began: what has happened since then is a reason for the next one, at once
   */
  failed(port: string, { code = '', message }: Obstacle, now: number, since = now): void {
    const before = this.ports.get(port);
    const isNotYet = NOT_YET.has(code);
    const state = !isNotYet ? 'failed' : before?.state === 'gone' ? 'gone' : 'waiting';
    const tries = (before?.tries ?? 0) + 1;
    const reason = message.replace(VERB, '');
    const pause = Math.min(LAST_PAUSE, FIRST_PAUSE * 2 ** Math.min(tries - 1, 10));
    const hurriedAt = before?.hurriedAt ?? Number.NEGATIVE_INFINITY;
    const nextAt = hurriedAt > since ? now : now + pause;
    this.ports.set(port, { state, reason, tries, nextAt, hurriedAt });
  }

  /** It was there, and its device is lost. It is tried at once: there may be a new one already. */
  lost(port: string, reason: string, now: number): void {
    this.ports.set(port, { state: 'gone', reason, tries: 0, nextAt: now, hurriedAt: now });
  }

  /** Something happened that can help. */
  hurry(port: string, now: number): void {
    const missing = this.ports.get(port);
    if (missing === undefined) return;
    missing.tries = 0;
    missing.nextAt = now;
    missing.hurriedAt = now;
  }

  forget(port: string): void {
    this.ports.delete(port);
  }

  /** When the next one is due, ms; Infinity = never. */
  deadline(): number {
    let deadline = Number.POSITIVE_INFINITY;
    for (const { nextAt } of this.ports.values()) deadline = Math.min(deadline, nextAt);
    return deadline;
  }

  /** Those that are not to be tried yet. */
  resting(now: number): Set<string> {
    return new Set([...this.ports].filter(([, { nextAt }]) => nextAt > now).map(([port]) => port));
  }
}

/** What to bring into force next: all that is wanted, without the ports whose time has not come. Pure. */
export function reconcile(desired: SwitchConfig, missing: MissingPorts, now: number): SwitchConfig {
  return withoutPorts(desired, missing.resting(now));
}
