// The control plane as a device of the switch: what protocols receive, and how they send.

/** A frame that a port's trap took out. */
export interface Punt {
  readonly port: string;
  /** VLAN of the domain that it would have belonged to, 0 = none, or the bridge is VLAN-unaware. */
  readonly vlan: number;
  /** TPID << 16 | TCI of the tag that it came with and that `bytes` no longer has, 0 = untagged. */
  readonly tag: number;
  /** Of `guard` the code of the drop, of `acl` the rule << 1 | whether the frame leaves. */
  readonly detail?: number;
  /** Without the tag, its checksum completed; longer frames than a protocol's are cut. The listener's own copy. */
  readonly bytes: Uint8Array;
  /** ms, monotonic: when the host took it. */
  readonly at: number;
}

/**
 * Why a frame is punted: the protocol of its reserved group address, multicast snooping, a probe for loops, what a network
 * of guests is asked for, (copies of) ARP that claims an address there, of claims of another's address, and of what only routers
 * and servers say, of what a guard refused, DHCP that it learns from, who has an address first, the beginning of what a rule of an access list logs, (a copy of) what DHCP servers behind a port say to clients, what an interface of a router hears of its
 * neighbours (a copy; `port` is the interface), a packet for one that is not known (`port`: the interface by which it would
 * leave, `tag`: its next hop), or its EtherType.
 */
export type PuntReason =
  | 'bpdu'
  | 'provider_bpdu'
  | 'slow'
  | 'eapol'
  | 'lldp'
  | 'multicast'
  | 'loop_probe'
  | 'dhcp'
  | 'arp'
  | 'solicitation'
  | 'dhcp6'
  | 'rogue'
  | 'claim'
  | 'guard'
  | 'dhcp_snooping'
  | 'newcomer'
  | 'acl'
  | 'dhcp_client'
  | 'router'
  | 'neighbour'
  | number;

/** The place of programs that think about frames: they are told of those that are taken out for them, and send some. */
export interface Host {
  /** Sends a frame (no FCS) out of a port, past all tables, as it is. False: no such port, too long, or the ring is full. */
  send(port: string, frame: Uint8Array): boolean;
  /** Sends an untagged frame out of a port as a member of a VLAN gets it, 0 in a VLAN-unaware bridge. False as for `send`. */
  sendIn(bridge: string, vlan: number, port: string, frame: Uint8Array): boolean;
  /** Sends an untagged frame to all of a VLAN, 0 in a VLAN-unaware bridge. False as for `send`. */
  flood(bridge: string, vlan: number, frame: Uint8Array): boolean;
  /**
   * Lets a frame come in as if the port had received it, past its traps. False as for `send`. @param isOwn it is a word of the
   * switch's own: as all that is sent otherwise, neither policed nor asked about by access lists
   */
  relay(port: string, frame: Uint8Array, isOwn?: boolean): boolean;
  /**
   * Takes frames of a kind out of a port for the host, or no longer; resolves when that is certain. Survives
   * reconfigurations, as long as there is such a port. Traps of the configuration (`lldp`) stay.
   * @throws TaploomError `no_such_port`; `too_many` EtherTypes: 8 in all beside that of probes
   */
  trap(port: string, reason: PuntReason, isOn: boolean): Promise<void>;
  /** Frames trapped for `reason`; returns the way to stop listening. */
  onPunt(reason: PuntReason, listener: (punt: Punt) => void): () => void;
}
