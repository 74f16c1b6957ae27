// Builds the tables of lpm.ts from lists of prefixes, for the control plane. What is the same for a whole range of a trie
// is found by order: a prefix stands before all that it covers, so painting runs one over another leaves the longest.

import type { Parts } from '../parts.ts';
import { KIND, LEAST_RUNS, LINE, type Lpm, MOST_RUNS, MOST_SKIPPED, SKIP } from '../table/lpm.ts';
import { PrefixList } from './prefix_list.ts';

/** From so many prefixes on a table begins with 256 KiB. */
const WIDE_FROM = 8192;
/** From so many on a table of IPv4 begins with 64 MiB: less than it would have otherwise, and one load less. */
const FLAT_FROM = 262_144;
/** Prefixes that are built from one breath to the next, about. */
const PART = 4096;
/** Words that are copied from one breath to the next. */
const COPIED_AT_ONCE = 1 << 21;
/** In a large table of IPv4 a step by one byte is faster than one by ranges that are not in one line, at four times the memory. */
const MOST_RUNS_IN_WIDE = 8;

export class LpmBuilder {
  private readonly list4 = new PrefixList(1);
  private readonly list6 = new PrefixList(4);

  /** @param value from 1 on */
  add4(table: number, address: number, length: number, value: number): void {
    this.list4.add(table, length, value, address);
  }

  /** @param a the first of the four words of the address */
  add6(table: number, a: number, b: number, c: number, d: number, length: number, value: number): void {
    this.list6.add(table, length, value, a, b, c, d);
  }

  /** @param tables their numbers are less */
  *build(tables: number): Parts<Lpm> {
    const memory = new Memory();
    const roots4 = sharedWords(tables);
    const roots6 = sharedWords(tables);
    yield* buildTables(memory, yield* this.list4.sorted(), roots4);
    yield* buildTables(memory, yield* this.list6.sorted(), roots6);
    return { words: yield* memory.shared(), roots4, roots6 };
  }
}

function* buildTables(memory: Memory, list: PrefixList, roots: Int32Array): Parts<void> {
  const trie = new Trie(memory, list);
  let unbreathed = 0;
  for (let from = 0, end = 0; from < list.count; from = end) {
    const table = list.tables[from];
    while (end < list.count && list.tables[end] === table) end++;
    roots[table] = end - from < WIDE_FROM ? trie.build(from, end, 0, 0) : yield* trie.buildLarge(from, end);
    unbreathed += end - from;
    if (unbreathed < PART) continue;
    unbreathed = 0;
    yield;
  }
}

/** The prefixes `from` to `end` - 1 of a list in order, which share their first `depth` bytes, become an entry. */
class Trie {
  private readonly memory: Memory;
  private readonly list: PrefixList;
  /** By depth: the entries of what is being made. */
  private readonly entries: Int32Array[];
  /** Where `range` begins for the last time: it looks at four bytes of what must be an address. */
  private readonly lastRange: number;
  private mostRuns = MOST_RUNS;

  constructor(memory: Memory, list: PrefixList) {
    this.memory = memory;
    this.list = list;
    this.entries = Array.from({ length: 4 * list.addressWords }, () => new Int32Array(256));
    this.lastRange = list.addressWords === 1 ? 3 : 12; // of IPv4 it is asked about a word
  }

  /** @param covering the value of the longest prefix that covers all of them */
  build(from: number, end: number, depth: number, covering: number): number {
    const { lengths, values } = this.list;
    let first = from;
    let value = covering;
    for (; first < end && lengths[first] === depth << 3; first++) value = values[first];
    if (first === end) return value;
    if (depth <= this.lastRange) {
      const skipped = (this.sharedBytes(first, end, depth) - depth) >>> 2;
      if (skipped > 0 && depth + 4 * skipped <= this.lastRange)
        return this.skip(first, end, depth, Math.min(skipped, MOST_SKIPPED), value);
      const runs = this.runs(first, end, depth, value);
      if (runs !== null) return this.range(runs, depth);
    }
    return this.full(first, end, depth, value);
  }

  /** By the next four bytes; null = there are too many. */
  private runs(from: number, end: number, depth: number, covering: number): Runs | null {
    const { list } = this;
    const runs = new Runs(covering);
    for (let i = from; i < end; ) {
      const start = list.four(i, depth);
      const past = this.group(i, end, depth, depth + 4);
      if (past === i) {
        runs.paint(start, 2 ** (((depth + 4) << 3) - list.lengths[i]), list.values[i]);
        i++;
      } else {
        runs.leaveOut(start, i, past);
        i = past;
      }
      if (runs.starts.length > this.mostRuns + 1) return null; // the last may give way to the next
    }
    runs.finish();
    return runs.starts.length > this.mostRuns ? null : runs;
  }

  private range(runs: Runs, depth: number): number {
    const entries = runs.entries.map((entry, n) => {
      const group = runs.groups.get(n);
      return group === undefined ? entry : this.build(group.from, group.end, depth + 4, entry);
    });
    return this.memory.writeRange(runs.starts, entries);
  }

  /** Of a table, with 65,536 entries at once, or more. */
  *buildLarge(from: number, end: number): Parts<number> {
    const { list, memory } = this;
    const isIpv4 = list.addressWords === 1;
    this.mostRuns = isIpv4 ? MOST_RUNS_IN_WIDE : MOST_RUNS;
    const isFlat = isIpv4 && end - from >= FLAT_FROM;
    const depth = isFlat ? 3 : 2;
    const bits = depth << 3;
    const at = memory.take(2 ** bits);
    let breath = from + PART;
    for (let i = from; i < end; ) {
      const index = list.four(i, 0) >>> (32 - bits);
      const past = this.group(i, end, 0, depth);
      const covering = memory.words[at + index];
      if (past === i) {
        memory.words.fill(list.values[i], at + index, at + index + 2 ** (bits - list.lengths[i]));
        i++;
      } else {
        const entry = this.build(i, past, depth, covering);
        memory.words[at + index] = entry; // not before: what is built may move the memory
        i = past;
      }
      if (i < breath) continue;
      breath = i + PART;
      yield;
    }
    this.mostRuns = MOST_RUNS;
    return ~(at | (isFlat ? KIND.flat : KIND.wide));
  }

  private full(from: number, end: number, depth: number, covering: number): number {
    const { list } = this;
    const entries = this.entries[depth].fill(covering);
    for (let i = from; i < end; ) {
      const byte = list.byte(i, depth);
      const past = this.group(i, end, depth, depth + 1);
      if (past === i) {
        entries.fill(list.values[i], byte, byte + (1 << (((depth + 1) << 3) - list.lengths[i])));
        i++;
      } else {
        entries[byte] = this.build(i, past, depth + 1, entries[byte]);
        i = past;
      }
    }
    return this.memory.writeFull(entries);
  }

  private skip(from: number, end: number, depth: number, count: number, otherwise: number): number {
    const { list, memory } = this;
    const entry = this.build(from, end, depth + 4 * count, otherwise);
    if (entry === otherwise) return entry;
    const at = memory.take(LINE);
    memory.words[at + SKIP.entry] = entry;
    memory.words[at + SKIP.otherwise] = otherwise;
    for (let w = 0; w < count; w++) memory.words[at + SKIP.words + w] = list.four(from, depth + 4 * w);
    return ~(at | (KIND.skip + count));
  }

  /**
   * The end of those from `i` on that share `bytes` bytes, `depth` of them for sure, and are longer; `i` if that one is
   * not longer itself.
   */
  private group(i: number, end: number, depth: number, bytes: number): number {
    if (this.list.lengths[i] <= bytes << 3) return i;
    let past = i + 1;
    while (past < end && this.commonBytes(i, past, depth, bytes) === bytes) past++;
    return past;
  }

  /** How many bytes all of them have in common, and within their lengths: at least `depth`. */
  private sharedBytes(from: number, end: number, depth: number): number {
    const { lengths } = this.list;
    let length = lengths[from];
    for (let i = from + 1; i < end; i++) length = Math.min(length, lengths[i]);
    return this.commonBytes(from, end - 1, depth, length >>> 3);
  }

  /** How many of the first `most` bytes of two addresses are the same, `depth` of them for sure. */
  private commonBytes(one: number, other: number, depth: number, most: number): number {
    const { list } = this;
    let k = depth;
    while (k < most && list.byte(one, k) === list.byte(other, k)) k++;
    return k;
  }
}

/** Runs of equal entries over 2^32 numbers, painted one over another: each within what it meets, or behind it. */
class Runs {
  readonly starts: number[] = [0];
  readonly entries: number[];
  /** By run: what it leads to is not built yet; its entry is what covers it. */
  readonly groups = new Map<number, { from: number; end: number }>();
  /** What is not at its end yet, the innermost last. */
  private readonly open: { end: number; entry: number }[];

  constructor(covering: number) {
    this.entries = [covering];
    this.open = [{ end: 2 ** 32, entry: covering }];
  }

  paint(start: number, size: number, entry: number): void {
    this.closeUntil(start);
    this.begin(start, entry);
    this.open.push({ end: start + size, entry });
  }

  /** One number is for the prefixes `from` to `end` - 1. */
  leaveOut(start: number, from: number, end: number): void {
    this.closeUntil(start);
    const { entry } = this.open[this.open.length - 1];
    // A run of its own, though the entry is that of its neighbour as yet.
    if (this.starts[this.starts.length - 1] !== start) {
      this.starts.push(start);
      this.entries.push(entry);
    }
    this.groups.set(this.starts.length - 1, { from, end });
    this.open.push({ end: start + 1, entry });
  }

  finish(): void {
    this.closeUntil(2 ** 32);
  }

  private closeUntil(start: number): void {
    const { open } = this;
    for (
      let { end } = open[open.length - 1];
      end <= start && end < 2 ** 32;
      { end } = open[open.length - 1]
    ) {
      open.pop();
      this.begin(end, open[open.length - 1].entry);
    }
  }

  private begin(start: number, entry: number): void {
    const { starts, entries } = this;
    const last = starts.length - 1;
    if (starts[last] === start) entries[last] = entry;
    else if (entries[last] !== entry || this.groups.has(last)) {
      starts.push(start);
      entries.push(entry);
    }
  }
}

/** Grows while tables are built. */
class Memory {
  words = new Int32Array(1 << 12);
  private used = 0;

  /** Zeroed, in whole lines. Returns the index of its first word. */
  take(count: number): number {
    const at = this.used;
    this.used += Math.ceil(count / LINE) * LINE;
    if (this.used > this.words.length) {
      const { words } = this;
      this.words = new Int32Array(2 * this.used);
      this.words.set(words);
    }
    return at;
  }

  /** Returns the entry that leads to it; if all are the same, that. */
  writeFull(entries: Int32Array): number {
    if (entries.every((entry) => entry === entries[0])) return entries[0];
    const at = this.take(256);
    this.words.set(entries, at);
    return ~(at | KIND.full);
  }

  /** The last run counts as often as there is room. */
  writeRange(starts: readonly number[], entries: readonly number[]): number {
    if (starts.length === 1) return entries[0];
    let size = LEAST_RUNS;
    let kind: number = KIND.range;
    for (; size < starts.length; size *= 2) kind++;
    const at = this.take(2 * size);
    const last = starts.length - 1;
    for (let n = 0; n < size; n++) {
      if (n > 0) this.words[at + n - 1] = starts[Math.min(n, last)];
      this.words[at + size - 1 + n] = entries[Math.min(n, last)];
    }
    return ~(at | kind);
  }

  *shared(): Parts<Int32Array> {
    const words = sharedWords(this.used);
    for (let at = 0; at < this.used; at += COPIED_AT_ONCE) {
      const end = Math.min(this.used, at + COPIED_AT_ONCE);
      words.set(this.words.subarray(at, end), at);
      yield;
    }
    return words;
  }
}

function sharedWords(count: number): Int32Array {
  return new Int32Array(new SharedArrayBuffer(4 * count) as unknown as ArrayBuffer);
}
