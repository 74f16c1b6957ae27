// Builds the tables of lpm.ts from lists of prefixes, for the control plane. What is the same for a whole range of a trie
// is found by order: a prefix stands before all that it covers, so painting runs one over another leaves the longest.

import type { Parts } from '../parts.ts';
import { FEW, KIND, LINE, type Lpm, MAX_FEW, MAX_SKIP, SKIP } from './lpm.ts';
import { PrefixList } from './prefix_list.ts';

/** From so many prefixes on a table begins with 256 KiB. */
const WIDE_FROM = 8192;
/** Prefixes that are built from one breath to the next, about. */
const PART = 8192;

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
    return { words: memory.shared(), roots4, roots6 };
  }
}

function* buildTables(memory: Memory, list: PrefixList, roots: Int32Array): Parts<void> {
  const trie = new Trie(memory, list);
  let unbreathed = 0;
  for (let from = 0, end = 0; from < list.count; from = end) {
    const table = list.tables[from];
    while (end < list.count && list.tables[end] === table) end++;
    roots[table] = end - from < WIDE_FROM ? trie.build(from, end, 0, 0) : yield* trie.buildWide(from, end);
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
  /** By depth: the entries of the node that is being made. */
  private readonly entries: Int32Array[];

  constructor(memory: Memory, list: PrefixList) {
    this.memory = memory;
    this.list = list;
    this.entries = Array.from({ length: 4 * list.addressWords }, () => new Int32Array(256));
  }

  /** @param covering the value of the longest prefix that covers all of them */
  build(from: number, end: number, depth: number, covering: number): number {
    const { lengths, values } = this.list;
    let first = from;
    let value = covering;
    for (; first < end && lengths[first] === depth << 3; first++) value = values[first];
    if (first === end) return value;
    const count = Math.min(this.sharedBytes(first, end, depth) - depth, MAX_SKIP);
    return count > 0 ? this.skip(first, end, depth, count, value) : this.node(first, end, depth, value);
  }

  /** Of a table, with 65,536 entries at once. */
  *buildWide(from: number, end: number): Parts<number> {
    const { list, memory } = this;
    const at = memory.take(1 << 16);
    let breath = from + PART;
    for (let i = from; i < end; ) {
      const index = (list.byte(i, 0) << 8) | list.byte(i, 1);
      const past = this.group(i, end, 0, 2);
      const covering = memory.words[at + index];
      if (past === i) {
        memory.words.fill(list.values[i], at + index, at + index + (1 << (16 - list.lengths[i])));
        i++;
      } else {
        const entry = this.build(i, past, 2, covering);
        memory.words[at + index] = entry; // not before: what is built may move the memory
        i = past;
      }
      if (i < breath) continue;
      breath = i + PART;
      yield;
    }
    return ~(at | KIND.wide);
  }

  private node(from: number, end: number, depth: number, covering: number): number {
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
    return this.memory.writeNode(entries);
  }

  private skip(from: number, end: number, depth: number, count: number, otherwise: number): number {
    const { list, memory } = this;
    const entry = this.build(from, end, depth + count, otherwise);
    if (entry === otherwise) return entry;
    const at = memory.take(LINE);
    memory.words[at + SKIP.otherwise] = otherwise;
    memory.words[at + SKIP.entry] = entry;
    for (let k = 0; k < count; k++)
      memory.words[at + SKIP.bytes + (k >>> 2)] |= list.byte(from, depth + k) << (24 - ((k & 3) << 3));
    return ~(at | count);
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
  writeNode(entries: Int32Array): number {
    let runs = 1;
    for (let b = 1; b < 256; b++) if (entries[b] !== entries[b - 1]) runs++;
    if (runs === 1) return entries[0];
    if (runs <= MAX_FEW) return this.writeFew(entries);
    const at = this.take(256);
    this.words.set(entries, at);
    return ~(at | KIND.full);
  }

  private writeFew(entries: Int32Array): number {
    const at = this.take(LINE);
    const { words } = this;
    let run = 0;
    for (let b = 0; b < 256; b++) {
      if ((b & 31) === 0) words[at + FEW.runs] |= run << (b >>> 3);
      if (b > 0 && entries[b] === entries[b - 1]) continue;
      words[at + (b >>> 5)] |= 1 << (b & 31);
      words[at + FEW.entries + run] = entries[b];
      run++;
    }
    return ~(at | KIND.few);
  }

  shared(): Int32Array {
    const words = sharedWords(this.used);
    words.set(this.words.subarray(0, this.used));
    return words;
  }
}

function sharedWords(count: number): Int32Array {
  return new Int32Array(new SharedArrayBuffer(4 * count) as unknown as ArrayBuffer);
}
