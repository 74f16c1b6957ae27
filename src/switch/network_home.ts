// What the networks of a switch have in common, and what they know of it.

import type { StoredLeases } from '../api.ts';
import type { Network } from '../config/networks.ts';
import type { Device } from '../device/device.ts';
import type { PortMtus } from '../device/mtus.ts';
import type { EventFact } from '../event.ts';
import type { DnsRoom } from '../protocol/dns/limits.ts';
import type { Host } from '../protocol/host.ts';
import type { OwnedAddresses } from '../table/owned_addresses.ts';
import type { IpBytes } from '../wire/ip_address.ts';
import type { Leased } from './guard_service.ts';
import type { InterfaceLeases } from './interface_leases.ts';
import type { LearnedAddresses } from './learned_addresses.ts';
import type { World } from './world.ts';

/** What the switch knows, by name. */
export interface NetworkFacts {
  readonly devices: ReadonlyMap<string, Device>;
  readonly mtus: Pick<PortMtus, 'get'>;
  readonly store: StoredLeases;
  readonly interfaceLeases: Pick<InterfaceLeases, 'hasAddress' | 'resolversOf'>;
  readonly learned: Pick<LearnedAddresses, 'hasWayOut' | 'resolversOf'>;
  /** Where the addresses of a network are kept for the data plane; undefined: the bridge is not in force yet. */
  ownedBy(bridge: string, vlan: number): OwnedAddresses | undefined;
  /** For guards of ports: a network gave an address, or takes it back. `key` names both. */
  leased(key: string, lease: Leased | undefined): void;
  /** Empty: no network gets out. */
  readonly stateDirectory: string;
}

export interface NetworkHome {
  readonly host: Host;
  readonly facts: NetworkFacts;
  readonly world: World;
  readonly dnsRoom: DnsRoom;
  tell(fact: EventFact): void;
  /** ms, monotonic, in the clock of whoever polls. */
  now(): number;
  /** The deadline has moved. */
  wait(): void;
  /** Whether frames for all behind a port have to go to all of the network: that of a tunnel. */
  isTunnel(port: string): boolean;
  /** Of all networks: nobody asks itself, or in a ring. */
  gateways(): ReadonlySet<string>;
  /** What keeps the host's guests in, and by which interface they get out. */
  problemsOf(network: Network): readonly string[];
  uplinkOf(network: Network): string | undefined;
  hasWayOut6(network: Network): boolean;
  /** What a DHCP server behind its uplink told, and a router. */
  resolversOf(network: Network): readonly number[];
  resolvers6Of(network: Network): readonly IpBytes[];
  /** The least of a network's ports. */
  mtuOf(network: Network): number | undefined;
}
