// One step of a reconfiguration, planned or carried out.

/** One step of a reconfiguration. `path` names the thing as in a validation error. */
export interface Action {
  op: 'delete' | 'add' | 'set';
  kind: 'bridge' | 'port' | 'fdb' | 'router' | 'group' | 'acl' | 'tenant';
  /** `bridges.br0.ports.vm1`. Of a `group` also `connections`, which is about those of all groups. */
  path: string;
  /** For `set`: the keys that change. */
  changes?: Record<string, { from: unknown; to: unknown }>;
}

/** What became of a step. */
export interface ActionResult extends Action {
  ok: boolean;
  /** It could not be had yet, and comes true as soon as it can: `error` says what it waits for. */
  waits?: boolean;
  /** Why not, for people, and for programs (a TaploomError's code). */
  error?: string;
  code?: string;
}
