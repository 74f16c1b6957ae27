// Classes of access lists: sets of rules as rows of blocks, each kept once (table/acl_search.ts).

import { BLOCK_RULES, BLOCK_WORDS } from '../table/acl_table.ts';

/** Blocks of a class, as places in `words`. */
export type Vector = readonly number[];

export class AclVectors {
  /** Place 0 is a block without rules. */
  readonly words: number[] = new Array(BLOCK_WORDS).fill(0);
  /** A class is a place here; 0 is none. */
  readonly refs: number[] = [0];
  private readonly knownBlocks = new Map<string, number>([[new Array(BLOCK_WORDS - 1).fill(0).join(), 0]]);
  private readonly knownClasses = new Map<string, number>();

  /** For a list of so many rules: none of them. */
  static empty(rules: number): Vector {
    return new Array(Math.max(1, Math.ceil(rules / BLOCK_RULES))).fill(0);
  }

  /** With, or without, some rules. */
  change(vector: Vector, rules: Iterable<number>, isIn: boolean): Vector {
    const next = [...vector];
    const changed = new Map<number, number[]>();
    for (const rule of rules) {
      const block = Math.floor(rule / BLOCK_RULES);
      let words = changed.get(block);
      if (words === undefined) {
        words = this.words.slice(next[block] + 1, next[block] + BLOCK_WORDS);
        changed.set(block, words);
      }
      const w = (rule % BLOCK_RULES) >>> 5;
      const bit = 1 << (rule & 31);
      words[w] = isIn ? words[w] | bit : words[w] & ~bit;
    }
    for (const [block, words] of changed) next[block] = this.keep(words);
    return next;
  }

  classOf(vector: Vector): number {
    const name = vector.join();
    const known = this.knownClasses.get(name);
    if (known !== undefined) return known;
    const place = this.refs.length;
    for (const block of vector) this.refs.push(block);
    this.knownClasses.set(name, place);
    return place;
  }

  private keep(words: number[]): number {
    const name = words.join();
    const known = this.knownBlocks.get(name);
    if (known !== undefined) return known;
    const place = this.words.length;
    let summary = 0;
    for (const [w, bits] of words.entries()) if (bits !== 0) summary |= 1 << w;
    this.words.push(summary, ...words);
    this.knownBlocks.set(name, place);
    return place;
  }
}
