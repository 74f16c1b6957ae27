// Builds the arrays of table/classifier.ts.
//
//   what is asked of a set: | whom: anybody, prefix, group | first key | last key | rule |     any number of them, in any order
//   ->  nodes: all of a set for the same whom   ->  runs: keys in order, the lowest rule of each     alike ones are kept once

import type { Parts } from '../parts.ts';
import { type Classifier, groupHome, groupKey } from '../table/classifier.ts';
import { type IpPrefix, prefixContains } from '../wire/ip_prefix.ts';
import { LpmBuilder } from './lpm_builder.ts';
import { shared } from './shared.ts';

/** Sets and groups, at most: tables of an LPM have 16 bits, and so have both in a key. */
export const MAX_SETS = 32_767;
export const MAX_GROUPS = 65_535;
/** Nodes that are built from one breath to the next. */
const PART = 512;

/** Keys from `first` to `last` are the rule's. */
export interface Match {
  rule: number;
  first: number;
  last: number;
}

interface SetMatches {
  anybody: Match[];
  groups: Map<number, Match[]>;
  prefixes: Map<string, { prefix: IpPrefix; matches: Match[] }>;
}

interface Node {
  parent: number;
  runs: number;
}

/** Runs of keys, as columns. */
interface Runs {
  at: number;
  count: number;
}

export class ClassifierBuilder {
  private readonly sets: SetMatches[] = [];
  private readonly nodes: Node[] = [{ parent: 0, runs: 0 }];
  private readonly runs: Runs[] = [{ at: 0, count: 0 }];
  private readonly known = new Map<string, number>();
  private readonly starts: number[] = [];
  private readonly rules: number[] = [];
  private unbreathed = 0;

  /** Sets are numbered from 1 on. */
  addSet(): number {
    this.sets.push({ anybody: [], groups: new Map(), prefixes: new Map() });
    return this.sets.length;
  }

  forAnybody(set: number, match: Match): void {
    this.sets[set - 1].anybody.push(match);
  }

  /** For what comes from, or goes to, ports of a group, which is a number from 0 on. */
  forGroup(set: number, group: number, match: Match): void {
    const { groups } = this.sets[set - 1];
    const own = groups.get(group);
    if (own === undefined) groups.set(group, [match]);
    else own.push(match);
  }

  /** @param name of the prefix, the same for the same one */
  forPrefix(set: number, name: string, prefix: IpPrefix, match: Match): void {
    const { prefixes } = this.sets[set - 1];
    const own = prefixes.get(name);
    if (own === undefined) prefixes.set(name, { prefix, matches: [match] });
    else own.matches.push(match);
  }

  /** @param groupsOf by port: its groups */
  *build(groupsOf: readonly (readonly number[])[]): Parts<Classifier> {
    const { sets } = this;
    const lpm = new LpmBuilder();
    const anybody: number[] = [0];
    const anyGroup: number[] = [0];
    const byGroup: [number, number][] = [];
    for (const [index, { anybody: everybody, groups, prefixes }] of sets.entries()) {
      const set = index + 1;
      const root = everybody.length === 0 ? 0 : this.addNode(everybody, 0);
      anybody.push(root);
      const ofGroups = [...groups.values()].flat();
      anyGroup.push(ofGroups.length === 0 ? 0 : this.addNode(ofGroups, 0));
      for (const [group, matches] of groups) {
        byGroup.push([groupKey(set, group), this.addNode(matches, 0)]);
        yield* this.breathe();
      }
      yield* this.addPrefixes(lpm, set, [...prefixes.values()], root);
    }
    const slots = 2 ** Math.ceil(Math.log2(Math.max(2, 2 * byGroup.length)));
    const members = groupsOf.flat();
    const table = shared({
      anybody: [Int32Array, anybody.length],
      anyGroup: [Int32Array, anyGroup.length],
      parent: [Int32Array, this.nodes.length],
      runsAt: [Int32Array, this.nodes.length],
      runs: [Int32Array, this.nodes.length],
      starts: [Int32Array, this.starts.length],
      rules: [Int32Array, this.rules.length],
      groupKeys: [Int32Array, slots],
      groupNodes: [Int32Array, slots],
      groupsAt: [Uint32Array, groupsOf.length + 1],
      groupsOf: [Uint16Array, members.length],
    });
    table.anybody.set(anybody);
    table.anyGroup.set(anyGroup);
    for (const [node, { parent, runs }] of this.nodes.entries()) {
      table.parent[node] = parent;
      table.runsAt[node] = this.runs[runs].at;
      table.runs[node] = this.runs[runs].count;
    }
    yield;
    table.starts.set(this.starts);
    table.rules.set(this.rules);
    for (const [key, node] of byGroup) {
      let at = groupHome(key, slots - 1);
      while (table.groupKeys[at] !== 0) at = (at + 1) & (slots - 1);
      table.groupKeys[at] = key;
      table.groupNodes[at] = node;
    }
    table.groupsOf.set(members);
    let at = 0;
    for (const [port, own] of groupsOf.entries()) {
      table.groupsAt[port] = at;
      at += own.length;
    }
    table.groupsAt[groupsOf.length] = at;
    return { lpm: yield* lpm.build(sets.length + 1), ...table };
  }

  /** Shorter ones first, so that what covers a prefix has its node already: the last on the way that still covers it. */
  private *addPrefixes(
    lpm: LpmBuilder,
    set: number,
    prefixes: { prefix: IpPrefix; matches: Match[] }[],
    root: number,
  ): Parts<void> {
    prefixes.sort((a, b) => compare(a.prefix, b.prefix));
    const way: { prefix: IpPrefix; node: number }[] = [];
    for (const { prefix, matches } of prefixes) {
      while (way.length > 0 && !prefixContains(way[way.length - 1].prefix, prefix.address)) way.pop();
      const node = this.addNode(matches, way.at(-1)?.node ?? root);
      way.push({ prefix, node });
      const { buffer, byteOffset, length } = prefix.address;
      const view = new DataView(buffer, byteOffset, length);
      const word = (w: number) => view.getInt32(4 * w);
      if (length === 4) lpm.add4(set, word(0), prefix.bits, node);
      else lpm.add6(set, word(0), word(1), word(2), word(3), prefix.bits, node);
      yield* this.breathe();
    }
  }

  private *breathe(): Parts<void> {
    if (++this.unbreathed < PART) return;
    this.unbreathed = 0;
    yield;
  }

  private addNode(matches: readonly Match[], parent: number): number {
    this.nodes.push({ parent, runs: this.runsOf(matches) });
    return this.nodes.length - 1;
  }

  /** Paints from the lowest rule on what is not painted yet. */
  private runsOf(matches: readonly Match[]): number {
    const bounds = new Set([0]);
    for (const { first, last } of matches) bounds.add(first).add(last + 1);
    const starts = Int32Array.from(bounds).sort();
    const place = new Map<number, number>();
    for (const [n, start] of starts.entries()) place.set(start, n);
    const rules = new Int32Array(starts.length);
    // The next run that is not painted, from each on.
    const next = Int32Array.from({ length: starts.length + 1 }, (_, n) => n);
    const unpainted = (from: number): number => {
      let n = from;
      while (next[n] !== n) {
        next[n] = next[next[n]];
        n = next[n];
      }
      return n;
    };
    for (const { rule, first, last } of matches.toSorted((a, b) => a.rule - b.rule)) {
      const end = place.get(last + 1) as number;
      for (let n = unpainted(place.get(first) as number); n < end; n = unpainted(n)) {
        rules[n] = rule;
        next[n] = n + 1;
      }
    }
    return this.keep(starts, rules);
  }

  /** Runs of the same rule are one; nodes with the same runs share them. */
  private keep(starts: Int32Array, rules: Int32Array): number {
    const at: number[] = [];
    for (let n = 0; n < starts.length; n++) if (n === 0 || rules[n] !== rules[n - 1]) at.push(n);
    const name = at.map((n) => `${starts[n]} ${rules[n]}`).join();
    const known = this.known.get(name);
    if (known !== undefined) return known;
    this.runs.push({ at: this.starts.length, count: at.length });
    for (const n of at) {
      this.starts.push(starts[n]);
      this.rules.push(rules[n]);
    }
    this.known.set(name, this.runs.length - 1);
    return this.runs.length - 1;
  }
}

/** IPv4 first; by address, and what covers others before them. */
function compare(a: IpPrefix, b: IpPrefix): number {
  if (a.address.length !== b.address.length) return a.address.length - b.address.length;
  for (let k = 0; k < a.address.length; k++) {
    if (a.address[k] !== b.address[k]) return a.address[k] - b.address[k];
  }
  return a.bits - b.bits;
}
