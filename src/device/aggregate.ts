// The device of an aggregate: none of its own. Its members have theirs, and the data plane knows which they are.

import type { Device } from './device.ts';

export function openAggregate(port: number): Device {
  return { spec: { kind: 'aggregate', port }, setMtu() {}, close() {}, undo() {} };
}
