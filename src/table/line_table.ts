// Lines of a cache (64 bytes) that are found by a key of four words, in memory that workers share. Lines come in pairs that
// lie side by side: the two directions of a connection, the two sides of a mapping.
//
//   index:  | number of a line | tag |     a word, by open addressing; the tag is some bits of the key's hash. 0: a probe ends here
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
/** With at most half of the slots in use a chain this long does not occur by chance. */
export const MAX_PROBES = 64;
/**
 * Words before the lines: pairs that are free again, and the first pair that was never used. So many that lines of a large table
 * begin where lines of the cache do: glibc's calloc, which makes a SharedArrayBuffer, begins 16 bytes behind a page. Half a line
 * beside it would be a second miss for each packet.
 */
const HEADER = 12;
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
  /** Bits of the tag in a word of the index, and how many they are. */
  private readonly tagMask: number;
  private readonly tagBits: number;
  private readonly seed: Int32Array;

  /** @param at where in `memory` its `bytes` begin: zeroed, a multiple of 64 */
  constructor(memory: ArrayBufferLike, at: number, pairs: number, seed: Int32Array) {
    const slots = slotsFor(pairs);
    this.pairs = pairs + 1; // place 0 means none
    this.seed = seed;
    this.header = new Int32Array(memory, at, HEADER);
    this.lines = new Int32Array(memory, at + HEADER * 4, this.pairs * PAIR);
    this.index = new Int32Array(memory, this.lines.byteOffset + this.lines.byteLength, slots);
    this.timers = new Int32Array(memory, this.index.byteOffset + this.index.byteLength, this.pairs);
    this.notes = new Int32Array(memory, this.timers.byteOffset + this.timers.byteLength, this.pairs * 2);
    this.mask = this.index.length - 1;
    this.shift = 32 - Math.log2(slots);
    this.tagBits = 32 - Math.ceil(Math.log2(this.pairs * 2));
    this.tagMask = (1 << this.tagBits) - 1;
    if (this.header[HIGH] === 0) this.header[HIGH] = 1;
  }

  static bytes(pairs: number): number {
    const words = HEADER + slotsFor(pairs) + (pairs + 1) * (PAIR + 3);
    return Math.ceil((words * 4) / 64) * 64;
  }

  /** Pairs from here on were never in use. */
  get high(): number {
    return this.header[HIGH];
  }

  /** Multiply-shift with random odd multipliers, then one finalising round, as in fdb.ts. */
  hash(kind: number, ports: number, src: number, dst: number): number {
    const { seed } = this;
    const h =
      Math.imul(kind ^ seed[0], seed[1] | 1) +
      Math.imul(ports ^ seed[2], seed[3] | 1) +
      Math.imul(src ^ seed[4], seed[5] | 1) +
      Math.imul(dst ^ seed[6], seed[7] | 1);
    const mixed = Math.imul(h ^ (h >>> 15), 0x2c1b_3c6d);
    return mixed ^ (mixed >>> 14);
  }

  /** Where in the index the chain of a hash begins. */
  home(hash: number): number {
    return hash >>> this.shift;
  }

  /** Some word of the index, to have it in the cache soon. */
  peek(at: number): number {
    return this.index[at];
  }

  /** The first line from `home` on that may be the one of a hash, or 0. Its key is still to be compared. */
  follow(home: number, hash: number): number {
    const { index, mask, tagMask } = this;
    let at = home;
    for (let probe = 0; probe < MAX_PROBES; probe++) {
      const word = index[at];
      if (word === 0) return 0;
      if (((word ^ hash) & tagMask) === 0) return (word >>> this.tagBits) * LINE;
      at = (at + 1) & mask;
    }
    return 0;
  }

  /** Whether a word of the index may lead to the line of a hash. */
  isFor(word: number, hash: number): boolean {
    return ((word ^ hash) & this.tagMask) === 0;
  }

  /** The first word of the index, from the one at the hash's home on, that may lead to its line, or 0. */
  wordFor(atHome: number, hash: number): number {
    if (atHome === 0 || this.isFor(atHome, hash)) return atHome;
    const line = this.follow(this.home(hash), hash);
    return line === 0 ? 0 : ((line / LINE) << this.tagBits) | (hash & this.tagMask);
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
    const { index, mask, tagMask } = this;
    const hash = this.hash(kind, ports, src, dst);
    let at = this.home(hash);
    for (let probe = 0; probe < MAX_PROBES; probe++) {
      const word = index[at];
      if (word === 0) return 0;
      if (((word ^ hash) & tagMask) === 0) {
        const line = this.lineOf(word);
        if (this.difference(line, kind, ports, src, dst) === 0) return line;
      }
      at = (at + 1) & mask;
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
    const hash = this.hashOf(line);
    let at = this.home(hash);
    for (let probe = 0; probe < MAX_PROBES; probe++) {
      if (index[at] === 0) {
        // Others see the line before the word that leads to it.
        Atomics.store(index, at, ((line / LINE) << this.tagBits) | (hash & this.tagMask));
        return true;
      }
      at = (at + 1) & mask;
    }
    return false;
  }

  /** The key of a line leads to it no more; what is behind it in its chain moves up. */
  unlink(line: number): void {
    const { index, mask } = this;
    let hole = this.home(this.hashOf(line));
    for (let probe = 0; this.lineOf(index[hole]) !== line; probe++) {
      if (probe === MAX_PROBES || index[hole] === 0) return;
      hole = (hole + 1) & mask;
    }
    for (let at = (hole + 1) & mask; index[at] !== 0; at = (at + 1) & mask) {
      const home = this.home(this.hashOf(this.lineOf(index[at])));
      // Whose home lies behind the hole stays.
      if (((at - home) & mask) < ((at - hole) & mask)) continue;
      Atomics.store(index, hole, index[at]);
      hole = at;
    }
    Atomics.store(index, hole, 0);
    this.lines[line + KIND] = 0;
  }

  /** Where a word of the index leads to. */
  lineOf(word: number): number {
    return (word >>> this.tagBits) * LINE;
  }

  private hashOf(line: number): number {
    const { lines } = this;
    return this.hash(lines[line + KIND], lines[line + PORTS], lines[line + SRC], lines[line + DST]);
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
