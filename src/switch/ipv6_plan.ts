// What the configuration says of a network's IPv6, in the words of its advertisements and its DHCPv6 server.

import { leadsOut } from '../config/network_places.ts';
import type { Dhcp6Config } from '../config/network_shape.ts';
import { type Network, ROUTER_ADDRESS } from '../config/networks.ts';
import { parseAddressRange6, parseHostAddress6, parseSubnet6 } from '../config/subnet.ts';
import type { Host6 } from '../protocol/dhcp6/hosts.ts';
import type { Dhcp6Settings, Link6 } from '../protocol/dhcp6/outcome.ts';
import { Pool6 } from '../protocol/dhcp6/pool.ts';
import { type Advertised, LIFETIMES } from '../protocol/router/advertiser.ts';
import { type IpBytes, parseIp } from '../wire/ip_address.ts';
import type { IpPrefix } from '../wire/ip_prefix.ts';
import type { Mac } from '../wire/mac.ts';

/** Seconds that an address is given to nobody which somebody else was found to use. */
const QUARANTINE = 600;

export interface Ipv6Plan {
  readonly network: string;
  readonly bridge: string;
  readonly subnet: IpPrefix;
  readonly gateway: IpBytes;
  /** Of its interface. */
  readonly mac: Mac;
  readonly dhcp: Dhcp6Config | undefined;
  /** Undefined: no advertisements. */
  readonly advertised: Advertised | undefined;
  /** Undefined: no DHCPv6. */
  readonly settings: Dhcp6Settings | undefined;
}

export interface Ipv6Surroundings {
  /** Of the gateway's interface. */
  readonly mac: Mac;
  /** Whom guests ask for names, unless the configuration names others. */
  readonly resolvers: readonly IpBytes[];
  readonly domain: string | undefined;
  /** Whether the host has a way out for IPv6. */
  readonly hasWayOut: boolean;
}

/** Undefined: the network has no IPv6. */
export function ipv6Plan(network: Network, surroundings: Ipv6Surroundings): Ipv6Plan | undefined {
  const { name, bridge, ipv6, mode, dhcp: dhcp4 } = network;
  if (ipv6 === undefined) return undefined;
  const { subnet, gateway, advertises, dhcp } = ipv6;
  const { mac, hasWayOut, domain } = surroundings;
  const source = parseIp(ROUTER_ADDRESS) as IpBytes;
  const resolvers = dhcp?.dns === undefined ? surroundings.resolvers : addresses6(dhcp.dns);
  const own = dhcp4?.domain ?? domain;
  const search = dhcp4?.search.length ? dhcp4.search : own === undefined ? [] : [own];
  const range = parseAddressRange6(dhcp?.range ?? '');
  const delegated = parseSubnet6(dhcp?.delegate?.from ?? '');
  const advertised: Advertised = {
    mac,
    source,
    ...LIFETIMES,
    routerLifetime: leadsOut(mode) && hasWayOut ? LIFETIMES.routerLifetime : 0,
    managed: range !== undefined || Object.keys(dhcp?.hosts ?? {}).length > 0,
    other: dhcp !== undefined,
    prefixes: [subnet],
    autonomous: range === undefined,
    resolvers,
    search,
  };
  const settings = dhcp && {
    mac,
    source,
    subnet,
    gateway,
    addresses: range && Pool6.ofRange(range.first, range.last),
    prefixes: delegated && Pool6.ofPrefix(delegated, dhcp.delegate?.length ?? delegated.bits),
    leaseTime: dhcp.lease_time,
    quarantine: QUARANTINE,
    leasesPerPort: dhcp.leases_per_port,
    hosts: hosts6(dhcp),
    relayPorts: dhcp.relay?.ports ?? [],
    relayed: links6(dhcp),
    resolvers,
    search,
  };
  return {
    network: name,
    bridge,
    subnet,
    gateway,
    mac,
    dhcp,
    advertised: advertises ? advertised : undefined,
    settings,
  };
}

function hosts6({ hosts }: Dhcp6Config): Host6[] {
  return Object.entries(hosts).map(([name, { mac, duid, port, address }]) => ({
    name,
    mac,
    duid: duid?.replaceAll(':', '').toLowerCase(),
    port,
    address: parseHostAddress6(address) as IpBytes,
  }));
}

/** Behind relay agents. The gateway's DNS server has no way back there. */
function links6({ relay, dns = [] }: Dhcp6Config): Link6[] {
  return Object.entries(relay?.subnets ?? {}).map(([prefix, { range }]) => {
    const given = parseAddressRange6(range ?? '');
    return {
      subnet: parseSubnet6(prefix) as IpPrefix,
      addresses: given && Pool6.ofRange(given.first, given.last),
      resolvers: addresses6(dns),
    };
  });
}

function addresses6(texts: readonly string[]): IpBytes[] {
  return texts.flatMap((text) => parseHostAddress6(text) ?? []);
}
