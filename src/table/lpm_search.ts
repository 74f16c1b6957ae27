// Finds the routes of many addresses at once, as search.ts finds those of the FDB: all take their first step, then those
// that are not at an end the next, so that the memory for many is awaited together.
//
//   keys:  | table | address | route | at |      4 words for each; the caller fills two

import { isWide, KIND, KIND_MASK, type Lpm, nodeEntry, skip4, skip6, wideEntry } from './lpm.ts';

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
    while (left > 0) left = step4(words, left);
  }

  /** One step for the first `count` of `pending`. Returns how many are left, at the front again. */
  function step4(words: Int32Array, count: number): number {
    let left = 0;
    for (let n = 0; n < count; n++) {
      const k = pending[n];
      let entry = keys[k | ROUTE_KEY.route];
      const rest = keys[k | ROUTE_KEY.rest];
      const kind = ~entry & KIND_MASK;
      if (kind === KIND.node) {
        entry = nodeEntry(words, entry, rest >>> 24);
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
    while (left > 0) left = step6(words, left, view);
  }

  function step6(words: Int32Array, count: number, view: DataView): number {
    let left = 0;
    for (let n = 0; n < count; n++) {
      const k = pending[n];
      let entry = keys[k | ROUTE_KEY.route];
      const from = keys[k | ROUTE_KEY.rest];
      const kind = ~entry & KIND_MASK;
      if (kind === KIND.node) {
        entry = nodeEntry(words, entry, view.getUint8(from));
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
