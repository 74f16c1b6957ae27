// Longest-prefix match of IPv4 and IPv6 addresses, in many tables that share one piece of memory. A trie of bytes: a step
// decides by one byte of the address which entry comes next, and waits for one line of memory.
//
//   few      |256 bits: a run of equal entries begins|runs before each 32|up to 7 entries|     a line, 64 bytes
//   full     |256 entries|
//   wide     |65,536 entries, by two bytes|                                  first of a large table
//   skip     |otherwise|entry|up to 13 bytes that must follow ...|           a line
//
// An entry from 0 on is a value; below it is ~(place << 4 | kind). docs/decisions.md has what else was measured. Tables
// are built by lpm_builder.ts and do not change.

/** Tables of routes, in shared memory: as such they travel to the workers. A value is a number from 1 on, 0 = none. */
export interface Lpm {
  readonly words: Int32Array;
  /** By table: where it begins, an entry. */
  readonly roots4: Int32Array;
  readonly roots6: Int32Array;
}

/** Words of a line, what a cache has or has not. */
export const LINE = 16;
/** Of an entry. Those between are the number of bytes to skip. */
export const KIND = { few: 0, full: 14, wide: 15 } as const;
export const KIND_MASK = 15;
export const MAX_SKIP = 13;

/** Words of a line, by its kind. The runs before each 32 bits are four bits each. */
export const FEW = { runs: 8, entries: 9 } as const;
export const MAX_FEW = LINE - FEW.entries;
export const SKIP = { otherwise: 0, entry: 1, bytes: 2 } as const;

/**
 * The way through a large table is written out: its branches are predicted each by itself, and the next lookup need not
 * wait for this one's memory. A million routes: 17 ns, as a loop 55 (Node 20).
 *
 * @param address as DataView reads it
 */
export function find4({ words, roots4 }: Lpm, table: number, address: number): number {
  const root = roots4[table] | 0; // a table that there is not is empty
  if (root >= 0) return root;
  if (!isWide(root)) return descend4(words, root, address);
  const entry = wideEntry(words, root, address >>> 16);
  if (entry >= 0) return entry;
  if ((~entry & KIND_MASK) !== KIND.full) return descend4(words, entry, address << 16);
  const last = words[(~entry & ~KIND_MASK) + ((address >>> 8) & 0xff)];
  return last >= 0 ? last : descend4(words, last, address << 24);
}

/** @param rest the bytes that are not looked at yet, at the front */
function descend4(words: Int32Array, from: number, rest: number): number {
  let entry = from;
  let bytes = rest;
  while (entry < 0) {
    const kind = ~entry & KIND_MASK;
    if (decidesByByte(kind)) {
      entry = next(words, entry, bytes >>> 24);
      bytes <<= 8;
    } else {
      entry = skip4(words, entry, bytes);
      bytes <<= kind << 3; // of all four bytes nothing is left, and nothing is asked
    }
  }
  return entry;
}

/** @param at where the 16 bytes of the address begin */
export function find6({ words, roots6 }: Lpm, table: number, view: DataView, at: number): number {
  let entry = roots6[table] | 0;
  let from = at;
  if (isWide(entry)) {
    entry = wideEntry(words, entry, view.getUint16(from));
    from += 2;
  }
  while (entry < 0) {
    const kind = ~entry & KIND_MASK;
    if (decidesByByte(kind)) {
      entry = next(words, entry, view.getUint8(from));
      from++;
    } else {
      entry = skip6(words, entry, view, from);
      from += kind;
    }
  }
  return entry;
}

export function isWide(entry: number): boolean {
  return entry < 0 && (~entry & KIND_MASK) === KIND.wide;
}

export function wideEntry(words: Int32Array, entry: number, index: number): number {
  return words[(~entry & ~KIND_MASK) + index];
}

export function decidesByByte(kind: number): boolean {
  return kind === KIND.few || kind === KIND.full;
}

export function next(words: Int32Array, entry: number, byte: number): number {
  const place = ~entry & ~KIND_MASK;
  if (~entry === place) {
    const word = byte >>> 5;
    const before = (words[place + FEW.runs] >>> (word << 2)) & 15;
    // The bits up to that of the byte: the last of them is where its run begins.
    const bits = words[place + word] << (31 - (byte & 31));
    return words[place + FEW.entries - 1 + before + bitCount(bits)];
  }
  return words[place + byte];
}

export function skip4(words: Int32Array, entry: number, rest: number): number {
  const skip = ~entry & ~KIND_MASK;
  const bits = (~entry & KIND_MASK) << 3;
  const differs = (words[skip + SKIP.bytes] ^ rest) >>> (32 - bits);
  return words[skip + (differs === 0 ? SKIP.entry : SKIP.otherwise)];
}

export function skip6(words: Int32Array, entry: number, view: DataView, from: number): number {
  const skip = ~entry & ~KIND_MASK;
  const count = ~entry & KIND_MASK;
  for (let k = 0; k < count; k++) {
    const byte = (words[skip + SKIP.bytes + (k >>> 2)] >>> (24 - ((k & 3) << 3))) & 0xff;
    if (byte !== view.getUint8(from + k)) return words[skip + SKIP.otherwise];
  }
  return words[skip + SKIP.entry];
}

/** The word that a step needs first; without a branch. `byte` is the next of the address. */
export function firstWord(words: Int32Array, entry: number, byte: number): number {
  const isFull = ((~entry & KIND_MASK) + 2) >> 4; // no entry is wide but a root
  return words[(~entry & ~KIND_MASK) + (byte & -isFull)];
}

/** How many bits are set: sums of 2, 4 and 8 bits side by side, then all of them. */
function bitCount(bits: number): number {
  const twos = bits - ((bits >>> 1) & 0x5555_5555);
  const fours = (twos & 0x3333_3333) + ((twos >>> 2) & 0x3333_3333);
  return Math.imul((fours + (fours >>> 4)) & 0x0f0f_0f0f, 0x0101_0101) >>> 24;
}
