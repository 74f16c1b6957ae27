// What the switch tells of its hooks: docs/hooks.md.

/** A hook, and whether it is on. */
export interface HookStatus {
  bridge: string;
  /** Empty: all of the bridge's. */
  port: string;
  /** Its module, or the name of its function. */
  hook: string;
  /** `off`: it threw, or could not be loaded; `reason` says how. */
  state: 'on' | 'off';
  reason?: string;
  /** What becomes of its frames while it is off. */
  onError: 'pass' | 'drop';
}
