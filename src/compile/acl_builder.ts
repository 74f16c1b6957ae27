// Builds what table/acl_search.ts looks in. A rule comes as what it asks of a frame: ranges of values of some fields, prefixes, MACs.
// What it does not ask about is in every class of that dimension.

import { type MaskedMac, maskText } from '../config/acl_match.ts';
import type { Parts } from '../parts.ts';
import { macHome } from '../table/acl_search.ts';
import {
  type AclTable,
  DIMENSION,
  DIMENSION_WORDS,
  FIELD,
  LIST,
  LIST_WORDS,
  LOOK,
  MAC_WORDS,
} from '../table/acl_table.ts';
import { formatPrefix, type IpPrefix, prefixContains } from '../wire/ip_prefix.ts';
import { AclVectors, type Vector } from './acl_vectors.ts';
import { LpmBuilder } from './lpm_builder.ts';
import { shared } from './shared.ts';

export interface Span {
  first: number;
  last: number;
}

/** What a rule asks; undefined: it does not. */
export interface AclQuestion {
  /** By FIELD. */
  fields: Map<number, Span[]>;
  src?: IpPrefix[];
  dst?: IpPrefix[];
  srcMac?: MaskedMac[];
  dstMac?: MaskedMac[];
}

/** Classes that are built from one breath to the next. */
const PART = 64;

export class AclBuilder {
  private readonly vectors = new AclVectors();
  private readonly lpm = new LpmBuilder();
  private readonly lists: number[] = [];
  private readonly dimensions: number[] = [];
  /** By dimension. */
  private readonly choices: number[] = [];
  private readonly starts: number[] = [];
  private readonly classes: number[] = [];
  private readonly macs: number[] = [];
  /** Table 0 is none. */
  private tables = 1;
  private unbreathed = 0;

  /** Appends a list; lists are numbered from 0 on. @param firstRule number of its first rule in the switch */
  *addList(rules: readonly AclQuestion[], firstRule: number): Parts<void> {
    const first = this.dimensions.length / DIMENSION_WORDS;
    const blocks = AclVectors.empty(rules.length).length;
    for (const field of Object.values(FIELD)) {
      // Some dimension there must be.
      const isAsked = rules.some(({ fields }) => fields.has(field));
      if (isAsked) yield* this.addField(rules, field);
    }
    for (const [look, side] of [
      [LOOK.src, 'src'],
      [LOOK.dst, 'dst'],
    ] as const)
      if (rules.some((rule) => rule[side] !== undefined)) yield* this.addAddresses(rules, look, side);
    for (const [look, side] of [
      [LOOK.srcMac, 'srcMac'],
      [LOOK.dstMac, 'dstMac'],
    ] as const) {
      const masks = new Set(rules.flatMap((rule) => rule[side]?.map(maskText) ?? []));
      for (const mask of masks) yield* this.addMacs(rules, look, side, mask);
    }
    if (this.dimensions.length / DIMENSION_WORDS === first) yield* this.addField(rules, FIELD.etherType);
    this.orderFrom(first);
    const list: number[] = new Array(LIST_WORDS).fill(0);
    list[LIST.dimensionsAt] = first;
    list[LIST.dimensions] = this.dimensions.length / DIMENSION_WORDS - first;
    list[LIST.blocks] = blocks;
    list[LIST.firstRule] = firstRule;
    list[LIST.rules] = rules.length;
    this.lists.push(...list);
  }

  *build(): Parts<
    Pick<AclTable, 'lists' | 'dimensions' | 'lpm' | 'starts' | 'classes' | 'macs' | 'refs' | 'words'>
  > {
    const columns = {
      lists: this.lists,
      dimensions: this.dimensions,
      starts: this.starts,
      classes: this.classes,
      macs: this.macs,
      refs: this.vectors.refs,
      words: this.vectors.words,
    };
    const table = shared({
      lists: [Int32Array, columns.lists.length],
      dimensions: [Int32Array, columns.dimensions.length],
      starts: [Int32Array, columns.starts.length],
      classes: [Int32Array, columns.classes.length],
      macs: [Int32Array, columns.macs.length],
      refs: [Int32Array, columns.refs.length],
      words: [Int32Array, columns.words.length],
    });
    for (const name of Object.keys(columns) as (keyof typeof columns)[]) {
      table[name].set(columns[name]);
      yield;
    }
    return { ...table, lpm: yield* this.lpm.build(this.tables) };
  }

  /** Sweeps over the values: each run has the rules that begin before its end and end behind its beginning. */
  private *addField(rules: readonly AclQuestion[], field: number): Parts<void> {
    const begins = new Map<number, number[]>([[0, []]]);
    const ends = new Map<number, number[]>();
    const note = (map: Map<number, number[]>, value: number, rule: number) => {
      const known = map.get(value);
      if (known === undefined) map.set(value, [rule]);
      else known.push(rule);
    };
    const wild: number[] = [];
    for (const [rule, { fields }] of rules.entries()) {
      const spans = fields.get(field);
      if (spans === undefined) wild.push(rule);
      for (const { first, last } of merged(spans ?? [])) {
        note(begins, first, rule);
        note(ends, last + 1, rule);
      }
    }
    let vector = this.vectors.change(AclVectors.empty(rules.length), wild, true);
    const at = this.starts.length;
    for (const value of [...new Set([...begins.keys(), ...ends.keys()])].sort((a, b) => a - b)) {
      vector = this.vectors.change(vector, ends.get(value) ?? [], false);
      vector = this.vectors.change(vector, begins.get(value) ?? [], true);
      this.starts.push(value);
      this.classes.push(this.vectors.classOf(vector));
      yield* this.breathe();
    }
    const size = this.starts.length - at;
    this.addDimension({ look: LOOK.field, param: field, at, size }, size);
  }

  /** A prefix has the rules of all that cover it, too. */
  private *addAddresses(rules: readonly AclQuestion[], look: number, side: 'src' | 'dst'): Parts<void> {
    const { lpm, vectors } = this;
    const wild: number[] = [];
    const prefixes = new Map<string, { prefix: IpPrefix; rules: number[] }>();
    for (const [rule, question] of rules.entries()) {
      const asked = question[side];
      if (asked === undefined) wild.push(rule);
      for (const prefix of asked ?? []) {
        const name = formatPrefix(prefix);
        const known = prefixes.get(name);
        if (known === undefined) prefixes.set(name, { prefix, rules: [rule] });
        else known.rules.push(rule);
      }
    }
    const base = vectors.change(AclVectors.empty(rules.length), wild, true);
    const table = this.tables++;
    const way: { prefix: IpPrefix; vector: Vector }[] = [];
    for (const { prefix, rules: own } of [...prefixes.values()].sort((a, b) => compare(a.prefix, b.prefix))) {
      while (way.length > 0 && !prefixContains(way[way.length - 1].prefix, prefix.address)) way.pop();
      const vector = vectors.change(way.at(-1)?.vector ?? base, own, true);
      way.push({ prefix, vector });
      const { buffer, byteOffset, length } = prefix.address;
      const view = new DataView(buffer, byteOffset, length);
      const word = (w: number) => view.getInt32(4 * w);
      const value = vectors.classOf(vector);
      if (length === 4) lpm.add4(table, word(0), prefix.bits, value);
      else lpm.add6(table, word(0), word(1), word(2), word(3), prefix.bits, value);
      yield* this.breathe();
    }
    this.addDimension({ look, param: table, otherwise: vectors.classOf(base) }, prefixes.size);
  }

  /** Rules that ask for MACs with this mask. */
  private *addMacs(
    rules: readonly AclQuestion[],
    look: number,
    side: 'srcMac' | 'dstMac',
    mask: string,
  ): Parts<void> {
    const { vectors } = this;
    const wild: number[] = [];
    const asked = new Map<string, { mac: MaskedMac; rules: number[] }>();
    for (const [rule, question] of rules.entries()) {
      const own = question[side]?.filter((mac) => maskText(mac) === mask) ?? [];
      if (own.length === 0) wild.push(rule);
      for (const mac of own) {
        const name = `${mac.mac.hi} ${mac.mac.lo}`;
        const known = asked.get(name);
        if (known === undefined) asked.set(name, { mac, rules: [rule] });
        else known.rules.push(rule);
      }
    }
    const base = vectors.change(AclVectors.empty(rules.length), wild, true);
    const size = 2 ** Math.ceil(Math.log2(2 * asked.size + 1));
    const at = this.macs.length;
    for (let n = 0; n < size * MAC_WORDS; n++) this.macs.push(0);
    let masks = { hi: 0, lo: 0 };
    for (const { mac, rules: own } of asked.values()) {
      masks = mac.mask;
      let n = macHome(mac.mac.hi, mac.mac.lo, size - 1);
      while (this.macs[at + n * MAC_WORDS + 2] !== 0) n = (n + 1) & (size - 1);
      const m = at + n * MAC_WORDS;
      this.macs[m] = mac.mac.hi;
      this.macs[m + 1] = mac.mac.lo;
      this.macs[m + 2] = vectors.classOf(vectors.change(base, own, true));
      yield* this.breathe();
    }
    const otherwise = vectors.classOf(base);
    this.addDimension({ look, at, size, otherwise, maskHi: masks.hi, maskLo: masks.lo }, asked.size);
  }

  /** @param choices values that rules tell apart */
  private addDimension(words: Partial<Record<keyof typeof DIMENSION, number>>, choices: number): void {
    const dimension: number[] = new Array(DIMENSION_WORDS).fill(0);
    for (const [name, value] of Object.entries(words))
      dimension[DIMENSION[name as keyof typeof DIMENSION]] = value;
    this.dimensions.push(...dimension);
    this.choices.push(choices);
  }

  /** Of a list: what tells most rules apart comes first, since whoever searches stops where no rule is left. */
  private orderFrom(first: number): void {
    const own = this.choices
      .slice(first)
      .map((choices, n) => ({ choices, at: (first + n) * DIMENSION_WORDS }));
    own.sort((a, b) => b.choices - a.choices);
    const words = own.flatMap(({ at }) => this.dimensions.slice(at, at + DIMENSION_WORDS));
    this.dimensions.splice(first * DIMENSION_WORDS, words.length, ...words);
  }

  private *breathe(): Parts<void> {
    if (++this.unbreathed < PART) return;
    this.unbreathed = 0;
    yield;
  }
}

/** In order, and none touching another. */
function merged(spans: readonly Span[]): Span[] {
  const found: Span[] = [];
  for (const { first, last } of [...spans].sort((a, b) => a.first - b.first)) {
    const before = found.at(-1);
    if (before !== undefined && first <= before.last + 1) before.last = Math.max(before.last, last);
    else found.push({ first, last });
  }
  return found;
}

/** IPv4 first; by address, and what covers others before them. */
function compare(a: IpPrefix, b: IpPrefix): number {
  if (a.address.length !== b.address.length) return a.address.length - b.address.length;
  for (let k = 0; k < a.address.length; k++)
    if (a.address[k] !== b.address[k]) return a.address[k] - b.address[k];
  return a.bits - b.bits;
}
