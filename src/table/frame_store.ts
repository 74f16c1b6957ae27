// Frames that wait, in a region of shared memory: what is known of each, and its bytes in blocks. Frames leave in any order.
//
//   | header | state of the queues | small blocks: entry, 256 bytes | large blocks: entry, 2048 bytes |
//
// Regions of many ports lie in one slab, and one store looks at one after the other: an object for each of a thousand ports would be in
// no cache. A block is named by where it begins in the slab, in units of an entry, and a frame by its first block; 0 = none. A frame
// that fits a small block has one, while there are any; others are chains of large ones. What is known of a frame lies beside its
// bytes, because each page costs a walk of tables. Nothing is allocated after the constructor.

import { Lock } from './lock.ts';

/** Bytes of a small block, of which a copy by words may use all but the last few. */
export const SMALL = 256;
const SMALL_ROOM = SMALL - 4;
export const LARGE = 2048;

/** Words of an entry: the columns of the frame's row, then these; the next in its queue, and the block that holds what follows. */
export const ENTRY = {
  hop: 16,
  tag: 17,
  wire: 18,
  class: 19,
  flow: 20,
  length: 21,
  next: 22,
  chain: 23,
} as const;
export const ENTRY_WORDS = 32;
/** The same memory in numbers of 64 bits: when it came, ms. */
export const ENTRY_FLOATS = ENTRY_WORDS / 2;
export const ENTRY_TIME = 12;
const ENTRY_BYTES = 4 * ENTRY_WORDS;
/** Of a block, in entries. */
const SMALL_UNITS = 1 + SMALL / ENTRY_BYTES;
const LARGE_UNITS = 1 + LARGE / ENTRY_BYTES;

// Words of the header.
const LOCK = 0;
/** The worker that gives frames on, counted from 1; 0 = nobody has to. */
export const SERVER = 2;
/** Frames that wait. */
export const HELD = 3;
const FREE_SMALL = 4;
const FREE_LARGE = 5;
/** Where blocks begin that were never used. */
const NEW_SMALL = 6;
const NEW_LARGE = 7;
/** Where large blocks begin, and end. */
const FIRST_LARGE = 8;
const END = 9;
export const HEADER_WORDS = 12;

export interface StoreSize {
  small: number;
  large: number;
  /** Bytes of the state of the queues, a multiple of 8. */
  state: number;
}

/** Where a port's region is: so many entries into its slab. */
export interface Region {
  memory: SharedArrayBuffer;
  at: number;
}

/** Who takes a step with a port's queues has its lock. */
export function lockOfRegion({ memory, at }: Region): Lock {
  return new Lock(new Int32Array(memory), at * ENTRY_WORDS + LOCK);
}

export function shaperLocks({ regions }: { readonly regions: readonly Region[] }): Lock[] {
  return regions.map(lockOfRegion);
}

/** Blocks for `limit` bytes of frames of any size, and twice that for usual ones. */
export function blocksFor(limit: number): Pick<StoreSize, 'small' | 'large'> {
  return { small: Math.ceil(limit / (SMALL / 2)), large: Math.ceil(limit / (LARGE / 2)) + 64 };
}

/** Entries that a region takes. */
export function unitsOf({ small, large, state }: StoreSize): number {
  return unitsBefore(state) + small * SMALL_UNITS + large * LARGE_UNITS;
}

/** Makes zeros an empty store. */
export function layOutStore({ memory, at }: Region, size: StoreSize): void {
  const header = new Int32Array(memory, at * ENTRY_BYTES, HEADER_WORDS);
  const first = at + unitsBefore(size.state);
  header[NEW_SMALL] = first;
  header[FIRST_LARGE] = first + size.small * SMALL_UNITS;
  header[NEW_LARGE] = header[FIRST_LARGE];
  header[END] = header[FIRST_LARGE] + size.large * LARGE_UNITS;
}

/** A slab as words, numbers and bytes. */
export class Slab {
  readonly words: Int32Array;
  readonly floats: Float64Array;
  readonly bytes: Uint8Array;
  readonly view: DataView;

  constructor(memory: SharedArrayBuffer) {
    this.words = new Int32Array(memory);
    this.floats = new Float64Array(memory);
    this.bytes = new Uint8Array(memory);
    this.view = new DataView(memory);
  }

  static size(units: number): number {
    return units * ENTRY_BYTES;
  }
}

export class FrameStore {
  /** Of the slab, in which the entry of `frame` begins at `frame * ENTRY_WORDS`. */
  words: Int32Array;
  floats: Float64Array;
  bytes: Uint8Array;
  view: DataView;
  /** Where the header begins, in words. */
  header = 0;

  constructor({ words, floats, bytes, view }: Slab) {
    this.words = words;
    this.floats = floats;
    this.bytes = bytes;
    this.view = view;
  }

  /** Looks at the region that begins `at` entries into the slab. */
  select({ words, floats, bytes, view }: Slab, at: number): void {
    this.words = words;
    this.floats = floats;
    this.bytes = bytes;
    this.view = view;
    this.header = at * ENTRY_WORDS;
  }

  /** Room for a frame of `length` bytes; 0 = there is none. */
  take(length: number): number {
    const { words, header } = this;
    if (length <= SMALL_ROOM) {
      const block = this.takeBlock(FREE_SMALL, NEW_SMALL, words[header + FIRST_LARGE], SMALL_UNITS);
      if (block !== 0) {
        words[block * ENTRY_WORDS + ENTRY.chain] = 0;
        return block;
      }
    }
    let first = 0;
    for (let left = length; left > 0; left -= LARGE) {
      const block = this.takeBlock(FREE_LARGE, NEW_LARGE, words[header + END], LARGE_UNITS);
      if (block === 0) {
        if (first !== 0) this.release(first);
        return 0;
      }
      words[block * ENTRY_WORDS + ENTRY.chain] = first;
      first = block;
    }
    return first;
  }

  release(frame: number): void {
    const { words, header } = this;
    const firstLarge = words[header + FIRST_LARGE];
    for (let block = frame; block !== 0; ) {
      const at = block * ENTRY_WORDS;
      const after = words[at + ENTRY.chain];
      const free = header + (block < firstLarge ? FREE_SMALL : FREE_LARGE);
      words[at + ENTRY.next] = words[free];
      words[free] = block;
      block = after;
    }
  }

  /** Where the bytes of a block begin in `bytes`. */
  at(block: number): number {
    return (block + 1) * ENTRY_BYTES;
  }

  /** Bytes that a block holds. */
  room(block: number): number {
    return block < this.words[this.header + FIRST_LARGE] ? SMALL : LARGE;
  }

  /** The block that holds what follows; 0 = none. */
  after(block: number): number {
    return this.words[block * ENTRY_WORDS + ENTRY.chain];
  }

  private takeBlock(free: number, unused: number, end: number, units: number): number {
    const { words, header } = this;
    const block = words[header + free];
    if (block !== 0) {
      words[header + free] = words[block * ENTRY_WORDS + ENTRY.next];
      return block;
    }
    const fresh = words[header + unused];
    if (fresh === end) return 0;
    words[header + unused] = fresh + units;
    return fresh;
  }
}

/** Of header and state, in entries. */
function unitsBefore(state: number): number {
  return Math.ceil((HEADER_WORDS * 4 + state) / ENTRY_BYTES);
}
