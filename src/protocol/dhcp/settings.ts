// What the DHCP server of a network is told: addresses as unsigned numbers, times in seconds. Whoever makes it has checked
// it: ranges lie in their subnets, names can be carried by DNS, and no address belongs to two hosts.

import type { DhcpRoute } from '../../wire/dhcp4/values.ts';
import type { Mac } from '../../wire/mac.ts';

export interface DhcpSettings {
  /** The server's address on the segment: its identifier to clients, and the source of its answers. */
  readonly address: number;
  readonly mac: Mac;
  /** The segment's own subnet first; then those whose clients come by a relay agent. Without overlaps. */
  readonly subnets: readonly DhcpSubnet[];
  readonly hosts: readonly DhcpHost[];
  /** Later ones win where several match. */
  readonly classes: readonly DhcpClass[];
  readonly lease: LeaseTimes;
  /** Whether clients with an address that is not theirs are told so (NAK). Off where another server has clients, too. */
  readonly authoritative: boolean;
  /** Whether a new address is probed for before it is offered. Never by a relay agent. */
  readonly probe: boolean;
  /** Whether a client that asks for it gets its lease without an offer, RFC 4039. */
  readonly rapidCommit: boolean;
  /** Most addresses that the guests behind one port hold, are offered or have spoilt; fixed ones are not refused. */
  readonly leasesPerPort: number;
  /** In its place for some ports: one that leads to another switch has many guests. */
  readonly leasesOfPort?: ReadonlyMap<string, number>;
  /** Ports where relay agents are heard. Leases that come by them do not count as their port's. */
  readonly relayPorts: readonly string[];
}

/** For what the configuration does not say. */
export const DHCP_DEFAULTS = {
  lease: { time: 3600, min: 120, max: 86_400, quarantine: 600 },
  authoritative: true,
  probe: true,
  rapidCommit: false,
  leasesPerPort: 16,
} as const;

/** Seconds; Infinity is allowed. */
export interface LeaseTimes {
  /** For clients that do not ask for a time. */
  readonly time: number;
  /** Bounds of what a client may ask for. */
  readonly min: number;
  readonly max: number;
  /** So long an address that somebody else was found to use is given to nobody. */
  readonly quarantine: number;
}

export interface DhcpSubnet {
  /** Host bits 0. */
  readonly network: number;
  /** 1 to 30. */
  readonly prefix: number;
  /** In the order in which addresses are given. Empty: only hosts have an address. */
  readonly ranges: readonly AddressRange[];
  /** In ranges, and yet not to be given: routers and the server itself need not be named. */
  readonly excluded: readonly number[];
  readonly options: DhcpOptions;
}

export interface AddressRange {
  readonly first: number;
  /** Included. */
  readonly last: number;
}

/** A guest that is known; it is one if all of `mac`, `clientId` and `port` that are there match. */
export interface DhcpHost {
  readonly mac?: string;
  /** Content of option 61, type included, in hexadecimal digits. */
  readonly clientId?: string;
  /** Port of the switch that it is plugged into. */
  readonly port?: string;
  /** Its fixed address; undefined: any of a range. */
  readonly address?: number;
  /** Seconds, for leases of this host. */
  readonly leaseTime?: number;
  readonly options?: DhcpOptions;
}

/** Clients of a kind; they are if all that is there matches. */
export interface DhcpClass {
  /** Beginning of option 60: `PXEClient`. */
  readonly vendorClass?: string;
  /** One of option 77: `iPXE`. */
  readonly userClass?: string;
  /** Option 93, of which one has to be here: 0 = BIOS, 7 = UEFI x64, 11 = UEFI arm64, 16 = UEFI x64 by HTTP. */
  readonly architectures?: readonly number[];
  readonly options: DhcpOptions;
}

/** What clients are told; those of a class go before a subnet's, those of a host before both. */
export interface DhcpOptions {
  readonly routers?: readonly number[];
  readonly dns?: readonly number[];
  readonly ntp?: readonly number[];
  readonly domain?: string;
  readonly search?: readonly string[];
  /** In place of what the port has. */
  readonly mtu?: number;
  /** Classless routes. A default route by the first router is added: clients that know these ignore `routers`. */
  readonly routes?: readonly DhcpRoute[];
  /** The name that the client shall have. */
  readonly hostName?: string;
  /** Where the boot file is: `siaddr`. */
  readonly nextServer?: number;
  readonly serverName?: string;
  readonly bootFile?: string;
  /** Content of option 43. */
  readonly vendor?: Uint8Array;
  readonly others?: readonly DhcpOption[];
}

/** An option by its number, none of PROTOCOL_OPTIONS, in place of anything that the server would say there. */
export interface DhcpOption {
  readonly code: number;
  readonly value: Uint8Array;
  /** Whether clients that did not ask for it get it, too. */
  readonly always?: boolean;
}
