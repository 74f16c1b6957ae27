// What the data plane needs to know of the configuration: flat arrays in shared memory, built by the control plane and
// swapped between two polls. One word for each (port, VLAN) answers every question of membership and port state:
//
//   vlan[port * VLAN_STRIDE + vid] = domain << 16 | flags          0 = the port does not carry this VLAN
//
// The VLANs of a private one share a domain, its primary's: so they share addresses. Who hears whom is a matter of words.
// A VLAN-unaware bridge is one domain; its ports use VID 0. Word stride 4096 + 16: with a power of two the same VLAN of many
// ports would share a cache set. FORWARDING and LEARNING are a protocol's to store while the topology is in force; nothing
// else changes. A store is certain once every worker has passed a barrier.

import { PORT_MASK } from '../frame/hop.ts';
import type { AclTable } from '../table/acl_table.ts';
import type { PolicerTable } from '../table/policer_table.ts';
import type { PolicyTable } from '../table/policy_table.ts';
import type { PortControls } from '../table/port_controls.ts';
import type { PortGuards } from '../table/port_guards.ts';
import type { PriorityTable } from '../table/priority_table.ts';
import type { ProtocolTunnels } from '../table/protocol_tunnels.ts';
import type { QosTable } from '../table/qos_table.ts';
import type { RouterTable } from '../table/router_table.ts';
import { FIRST_TYPE } from '../table/traps.ts';
import { priority, TPID_8021Q, tag, VID_MASK } from '../wire/vlan.ts';
import type { AggregateTable } from './aggregate_table.ts';
import type { HookTable } from './hook.ts';
import type { MirrorTable } from './mirror_table.ts';
import { type TagTable, VIDS } from './tag_table.ts';

export const VLAN_STRIDE = 4096 + 16;
export const DOMAIN_SHIFT = 16;

// Flags of a (port, VLAN), of 16.
/** Frames may come in and leave. */
export const FORWARDING = 1;
/** Frames leave this port untagged in this VLAN. */
export const UNTAGGED = 2;
/** Source addresses are learned. */
export const LEARNING = 4;
/** Frames may leave through the port that they came from. */
export const HAIRPIN = 8;
/** No frames between two such ports. */
export const ISOLATED = 16;
/** A next hop through this port needs a remote (VXLAN). */
export const TUNNEL = 32;
/** No frames between two such ports: tunnels form a full mesh, and two in one domain would be a loop. */
export const SPLIT_HORIZON = 64;
/** Who sends a packet that is too big for this port is told. */
export const TELLS_MTU = 128;
/** No frames come in: in this VLAN of a private one the port only sends. */
export const NO_ENTRY = 0x100;
/** No frames leave: of an isolated VLAN, whose hosts do not hear each other. Never in the word of a row. */
export const NO_EXIT = 0x200;
/** The tag with which frames leave is the port's own, see `tags`; or the port is the end of one of `protocolTunnels`. */
export const OWN_TAG = 0x0400;
/** Of a tunnel: only frames with some of the customer's VLANs leave. */
export const SELECTIVE = 0x0800;
/** No multicast leaves. In the word of a row: it is one. */
export const NO_MULTICAST = 0x2000;
/** No broadcast leaves. In the word of a row: it is one. */
export const NO_BROADCAST = 0x4000;
/** Only stations that have an entry here may send; such a port has no LEARNING. */
export const LOCKED = 0x8000;

/** Of the word of a row: what kind of frame it is. */
export const FRAME_KIND = NO_BROADCAST | NO_MULTICAST;

/** Frames to groups go where snooping says. */
export const SNOOPING = 0x1000;

/** What says whether frames come in: FORWARDING alone, or with NO_EXIT. */
export const ENTRY = FORWARDING | NO_ENTRY | NO_EXIT;

/**
 * What of the word of a row and that of a port must be the same for the frame to leave there: the domain, that both forward,
 * and no NO_EXIT.
 */
export const SAME = (-1 << DOMAIN_SHIFT) | FORWARDING | NO_EXIT;

/** In `pvid`: the bridge filters VLANs, so 802.1Q tags are parsed and stripped. */
export const VLAN_AWARE = 0x8000;
/** In `pvid`: some frames are not the switch's, see `traps` and `vlanDevices`. Traps for reserved groups do without. */
export const TRAPPING = 0x4000;
/** In `pvid`: tags are read as `tags` says. */
export const OWN_TAGS = 0x2000;
/** Words of a row of `vlanDeviceBits`: two TPIDs of 4,096 VIDs each. */
export const VLAN_DEVICE_STRIDE = 256;

export interface Topology {
  /** Increases with every swap. */
  readonly serial: number;

  // by port index; index 0 is nobody
  readonly bridge: Uint16Array;
  /**
   * VLAN of untagged frames | VLAN_AWARE | TRAPPING | OWN_TAGS; no VLAN in a VLAN-aware bridge = drop them. VLAN-unaware: 0, and
   * `vlan[...0]` is the domain.
   */
  readonly pvid: Uint16Array;
  readonly mtu: Uint32Array;
  /** Most addresses that may be learned on the port. */
  readonly fdbLimit: Uint32Array;
  /** Linux' group_fwd_mask, the port's or the bridge's: bit X = forward 01:80:C2:00:00:0X that comes in here. */
  readonly groupFwdMask: Uint16Array;
  readonly vlan: Int32Array;
  /** Where the port's words of `vlan` are that may not be zero: the first VID, and << 16 the one behind the last. */
  readonly extent: Uint32Array;
  /** Frames that the host takes: bits of traps.ts; bit FIRST_TYPE + N = those of EtherType trapTypes[N]. */
  readonly traps: Int32Array;
  readonly trapTypes: Uint16Array;
  /** Row of `vlanDeviceBits`; 0 = nobody made VLAN devices on the port's interface. */
  readonly vlanDevices: Uint16Array;
  /** Tags that belong to VLAN devices, by `tagBit`. */
  readonly vlanDeviceBits: Int32Array;

  // by domain
  /** Bridge of the domain. */
  readonly domainBridge: Uint16Array;
  /** Of a private VLAN the primary. */
  readonly domainVid: Uint16Array;
  /** What a network of guests in the domain takes out of it: bits of NETWORK in traps.ts. */
  readonly networks: Uint8Array;
  /**
   * Flood lists: members of list `row` are hops[listAt[2 * row] .. listAt[2 * row + 1] - 1]; lists may share them.
   * Row 2 * domain serves broadcast and multicast, row 2 * domain + 1 unknown unicast.
   */
  readonly listAt: Uint32Array;
  readonly hops: Int32Array;

  /** ms; 0 = learn nothing. */
  readonly ageing: Float64Array;

  // by bridge
  readonly bridgeFdbLimit: Uint32Array;
  /** Null if there are none. */
  readonly mirrors: MirrorTable | null;
  /** Null if no port has any. */
  readonly controls: PortControls | null;
  /** Null if no port has any. Such a port has GUARDED among its traps. */
  readonly guards: PortGuards | null;
  readonly aggregates: AggregateTable | null;
  /** Null if every port's tags are those of 802.1Q, untranslated. */
  readonly tags: TagTable | null;
  /** Null if no port is the end of one. */
  readonly protocolTunnels: ProtocolTunnels | null;
  /** Null if there are none. */
  readonly routers: RouterTable | null;
  /** Null if no port has any. */
  readonly hooks: HookTable | null;
  /** Null if no port is in a security group. */
  readonly policy: PolicyTable | null;
  /** Null if no place has access lists. */
  readonly acls: AclTable | null;
  /** Null if no port is shaped. */
  readonly qos: QosTable | null;
  /** Null if every port reads and writes priorities as they are. */
  readonly priorities: PriorityTable | null;
  /** Null if no port is policed. */
  readonly policers: PolicerTable | null;

  /** Slots of the FDB: a power of two, at least twice the sum of the limits and static entries. */
  readonly fdbSlots: number;
  /** Static entries, three words each: domain << 16 | first two MAC bytes, last four MAC bytes, next hop. */
  readonly statics: Int32Array;
  /** How many of the statics, counted from the front, are the switch's own addresses. */
  readonly locals: number;
}

/** Whether a frame may come in through the port, whose tag is this if it has one: the four bytes behind its MACs. */
export function mayEnter(topology: Topology, port: number, word: number): boolean {
  const vid = vlanOfTag(topology, port, word);
  return (entryWord(topology.vlan[port * VLAN_STRIDE + vid]) & FORWARDING) !== 0;
}

/** The word of a row whose port has this `word` in its VLAN; 0 = frames do not come in there. */
export function entryWord(word: number): number {
  return (word & NO_ENTRY) !== 0 ? 0 : word & ~NO_EXIT;
}

/** The same by the columns of a row, as it is now. */
export function ingressWord({ vlan }: Topology, ingress: number, tci: number): number {
  return entryWord(vlan[(ingress & PORT_MASK) * VLAN_STRIDE + (tci & VID_MASK)]);
}

/** The VLAN of a frame that comes in through the port, by the four bytes behind its MACs. What `classify` does for many. */
export function vlanOfTag({ pvid, tags }: Topology, port: number, word: number): number {
  const table = (pvid[port] & OWN_TAGS) === 0 ? null : tags;
  const isTagged = (pvid[port] & VLAN_AWARE) !== 0 && word >>> 16 === (table?.tpid[port] ?? TPID_8021Q);
  const vid = isTagged ? word & VID_MASK : 0;
  if (vid === 0) return pvid[port] & VID_MASK;
  return table === null ? vid : table.vlans[table.map[port] * VIDS + vid];
}

/** Whether `classify` takes the tag off, of which these are the four bytes behind the MACs. */
export function strippedTag({ pvid, tags }: Topology, port: number, word: number): boolean {
  if ((pvid[port] & VLAN_AWARE) === 0) return false;
  if ((pvid[port] & OWN_TAGS) === 0) return word >>> 16 === TPID_8021Q;
  return tags !== null && word >>> 16 === tags.tpid[port] && tags.strips[port] !== 0;
}

/** The tag of a frame with this TCI of the bridge that leaves through the port, of whose VLAN `word` is; 0 = none. */
export function leavingTag({ tags }: Topology, port: number, word: number, tci: number): number {
  if ((word & UNTAGGED) !== 0) return 0;
  if ((word & OWN_TAG) === 0 || tags === null) return tag(TPID_8021Q, tci);
  return tag(tags.tpid[port], priority(tci) | tags.vids[tags.map[port] * VIDS + (tci & VID_MASK)]);
}

/** Stores FORWARDING and LEARNING of a port while the topology is in force. `vid` undefined = in every VLAN that it carries. */
export function storeState({ vlan }: Topology, port: number, vid: number | undefined, flags: number): void {
  const first = port * VLAN_STRIDE;
  for (let n = vid ?? 0; n <= (vid ?? VLAN_STRIDE - 1); n++) {
    const word = vlan[first + n];
    if (word !== 0 && word !== undefined)
      Atomics.store(vlan, first + n, (word & ~(FORWARDING | LEARNING)) | flags);
  }
}

/** Of a word of `extent`. */
export function extentOf(word: number): { from: number; to: number } {
  return { from: word & 0xffff, to: word >>> 16 };
}

/** The flag of `pvid` for a port: reserved groups are looked at on every one. */
export function trappingOf(
  { traps, vlanDevices }: Pick<Topology, 'traps' | 'vlanDevices'>,
  port: number,
): number {
  return traps[port] >>> FIRST_TYPE === 0 && vlanDevices[port] === 0 ? 0 : TRAPPING;
}

/** Bit of a tag in its row: word in the upper bits, bit of the word in the lower five. */
export function tagBit(tag: number): number {
  return (tag & VID_MASK) | (tag >>> 16 === TPID_8021Q ? 0 : VID_MASK + 1);
}

/** Whether a tag, TPID << 16 | TCI, belongs to a VLAN device on the port's interface. */
export function isOfVlanDevice(
  { vlanDevices, vlanDeviceBits }: Topology,
  port: number,
  tag: number,
): boolean {
  const bit = tagBit(tag);
  const word = vlanDeviceBits[vlanDevices[port] * VLAN_DEVICE_STRIDE + (bit >>> 5)];
  return (word & (1 << (bit & 31))) !== 0;
}

/** Stores the traps of a port while the topology is in force. */
export function storeTraps(topology: Topology, port: number, traps: number, types: Uint16Array): void {
  if (port >= topology.traps.length) return; // one that is about to come into force
  topology.trapTypes.set(types);
  Atomics.store(topology.traps, port, traps);
  Atomics.store(topology.pvid, port, (topology.pvid[port] & ~TRAPPING) | trappingOf(topology, port));
}
