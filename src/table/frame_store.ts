// Frames that wait, in shared memory of fixed size: what is known of each, and its bytes in blocks. Frames leave in any order.
//
//   | header | state of the queues | entries: next, chain, time, words | small blocks, 256 | large blocks, 2048 |
//
// A frame is named by its first block, counted from 1; 0 = none. So memory of zeros is an empty store. A frame that fits a small block
// has one, while there are any; others are chains of large ones. Nothing is allocated after the constructor.

import { Lock } from './lock.ts';

/** Bytes of a small block, of which a copy by words may use all but the last few. */
export const SMALL = 256;
const SMALL_ROOM = SMALL - 4;
export const LARGE = 2048;

/** Words of an entry: the columns of the frame's row, then these. */
export const ENTRY = { hop: 16, tag: 17, wire: 18, class: 19, flow: 20, length: 21 } as const;
export const ENTRY_WORDS = 22;

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
  readonly next: Int32Array;
  readonly words: Int32Array;
  /** When it came, ms. */
  readonly time: Float64Array;
  readonly bytes: Uint8Array;
  readonly view: DataView;
  /** Where the state of the queues begins. */
  readonly stateAt: number;
  private readonly chain: Int32Array;
  private readonly small: number;
  private readonly large: number;
  private readonly smallAt: number;
  private readonly largeAt: number;

  constructor(memory: SharedArrayBuffer, { small, large, state }: StoreSize) {
    const entries = small + large + 1;
    const words = (count: number) => (count + 1) & -2;
    this.small = small;
    this.large = large;
    this.stateAt = HEADER_WORDS * 4;
    let at = this.stateAt + state;
    this.header = new Int32Array(memory, 0, HEADER_WORDS);
    this.time = new Float64Array(memory, at, entries);
    at += entries * 8;
    this.next = new Int32Array(memory, at, entries);
    at += words(entries) * 4;
    this.chain = new Int32Array(memory, at, entries);
    at += words(entries) * 4;
    this.words = new Int32Array(memory, at, entries * ENTRY_WORDS);
    at += words(entries * ENTRY_WORDS) * 4;
    this.smallAt = at;
    this.largeAt = at + small * SMALL;
    this.bytes = new Uint8Array(memory);
    this.view = new DataView(memory);
  }

  static size({ small, large, state }: StoreSize): number {
    const entries = small + large + 1;
    const words = (count: number) => ((count + 1) & -2) * 4;
    const about = HEADER_WORDS * 4 + state + entries * 8 + 2 * words(entries) + words(entries * ENTRY_WORDS);
    return about + small * SMALL + large * LARGE + 8;
  }

  /** Room for a frame of `length` bytes; 0 = there is none. */
  take(length: number): number {
    if (length <= SMALL_ROOM) {
      const block = this.takeBlock(FREE_SMALL, USED_SMALL, 0, this.small);
      if (block !== 0) {
        this.chain[block] = 0;
        return block;
      }
    }
    let first = 0;
    for (let left = length; left > 0; left -= LARGE) {
      const block = this.takeBlock(FREE_LARGE, USED_LARGE, this.small, this.large);
      if (block === 0) {
        if (first !== 0) this.release(first);
        return 0;
      }
      this.chain[block] = first;
      first = block;
    }
    return first;
  }

  release(frame: number): void {
    const { header, next, chain } = this;
    for (let block = frame; block !== 0; ) {
      const after = chain[block];
      const free = block <= this.small ? FREE_SMALL : FREE_LARGE;
      next[block] = header[free];
      header[free] = block;
      block = after;
    }
  }

  /** Where the bytes of a block begin in `bytes`. */
  at(block: number): number {
    if (block <= this.small) return this.smallAt + (block - 1) * SMALL;
    return this.largeAt + (block - 1 - this.small) * LARGE;
  }

  /** Bytes that a block holds. */
  room(block: number): number {
    return block <= this.small ? SMALL : LARGE;
  }

  /** The block that holds what follows; 0 = none. */
  after(block: number): number {
    return this.chain[block];
  }

  private takeBlock(free: number, used: number, base: number, count: number): number {
    const { header, next } = this;
    const block = header[free];
    if (block !== 0) {
      header[free] = next[block];
      return block;
    }
    if (header[used] === count) return 0;
    header[used] += 1;
    return base + header[used];
  }
}
