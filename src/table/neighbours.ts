// Who is behind which address: what ARP and neighbour discovery found out, in shared memory. The control plane alone writes;
// every worker reads, without a lock.
//
//   header:  | seed | count | version | in small tables | ... |
//   IPv4:    | port << 2 | 1 | address             | MAC 2-5 | MAC 0-1, used |       4 words, neighbouring addresses in a line
//   IPv6:    | port << 2 | 2 | address (4 words)   | MAC 2-5 | MAC 0-1, used | |     8 words
//
// Open addressing with bounded probes, for each family in two tables: a small one, of few pages, and a large one for those who find
// no room there. The version is odd while an entry is written, and another one afterwards: a worker asks for it before and after it
// looks up a batch, and if it has changed, trusts nothing that it found. Nothing ages here: that is the control plane's business.

const HEADER_WORDS = 16;
const SEED = 0;
const COUNT = 1;
const VERSION = 2;
/** How many are in the small table of IPv4, and of IPv6. */
const IN_SMALL = 3;

const KEY = 0;
const ADDRESS = 1;
const WORDS4 = 4;
const WORDS6 = 8;
/** Behind the address: MAC 2-5, and a word with MAC 0-1 and a byte that workers write. */
const LO4 = 2;
const LO6 = 5;
const HI = 1;
/** Byte of that word: 1 = traffic goes there. */
const IS_USED = 3;

/** Slots of the small table and of the large one behind it. The numbers of IPv6's follow those of IPv4. */
const SMALL = 1 << 13;
const LARGE = 1 << 17;
const SLOTS = SMALL + LARGE;
/** Half of the slots, for short chains. */
const MAX_IN_SMALL = SMALL / 2;
export const MAX_NEIGHBOURS = LARGE / 2;
const MAX_PROBES = 256;
/** Addresses that differ in their last two bits only are side by side: a subnet has them all. */
const SIDE_BY_SIDE = 3;

const IPV6_AT = HEADER_WORDS + SLOTS * WORDS4;
const BYTES = 4 * (IPV6_AT + SLOTS * WORDS6);

const EMPTY = 0;
/** Of an entry in the middle of a chain that was removed. */
const REMOVED = -1;
/** Low bits of a key. Above them there is room for a port and a VLAN. */
const IPV4 = 1;
const IPV6 = 2;
const FAMILY_BITS = 2;

export class Neighbours {
  readonly memory: SharedArrayBuffer;
  private readonly words: Int32Array;
  private readonly bytes: Uint8Array;
  /** Of a neighbour that was found, which nobody wants to know. */
  private readonly mac = new Int32Array(2);

  /** A view over memory of `allocate`: its table `at`. */
  constructor(memory: SharedArrayBuffer, at = 0) {
    this.memory = memory;
    this.words = new Int32Array(memory, at, BYTES / 4);
    this.bytes = new Uint8Array(memory, at, BYTES);
  }

  /** Addresses that networks own (owned_addresses.ts), by domain instead of port: a table of its own, in the same memory. */
  get owned(): Neighbours {
    return new Neighbours(this.memory, BYTES);
  }

  /** Addresses that guards bind to ports (bindings.ts): one more. */
  get bound(): Neighbours {
    return new Neighbours(this.memory, 2 * BYTES);
  }

  /** @param seed random: nobody shall choose addresses that share a chain */
  static allocate(seed: number): SharedArrayBuffer {
    const memory = new SharedArrayBuffer(3 * BYTES);
    for (const at of [0, BYTES, 2 * BYTES]) new Int32Array(memory, at)[SEED] = seed;
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
    const { words } = this;
    const key = (port << FAMILY_BITS) | IPV4;
    const hash = this.hash4(key, address);
    for (let table = 0, slots = SMALL; table < SLOTS; table += slots, slots = LARGE) {
      let place = homeOf(hash, address, slots);
      for (let probe = 0; probe < MAX_PROBES; probe++) {
        const k = HEADER_WORDS + (table + place) * WORDS4;
        const found = words[k + KEY];
        if (found === key && words[k + ADDRESS] === address) {
          out[at] = words[k + LO4 + HI] & 0xffff;
          out[at + 1] = words[k + LO4];
          return table + place;
        }
        if (found === EMPTY) break;
        place = (place + 1) & (slots - 1);
      }
    }
    return -1;
  }

  /** The same for the IPv6 address in four words. */
  find6(port: number, a: number, b: number, c: number, d: number, out: Int32Array, at: number): number {
    const { words } = this;
    const key = (port << FAMILY_BITS) | IPV6;
    const hash = this.hash6(key, a, b, c, d);
    for (let table = 0, slots = SMALL; table < SLOTS; table += slots, slots = LARGE) {
      let place = homeOf(hash, d, slots);
      for (let probe = 0; probe < MAX_PROBES; probe++) {
        const k = IPV6_AT + (table + place) * WORDS6;
        const found = words[k + KEY];
        if (found === key && this.has6(k, a, b, c, d)) {
          out[at] = words[k + LO6 + HI] & 0xffff;
          out[at + 1] = words[k + LO6];
          return SLOTS + table + place;
        }
        if (found === EMPTY) break;
        place = (place + 1) & (slots - 1);
      }
    }
    return -1;
  }

  private has6(k: number, a: number, b: number, c: number, d: number): boolean {
    const { words } = this;
    return (
      words[k + ADDRESS + 3] === d &&
      words[k + ADDRESS] === a &&
      words[k + ADDRESS + 1] === b &&
      words[k + ADDRESS + 2] === c
    );
  }

  /** A frame goes there. Looks first: workers that store the same would fight for the cache line. */
  markUsed(slot: number): void {
    const at = usedAt(slot);
    if (this.bytes[at] === 0) this.bytes[at] = 1;
  }

  // What follows is the control plane's.

  /** Whether a frame went there since the last time that this was asked. */
  takeUsed(slot: number): boolean {
    return Atomics.exchange(this.bytes, usedAt(slot), 0) !== 0;
  }

  /** Adds or changes a neighbour; returns its slot, which it keeps, or -1 if there is no room. */
  set4(port: number, address: number, hi: number, lo: number): number {
    const known = this.find4(port, address | 0, this.mac, 0);
    const key = (port << FAMILY_BITS) | IPV4;
    const slot = known >= 0 ? known : this.room(0, this.hash4(key, address), address);
    return this.write(slot, known < 0, [key, address, lo], hi);
  }

  /** The same for 16 bytes at `at`. */
  set6(port: number, view: DataView, at: number, hi: number, lo: number): number {
    const [a, b, c, d] = [0, 4, 8, 12].map((offset) => view.getInt32(at + offset));
    const known = this.find6(port, a, b, c, d, this.mac, 0);
    const key = (port << FAMILY_BITS) | IPV6;
    const slot = known >= 0 ? known : this.room(SLOTS, this.hash6(key, a, b, c, d), d);
    return this.write(slot, known < 0, [key, a, b, c, d, lo], hi);
  }

  /** A free slot for what is not there, -1 = there is none. @param family its first slot */
  private room(family: number, hash: number, last: number): number {
    const { words } = this;
    if (words[COUNT] >= MAX_NEIGHBOURS) return -1;
    const isSmallFull = words[IN_SMALL + family / SLOTS] >= MAX_IN_SMALL;
    const inSmall = isSmallFull ? -1 : this.free(family, hash, last, SMALL);
    return inSmall >= 0 ? inSmall : this.free(family + SMALL, hash, last, LARGE);
  }

  private free(table: number, hash: number, last: number, slots: number): number {
    const home = homeOf(hash, last, slots);
    for (let probe = 0; probe < MAX_PROBES; probe++) {
      const slot = table + ((home + probe) & (slots - 1));
      if (this.keyAt(slot) <= EMPTY) return slot;
    }
    return -1;
  }

  /** @param entry its words up to MAC 2-5 */
  private write(slot: number, isNew: boolean, entry: readonly number[], hi: number): number {
    const { words, bytes } = this;
    if (slot < 0) return -1;
    const k = wordAt(slot);
    Atomics.add(words, VERSION, 1);
    words.set(entry, k);
    // Not the whole word: workers may be writing its last byte.
    const at = 4 * (k + entry.length);
    bytes[at] = hi;
    bytes[at + 1] = hi >>> 8;
    Atomics.add(words, VERSION, 1);
    if (!isNew) return slot;
    this.note(slot, 1);
    bytes[at + IS_USED] = 0;
    return slot;
  }

  private note(slot: number, change: number): void {
    this.words[COUNT] += change;
    if (slot % SLOTS < SMALL) this.words[IN_SMALL + (slot < SLOTS ? 0 : 1)] += change;
  }

  /** Forgets the neighbour in a slot. */
  remove(slot: number): void {
    if (this.keyAt(slot) <= EMPTY) return;
    this.note(slot, -1);
    this.put(slot, REMOVED);
    // The end of a chain moves back, so that chains do not grow for ever.
    if (this.keyAt(beside(slot, 1)) !== EMPTY) return;
    for (let at = slot; this.keyAt(at) === REMOVED; at = beside(at, -1)) this.put(at, EMPTY);
  }

  private put(slot: number, key: number): void {
    const { words } = this;
    Atomics.add(words, VERSION, 1);
    words[wordAt(slot) + KEY] = key;
    Atomics.add(words, VERSION, 1);
  }

  private keyAt(slot: number): number {
    return this.words[wordAt(slot) + KEY];
  }

  /** Forgets all that are behind an interface. */
  clear(port: number): void {
    for (let slot = 0; slot < 2 * SLOTS; slot++) {
      if (this.keyAt(slot) >> FAMILY_BITS === port) this.remove(slot);
    }
  }

  private hash4(key: number, address: number): number {
    return hashWith(this.words[SEED] ^ Math.imul(key, 0x9e37_79b1 | 0), address);
  }

  private hash6(key: number, a: number, b: number, c: number, d: number): number {
    let hash = this.words[SEED] ^ Math.imul(key, 0x9e37_79b1 | 0);
    hash = Math.imul(hash ^ a, 0x85eb_ca6b | 0);
    hash = Math.imul((hash ^ (hash >>> 15)) + b, 0xc2b2_ae35 | 0);
    hash = Math.imul((hash ^ (hash >>> 15)) + c, 0x85eb_ca6b | 0);
    return hashWith(hash, d);
  }
}

/** Of what has such a hash so far, with the last word of its address but for the bits that are a place in a line. */
function hashWith(before: number, last: number): number {
  const hash = Math.imul((before ^ (before >>> 16)) + (last & ~SIDE_BY_SIDE), 0xc2b2_ae35 | 0);
  return Math.imul(hash ^ (hash >>> 15), 0x9e37_79b1 | 0) >>> 12;
}

function homeOf(hash: number, last: number, slots: number): number {
  return (hash & (slots - 1) & ~SIDE_BY_SIDE) | (last & SIDE_BY_SIDE);
}

function wordAt(slot: number): number {
  return slot < SLOTS ? HEADER_WORDS + slot * WORDS4 : IPV6_AT + (slot - SLOTS) * WORDS6;
}

function usedAt(slot: number): number {
  return 4 * (wordAt(slot) + HI + (slot < SLOTS ? LO4 : LO6)) + IS_USED;
}

/** The slot so many further on, in the same table. */
function beside(slot: number, step: number): number {
  const family = slot < SLOTS ? 0 : SLOTS;
  const table = slot - family < SMALL ? 0 : SMALL;
  const slots = table === 0 ? SMALL : LARGE;
  return family + table + ((slot - family - table + step) & (slots - 1));
}
