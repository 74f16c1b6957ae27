// Finds the routes of many addresses at once, as search.ts finds those of the FDB: all take their first step, then those
// that are not at an end the next, so that the memory for many is awaited together.
//
//   keys:  | table | address | route | at |      4 words for each; the caller fills two

import {
  decidesByByte,
  firstWord,
  isWide,
  KIND_MASK,
  type Lpm,
  next,
  skip4,
  skip6,
  wideEntry,
} from './lpm.ts';

/** Words of an address in `keys`. */
export const ROUTE_KEY = {
  table: 0,
  /** Of IPv4 the address, of IPv6 where its 16 bytes begin. */
  address: 1,
  /** What was found: the value, 0 = none. */
  route: 2,
  /** Of IPv4 the bytes not looked at yet, of IPv6 where they begin. */
  rest: 3,
} as const;
export const ROUTE_KEY_WORDS = 4;

/** Words of 2 MiB. */
const LARGE = 524_288;

export interface LpmSearch {
  readonly keys: Int32Array;
  /** Sets `route` of the first `count` addresses. */
  find4(lpm: Lpm, count: number): void;
  find6(lpm: Lpm, count: number, view: DataView): void;
}

export function createLpmSearch(capacity: number): LpmSearch {
  const keys = new Int32Array(capacity * ROUTE_KEY_WORDS);
  /** Offsets in `keys` of those that are not at an end. */
  const pending = new Int32Array(capacity);
  /** Written down only so that it is read. */
  const seen = new Int32Array(capacity);

  function find4({ words, roots4 }: Lpm, count: number): void {
    let left = 0;
    for (let k = 0; k < count * ROUTE_KEY_WORDS; k += ROUTE_KEY_WORDS) {
      let entry = roots4[keys[k | ROUTE_KEY.table]] | 0;
      let rest = keys[k | ROUTE_KEY.address];
      if (isWide(entry)) {
        entry = wideEntry(words, entry, rest >>> 16);
        rest <<= 16;
      }
      keys[k | ROUTE_KEY.route] = entry;
      keys[k | ROUTE_KEY.rest] = rest;
      pending[left] = k;
      left += entry >>> 31;
    }
    const isLarge = words.length >= LARGE;
    while (left > 0) {
      if (isLarge) touch4(words, left);
      left = step4(words, left);
    }
  }

  /** So short that the loads of many turns are under way at once, and `step4` finds the memory there. */
  function touch4(words: Int32Array, count: number): void {
    for (let n = 0; n < count; n++) {
      const k = pending[n];
      seen[n] = firstWord(words, keys[k | ROUTE_KEY.route], keys[k | ROUTE_KEY.rest] >>> 24);
    }
  }

  /** One step for the first `count` of `pending`. Returns how many are left, at the front again. */
  function step4(words: Int32Array, count: number): number {
    let left = 0;
    for (let n = 0; n < count; n++) {
      const k = pending[n];
      let entry = keys[k | ROUTE_KEY.route];
      const rest = keys[k | ROUTE_KEY.rest];
      const kind = ~entry & KIND_MASK;
      if (decidesByByte(kind)) {
        entry = next(words, entry, rest >>> 24);
        keys[k | ROUTE_KEY.rest] = rest << 8;
      } else {
        entry = skip4(words, entry, rest);
        keys[k | ROUTE_KEY.rest] = rest << (kind << 3);
      }
      keys[k | ROUTE_KEY.route] = entry;
      pending[left] = k;
      left += entry >>> 31;
    }
    return left;
  }

  function find6({ words, roots6 }: Lpm, count: number, view: DataView): void {
    let left = 0;
    for (let k = 0; k < count * ROUTE_KEY_WORDS; k += ROUTE_KEY_WORDS) {
      let entry = roots6[keys[k | ROUTE_KEY.table]] | 0;
      let from = keys[k | ROUTE_KEY.address];
      if (isWide(entry)) {
        entry = wideEntry(words, entry, view.getUint16(from));
        from += 2;
      }
      keys[k | ROUTE_KEY.route] = entry;
      keys[k | ROUTE_KEY.rest] = from;
      pending[left] = k;
      left += entry >>> 31;
    }
    const isLarge = words.length >= LARGE;
    while (left > 0) {
      if (isLarge) touch6(words, left, view);
      left = step6(words, left, view);
    }
  }

  function touch6(words: Int32Array, count: number, view: DataView): void {
    for (let n = 0; n < count; n++) {
      const k = pending[n];
      seen[n] = firstWord(words, keys[k | ROUTE_KEY.route], view.getUint8(keys[k | ROUTE_KEY.rest]));
    }
  }

  function step6(words: Int32Array, count: number, view: DataView): number {
    let left = 0;
    for (let n = 0; n < count; n++) {
      const k = pending[n];
      let entry = keys[k | ROUTE_KEY.route];
      const from = keys[k | ROUTE_KEY.rest];
      const kind = ~entry & KIND_MASK;
      if (decidesByByte(kind)) {
        entry = next(words, entry, view.getUint8(from));
        keys[k | ROUTE_KEY.rest] = from + 1;
      } else {
        entry = skip6(words, entry, view, from);
        keys[k | ROUTE_KEY.rest] = from + kind;
      }
      keys[k | ROUTE_KEY.route] = entry;
      pending[left] = k;
      left += entry >>> 31;
    }
    return left;
  }

  return { keys, find4, find6 };
}
