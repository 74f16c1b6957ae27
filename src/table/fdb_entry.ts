// An entry of the FDB, and how its age is told.
//
//   slot:  | domain << 16 | MAC 0-1 | MAC 2-5 | next hop | seen << 8 | flags |      16 bytes, four to a cache line
//          word 0 = 0: never used, a probe ends here (domains count from 1)
//          next hop 0: the entry is dead; it misses, and the sweeper reclaims the slot
//
// A tick is 128 ms modulo 2^24, so ages are between -12 and 12 days.

import type { LearnLimits } from './learned.ts';

export const WORDS = 4;
export const TICK_SHIFT = 8;
const TICK_MASK = 0xff_ffff;
export const MS_PER_TICK = 128;
export const NEVER = -(2 ** 24);

/** Flags of an entry. */
export const STATIC = 1;
/** The address is the switch's own. */
export const LOCAL = 2;
/** The station may not send: it waits for somebody to admit it (MAB). */
export const LOCKED = 4;
export const FLAGS = STATIC | LOCAL | LOCKED;

/** Limits and ages, as flat arrays of the current topology. */
export interface FdbRules extends LearnLimits {
  /** By domain, in ms; 0 = learn nothing. */
  readonly ageing: Float64Array;
}

/** Ticks for a time in ms, ready for `learn` and `lookup`. */
export function tickAt(now: number): number {
  return Math.floor(now / MS_PER_TICK) & TICK_MASK;
}

/** Ticks since a stamp; below 0 if a worker whose clock reading is newer wrote it. */
export function ageAt(stamp: number, tick: number): number {
  return ((tick << TICK_SHIFT) - stamp) >> TICK_SHIFT;
}

/** By domain, in ticks; NEVER = learn nothing, and no age is fresh. */
export function maxAgeOf({ ageing }: FdbRules): Int32Array {
  return Int32Array.from(ageing, (time) => Math.ceil(time / MS_PER_TICK) || NEVER);
}
