// Access lists, and how often their rules fitted.

/** A port, a VLAN or a bridge that has a list, for what comes in or for what leaves. */
export interface AclPlace {
  bridge: string;
  /** Of a port, or the bridge's own name: of its local interface. */
  port?: string;
  /** Of a VLAN. */
  vlan?: number;
  side: 'in' | 'out';
}

/** An access list. */
export interface AclStatus {
  name: string;
  /** How many. */
  rules: number;
  /** Empty: nobody asks it. */
  places: AclPlace[];
  /** Frames that one of its rules, or its end, let pass and denied; a super-frame counts once. */
  permitted: number;
  denied: number;
}

/** A rule of a list, or one of the two that its end consists of. */
export interface AclRuleStatus {
  /** From 1 on; absent: of the end. */
  rule?: number;
  /** `acls.office[0]` */
  path?: string;
  /** Where it stands in the file that it came from; absent: it was changed since, or came by other means. */
  file?: string;
  line?: number;
  verdict: 'permit' | 'deny' | 'count';
  /** What must fit, as the configuration says it; of the end a text. */
  match: unknown;
  mark?: number;
  mirror?: string;
  police?: unknown;
  log?: boolean;
  /** Since the list has it, or since a reset. */
  frames: number;
  bytes: number;
  /** Of a rule with `police`: frames beyond its rate. */
  exceeded?: number;
}

export interface AclRules extends AclStatus {
  /** In their order; the last two are the end. */
  list: AclRuleStatus[];
}

/** What a rule counted, for metrics: `rule` is its number, or `end`. */
export interface AclSample {
  acl: string;
  rule: string;
  frames: number;
  bytes: number;
}

export interface AclApi {
  lists(): AclStatus[];
  /** Of the first `rules` rules of each list, and of what its end denies. */
  samples(rules: number): AclSample[];
  /** @throws TaploomError `no_such_acl` */
  list(name: string): AclRules;
  /** Counts anew, of one list or of all. Returns of how many. @throws TaploomError `no_such_acl` */
  reset(name?: string): number;
}
