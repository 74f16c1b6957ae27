// Access lists as flat arrays of a topology: which lists are asked where, what their rules do, and how the first rule that fits a frame
// is found, see acl_search.ts. Built by compile/acl_builder.ts and compile/acls.ts.
//
//   place (port, VLAN, bridge) -> chain: a row of lists -> list: dimensions, blocks of rules -> rule -> what it does

import { Lock } from './lock.ts';
import type { Lpm } from './lpm.ts';
import { METER_STATE_WORDS } from './meter.ts';

/** Rules of a block: 32 words of 32 bits. */
export const BLOCK_RULES = 1024;
/** A word that says which of its words are not 0, then these. */
export const BLOCK_WORDS = 33;
/** Of a list, at most: each field, both addresses, and masks of MACs. */
export const MAX_DIMENSIONS = 24;

/** Words of a list. */
export const LIST = { dimensionsAt: 0, dimensions: 1, blocks: 2, firstRule: 3, rules: 4 } as const;
export const LIST_WORDS = 5;
/** Behind the rules of a list: what becomes of frames that none fits, if there is no other list. */
export const END = { link: 0, rest: 1 } as const;
export const END_RULES = 2;

/** What a dimension looks at. */
export const LOOK = { field: 0, src: 1, dst: 2, srcMac: 3, dstMac: 4 } as const;
/** Words of a dimension: `param` is a field of FIELD, or a table of `lpm`; `otherwise` the class of what has no entry. */
export const DIMENSION = { look: 0, param: 1, at: 2, size: 3, otherwise: 4, maskHi: 5, maskLo: 6 } as const;
export const DIMENSION_WORDS = 8;
/** Words of an entry of a dimension of MACs; a class of 0 = free. */
export const MAC_WORDS = 3;

/** Values that a frame has; NONE: it has none. */
export const FIELD = {
  etherType: 0,
  vlan: 1,
  pcp: 2,
  protocol: 3,
  sourcePort: 4,
  /** The destination, or of ICMP type << 8 | code. */
  port: 5,
  tcpFlags: 6,
  dscp: 7,
  fragment: 8,
} as const;
export const FIELDS = 9;
/** Beyond every value of a field. */
export const NONE = 0x1_0000;
/** Values of FIELD.fragment. */
export const FRAGMENT = { whole: 1, first: 2, later: 3 } as const;

/** Bits of `actions`. */
export const ACTION = {
  deny: 1,
  /** The next rule that fits is asked, too. */
  goesOn: 2,
  /** Some of the following: most rules have none. */
  special: 4,
  log: 8,
} as const;

/** Rules of a switch, their ends and those that are about to be forgotten, at most. */
export const MAX_SLOTS = 131_072;

export interface AclTable {
  // by port
  readonly portIn: Uint16Array;
  readonly portOut: Uint16Array;
  // by domain
  readonly vlanIn: Uint16Array;
  readonly vlanOut: Uint16Array;
  readonly bridgeIn: Uint16Array;
  readonly bridgeOut: Uint16Array;
  /** Lists of chain C: chains[chainAt[C]] .. chains[chainAt[C + 1] - 1]. Chain 0 is none. */
  readonly chainAt: Int32Array;
  readonly chains: Int32Array;
  /** Whether any place has lists for what comes in, and for what leaves. */
  readonly hasIn: boolean;
  readonly hasOut: boolean;

  readonly lists: Int32Array;
  readonly dimensions: Int32Array;
  readonly lpm: Lpm;
  /** By run: its first value, and its class. */
  readonly starts: Int32Array;
  readonly classes: Int32Array;
  readonly macs: Int32Array;
  /** By class, which is the place of its first: blocks, as places in `words`. */
  readonly refs: Int32Array;
  readonly words: Int32Array;

  // by rule
  readonly actions: Uint8Array;
  readonly marks: Uint8Array;
  /** Number of the name of a mirror, 0 = none. */
  readonly mirrors: Uint8Array;
  /** Bits of the mirrors of bridge B: mirrorBits[B * mirrorNames + name]. */
  readonly mirrorBits: Uint16Array;
  readonly mirrorNames: number;
  /** Number of the policer in `settings`, 0 = none. */
  readonly policers: Uint16Array;
  /** METER_WORDS for each policer. */
  readonly settings: Float64Array;
  /** Where its counters and the state of its policer are: a rule that stays keeps its slot. */
  readonly slots: Int32Array;
  /** See AclState. */
  readonly memory: SharedArrayBuffer;
}

/** What survives reconfigurations: `hits` of each worker (frames and bytes by slot), state of policers, and their locks. */
export class AclState {
  readonly memory: SharedArrayBuffer;
  readonly hits: Float64Array;
  readonly meters: Float64Array;
  readonly locks: Int32Array;

  /** @param memory of `allocate` */
  constructor(memory: SharedArrayBuffer, workers: number) {
    const hits = workers * 2 * MAX_SLOTS;
    const meters = MAX_SLOTS * METER_STATE_WORDS;
    this.memory = memory;
    this.hits = new Float64Array(memory, 0, hits);
    this.meters = new Float64Array(memory, hits * 8, meters);
    this.locks = new Int32Array(memory, (hits + meters) * 8, 2 * MAX_SLOTS);
  }

  /** The system gives no memory for what is never written. */
  static allocate(workers: number): SharedArrayBuffer {
    return new SharedArrayBuffer(MAX_SLOTS * (workers * 16 + METER_STATE_WORDS * 8 + 8));
  }
}

/** Most workers of a switch, for which there are counters. */
export const ACL_WORKERS = 16;

/** Locks of the policers of rules. */
export function aclLocks({ memory, policers, slots }: AclTable): Lock[] {
  const { locks } = new AclState(memory, ACL_WORKERS);
  return Array.from(policers, (policer, rule) => ({ policer, slot: slots[rule] }))
    .filter(({ policer }) => policer !== 0)
    .map(({ slot }) => new Lock(locks, 2 * slot));
}
