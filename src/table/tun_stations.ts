// Who has which address on the Ethernet side of a TUN port: (IPv4 or IPv6 address) -> MAC, in shared memory. All workers
// that send to the port learn from what stations say there; the one that receives from it looks up.
//
//   memory:  | lock (2) | turn ... (64 bytes) | 1,024 sets of 4 entries |
//   entry:   | version | address, 4 words | MAC hi, with PRESENT | MAC lo | second it was heard in |
//
// Bounded: whoever claims many addresses replaces others' entries, which are asked for again. A version is odd while an
// entry is written; a reader that meets one takes it for unknown. IPv4 addresses are ::ffff:a.b.c.d.

import { Lock } from './lock.ts';

const ENTRY_WORDS = 8;
const WAYS = 4;
const SETS = 1024;
const TURN = 2;
const HEADER = 16;
const ADDRESS = 1;
const HI = 5;
const LO = 6;
const SECOND = 7;
const PRESENT = 0x1_0000;
/** The third word of an IPv4 address. */
export const MAPPED = 0xffff;

export class TunStations {
  /** Of the entry that `find` found. */
  hi = 0;
  lo = 0;
  second = 0;
  private readonly words: Int32Array;
  private readonly seed: number;
  private readonly lock: Lock;

  /** @param seed at random, so that nobody can choose addresses that share a set; the same for all who share the memory */
  constructor(memory: SharedArrayBuffer, seed: number) {
    this.words = new Int32Array(memory);
    this.seed = seed;
    this.lock = new Lock(this.words, 0);
  }

  static allocate(): SharedArrayBuffer {
    return new SharedArrayBuffer((HEADER + SETS * WAYS * ENTRY_WORDS) * 4);
  }

  /** The lock in the memory. */
  static lockOf(memory: SharedArrayBuffer): Lock {
    return new Lock(new Int32Array(memory), 0);
  }

  find(a: number, b: number, c: number, d: number): boolean {
    const { words } = this;
    const at = this.entryOf(a, b, c, d);
    if (at < 0) return false;
    const version = Atomics.load(words, at);
    const isPresent = (words[at + HI] & PRESENT) !== 0;
    this.hi = words[at + HI] & 0xffff;
    this.lo = words[at + LO];
    this.second = words[at + SECOND];
    const isSame = this.isOf(at, a, b, c, d);
    return isPresent && isSame && (version & 1) === 0 && Atomics.add(words, at, 0) === version;
  }

  /** The station (hi, lo) has the address: of `second`, in seconds. */
  learn(a: number, b: number, c: number, d: number, hi: number, lo: number, second: number): void {
    const { words } = this;
    if (this.find(a, b, c, d) && this.hi === hi && this.lo === lo) {
      if (this.second === second) return;
      const at = this.entryOf(a, b, c, d);
      if (at >= 0) words[at + SECOND] = second;
      return;
    }
    this.lock.take();
    const found = this.entryOf(a, b, c, d);
    const at = found >= 0 ? found : this.roomIn(this.setOf(a, b, c, d));
    Atomics.add(words, at, 1);
    words[at + ADDRESS] = a;
    words[at + ADDRESS + 1] = b;
    words[at + ADDRESS + 2] = c;
    words[at + ADDRESS + 3] = d;
    words[at + HI] = hi | PRESENT;
    words[at + LO] = lo;
    words[at + SECOND] = second;
    Atomics.add(words, at, 1);
    this.lock.release();
  }

  private isOf(at: number, a: number, b: number, c: number, d: number): boolean {
    const { words } = this;
    return (
      words[at + ADDRESS + 3] === d &&
      words[at + ADDRESS + 2] === c &&
      words[at + ADDRESS + 1] === b &&
      words[at + ADDRESS] === a
    );
  }

  private entryOf(a: number, b: number, c: number, d: number): number {
    const set = this.setOf(a, b, c, d);
    for (let at = set; at < set + WAYS * ENTRY_WORDS; at += ENTRY_WORDS)
      if ((this.words[at + HI] & PRESENT) !== 0 && this.isOf(at, a, b, c, d)) return at;
    return -1;
  }

  /** An entry that is free, or whose turn it is. */
  private roomIn(set: number): number {
    const { words } = this;
    for (let at = set; at < set + WAYS * ENTRY_WORDS; at += ENTRY_WORDS)
      if ((words[at + HI] & PRESENT) === 0) return at;
    words[TURN] = (words[TURN] + 1) & (WAYS - 1);
    return set + words[TURN] * ENTRY_WORDS;
  }

  private setOf(a: number, b: number, c: number, d: number): number {
    let hash = this.seed;
    hash = mix(hash ^ a);
    hash = mix(hash ^ b);
    hash = mix(hash ^ c);
    hash = mix(hash ^ d);
    return HEADER + (hash & (SETS - 1)) * WAYS * ENTRY_WORDS;
  }
}

/** The finisher of MurmurHash3, which is public domain: every bit of the input changes half of the output's. */
function mix(value: number): number {
  let hash = Math.imul(value ^ (value >>> 16), 0x85eb_ca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2_ae35);
  return hash ^ (hash >>> 16);
}
