// What the data plane knows of quality of service: a row of settings for each port that has any, and the memory of its queues.
//
//   settings[row * QOS_ROW + QOS.*]                 of the port
//   settings[row * QOS_ROW + FIRST_CLASS + class * CLASS_WORDS + CLASS.*]
//
// A frame's class is the lowest bit of what its VLAN, its priority, its DSCP, its mark and the port that it came from allow: five
// look-ups, whatever rules there are.

import type { Region } from './frame_store.ts';
import type { TenantShapes } from './tenant_clocks.ts';

/** Classes of a port: its queues. IEEE 802.1Q has as many traffic classes. */
export const MAX_CLASSES = 8;
/** Index in `dscps` of what is not IP. */
export const NO_DSCP = 64;
export const DSCPS = 65;
/** Marks of rules, 0 = none. */
export const MARKS = 256;

/** Words of a port's settings. Times are ms. */
export const QOS = {
  /** Time that a byte takes at the rate. */
  cost: 0,
  /** Time's worth of its rate that may leave at once. */
  burst: 1,
  /** Bytes that every frame on the wire is charged beyond its own. */
  overhead: 2,
  classes: 3,
  /** Of frames that no class matches. */
  fallback: 4,
  /** 1 = some class asks for the DSCP. */
  readsDscp: 5,
  /** Row of `vlans`. */
  vlans: 6,
  /** Bytes of frames for which the memory of the queues was made: at least what all classes may hold. */
  memory: 7,
  /** Row of `marks`, and of `sources`. */
  marks: 8,
  sources: 9,
} as const;
const FIRST_CLASS = 10;

/** Words of a class. */
export const CLASS = {
  /** Strict classes go first, the higher the sooner; 0 = by weight. */
  priority: 0,
  weight: 1,
  /** Time that a byte takes at its guaranteed rate and at its ceiling; 0 = none. */
  minCost: 2,
  maxCost: 3,
  /** Bytes that may wait. */
  limit: 4,
  /** How long a frame may wait; Infinity. */
  maxAge: 5,
  /** Whose frames have a queue of their own, with CoDel: FAIR. */
  fair: 6,
  target: 7,
  interval: 8,
} as const;
export const CLASS_WORDS = 10;
/** One queue for all, one for each flow, or for each port that frames came from. */
export const FAIR = { off: 0, flows: 1, ports: 2 } as const;
/** Words of a port. */
export const QOS_ROW = FIRST_CLASS + MAX_CLASSES * CLASS_WORDS;

/** Where a class begins in its port's row. */
export function classAt(index: number): number {
  return FIRST_CLASS + index * CLASS_WORDS;
}

/** What tells classes apart: see frame_class.ts. */
export interface ClassTable {
  /** Of each row, of which the words about matches count. */
  readonly settings: Float64Array;
  /** By row and PCP, and by row and DSCP: bits of classes that take such frames. */
  readonly pcps: Uint8Array;
  readonly dscps: Uint8Array;
  /** The same by VLAN, of which row 0 is that of ports which do not ask. */
  readonly vlans: Uint8Array;
  /** And by mark of a rule, and by port that received: rows 0 likewise. */
  readonly marks: Uint8Array;
  readonly sources: Uint8Array;
}

export interface QosTable extends ClassTable {
  /** By row: the port, and where its queues are. */
  readonly ports: Uint16Array;
  readonly regions: readonly Region[];
  /** Rates of tenants, null = none has any. */
  readonly tenants: TenantShapes | null;
}
