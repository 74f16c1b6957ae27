// States of stations, as bits: NUD_* of include/uapi/linux/neighbour.h.

import { senseless } from './failure.ts';
import { begins } from './words.ts';

const BITS = { permanent: 0x80, static: 0x40, temp: 0x40, stale: 0x04, reachable: 0x02, dynamic: 0x02 };
const WORDS = Object.keys(BITS) as (keyof typeof BITS)[];

/** Of a word behind `state`. */
export function stateBits(word: string): number {
  const known = begins(word, WORDS);
  if (known !== undefined) return BITS[known];
  const number = word === 'all' ? -1 : Number(word);
  if (!Number.isInteger(number)) throw senseless(`Error: argument "${word}" is wrong: invalid state`);
  return number;
}

/** Of a row, whose state is empty if it was learned. */
export function bitsOf(state: string): number {
  return BITS[state as keyof typeof BITS] ?? BITS.reachable;
}
