// Finds the lines of many keys at once: the connections of a batch. Each of the loops is so short that many of its loads are
// under way at once; docs/decisions.md says what that is worth, and why this is a closure.
//
//   keys:  | kind | ports | src | dst |      4 words for each; the caller fills them
//   found: | line |                          its place, 0 = there is none, or another worker moves it just now

import type { LineTable } from './line_table.ts';

export const KEY = { kind: 0, ports: 1, src: 2, dst: 3 } as const;
export const KEY_WORDS = 4;

export interface LineSearch {
  readonly keys: Int32Array;
  readonly found: Int32Array;
  /** Sets `found` of the keys number `from` to `to` - 1. */
  find(table: LineTable, from: number, to: number): void;
}

export function createLineSearch(capacity: number): LineSearch {
  const keys = new Int32Array(capacity * KEY_WORDS);
  const found = new Int32Array(capacity);
  const hashes = new Int32Array(capacity);
  const homes = new Int32Array(capacity);
  /** Words that were read only to have them in the cache. */
  const seen = new Int32Array(capacity);

  function find(table: LineTable, from: number, to: number): void {
    const { lines } = table;
    for (let n = from; n < to; n++) {
      const k = n * KEY_WORDS;
      hashes[n] = table.hash(keys[k], keys[k + 1], keys[k + 2], keys[k + 3]);
    }
    for (let n = from; n < to; n++) homes[n] = table.home(hashes[n]);
    for (let n = from; n < to; n++) seen[n] = table.peek(homes[n]);
    for (let n = from; n < to; n++) found[n] = table.follow(homes[n], hashes[n]);
    for (let n = from; n < to; n++) seen[n] = lines[found[n]];
    for (let n = from; n < to; n++) {
      const k = n * KEY_WORDS;
      const difference = table.difference(found[n], keys[k], keys[k + 1], keys[k + 2], keys[k + 3]);
      // -1 where they are alike: without a branch.
      found[n] &= ((difference | -difference) >> 31) ^ -1;
    }
  }

  return { keys, found, find };
}
