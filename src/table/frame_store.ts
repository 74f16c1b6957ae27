// Frames that wait, in shared memory of fixed size: what is known of each, and its bytes in blocks. Frames leave in any order.
//
//   | header | state of the queues | small blocks: entry, 256 bytes | large blocks: entry, 2048 bytes |
//
// A block is named by where it begins, in units of an entry, and a frame by its first block; 0 = none. So memory of zeros is an empty
// store. A frame that fits a small block has one, while there are any; others are chains of large ones. What is known of a frame lies
// beside its bytes, because with a thousand ports nothing is in a cache, and each page costs a walk. Nothing is allocated after the
// constructor.

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
const FREE_SMALL = 3;
const FREE_LARGE = 4;
/** Blocks that were ever used: those beyond are free, too. */
const USED_SMALL = 5;
const USED_LARGE = 6;
const HEADER_WORDS = 8;

export interface StoreSize {
  small: number;
  large: number;
  /** Bytes of the state of the queues, a multiple of 8. */
  state: number;
}

/** Who takes a step with a port's queues has its lock. */
export function lockOfStore(memory: SharedArrayBuffer): Lock {
  return new Lock(new Int32Array(memory, 0, HEADER_WORDS), LOCK);
}

export function shaperLocks({ memories }: { readonly memories: readonly SharedArrayBuffer[] }): Lock[] {
  return memories.map(lockOfStore);
}

/** Blocks for `limit` bytes of frames of any size, and twice that for usual ones. */
export function blocksFor(limit: number): Pick<StoreSize, 'small' | 'large'> {
  return { small: Math.ceil(limit / (SMALL / 2)), large: Math.ceil(limit / (LARGE / 2)) + 64 };
}

export class FrameStore {
  readonly header: Int32Array;
  /** All memory, of which the entry of `frame` begins at `frame * ENTRY_WORDS`. */
  readonly words: Int32Array;
  readonly floats: Float64Array;
  readonly bytes: Uint8Array;
  readonly view: DataView;
  /** Where the state of the queues begins. */
  readonly stateAt: number;
  private readonly small: number;
  private readonly large: number;
  private readonly firstSmall: number;
  private readonly firstLarge: number;

  constructor(memory: SharedArrayBuffer, { small, large, state }: StoreSize) {
    this.small = small;
    this.large = large;
    this.stateAt = HEADER_WORDS * 4;
    this.header = new Int32Array(memory, 0, HEADER_WORDS);
    this.words = new Int32Array(memory);
    this.floats = new Float64Array(memory);
    this.bytes = new Uint8Array(memory);
    this.view = new DataView(memory);
    this.firstSmall = unitsBefore(state);
    this.firstLarge = this.firstSmall + small * SMALL_UNITS;
  }

  static size({ small, large, state }: StoreSize): number {
    return (unitsBefore(state) + small * SMALL_UNITS + large * LARGE_UNITS) * ENTRY_BYTES;
  }

  /** Room for a frame of `length` bytes; 0 = there is none. */
  take(length: number): number {
    const { words } = this;
    if (length <= SMALL_ROOM) {
      const block = this.takeBlock(FREE_SMALL, USED_SMALL, this.firstSmall, this.small, SMALL_UNITS);
      if (block !== 0) {
        words[block * ENTRY_WORDS + ENTRY.chain] = 0;
        return block;
      }
    }
    let first = 0;
    for (let left = length; left > 0; left -= LARGE) {
      const block = this.takeBlock(FREE_LARGE, USED_LARGE, this.firstLarge, this.large, LARGE_UNITS);
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
    const { header, words } = this;
    for (let block = frame; block !== 0; ) {
      const at = block * ENTRY_WORDS;
      const after = words[at + ENTRY.chain];
      const free = block < this.firstLarge ? FREE_SMALL : FREE_LARGE;
      words[at + ENTRY.next] = header[free];
      header[free] = block;
      block = after;
    }
  }

  /** Where the bytes of a block begin in `bytes`. */
  at(block: number): number {
    return (block + 1) * ENTRY_BYTES;
  }

  /** Bytes that a block holds. */
  room(block: number): number {
    return block < this.firstLarge ? SMALL : LARGE;
  }

  /** The block that holds what follows; 0 = none. */
  after(block: number): number {
    return this.words[block * ENTRY_WORDS + ENTRY.chain];
  }

  private takeBlock(free: number, used: number, first: number, count: number, units: number): number {
    const { header, words } = this;
    const block = header[free];
    if (block !== 0) {
      header[free] = words[block * ENTRY_WORDS + ENTRY.next];
      return block;
    }
    if (header[used] === count) return 0;
    header[used] += 1;
    return first + (header[used] - 1) * units;
  }
}

/** Of header and state, in entries. */
function unitsBefore(state: number): number {
  return Math.ceil((HEADER_WORDS * 4 + state) / ENTRY_BYTES);
}
