// What the data plane is told of a device: numbers and descriptors; and what is special about a kind.

import type { Lock } from '../table/lock.ts';
import { TunStations } from '../table/tun_stations.ts';
import type { FaultOptions } from './faulty_port.ts';
import { FrameRing } from './frame_ring.ts';
import type { TunDeviceSpec } from './tun_spec.ts';
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
  /** A TAP whose frames leave through the same interface: for those with service tags or several tags. */
  detour?: number;
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

/** A socket that comes and goes: see the request `connect`. */
export interface SocketDeviceSpec {
  kind: 'socket';
  port: number;
  /** KIND.stream, KIND.packets or KIND.datagrams. */
  socket: number;
  fault?: FaultOptions;
}

/** The rings of a guest. */
export interface VhostUserDeviceSpec {
  kind: 'vhost_user';
  port: number;
  /** To wait for. */
  fd: number;
  /** The guest's number in native code. */
  device: number;
  /** One word: the offloads that the guest takes now, as TUNSETOFFLOAD bits. */
  state: SharedArrayBuffer;
  fault?: FaultOptions;
}

export interface VxlanDeviceSpec extends VxlanPort {
  kind: 'vxlan';
  fault?: FaultOptions;
}

/** Several devices as one: engine/aggregates.ts. */
export interface AggregateDeviceSpec {
  kind: 'aggregate';
  port: number;
  fault?: undefined;
}

export type DeviceSpec =
  | TapDeviceSpec
  | PacketDeviceSpec
  | TunDeviceSpec
  | MemoryDeviceSpec
  | SocketDeviceSpec
  | VhostUserDeviceSpec
  | VxlanDeviceSpec
  | AggregateDeviceSpec;

/** For those who share out ports among workers without knowing the kinds. */
interface KindTraits<Spec> {
  /** Only the first worker receives from it. */
  isFirstsOnly: boolean;
  /** The lock that all workers take to send to it. */
  sharedLock?(spec: Spec): Lock;
}

const TRAITS: { [Kind in DeviceSpec['kind']]: KindTraits<Extract<DeviceSpec, { kind: Kind }>> } = {
  tap: { isFirstsOnly: false },
  packet: { isFirstsOnly: false },
  tun: { isFirstsOnly: false, sharedLock: ({ stations }) => TunStations.lockOf(stations) },
  memory: { isFirstsOnly: false, sharedLock: ({ fromSwitch }) => new FrameRing(fromSwitch).lock },
  socket: { isFirstsOnly: false },
  // Its rings have locks of their own, in native code.
  vhost_user: { isFirstsOnly: false },
  // That worker alone knows the remotes.
  vxlan: { isFirstsOnly: true },
  // It receives nothing itself.
  aggregate: { isFirstsOnly: true },
};

export function traitsOf({ kind }: DeviceSpec): KindTraits<DeviceSpec> {
  // The compiler cannot see that the row is the one for this very kind.
  return TRAITS[kind] as KindTraits<DeviceSpec>;
}

/** A socket that tunnels receive from, or the TAP under them. */
export interface AddedVtep {
  vtep: number;
  fd: number;
  isTap?: boolean;
  /** It receives what routers say about the datagrams of all tunnels over IPv6. */
  isErrors?: boolean;
}
