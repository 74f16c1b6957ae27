// The first rule of an ordered list that fits a frame, in time that hardly grows with the list: aggregated bit vectors (Baboescu
// and Varghese, "Scalable Packet Classification", 2001). Each dimension knows by the frame's value there a class: bits of the rules
// that the value does not rule out. What all classes have in common fits, and its lowest bit is the first.
//
//   class:  block 0 | block 1 | ...          for 1,024 rules each; blocks with the same bits are kept once
//   block:  summary | 32 words               a bit of the summary for each word that is not 0
//
// So a thousand rules cost one word of each dimension, and those words that may have a common bit one more.

import type { AclKey } from './acl_key.ts';
import {
  type AclTable,
  DIMENSION,
  DIMENSION_WORDS,
  LIST,
  LIST_WORDS,
  LOOK,
  MAC_WORDS,
  MAX_DIMENSIONS,
} from './acl_table.ts';
import { find4, find6 } from './lpm.ts';

export class AclSearch {
  private readonly found = new Int32Array(MAX_DIMENSIONS);
  private readonly at = new Int32Array(MAX_DIMENSIONS);
  private count = 0;
  private blocks = 0;

  /** Finds the classes of a frame in the dimensions of a list. */
  begin(table: AclTable, list: number, key: AclKey): void {
    const { lists, dimensions } = table;
    const l = list * LIST_WORDS;
    const first = lists[l + LIST.dimensionsAt];
    const count = lists[l + LIST.dimensions];
    this.count = count;
    this.blocks = lists[l + LIST.blocks];
    for (let k = 0; k < count; k++) {
      const d = (first + k) * DIMENSION_WORDS;
      this.found[k] =
        dimensions[d] === LOOK.field ? classOfField(table, d, key) : classOfAddress(table, d, key);
    }
  }

  /** The first rule that fits, from number `from` of the list on; -1 = none. */
  next(table: AclTable, from: number): number {
    const { found, at, count, blocks } = this;
    const { refs, words } = table;
    const firstBlock = from >>> 10;
    for (let block = firstBlock; block < blocks; block++) {
      let summary = block === firstBlock ? -1 << ((from >>> 5) & 31) : -1;
      for (let k = 0; k < count; k++) {
        const place = refs[found[k] + block];
        at[k] = place;
        summary &= words[place];
      }
      // Where many rules ask about different keys, most words are empty after two: half the time with 10,000 of them (Node 20).
      const first = at[0] + 1;
      const second = at[count > 1 ? 1 : 0] + 1;
      while (summary !== 0) {
        const w = lowestBit(summary);
        let bits = (block << 5) + w === from >>> 5 ? -1 << (from & 31) : -1;
        bits &= words[first + w] & words[second + w];
        for (let k = 2; bits !== 0 && k < count; k++) bits &= words[at[k] + 1 + w];
        if (bits !== 0) return (block << 10) + (w << 5) + lowestBit(bits);
        summary &= summary - 1;
      }
    }
    return -1;
  }
}

function classOfField({ dimensions, starts, classes }: AclTable, d: number, { fields }: AclKey): number {
  const value = fields[dimensions[d + DIMENSION.param]];
  let at = dimensions[d + DIMENSION.at];
  for (let count = dimensions[d + DIMENSION.size]; count > 1; ) {
    const half = count >>> 1;
    if (starts[at + half] <= value) at += half;
    count -= half;
  }
  return classes[at];
}

function classOfAddress(table: AclTable, d: number, key: AclKey): number {
  const { dimensions, lpm } = table;
  const look = dimensions[d + DIMENSION.look];
  if (look >= LOOK.srcMac)
    return classOfMac(table, d, key.view, look === LOOK.srcMac ? key.macs + 6 : key.macs);
  const otherwise = dimensions[d + DIMENSION.otherwise];
  if (key.version === 0) return otherwise;
  const at = look === LOOK.src ? key.src : key.dst;
  const param = dimensions[d + DIMENSION.param];
  const found =
    key.version === 4 ? find4(lpm, param, key.view.getInt32(at)) : find6(lpm, param, key.view, at);
  return found === 0 ? otherwise : found;
}

function classOfMac({ dimensions, macs }: AclTable, d: number, view: DataView, at: number): number {
  const hi = view.getUint16(at) & dimensions[d + DIMENSION.maskHi];
  const lo = view.getInt32(at + 2) & dimensions[d + DIMENSION.maskLo];
  const mask = dimensions[d + DIMENSION.size] - 1;
  const first = dimensions[d + DIMENSION.at];
  for (let n = macHome(hi, lo, mask); ; n = (n + 1) & mask) {
    const m = first + n * MAC_WORDS;
    if (macs[m + 2] === 0) return dimensions[d + DIMENSION.otherwise];
    if (macs[m] === hi && macs[m + 1] === lo) return macs[m + 2];
  }
}

/** The addresses are the configuration's, and half of the places are free: who chooses frames finds no long way. */
export function macHome(hi: number, lo: number, mask: number): number {
  const mixed = Math.imul(lo ^ Math.imul(hi, 0x85eb_ca6b), 0x9e37_79b1);
  return (mixed ^ (mixed >>> 15)) & mask;
}

function lowestBit(bits: number): number {
  return 31 - Math.clz32(bits & -bits);
}
