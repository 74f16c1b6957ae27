// What the configuration says of a network, in the words of its DHCP server.

import type { BootConfig } from '../config/boot_shape.ts';
import { leadsOut } from '../config/network_places.ts';
import { DHCP_DEFAULTS, type DhcpConfig } from '../config/network_shape.ts';
import type { Network } from '../config/networks.ts';
import { parseAddress, parseSubnet } from '../config/subnet.ts';
import type {
  DhcpClass,
  DhcpHost,
  DhcpOption,
  DhcpOptions,
  DhcpSettings,
} from '../protocol/dhcp/settings.ts';
import {
  ARCHITECTURES,
  type ArchitectureName,
  HTTP_CLIENT,
  IPXE,
  PXE_CLIENT,
} from '../wire/dhcp4/architectures.ts';
import { addresses } from '../wire/dhcp4/values.ts';
import type { Mac } from '../wire/mac.ts';

/** Seconds that an address is given to nobody which somebody else was found to use. */
const QUARANTINE = 600;
/** Shortest and longest time that a client may ask for, s. */
const MIN_LEASE = 60;

/** Whom guests ask for names, unless the configuration names others. */
export interface NameServers {
  readonly resolvers: readonly number[];
  readonly domain?: string;
}

/** Of a network that gives addresses. `mac`: of the bridge. */
export function dhcpSettings(network: Network, mac: Mac, servers: NameServers): DhcpSettings {
  const { subnet, gateway, range, dhcp = DHCP_DEFAULTS, hosts, mode, relayed, router } = network;
  const routers = router === undefined ? [] : [router.address];
  return {
    address: gateway,
    mac,
    subnets: [
      {
        network: subnet.network,
        prefix: subnet.prefix,
        ranges: [range],
        excluded: [gateway, ...routers],
        options: optionsOf(dhcp, leadsOut(mode) ? [gateway] : routers, servers),
      },
      // Neither the host nor its DNS server has a way back there.
      ...relayed.map((far) => ({
        ...far.subnet,
        ranges: [far.range],
        excluded: [far.gateway],
        options: optionsOf(dhcp, [far.gateway], { resolvers: [], domain: servers.domain }),
      })),
    ],
    hosts: Object.entries(dhcp.hosts).map(([name, host]) => ({
      ...known(host),
      address: hosts.get(name),
      options: { hostName: name },
    })),
    classes: classesOf(dhcp),
    lease: { time: dhcp.lease_time, min: MIN_LEASE, max: dhcp.lease_time, quarantine: QUARANTINE },
    authoritative: true,
    probe: true,
    rapidCommit: true,
    leasesPerPort: dhcp.leases_per_port,
    relayPorts: dhcp.relay?.ports ?? [],
  };
}

function known({ mac, client_id, port }: DhcpConfig['hosts'][string]): DhcpHost {
  return { mac, clientId: client_id?.replaceAll(':', '').toLowerCase(), port };
}

function optionsOf(dhcp: DhcpConfig, routers: readonly number[], servers: NameServers): DhcpOptions {
  return {
    routers,
    dns: dhcp.dns === undefined ? servers.resolvers : numbers(dhcp.dns),
    ntp: numbers(dhcp.ntp),
    domain: dhcp.domain ?? servers.domain,
    search: dhcp.search,
    routes: dhcp.routes.flatMap(({ to, via }) => {
      const [subnet, gateway] = [parseSubnet(to), parseAddress(via)];
      return subnet === undefined || gateway === undefined
        ? []
        : [{ to: subnet.network, prefix: subnet.prefix, via: gateway }];
    }),
    nextServer: dhcp.next_server === undefined ? undefined : parseAddress(dhcp.next_server),
    bootFile: dhcp.boot_file,
    others: Object.entries(dhcp.options).map(([code, value]) => optionOf(Number(code), value)),
  };
}

/** A file for each architecture; the one for iPXE, which may be on any, is the last, and wins. */
function classesOf({ boot, next_server }: DhcpConfig): DhcpClass[] {
  const { ipxe } = boot;
  const names = Object.keys(ARCHITECTURES) as ArchitectureName[];
  const told = (bootFile: string, server = next_server): DhcpOptions => ({
    bootFile,
    // Also if there is none: another class's server does not have this file.
    nextServer: server === undefined ? undefined : parseAddress(server),
  });
  return [
    ...names.flatMap((name) => classesOfArchitecture(ARCHITECTURES[name], boot[name], told)),
    ...(ipxe === undefined ? [] : [{ userClass: IPXE, options: told(ipxe.file, ipxe.server) }]),
  ];
}

function classesOfArchitecture(
  { tftp, http }: (typeof ARCHITECTURES)[ArchitectureName],
  { file, server, http: url }: NonNullable<BootConfig[ArchitectureName]> = {},
  told: (bootFile: string, server?: string) => DhcpOptions,
): DhcpClass[] {
  return [
    ...(file === undefined
      ? []
      : [{ vendorClass: PXE_CLIENT, architectures: tftp, options: told(file, server) }]),
    ...(url === undefined ? [] : [{ vendorClass: HTTP_CLIENT, architectures: http, options: told(url) }]),
  ];
}

const numbers = (list: readonly string[]) => list.flatMap((text) => parseAddress(text) ?? []);

/** By its number: who says one wants it to be told. */
function optionOf(code: number, value: string | readonly string[]): DhcpOption {
  if (typeof value !== 'string') return { code, value: addresses(numbers(value)), always: true };
  const bytes = /^0x/i.test(value) ? Buffer.from(value.slice(2), 'hex') : Buffer.from(value, 'utf8');
  return { code, value: Uint8Array.from(bytes), always: true };
}
