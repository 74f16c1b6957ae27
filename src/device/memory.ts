// Memory ports: two rings in shared memory, one end here and one in the data plane.

import type { MemoryDeviceConfig } from '../config/schema.ts';
import { FrameRing } from '../port/frame_ring.ts';
import { MemoryPort } from '../port/memory.ts';
import type { Device } from './device.ts';

/** An ordinary frame in a ring: 1,514 bytes and the record's header. */
const RING_FRAME = 1536;
const MIN_RING = 256 * 1024;

export function openMemory(port: number, name: string, config: MemoryDeviceConfig, wake: () => void): Device {
  let size = MIN_RING;
  while (size < config.capacity * RING_FRAME) size *= 2;
  const toSwitch = FrameRing.allocate(size);
  const fromSwitch = FrameRing.allocate(size);
  return {
    spec: {
      kind: 'memory',
      port,
      toSwitch: toSwitch.memory,
      fromSwitch: fromSwitch.memory,
      offloads: config.offloads,
      fault: config.fault,
    },
    memory: new MemoryPort(name, toSwitch, fromSwitch, wake),
    setMtu() {},
    close() {},
    undo() {},
  };
}
