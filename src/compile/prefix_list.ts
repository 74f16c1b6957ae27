// Prefixes of many tables with a value each, as columns, and in order: by table, address and length, so that what a prefix
// covers stands behind it. What is added twice has the later value.

import type { Parts } from '../parts.ts';

/** Words of an address. */
export type AddressWords = 1 | 4;

const FIRST_CAPACITY = 64;
/** One less than the prefixes that are looked at from one breath to the next. */
const PART_MASK = 0x7fff;

export class PrefixList {
  readonly addressWords: AddressWords;
  count = 0;
  tables = new Uint16Array(FIRST_CAPACITY);
  addresses: Int32Array;
  lengths = new Uint8Array(FIRST_CAPACITY);
  values = new Int32Array(FIRST_CAPACITY);

  constructor(addressWords: AddressWords, capacity = FIRST_CAPACITY) {
    this.addressWords = addressWords;
    this.addresses = new Int32Array(FIRST_CAPACITY * addressWords);
    this.grow(capacity);
  }

  /** Bits behind `length` are of no account. @param a of IPv4 the address, of IPv6 its first word */
  add(table: number, length: number, value: number, a: number, b = 0, c = 0, d = 0): void {
    const { addresses, addressWords, count } = this;
    if (count === this.tables.length) {
      this.grow(2 * count);
      this.add(table, length, value, a, b, c, d);
      return;
    }
    this.tables[count] = table;
    this.lengths[count] = length;
    this.values[count] = value;
    const at = count * addressWords;
    addresses[at] = a & mask(length);
    if (addressWords === 4) {
      addresses[at + 1] = b & mask(length - 32);
      addresses[at + 2] = c & mask(length - 64);
      addresses[at + 3] = d & mask(length - 96);
    }
    this.count++;
  }

  /** Byte `index` of an address, from the front. */
  byte(prefix: number, index: number): number {
    const word = this.addresses[prefix * this.addressWords + (index >>> 2)];
    return (word >>> (24 - ((index & 3) << 3))) & 0xff;
  }

  /** Four bytes of an address from byte `index` on, from 0 to 2^32 - 1; 0 behind its end. */
  four(prefix: number, index: number): number {
    const { addresses, addressWords } = this;
    const at = prefix * addressWords + (index >>> 2);
    const shift = (index & 3) << 3;
    if (shift === 0) return addresses[at] >>> 0;
    const isLast = index >>> 2 === addressWords - 1;
    const tail = isLast ? 0 : addresses[at + 1] >>> (32 - shift);
    return ((addresses[at] << shift) | tail) >>> 0;
  }

  /** A list of the same prefixes in order: a stable radix sort, the least significant byte first. */
  *sorted(): Parts<PrefixList> {
    let from = new Uint32Array(this.count).map((_, i) => i);
    let to = new Uint32Array(this.count);
    for (const digit of this.digits()) {
      const ends = new Uint32Array(257);
      yield* inParts(this.count, (i) => ends[digit(i) + 1]++);
      if (ends.includes(this.count)) continue; // all have the same
      for (let d = 1; d < 256; d++) ends[d] += ends[d - 1];
      yield* inParts(this.count, (i) => {
        to[ends[digit(from[i])]++] = from[i];
      });
      [from, to] = [to, from];
    }
    return yield* this.inOrder(from);
  }

  /** Of a prefix, each from 0 to 255. */
  private digits(): ((prefix: number) => number)[] {
    const { lengths, tables, addressWords } = this;
    const ofAddress = Array.from({ length: 4 * addressWords }, (_, k) => (prefix: number) => {
      return this.byte(prefix, k);
    });
    return [
      (prefix) => lengths[prefix],
      ...ofAddress.reverse(),
      (prefix) => tables[prefix] & 0xff,
      (prefix) => tables[prefix] >>> 8,
    ];
  }

  private *inOrder(order: Uint32Array): Parts<PrefixList> {
    const { addresses, addressWords } = this;
    const list = new PrefixList(addressWords, this.count);
    list.count = this.count;
    yield* inParts(this.count, (i) => {
      const from = order[i];
      list.tables[i] = this.tables[from];
      list.lengths[i] = this.lengths[from];
      list.values[i] = this.values[from];
      for (let w = 0; w < addressWords; w++)
        list.addresses[i * addressWords + w] = addresses[from * addressWords + w];
    });
    return list;
  }

  private grow(capacity: number): void {
    this.tables = larger(this.tables, new Uint16Array(capacity));
    this.addresses = larger(this.addresses, new Int32Array(capacity * this.addressWords));
    this.lengths = larger(this.lengths, new Uint8Array(capacity));
    this.values = larger(this.values, new Int32Array(capacity));
  }
}

function* inParts(count: number, act: (i: number) => void): Parts<void> {
  for (let i = 0; i < count; i++) {
    act(i);
    if ((i & PART_MASK) === PART_MASK) yield;
  }
}

/** The first `length` bits of a word: none if it is less than 0. */
function mask(length: number): number {
  if (length <= 0) return 0;
  return length >= 32 ? -1 : -1 << (32 - length);
}

function larger<T extends Uint8Array | Uint16Array | Int32Array>(old: T, array: T): T {
  array.set(old.length > array.length ? (old.subarray(0, array.length) as T) : old);
  return array;
}
