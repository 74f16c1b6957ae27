// Longest-prefix match of IPv4 and IPv6 addresses, in many tables that share one piece of memory. A trie of bytes: each
// node decides by one byte of the address, and says which entry is for which of its 256 values as runs of equal ones.
//
//   node     |starts of runs, 256 bits|starts before each word|entry of each run ...       a line of 64 bytes, or more
//   skip     |otherwise|entry|bytes, up to 14 ...|             these bytes must follow
//   wide     |65,536 entries by the first two bytes|           of large tables only
//
// An entry from 0 on is the value; below it ~(line << 4 | bytes to skip, 0 = node, 15 = wide). docs/decisions.md has what
// else was measured. Tables are built by lpm_builder.ts and do not change.

/** Tables of routes, in shared memory: as such they travel to the workers. A value is a number from 1 on, 0 = none. */
export interface Lpm {
  readonly words: Int32Array;
  /** By table: where it begins, an entry. */
  readonly roots4: Int32Array;
  readonly roots6: Int32Array;
}

/** Words of a line, the 64 bytes that a cache has or has not. */
export const LINE_SHIFT = 4;
/** Of an entry: what it leads to. Else it is the number of bytes to skip. */
export const KIND = { node: 0, wide: 15 } as const;
export const KIND_MASK = 15;
export const MAX_SKIP = 14;

/** Words of a node: 8 of bits, 2 with the sums of the bits before each, a byte each; then the entries. */
export const NODE = { sums: 8, entries: 10 } as const;
export const SKIP = { otherwise: 0, entry: 1, bytes: 2 } as const;

/** @param address as DataView reads it */
export function find4({ words, roots4 }: Lpm, table: number, address: number): number {
  let entry = roots4[table] | 0; // a table that there is not is empty
  let rest = address;
  if (isWide(entry)) {
    entry = wideEntry(words, entry, address >>> 16);
    rest = address << 16;
  }
  while (entry < 0) {
    const kind = ~entry & KIND_MASK;
    if (kind === KIND.node) {
      entry = nodeEntry(words, entry, rest >>> 24);
      rest <<= 8;
    } else {
      entry = skip4(words, entry, rest);
      rest <<= kind << 3; // of all four bytes nothing is left, and nothing is asked
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
    if (kind === KIND.node) {
      entry = nodeEntry(words, entry, view.getUint8(from));
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

export function nodeEntry(words: Int32Array, entry: number, byte: number): number {
  const node = ~entry; // its kind is 0
  const word = byte >>> 5;
  const before = words[node + NODE.sums + (word >>> 2)] >>> ((word & 3) << 3);
  // The bits up to that of the byte: the last of them is where its run begins.
  const bits = words[node + word] << (31 - (byte & 31));
  return words[node + NODE.entries - 1 + (before & 0xff) + bitCount(bits)];
}

/** @param rest the bytes that are not looked at yet, at the front */
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

/** How many bits are set: sums of 2, 4 and 8 bits side by side, then all of them. */
function bitCount(bits: number): number {
  const twos = bits - ((bits >>> 1) & 0x5555_5555);
  const fours = (twos & 0x3333_3333) + ((twos >>> 2) & 0x3333_3333);
  return Math.imul((fours + (fours >>> 4)) & 0x0f0f_0f0f, 0x0101_0101) >>> 24;
}
