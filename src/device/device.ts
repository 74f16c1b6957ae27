// What a port stands on, seen from the control plane: MTU, addresses, closing. The data plane gets a DeviceSpec with
// numbers; a descriptor that was opened here is closed here, after the data plane has detached it.

import type { LocalConfig, StreamPortConfig, TapDeviceConfig, VethPortConfig } from '../config/schema.ts';
import type { MemoryPort } from '../port/memory.ts';
import type { DeviceSpec } from '../port/spec.ts';
import type { LinkState } from '../sys/link.ts';
import type { PacketSocket } from '../sys/packet.ts';
import type { IpBytes } from '../wire/ip_address.ts';
import type { IpPrefix } from '../wire/ip_prefix.ts';
import type { Connection } from './connection.ts';
import type { VlanDevicePlace } from './vlan_devices.ts';

/** Of a port whose other end is a guest's device. */
export interface GuestStatus {
  state: 'up' | 'down' | 'broken';
  reason?: string;
}

/** See `PortStatus.guest` in api.ts. */
export interface GuestDetails {
  path: string;
  rings: 'none' | 'split' | 'packed';
  queues: number;
  interrupts: number;
  full: number;
}

/** An open device. */
export interface Device {
  readonly spec: DeviceSpec;
  /** As of the last look. */
  readonly mac?: string;
  /** TUNSETOFFLOAD bits. */
  readonly offloads?: number;
  /** The user's end of a memory port. */
  readonly memory?: MemoryPort;
  /** Of a socket that comes and goes. */
  readonly connection?: Connection;
  /** MTU of an interface that somebody else configures, as of the last look; undefined: Taploom sets it, or it cannot be seen. */
  readonly ownMtu?: number;
  /** It is a tunnel of the kernel's: who sends a packet that is too big for it is told. */
  readonly tellsMtu?: boolean;
  /** Of an interface that somebody else made: the namespace that the configuration names. */
  readonly netns?: string;
  /** Number of its interface, in the namespace that the configuration names. */
  readonly ifindex?: number;
  /** Of an attached interface. Ports may share one: what each receives there is set through it. */
  readonly socket?: PacketSocket;
  /** A descriptor that is writable exactly while the interface is up. */
  readonly upFd?: number;
  /** Descriptor of a TAP whose interface goes with it. */
  readonly temporaryTap?: number;
  /** What is known of the guest at the other end; never throws. */
  guest?(): GuestStatus;
  /** More, of its rings: 20 us. */
  guestDetails?(): GuestDetails;
  /** It shares sockets: its `close` only tells that it needs them no more, and Tunnels which nobody needs. */
  readonly sharesSockets?: boolean;
  /** Tags, TPID << 16 | VID, of VLAN devices that somebody made on its interface: their frames are not the switch's. */
  readonly vlanTags?: ReadonlySet<number>;
  /** Such a device has come, moved or gone. True if the tags are others now. */
  setVlanTag?(tag: number, place: VlanDevicePlace): boolean;
  /** Looks which there are. True if the tags are others now. Throws SysError. */
  findVlanTags?(): boolean;
  setMtu(mtu: number): void;
  /**
   * Of a TAP: gives its interface the addresses of a gateway (`10.0.0.1/24`) and brings it up, and takes those again that it
   * got before. Others' addresses stay. Returns those that were not there. Throws SysError.
   */
  setGateway?(cidrs: readonly string[]): string[];
  /** Of a TAP: adds a route to a prefix of IPv6 by a guest's link-local address, or takes it. Throws SysError. */
  setRoute?(to: IpPrefix, via: IpBytes, isOn: boolean): void;
  /**
   * Makes an open device what its configuration says now: see OF_TAP in config/diff.ts. `spec` may be another object
   * afterwards: then the data plane attaches it anew. Throws TaploomError, and leaves what it has not come to.
   */
  change?(config: TapDeviceConfig | LocalConfig | StreamPortConfig | VethPortConfig): void;
  /** Of an interface of ours in somebody's namespace: gives back what somebody took of its addresses and routes. Throws SysError, TaploomError. */
  restore?(): void;
  /** Bytes of the longest super-frame that the kernel may make for the port; undefined: not ours to say. */
  setGsoMaxSize?(bytes: number): void;
  /** Frames that the kernel had for the switch and dropped since the port is attached, where not the interface counts them. */
  queueDropped?(): number;
  /** What the interface had counted of these before. */
  readonly droppedBefore?: number;
  /** The interface as the kernel has it, 50 us, in another namespace 130 us; undefined if it cannot be seen. */
  link?(): LinkState | undefined;
  /** Which interface it is, see interface_id.ts; undefined if it cannot be seen. */
  interfaceId?(): string | undefined;
  /** The interface is gone when this is done, unless it should outlive the switch. */
  close(): void | Promise<void>;
  /** Where it should, but not what it belongs to: in place of `close`, when the configuration has it no longer. */
  remove?(): void | Promise<void>;
  /** Closes, and takes back what opening left in the system: for a device that never came into force. */
  undo(): void | Promise<void>;
}
