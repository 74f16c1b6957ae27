// Who is behind which address: what ARP and neighbour discovery found out, in shared memory. The control plane alone writes;
// every worker reads, without a lock.
//
//   header:  | seed | count | version | ... |        entry:  | port << 8 | family | address (4) | MAC 0-1 | MAC 2-5 | used |
//
// Open addressing with bounded probes. The version is odd while an entry is written, and another one afterwards: a worker
// asks for it before and after it looks up a batch, and if it has changed, trusts nothing that it found. An entry stays in
// its slot. Nothing here ages: that is the control plane's business. Addresses that networks own (owned_addresses.ts) are here,
// too, under numbers that no port has; neither takes the other's room.

const HEADER_WORDS = 16;
const SEED = 0;
const COUNT = 1;
const VERSION = 2;
/** Of the entries that COUNT counts, those of networks. */
const OWNED = 3;

const WORDS = 8;
const KEY = 0;
const ADDRESS = 1;
const MAC_HI = 5;
const MAC_LO = 6;
/** 1 = traffic goes there. Workers write it. */
const IS_USED = 7;

const SLOTS = 1 << 18;
/** Half of the slots together, for short chains. */
export const MAX_NEIGHBOURS = SLOTS / 4;
export const MAX_OWNED = SLOTS / 4;
/** What is no port, but a domain whose network owns addresses. */
export const FIRST_OWNER = 0x1_0000;
const MAX_PROBES = 32;

const EMPTY = 0;
/** Of an entry in the middle of a chain that was removed. */
const REMOVED = -1;
const IPV4 = 4;
const IPV6 = 6;

export class Neighbours {
  readonly memory: SharedArrayBuffer;
  private readonly words: Int32Array;

  /** A view over memory of `allocate`. */
  constructor(memory: SharedArrayBuffer) {
    this.memory = memory;
    this.words = new Int32Array(memory);
  }

  /** @param seed random: nobody shall choose addresses that share a chain */
  static allocate(seed: number): SharedArrayBuffer {
    const memory = new SharedArrayBuffer(4 * (HEADER_WORDS + SLOTS * WORDS));
    new Int32Array(memory)[SEED] = seed;
    return memory;
  }

  get count(): number {
    return this.words[COUNT];
  }

  /** For `isUnchanged`: what is found from now on. */
  version(): number {
    return Atomics.load(this.words, VERSION);
  }

  /** Whether nothing was written since: what was found is so. */
  isUnchanged(since: number): boolean {
    // An addition of nothing: unlike a load it cannot overtake the loads before it on any processor.
    return (since & 1) === 0 && Atomics.add(this.words, VERSION, 0) === since;
  }

  /**
   * The slot of the neighbour with an IPv4 address behind an interface, or -1; puts its MAC into `out[at]` and `out[at + 1]`.
   * @param port of the switch, which the interface is
   */
  find4(port: number, address: number, out: Int32Array, at: number): number {
    return this.find((port << 8) | IPV4, 0, 0, 0, address, out, at);
  }

  /** The same for the IPv6 address in four words. */
  find6(port: number, a: number, b: number, c: number, d: number, out: Int32Array, at: number): number {
    return this.find((port << 8) | IPV6, a, b, c, d, out, at);
  }

  private find(key: number, a: number, b: number, c: number, d: number, out: Int32Array, at: number): number {
    const { words } = this;
    let slot = this.home(key, a, b, c, d);
    for (let probe = 0; probe < MAX_PROBES; probe++) {
      const k = HEADER_WORDS + slot * WORDS;
      const found = words[k + KEY];
      if (found === EMPTY) return -1;
      if (found === key && words[k + ADDRESS + 3] === d && this.hasPrefix(k, a, b, c)) {
        out[at] = words[k + MAC_HI];
        out[at + 1] = words[k + MAC_LO];
        return slot;
      }
      slot = (slot + 1) & (SLOTS - 1);
    }
    return -1;
  }

  private hasPrefix(k: number, a: number, b: number, c: number): boolean {
    const { words } = this;
    return words[k + ADDRESS] === a && words[k + ADDRESS + 1] === b && words[k + ADDRESS + 2] === c;
  }

  /** A frame goes there. Looks first: workers that store the same would fight for the cache line. */
  markUsed(slot: number): void {
    const at = HEADER_WORDS + slot * WORDS + IS_USED;
    if (this.words[at] === 0) this.words[at] = 1;
  }

  // What follows is the control plane's.

  /** Whether a frame went there since the last time that this was asked. */
  takeUsed(slot: number): boolean {
    return Atomics.exchange(this.words, HEADER_WORDS + slot * WORDS + IS_USED, 0) !== 0;
  }

  /** Adds or changes a neighbour; returns its slot, which it keeps, or -1 if there is no room. */
  set4(port: number, address: number, hi: number, lo: number): number {
    return this.set((port << 8) | IPV4, 0, 0, 0, address | 0, hi, lo);
  }

  /** The same for 16 bytes at `at`. */
  set6(port: number, view: DataView, at: number, hi: number, lo: number): number {
    return this.set(
      (port << 8) | IPV6,
      view.getInt32(at),
      view.getInt32(at + 4),
      view.getInt32(at + 8),
      view.getInt32(at + 12),
      hi,
      lo,
    );
  }

  private set(key: number, a: number, b: number, c: number, d: number, hi: number, lo: number): number {
    const { words } = this;
    const slot = this.slotFor(key, a, b, c, d);
    if (slot < 0) return -1;
    const k = HEADER_WORDS + slot * WORDS;
    const isNew = words[k + KEY] !== key;
    if (isNew && !this.hasRoom(key)) return -1;
    Atomics.add(words, VERSION, 1);
    words.set([key, a, b, c, d, hi, lo | 0], k + KEY);
    Atomics.add(words, VERSION, 1);
    if (!isNew) return slot;
    this.number(key, 1);
    words[k + IS_USED] = 0;
    return slot;
  }

  /** Where the entry is, or else where it may be put; -1 if its chain is too long. */
  private slotFor(key: number, a: number, b: number, c: number, d: number): number {
    const { words } = this;
    let slot = this.home(key, a, b, c, d);
    let free = -1;
    for (let probe = 0; probe < MAX_PROBES; probe++) {
      const k = HEADER_WORDS + slot * WORDS;
      const found = words[k + KEY];
      if (found === key && words[k + ADDRESS + 3] === d && this.hasPrefix(k, a, b, c)) return slot;
      if (found <= EMPTY && free < 0) free = slot;
      if (found === EMPTY) break;
      slot = (slot + 1) & (SLOTS - 1);
    }
    return free;
  }

  /** Forgets the neighbour in a slot. */
  remove(slot: number): void {
    const { words } = this;
    const key = words[HEADER_WORDS + slot * WORDS + KEY];
    if (key <= EMPTY) return;
    this.number(key, -1);
    this.put(slot, REMOVED);
    // The end of a chain moves back, so that chains do not grow for ever.
    if (this.keyAt(slot + 1) !== EMPTY) return;
    for (let at = slot; this.keyAt(at) === REMOVED; at--) this.put(at, EMPTY);
  }

  private hasRoom(key: number): boolean {
    const owned = this.words[OWNED];
    return isOwned(key) ? owned < MAX_OWNED : this.words[COUNT] - owned < MAX_NEIGHBOURS;
  }

  private number(key: number, by: number): void {
    this.words[COUNT] += by;
    if (isOwned(key)) this.words[OWNED] += by;
  }

  private put(slot: number, key: number): void {
    const { words } = this;
    const k = HEADER_WORDS + (slot & (SLOTS - 1)) * WORDS;
    Atomics.add(words, VERSION, 1);
    words[k + KEY] = key;
    Atomics.add(words, VERSION, 1);
  }

  private keyAt(slot: number): number {
    return this.words[HEADER_WORDS + (slot & (SLOTS - 1)) * WORDS + KEY];
  }

  /** Forgets all that are behind an interface. */
  clear(port: number): void {
    for (let slot = 0; slot < SLOTS; slot++) {
      if (this.words[HEADER_WORDS + slot * WORDS + KEY] >> 8 === port) this.remove(slot);
    }
  }

  private home(key: number, a: number, b: number, c: number, d: number): number {
    let hash = this.words[SEED] ^ Math.imul(key, 0x9e37_79b1 | 0);
    if ((a | b | c) !== 0) {
      hash = Math.imul(hash ^ a, 0x85eb_ca6b | 0);
      hash = Math.imul((hash ^ (hash >>> 15)) + b, 0xc2b2_ae35 | 0);
      hash = Math.imul((hash ^ (hash >>> 15)) + c, 0x85eb_ca6b | 0);
    }
    hash = Math.imul((hash ^ (hash >>> 16)) + d, 0xc2b2_ae35 | 0);
    hash = Math.imul(hash ^ (hash >>> 15), 0x9e37_79b1 | 0);
    return (hash >>> 12) & (SLOTS - 1);
  }
}

function isOwned(key: number): boolean {
  return key >>> 8 >= FIRST_OWNER;
}
