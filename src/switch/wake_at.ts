// Timers of protocols: they do not keep the process, and may be far away.

import { monotonicMs } from '../sys/clock.ts';

/** Of some months a timer would make none. Who is woken too early looks, and waits again. */
const LONGEST = 3_600_000;

/** Calls `act` at a time (ms, monotonic), or earlier if that is far away; Infinity = never. */
export function wakeAt(time: number, act: () => void): NodeJS.Timeout | undefined {
  if (time === Number.POSITIVE_INFINITY) return undefined;
  return setTimeout(act, Math.min(Math.max(1, time - monotonicMs()), LONGEST)).unref();
}
