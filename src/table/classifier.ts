// Which rule is for a packet: among thousands, in time that does not grow with them. A rule says protocol and ports, and whom:
// an address, a prefix, a group of ports, or anybody. Rules are in sets; the lowest number that fits decides.
//
//   set, address -> node (lpm.ts)   -> node of the next shorter prefix ... -> node of anybody
//   set, group   -> node (hash)        for each group of the port at the other end
//   node, key    -> rule               | starts of runs | rule of each |, a binary search
//
// A key is protocol << 16 | port, of ICMP type << 8 | code, so that any range of ports, and any protocol, is a range of keys.
// A prefix does not repeat the rules of shorter ones: prefixes lie in each other once or twice, so it is cheaper to go there.
// Built by compile/classifier_builder.ts.

import type { Lpm } from './lpm.ts';

/** Flat arrays in shared memory. A rule is a number from 1 on, a node and a set, too. */
export interface Classifier {
  /** By set, as its table: address -> node. */
  readonly lpm: Lpm;
  // by set
  /** Node of rules for anybody. */
  readonly anybody: Int32Array;
  /** Node of what is for any group. */
  readonly anyGroup: Int32Array;
  // by node
  /** Node of the next shorter prefix of its set, at last the one of anybody; 0 = none. */
  readonly parent: Int32Array;
  /** Where its runs begin, and how many they are. */
  readonly runsAt: Int32Array;
  readonly runs: Int32Array;
  // by run
  /** Its first key. The first run of a node begins at 0. */
  readonly starts: Int32Array;
  /** 0 = none. */
  readonly rules: Int32Array;
  /** Open addressing: set << 16 | group, and the node. */
  readonly groupKeys: Int32Array;
  readonly groupNodes: Int32Array;
  /** Groups of port P: groupsOf[groupsAt[P]] .. groupsOf[groupsAt[P + 1] - 1]. */
  readonly groupsAt: Uint32Array;
  readonly groupsOf: Uint16Array;
}

/** One more than the largest key: protocols are 8 bits, ports 16. */
export const KEYS = 1 << 24;
/** Behind all rules. */
const NONE = 0x7fff_ffff;

export function ruleKey(protocol: number, port: number): number {
  return (protocol << 16) | port;
}

/**
 * The rule of `set` for a key, from or to an address whose node is `node` (find4, find6 of `lpm`; 0 = it has none), at the other end
 * of which is `port`. 0 = none fits.
 */
export function ruleOf(table: Classifier, set: number, node: number, key: number, port: number): number {
  const { groupsAt, groupsOf } = table;
  let best = ruleOfAddress(table, set, node, key);
  for (let n = groupsAt[port]; n < groupsAt[port + 1]; n++) {
    const ofGroup = nodeOfGroup(table, set, groupsOf[n]);
    if (ofGroup !== 0) best = Math.min(best, ruleAt(table, ofGroup, key));
  }
  return best === NONE ? 0 : best;
}

/** The same where the port is not known yet: whether some port could be let through. */
export function mayFit(table: Classifier, set: number, node: number, key: number): boolean {
  if (ruleOfAddress(table, set, node, key) !== NONE) return true;
  const anyGroup = table.anyGroup[set];
  return anyGroup !== 0 && ruleAt(table, anyGroup, key) !== NONE;
}

function ruleOfAddress(table: Classifier, set: number, node: number, key: number): number {
  const { anybody, parent } = table;
  let best = NONE;
  for (let n = node === 0 ? anybody[set] : node; n !== 0; n = parent[n])
    best = Math.min(best, ruleAt(table, n, key));
  return best;
}

/** The rule of a node, NONE if it has none for the key. */
function ruleAt({ runsAt, runs, starts, rules }: Classifier, node: number, key: number): number {
  let at = runsAt[node];
  for (let count = runs[node]; count > 1; ) {
    const half = count >>> 1;
    if (starts[at + half] <= key) at += half;
    count -= half;
  }
  const rule = rules[at];
  return rule === 0 ? NONE : rule;
}

function nodeOfGroup({ groupKeys, groupNodes }: Classifier, set: number, group: number): number {
  const mask = groupKeys.length - 1;
  const key = groupKey(set, group);
  for (let at = groupHome(key, mask); groupKeys[at] !== 0; at = (at + 1) & mask) {
    if (groupKeys[at] === key) return groupNodes[at];
  }
  return 0;
}

/** Not 0: sets begin at 1. */
export function groupKey(set: number, group: number): number {
  return (set << 16) | group;
}

/** Sets and groups are the configuration's, so a stranger cannot choose them. */
export function groupHome(key: number, mask: number): number {
  const mixed = Math.imul(key, 0x9e37_79b1);
  return (mixed ^ (mixed >>> 15)) & mask;
}
