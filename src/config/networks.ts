// A network of guests, with what the configuration leaves open decided.

import { type IpBytes, ipFamily, parseIp } from '../wire/ip_address.ts';
import { type IpPrefix, parseExactPrefix } from '../wire/ip_prefix.ts';
import type { Mac } from '../wire/mac.ts';
import {
  type HostInterface,
  hasHost,
  hostInterface,
  leadsOut,
  type NetworkPlace,
  networkPlaces,
  uplinkPort,
} from './network_places.ts';
import {
  DHCP_DEFAULTS,
  DHCP6_DEFAULTS,
  type Dhcp6Config,
  type DhcpConfig,
  type NetworkConfig,
  type NetworkMode,
} from './network_shape.ts';
import { type RelayedSubnet, relayedSubnets } from './relay.ts';
import type { BridgeConfig } from './shape.ts';
import {
  type AddressRange,
  broadcastOf,
  parseAddressRange,
  parseHostAddress,
  parseSubnet,
  type Subnet,
} from './subnet.ts';

/** The DNS server of a network's guests. */
export interface NetworkDns {
  /** In which guests have their names. */
  domain: string;
  /** Who is asked for other names: the host's resolvers, those in the list, nobody. */
  forward: 'host' | 'nobody' | readonly string[];
}

/** A network that has a subnet. */
export interface Network extends Pick<NetworkPlace, 'name' | 'bridge' | 'vlan'> {
  mode: Exclude<NetworkMode, 'bridged'>;
  /** Of the host in it; undefined in an isolated network. */
  interface?: HostInterface;
  subnet: Subnet;
  /** Of that interface; in an isolated network nobody's, and the DHCP server's name. */
  gateway: number;
  /** The interface of a router in it. Where the host is no way out, it is. */
  router?: { address: number; mac: Mac };
  /** Undefined: guests have link-local addresses alone. */
  ipv6?: Network6;
  /** Undefined: nobody gives addresses. */
  dhcp?: DhcpConfig;
  /** Undefined: nobody answers, as in a network without the host. */
  dns?: NetworkDns;
  /** From which addresses are given. */
  range: AddressRange;
  /** Other subnets, whose guests come by relay agents. */
  relayed: readonly RelayedSubnet[];
  /** Addresses of hosts that have a fixed one, by name. */
  hosts: ReadonlyMap<string, number>;
  publish: readonly string[];
  /** The port by which guests get out; undefined: by the host, or not at all. */
  uplink?: string;
  /** IPv6 of that uplink, if the configuration fixes it; else routers behind it tell. */
  fixed6?: FixedUplink;
  /** What guests leave as; undefined: the uplink's address. */
  as?: number;
}

/** Of one IP version: the address on the LAN, with the bits of its subnet, and the next router there. */
export interface FixedUplink {
  address: string;
  gateway: string;
}

/** IPv6 of a network. */
export interface Network6 {
  /** Of 64 bits. */
  subnet: IpPrefix;
  gateway: IpBytes;
  /** Whether guests are told so by router advertisements. */
  advertises: boolean;
  /** Undefined: no DHCPv6. */
  dhcp?: Dhcp6Config;
}

/** Of every gateway: guests keep their default route when the interface or the machine behind it is another one. */
export const ROUTER_ADDRESS = 'fe80::1';

export function networksOf(name: string, bridge: BridgeConfig): Network[] {
  return networkPlaces(name, bridge).flatMap((place) => networkOf(place, bridge) ?? []);
}

/** Undefined: its addresses come from elsewhere. */
export function networkOf(place: NetworkPlace, bridge: BridgeConfig): Network | undefined {
  const { config, name, vlan } = place;
  const subnet = listOf(config.subnet).map(parseSubnet).find(isThere);
  if (config.mode === 'bridged' || subnet === undefined) return undefined;
  const uplink = uplinkPort(config);
  const gateway = listOf(config.gateway).map(parseHostAddress).find(isThere) ?? subnet.network + 1;
  const dhcp = config.dhcp === true ? DHCP_DEFAULTS : config.dhcp || undefined;
  const range = parseAddressRange(dhcp?.range ?? '');
  const hosts = Object.entries(dhcp?.hosts ?? {}).flatMap(([host, { address }]) => {
    const number = numberOf(address);
    return number === undefined ? [] : [[host, number] as const];
  });
  return {
    name,
    bridge: place.bridge,
    vlan,
    mode: config.mode,
    interface: hasHost(config.mode) && uplink === undefined ? hostInterface(place, bridge) : undefined,
    subnet,
    gateway,
    ipv6: network6Of(config),
    dhcp,
    dns: uplink === undefined ? dnsOf(name, config, dhcp?.domain) : undefined,
    range: range ?? { first: subnet.network + 1, last: broadcastOf(subnet) - 1 },
    relayed: relayedSubnets(dhcp?.relay),
    hosts: new Map(hosts),
    publish: config.publish,
    uplink,
    fixed6: fixedUplink(config, 6),
    as: numberOf(config.as),
  };
}

function network6Of({ subnet, gateway, ra, dhcp6 }: NetworkConfig): Network6 | undefined {
  const prefix = listOf(subnet).map(parseExactPrefix).find(isOfIpv6);
  if (prefix === undefined) return undefined;
  const given = listOf(gateway)
    .map(parseIp)
    .find((one) => one !== undefined && ipFamily(one) === 6);
  return {
    subnet: prefix,
    gateway: given ?? prefix.address.map((byte, i) => (i === 15 ? 1 : byte)),
    advertises: ra,
    dhcp: dhcp6 === true ? DHCP6_DEFAULTS : dhcp6 || undefined,
  };
}

/** Undefined: it is not said. */
export function fixedUplink({ uplink }: NetworkConfig, family: 4 | 6): FixedUplink | undefined {
  if (typeof uplink !== 'object') return undefined;
  const isOf = (text: string) => text.includes(':') === (family === 6);
  const address = listOf(uplink.address).find(isOf);
  const gateway = listOf(uplink.gateway).find(isOf);
  return address === undefined || gateway === undefined ? undefined : { address, gateway };
}

function isOfIpv6(prefix: IpPrefix | undefined): prefix is IpPrefix {
  return prefix !== undefined && ipFamily(prefix.address) === 6;
}

function dnsOf(network: string, { mode, dns }: NetworkConfig, dhcpDomain?: string): NetworkDns | undefined {
  if (!hasHost(mode) || dns === false) return undefined;
  const { domain, forward = leadsOut(mode) } = typeof dns === 'object' ? dns : {};
  const isList = typeof forward === 'object';
  return {
    domain: domain ?? dhcpDomain ?? `${labelOf(network)}.internal`,
    forward: isList ? forward : forward ? 'host' : 'nobody',
  };
}

/** What can be a label of a domain of the network's name, which may have any letter. */
function labelOf(network: string): string {
  const label = network.toLowerCase().replace(/[^a-z0-9-]/g, '-');
  return label.replace(/^-+|-+$/g, '') || 'bridge';
}

/** Of a key that is one text, or a list of them. */
export function listOf(value: string | readonly string[] | undefined): readonly string[] {
  return value === undefined ? [] : typeof value === 'string' ? [value] : value;
}

const numberOf = (address: string | undefined) =>
  address === undefined ? undefined : parseHostAddress(address);

const isThere = (number: unknown): boolean => number !== undefined;
