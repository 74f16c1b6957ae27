// What the data plane is told of a device: numbers and descriptors.

import type { FaultOptions } from './faulty_port.ts';
import type { VxlanPort } from './vxlan_port.ts';

export interface TapDeviceSpec {
  kind: 'tap';
  port: number;
  fd: number;
  /** TUNSETOFFLOAD bits. */
  offloads: number;
  fault?: FaultOptions;
}

/** A packet socket on an interface. */
export interface PacketDeviceSpec {
  kind: 'packet';
  port: number;
  fd: number;
  /** TUNSETOFFLOAD bits. */
  offloads: number;
  fault?: FaultOptions;
}

export interface MemoryDeviceSpec {
  kind: 'memory';
  port: number;
  toSwitch: SharedArrayBuffer;
  fromSwitch: SharedArrayBuffer;
  offloads: boolean;
  fault?: FaultOptions;
}

export interface VxlanDeviceSpec extends VxlanPort {
  kind: 'vxlan';
  fault?: FaultOptions;
}

export type DeviceSpec = TapDeviceSpec | PacketDeviceSpec | MemoryDeviceSpec | VxlanDeviceSpec;

/** A socket that tunnels receive from, or the TAP under them. */
export interface AddedVtep {
  vtep: number;
  fd: number;
  isTap?: boolean;
}
