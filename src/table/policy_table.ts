// Security groups, as flat arrays of a topology: which rules are asked for frames that come in by a port, and for copies that leave
// by one; and where the connections are that need not ask any more.

import type { Classifier } from './classifier.ts';
import type { ConnectionRules } from './connections.ts';

export interface PolicyTable extends ConnectionRules {
  readonly classifier: Classifier;
  // by port: a set of the classifier, 0 = the port is in no group, and everything passes
  /** Rules for what the port sends: of a connection that begins behind it. */
  readonly out: Uint16Array;
  /** Rules for what it gets. */
  readonly in: Uint16Array;
  /** By domain, which is the zone of its connections: 1 = some port in it is in a group. */
  readonly domains: Uint8Array;
  /** Another number with other rules, members or ports, from 1 to MAX_GENERATION: connections are asked about again. */
  readonly generation: number;
  /** Connections that the rules of an earlier generation let in stay. */
  readonly keepsEstablished: boolean;
  /** By port: the generation in which its number was given to it. What is older is of a port that is gone. */
  readonly since: Uint32Array;
  /** TCP's windows are looked at. */
  readonly isStrict: boolean;
  /** By port: the most connections that it may have. */
  readonly portLimits: Uint32Array;
  /** Null: no group has a limit. */
  readonly groupLimits: GroupLimits | null;
  /** Where connections are: see Connections. The same as long as the limit is. */
  readonly memory: SharedArrayBuffer;
}

/** Groups that may have only so many connections together; the others are not in it. */
export interface GroupLimits {
  // by port: where its groups begin in `groups`; the next port's is their end
  readonly starts: Uint32Array;
  readonly groups: Uint16Array;
  // by group: where its ports begin in `members`, and the most that they may have
  readonly memberStarts: Uint32Array;
  readonly members: Uint16Array;
  readonly most: Uint32Array;
  /** Of all workers: how many there were in the second `countedAt`, and have been opened since. */
  readonly counts: Int32Array;
  readonly countedAt: Int32Array;
}

/** What is beside a port in a word. After so many changes a connection that has been silent since the first is taken for a new one. */
export const MAX_GENERATION = (1 << 20) - 1;
