// Longest-prefix match of IPv4 and IPv6 addresses, in many tables that share one piece of memory. Each step decides by the
// next bytes of the address which entry comes next:
//
//   range    |where 7, 15 or 31 runs begin, but the first|entry of each|     by four bytes: few prefixes are left
//   full     |256 entries|                                                   by one
//   wide     |65,536 entries|                                                by two: first of a large table
//   flat     |16,777,216 entries|                                            by three: first of a very large one of IPv4
//   skip     |entry|otherwise|4, 8 or 12 bytes|                              these must follow; IPv6 only
//
// An entry from 0 on is a value; below it is ~(place << 4 | kind). Tables are built by compile/lpm_builder.ts.

/** Tables of routes, in shared memory: as such they travel to the workers. A value is a number from 1 on, 0 = none. */
export interface Lpm {
  readonly words: Int32Array;
  /** By table: where it begins, an entry. */
  readonly roots4: Int32Array;
  readonly roots6: Int32Array;
}

/** Words of a line, what a cache has or has not. Everything begins with one. */
export const LINE = 16;
/** Of an entry: `range` + 0, 1, 2 has 8, 16, 32 runs; `skip` + 1, 2, 3 skips so many words, `skip` itself is wide. */
export const KIND = { full: 0, range: 1, skip: 4, wide: 4, flat: 8 } as const;
const KIND_MASK = 15; // of a line
export const LEAST_RUNS = 8;
export const MOST_RUNS = 32;
export const MOST_SKIPPED = 3;
export const SKIP = { entry: 0, otherwise: 1, words: 2 } as const;

/** By kind, four bits each: 1; 4, 4, 4; 2; 4, 8, 12. */
const BYTES = 0xc842_4441;

/**
 * The way through a large table is written out: its branches are predicted each by itself, so the next lookup does not
 * wait for this one's memory. As a loop it is slower.
 *
 * @param address as DataView reads it
 */
export function find4({ words, roots4 }: Lpm, table: number, address: number): number {
  const root = roots4[table] | 0; // a table that there is not is empty
  if (root >= 0) return root;
  if (kindOf(root) === KIND.flat) {
    const entry = words[placeOf(root) + (address >>> 8)];
    return entry >= 0 ? entry : descend4(words, entry, address << 24);
  }
  if (kindOf(root) !== KIND.wide) return descend4(words, root, address);
  const entry = words[placeOf(root) + (address >>> 16)];
  if (entry >= 0) return entry;
  if (kindOf(entry) !== KIND.full) return descend4(words, entry, address << 16);
  const last = words[placeOf(entry) + ((address >>> 8) & 0xff)];
  return last >= 0 ? last : descend4(words, last, address << 24);
}

/** @param rest the bytes that are not looked at yet, at the front */
function descend4(words: Int32Array, from: number, rest: number): number {
  let entry = from;
  let bytes = rest;
  while (entry < 0) {
    const place = placeOf(entry);
    const kind = kindOf(entry);
    if (kind !== KIND.full) return words[place + run(words, place, kind, bytes)];
    entry = words[place + (bytes >>> 24)];
    bytes <<= 8;
  }
  return entry;
}

/** @param at where the 16 bytes of the address begin */
export function find6({ words, roots6 }: Lpm, table: number, view: DataView, at: number): number {
  let entry = roots6[table] | 0;
  let from = at;
  while (entry < 0) {
    const kind = kindOf(entry);
    entry = next6(words, placeOf(entry), kind, view, from);
    from += bytesOf(kind);
  }
  return entry;
}

/** The entry after this one, for the bytes at `from`. */
function next6(words: Int32Array, place: number, kind: number, view: DataView, from: number): number {
  if (kind === KIND.full) return words[place + view.getUint8(from)];
  if (kind === KIND.wide) return words[place + view.getUint16(from)];
  if (kind < KIND.wide) return words[place + run(words, place, kind, view.getInt32(from))];
  for (let w = 0; w < kind - KIND.skip; w++) {
    if (words[place + SKIP.words + w] !== view.getInt32(from + (w << 2)))
      return words[place + SKIP.otherwise];
  }
  return words[place + SKIP.entry];
}

/** How many bytes of the address it looks at. */
function bytesOf(kind: number): number {
  return (BYTES >>> (kind << 2)) & 15;
}

function kindOf(entry: number): number {
  return ~entry & KIND_MASK;
}

function placeOf(entry: number): number {
  return ~entry & ~KIND_MASK;
}

/** The entry for the run in which four bytes are, as offset from the place. A binary search without a branch. */
function run(words: Int32Array, place: number, kind: number, bytes: number): number {
  const runs = 4 << kind;
  let found = 0;
  for (let half = runs >>> 1; half > 0; half >>>= 1)
    found += half & (isLess(bytes, words[place + found + half - 1]) - 1);
  return found + runs - 1;
}

/** 1 if a < b as numbers without a sign, else 0: what a subtraction borrows. */
function isLess(a: number, b: number): number {
  return ((~a & b) | ((~a | b) & (a - b))) >>> 31;
}
