// Taploom as a library. See docs/library.md.

export {
  type Action,
  type ActionResult,
  type BridgeStatus,
  type FdbEntry,
  type FdbFilter,
  type PollFrames,
  type PollGap,
  type PortCounters,
  type PortStatus,
  type SwitchApi,
  TaploomError,
} from './api.ts';
export { ConfigError, parseConfig, type SwitchConfig, type SwitchConfigInput } from './config/schema.ts';
export type { MemoryPort, Offload, ReceivedFrame } from './port/memory.ts';
export { Switch } from './switch.ts';
export type { SwitchOptions } from './switch_options.ts';
export { DROPS } from './table/drops.ts';
