// What was seen of a frame's way through the stages: rows, copies, and who was asked.

import type { AclNote } from '../engine/acl_trial.ts';
import type { PolicerNote } from '../engine/policer_trial.ts';
import type { PolicyNote } from '../engine/policy_trial.ts';
import type { Mac } from '../wire/mac.ts';

/** A row when the stages had passed. */
export interface SeenRow {
  row: number;
  columns: Int32Array;
  /** Its destination, and the beginning of the untagged frame, before a router had it. */
  decided: number;
  head: Uint8Array;
  /** A router has made it. */
  isAnswer: boolean;
  /** Whether its source was refused. */
  isRefused: boolean;
  /** Whether its port has as many addresses as it may; if that is not why, its bridge has. */
  isPortFull: boolean;
  /** Next hops of the multicast group that it is for, if its destination is one. */
  members: number[];
  /** Its source's entry afterwards, four words. */
  learned: Int32Array;
}

export interface SeenCopy {
  row: number;
  hop: number;
  /** As it leaves. */
  tag: number;
  length: number;
  /** The row's own, for made frames, which are in no SeenRow: gsoType, csumStart. */
  columns: Int32Array;
  /** Its destination, if a tunnel of protocols has given it another one than its row has. */
  restored?: Mac;
  /** It answers a frame that was too big. */
  isAnswer: boolean;
  /** A mirror made it. */
  isMirrored: boolean;
  /** What the class of a shaped port goes by. */
  tci: number;
  dscp: number;
  /** The DSCP with which it leaves, before which policers were asked. */
  dscpOut: number;
  /** Of a rule, and the port that received it. */
  mark: number;
  source: number;
}

export interface Sighting {
  /** Rows in the order in which they came to be: the first is the frame, others were recirculated. */
  rows: SeenRow[];
  copies: SeenCopy[];
  /** `code` of a row, or of a copy of it for `port`. */
  drops: { row: number; port: number; code: number }[];
  /** Traps that took frames for the host. */
  punts: number[];
  /** Rules of access lists that fitted, in order. */
  acls: AclNote[];
  /** Policers that the frame was charged to as it came in. */
  policers: PolicerNote[];
  /** What security groups were asked, null if none were. */
  policy: { isKnown: boolean; notes: PolicyNote[] } | null;
  /** Keys that the way depended on, three words each. */
  keys: number[][];
}
