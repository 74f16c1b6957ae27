// Finds many addresses in the FDB at once: the sources and destinations of a batch.
//
//   keys:  | domain << 16 | MAC 0-1 | MAC 2-5 | entry | seen |      4 words for each address; the caller fills two
//
// All are compared with their homes without a branch; those that are not there with their next slot, round by round. A
// large table is touched before: docs/decisions.md says what each of it is worth, and why this is a closure.

import { type Fdb, MAX_PROBES } from './fdb.ts';

/** Words of an address in `keys`. */
export const KEY = {
  /** domain << 16 | first two bytes of the MAC */
  hi: 0,
  lo: 1,
  /** Where its entry is, as Fdb counts; -1 = there is none. Found by `find`. */
  entry: 2,
  /** Some word of its home, written down only so that it is read. */
  seen: 3,
} as const;
export const KEY_WORDS = 4; // a power of two, so that `k | KEY.lo` is a sum, and one that cannot overflow

/** Slots of 2 MiB. */
const LARGE = 131_072;

export interface Search {
  readonly keys: Int32Array;
  /** Sets `entry` of the addresses number `first` to `end` - 1. */
  find(fdb: Fdb, first: number, end: number): void;
}

export function createSearch(capacity: number): Search {
  const keys = new Int32Array(capacity * KEY_WORDS);
  /** Offsets in `keys` of those that are not found yet. */
  const pending = new Int32Array(capacity);

  function find(fdb: Fdb, first: number, past: number): void {
    const from = first * KEY_WORDS;
    const end = past * KEY_WORDS;
    let left = fdb.slots < LARGE ? compare(fdb, from, end) : touchAndCompare(fdb, from, end);
    for (let probe = 1; left > 0; probe++) left = goOn(fdb, left, probe);
  }

  /** Compares each address with its home. Returns how many of them are not there: the first of `pending`. */
  function compare(fdb: Fdb, from: number, end: number): number {
    let left = 0;
    for (let k = from; k < end; k += KEY_WORDS) {
      const hi = keys[k | KEY.hi];
      const lo = keys[k | KEY.lo];
      const home = fdb.home(hi, lo);
      keys[k | KEY.entry] = home;
      pending[left] = k;
      left += oneUnlessZero(fdb.difference(home, hi, lo));
    }
    return left;
  }

  /** The same. Three loops, each so short that many of its loads are under way at once. */
  function touchAndCompare(fdb: Fdb, from: number, end: number): number {
    for (let k = from; k < end; k += KEY_WORDS) {
      keys[k | KEY.entry] = fdb.home(keys[k | KEY.hi], keys[k | KEY.lo]);
    }
    for (let k = from; k < end; k += KEY_WORDS) keys[k | KEY.seen] = fdb.peek(keys[k | KEY.entry]);
    let left = 0;
    for (let k = from; k < end; k += KEY_WORDS) {
      pending[left] = k;
      left += oneUnlessZero(fdb.difference(keys[k | KEY.entry], keys[k | KEY.hi], keys[k | KEY.lo]));
    }
    return left;
  }

  /** Compares the first `count` of `pending` with their next slots. Returns how many are left, at the front again. */
  function goOn(fdb: Fdb, count: number, probe: number): number {
    let left = 0;
    for (let n = 0; n < count; n++) {
      const k = pending[n];
      const entry = probe < MAX_PROBES ? fdb.next(keys[k | KEY.entry]) : -1;
      keys[k | KEY.entry] = entry;
      if (entry < 0) continue;
      const difference = fdb.difference(entry, keys[k | KEY.hi], keys[k | KEY.lo]);
      pending[left] = k;
      left += oneUnlessZero(difference);
    }
    return left;
  }

  return { keys, find };
}

/** Without a branch. */
function oneUnlessZero(x: number): number {
  return (x | -x) >>> 31;
}
