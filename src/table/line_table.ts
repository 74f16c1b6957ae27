// Lines of a cache (64 bytes) that are found by a key of four words, in memory that workers share. Lines come in pairs that
// lie side by side: the two directions of a connection, the two sides of a mapping.
//
//   index:  | tag | line |       2 words a slot, open addressing; tag = hash of the key | 1, 0 = never used: a probe ends here
//   lines:  | kind | ports | 6 words of the owner | src | dst | 6 words of the owner |       kind 0: the line is free
//
// A line never moves while it is in use, so others may keep its place, its offset in words; 0 is none. Whoever adds or removes
// holds the lock of the table's owner. Whoever only looks takes none: it compares the key in the line itself, and may miss
// one that another moves in the index meanwhile, so a miss is looked up again under the lock before it means anything.

/** Words of a line. */
export const LINE = 16;
/** Of its key. */
export const KIND = 0;
export const PORTS = 1;
export const SRC = 8;
export const DST = 9;

const PAIR = 2 * LINE;
/** Words of a slot of the index. */
const SLOT = 2;
/** With at most half of the slots in use a chain this long does not occur by chance. */
export const MAX_PROBES = 64;
/** Words before the index: pairs that are free again, and the first pair that was never used. */
const HEADER = 16;
const FREED = 0;
const HIGH = 1;

/** Random words for the hash: strangers choose the keys. */
export const SEED_WORDS = 8;

export class LineTable {
  readonly lines: Int32Array;
  /** By pair: a word of the owner's, apart from the lines because somebody looks through it. 0 in a free one. */
  readonly timers: Int32Array;
  readonly pairs: number;
  private readonly header: Int32Array;
  private readonly index: Int32Array;
  /** By pair: what its owner keeps beside the line, two words; the first is the next free one in a free pair. */
  readonly notes: Int32Array;
  private readonly mask: number;
  private readonly shift: number;
  private readonly seed: Int32Array;

  /** @param at where in `memory` its `bytes` begin: zeroed, a multiple of 64 */
  constructor(memory: ArrayBufferLike, at: number, pairs: number, seed: Int32Array) {
    const slots = slotsFor(pairs);
    this.pairs = pairs;
    this.seed = seed;
    this.header = new Int32Array(memory, at, HEADER);
    this.lines = new Int32Array(memory, at + HEADER * 4, pairs * PAIR);
    this.index = new Int32Array(memory, this.lines.byteOffset + this.lines.byteLength, slots * SLOT);
    this.timers = new Int32Array(memory, this.index.byteOffset + this.index.byteLength, pairs);
    this.notes = new Int32Array(memory, this.timers.byteOffset + this.timers.byteLength, pairs * 2);
    this.mask = this.index.length - 1;
    this.shift = 32 - Math.log2(slots);
    if (this.header[HIGH] === 0) this.header[HIGH] = 1; // place 0 means none
  }

  static bytes(pairs: number): number {
    const words = HEADER + pairs * PAIR + slotsFor(pairs) * SLOT + pairs * 3;
    return Math.ceil((words * 4) / 64) * 64;
  }

  /** Pairs from here on were never in use. */
  get high(): number {
    return this.header[HIGH];
  }

  /** The tag of a key: never 0. Multiply-shift with random odd multipliers, then one finalising round, as in fdb.ts. */
  tag(kind: number, ports: number, src: number, dst: number): number {
    const { seed } = this;
    const h =
      Math.imul(kind ^ seed[0], seed[1] | 1) +
      Math.imul(ports ^ seed[2], seed[3] | 1) +
      Math.imul(src ^ seed[4], seed[5] | 1) +
      Math.imul(dst ^ seed[6], seed[7] | 1);
    const mixed = Math.imul(h ^ (h >>> 15), 0x2c1b_3c6d);
    return (mixed ^ (mixed >>> 14)) | 1;
  }

  /** Where in the index the chain of a tag begins. */
  home(tag: number): number {
    return (tag >>> this.shift) * SLOT;
  }

  /** Some word of a slot, to have it in the cache soon. */
  peek(slot: number): number {
    return this.index[slot];
  }

  /** The line that the chain from `slot` on has for a tag, or 0. Its key is still to be compared. */
  follow(slot: number, tag: number): number {
    const { index, mask } = this;
    let at = slot;
    for (let probe = 0; probe < MAX_PROBES; probe++) {
      const found = index[at];
      if (found === tag) return index[at + 1];
      if (found === 0) return 0;
      at = (at + SLOT) & mask;
    }
    return 0;
  }

  /** 0 if the line has this key, without a branch. */
  difference(line: number, kind: number, ports: number, src: number, dst: number): number {
    const { lines } = this;
    return (
      (lines[line + KIND] ^ kind) |
      (lines[line + PORTS] ^ ports) |
      (lines[line + SRC] ^ src) |
      (lines[line + DST] ^ dst)
    );
  }

  /** The line of a key, or 0. Right only under the lock. */
  find(kind: number, ports: number, src: number, dst: number): number {
    const { index, mask } = this;
    const tag = this.tag(kind, ports, src, dst);
    let at = this.home(tag);
    for (let probe = 0; probe < MAX_PROBES; probe++) {
      const found = index[at];
      if (found === 0) return 0;
      if (found === tag && this.difference(index[at + 1], kind, ports, src, dst) === 0) return index[at + 1];
      at = (at + SLOT) & mask;
    }
    return 0;
  }

  /** Takes a free pair; the place of its first line, 0 = there is none. The second is LINE words behind it. */
  take(): number {
    const { header, notes } = this;
    const freed = header[FREED];
    if (freed !== 0) {
      header[FREED] = notes[freed * 2];
      notes[freed * 2] = 0;
      return freed * PAIR;
    }
    if (header[HIGH] === this.pairs) return 0;
    return header[HIGH]++ * PAIR;
  }

  /** Gives a pair back that no key leads to any more. */
  release(first: number): void {
    const { header, lines, notes } = this;
    const pair = first / PAIR;
    lines.fill(0, first, first + PAIR);
    this.timers[pair] = 0;
    notes[pair * 2] = header[FREED];
    notes[pair * 2 + 1] = 0;
    header[FREED] = pair;
  }

  /** Lets the key of a line, which is whole, lead to it. False if its chain is full. */
  link(line: number): boolean {
    const { index, mask } = this;
    const tag = this.tagOf(line);
    let at = this.home(tag);
    for (let probe = 0; probe < MAX_PROBES; probe++) {
      if (index[at] === 0) {
        index[at + 1] = line;
        // Others see the line, and its place, before the tag.
        Atomics.store(index, at, tag);
        return true;
      }
      at = (at + SLOT) & mask;
    }
    return false;
  }

  /** The key of a line leads to it no more; entries of the chain behind it move up. */
  unlink(line: number): void {
    const { index, mask } = this;
    let hole = this.home(this.tagOf(line));
    for (let probe = 0; index[hole + 1] !== line || index[hole] === 0; probe++) {
      if (probe === MAX_PROBES || index[hole] === 0) return;
      hole = (hole + SLOT) & mask;
    }
    this.lines[line + KIND] = 0;
    for (let at = (hole + SLOT) & mask; index[at] !== 0; at = (at + SLOT) & mask) {
      // Whose home lies behind the hole stays.
      if (((at - this.home(index[at])) & mask) < ((at - hole) & mask)) continue;
      index[hole + 1] = index[at + 1];
      Atomics.store(index, hole, index[at]);
      hole = at;
    }
    Atomics.store(index, hole, 0);
  }

  private tagOf(line: number): number {
    const { lines } = this;
    return this.tag(lines[line + KIND], lines[line + PORTS], lines[line + SRC], lines[line + DST]);
  }
}

/** Twice the lines, and a power of two. */
function slotsFor(pairs: number): number {
  return 2 ** Math.ceil(Math.log2(pairs * 4));
}

/** The number of the pair that a line belongs to. */
export function pairOf(line: number): number {
  return Math.floor(line / PAIR);
}

/** The first line of a pair. */
export function firstOf(pair: number): number {
  return pair * PAIR;
}

/** The other line of its pair. */
export function otherOf(line: number): number {
  return line ^ LINE;
}
