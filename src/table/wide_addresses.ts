// Addresses of IPv6 of connections, which are more than a line has room for. In a line hashes stand for them, by a secret that
// strangers do not know; whoever has found a line compares the addresses themselves here. Two connections whose addresses hash alike
// cannot both be: with 64 bits of hashes that does not occur by chance.
//
//   by pair:  | source, 4 words | destination, 4 words |     as in the first line
//
// Memory that no connection of IPv6 uses is never touched.

import { LINE } from './line_table.ts';

const WORDS = 8;

export class WideAddresses {
  private readonly words: Int32Array;
  private readonly seed: Int32Array;

  /** @param seed at least five random words */
  constructor(memory: ArrayBufferLike, at: number, pairs: number, seed: Int32Array) {
    this.words = new Int32Array(memory, at, (pairs + 1) * WORDS);
    this.seed = seed;
  }

  static bytes(pairs: number): number {
    return (pairs + 1) * WORDS * 4;
  }

  /** Of the address at `at`. */
  hash(view: DataView, at: number): number {
    return this.mix(view.getInt32(at), view.getInt32(at + 4), view.getInt32(at + 8), view.getInt32(at + 12));
  }

  /** Of the four words from `at` on. */
  hashOf(words: Int32Array, at: number): number {
    return this.mix(words[at], words[at + 1], words[at + 2], words[at + 3]);
  }

  /** @param addresses source and destination */
  write(pair: number, addresses: Int32Array): void {
    const at = pair * WORDS;
    for (let w = 0; w < WORDS; w++) this.words[at + w] = addresses[w];
  }

  read(pair: number, addresses: Int32Array): void {
    const at = pair * WORDS;
    for (let w = 0; w < WORDS; w++) addresses[w] = this.words[at + w];
  }

  /** Whether packets of a line are from the address at `src` to the one at `dst`. */
  isOf(line: number, view: DataView, src: number, dst: number): boolean {
    const pair = Math.floor(line / (2 * LINE)) * WORDS;
    const isBack = (line & LINE) !== 0;
    return this.is(pair + (isBack ? 4 : 0), view, src) && this.is(pair + (isBack ? 0 : 4), view, dst);
  }

  private is(at: number, view: DataView, address: number): boolean {
    const { words } = this;
    return (
      ((words[at] ^ view.getInt32(address)) |
        (words[at + 1] ^ view.getInt32(address + 4)) |
        (words[at + 2] ^ view.getInt32(address + 8)) |
        (words[at + 3] ^ view.getInt32(address + 12))) ===
      0
    );
  }

  /** Multiply-shift as in line_table.ts, with a round more: these bits are compared, not only where a chain begins. */
  private mix(a: number, b: number, c: number, d: number): number {
    const { seed } = this;
    let h = Math.imul(a ^ seed[7], seed[0] | 1);
    h = Math.imul((h ^ (h >>> 15)) + b, seed[1] | 1);
    h = Math.imul((h ^ (h >>> 15)) + c, seed[2] | 1);
    h = Math.imul((h ^ (h >>> 15)) + d, seed[3] | 1);
    h = Math.imul(h ^ (h >>> 16), seed[5] | 1);
    return h ^ (h >>> 13);
  }
}
