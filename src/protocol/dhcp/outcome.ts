// What a DHCP server wants done, in this order: leases on disk, then frames and probes.

import type { MessageType } from '../../wire/dhcp4/codes.ts';
import type { BadFrame } from '../../wire/dhcp4/frame.ts';
import type { NoAddress } from './allocation.ts';
import type { Lease } from './lease.ts';
import type { Origin } from './request.ts';

export interface DhcpOutcome {
  /** As they are now. They have to be stored before any of `frames` is sent, or a restart gives an address twice. */
  readonly leases: Lease[];
  readonly frames: DhcpReply[];
  /** Addresses to ask the segment for, by ARP; what is heard goes to `addressInUse`. */
  readonly probes: number[];
  readonly events: DhcpEvent[];
}

/** Leaves through `port` alone, tagged as the request was. */
export interface DhcpReply extends Origin {
  /** Untagged, without FCS. */
  readonly frame: Uint8Array;
}

export interface DhcpEvent {
  /**
   * `conflict`: somebody answered a probe; `exhausted`: no address is left, told once until there is one; `port_full`: so
   * for one port; `other_server`: somebody else answers clients, told once for each.
   */
  readonly kind:
    | 'bound'
    | 'renewed'
    | 'released'
    | 'expired'
    | 'declined'
    | 'conflict'
    | 'exhausted'
    | 'port_full'
    | 'other_server';
  /** Unsigned number; of `exhausted` the subnet, of `other_server` the server, of `port_full` 0. */
  readonly address: number;
  /** Of the client, of who has the address, or of the other server; empty if nobody knows. */
  readonly mac: string;
  readonly port: string;
  readonly hostName: string;
}

/** Why a message had no effect; closed, so that it can be a label. */
export type Ignored =
  | BadFrame
  | NoAddress
  /** To or for another server. */
  | 'not_ours'
  /** Said by another server behind a port of guests. */
  | 'other_server'
  /** The client's address is not that of the frame, and it did not come by a relay agent. */
  | 'not_sender'
  /** By a relay agent for a subnet that is not configured. */
  | 'unknown_relay'
  /** A lease of somebody else, or of nobody. */
  | 'not_theirs'
  /** Too many clients wait for a probe. */
  | 'busy'
  /** A message that only servers send, or the lack of what this type must have (RFC 2131 table 5). */
  | 'nonsense';

export interface DhcpCounters {
  readonly received: Partial<Record<MessageType, number>>;
  readonly sent: Partial<Record<MessageType, number>>;
  readonly ignored: Partial<Record<Ignored, number>>;
}

export function emptyOutcome(): DhcpOutcome {
  return { leases: [], frames: [], probes: [], events: [] };
}
