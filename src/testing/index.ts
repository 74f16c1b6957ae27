// Suites for what others write for Taploom: `taploom/testing`. See docs/library.md.

export {
  canBeDown,
  deviceContract,
  type Interface,
  requireLaws,
  type Subject,
  type TestRunner,
} from './device_contract.ts';
export { build, type OffloadFrame, payloadOf, type Shape, verifies } from './offload_frame.ts';
