// What a DHCPv6 server is told, and what it wants done, in this order: leases on disk, then frames.

import type { MessageType6 } from '../../wire/dhcp6/codes.ts';
import type { BadFrame6 } from '../../wire/dhcp6/frame.ts';
import type { IpBytes } from '../../wire/ip_address.ts';
import type { IpPrefix } from '../../wire/ip_prefix.ts';
import type { Mac } from '../../wire/mac.ts';
import type { Host6 } from './hosts.ts';
import type { Lease6 } from './lease.ts';
import type { Pool6 } from './pool.ts';

/** Where clients are: on the network's own link, or behind relay agents. */
export interface Link6 {
  readonly subnet: IpPrefix;
  /** Undefined: hosts make addresses of their own. */
  readonly addresses?: Pool6;
  readonly resolvers: readonly IpBytes[];
}

/** Of the network's own link, and all others. Times in seconds. */
export interface Dhcp6Settings extends Link6 {
  readonly mac: Mac;
  /** Link-local: the source of its answers. */
  readonly source: IpBytes;
  /** Links behind relay agents, and the ports where these are heard. */
  readonly relayed: readonly Link6[];
  readonly relayPorts: readonly string[];
  readonly hosts: readonly Host6[];
  /** Undefined: no prefixes are delegated. */
  readonly prefixes?: Pool6;
  /** Never given. */
  readonly gateway: IpBytes;
  readonly leaseTime: number;
  readonly quarantine: number;
  readonly leasesPerPort: number;
  readonly search: readonly string[];
}

export interface Dhcp6Outcome {
  /** As they are now; undefined: over. To be stored before any of `frames` is sent. */
  readonly leases: (readonly [lease: Lease6, isOver: boolean])[];
  readonly frames: { readonly port: string; readonly frame: Uint8Array }[];
  readonly events: Dhcp6Event[];
}

export interface Dhcp6Event {
  /** The last two are told once, until there is room again. */
  readonly kind: 'bound' | 'released' | 'expired' | 'declined' | 'exhausted' | 'port_full';
  readonly lease: Pick<Lease6, 'address' | 'bits' | 'mac' | 'port' | 'hostName'>;
}

/** Why a message had no effect; closed, so that it can be a label. */
export type Ignored6 =
  | BadFrame6
  /** To or for another server. */
  | 'not_ours'
  /** Without what its type must have, or with what it must not (RFC 8415 section 16). */
  | 'nonsense'
  /** By a relay agent behind a port without one, or for a link that is not configured. */
  | 'unknown_relay'
  | 'no_address'
  | 'port_full';

export interface Dhcp6Counters {
  readonly received: Partial<Record<MessageType6, number>>;
  readonly sent: Partial<Record<MessageType6, number>>;
  readonly ignored: Partial<Record<Ignored6, number>>;
}

export function emptyOutcome6(): Dhcp6Outcome {
  return { leases: [], frames: [], events: [] };
}
