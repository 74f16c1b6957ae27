// The networks of bridges: the rules that span several keys.

import { PROTOCOL_OPTIONS } from '../wire/dhcp4/codes.ts';
import { ipFamily, parseIp } from '../wire/ip_address.ts';
import { formatPrefix, type IpPrefix, prefixContains } from '../wire/ip_prefix.ts';
import type { Problem } from './config_error.ts';
import { checkHostKeys } from './dhcp_hosts.ts';
import { checkLinks6 } from './dhcp6_links.ts';
import type { Doubts } from './doubts.ts';
import {
  hasHost,
  hostInterface,
  leadsOut,
  type NetworkPlace,
  networkPlaces,
  uplinkPort,
} from './network_places.ts';
import type { NetworkMode } from './network_shape.ts';
import { checkUplink } from './network_uplink.ts';
import { listOf, type Network, type Network6, networkOf } from './networks.ts';
import type { Path } from './path.ts';
import { parsePublished, targetOf } from './published.ts';
import { checkRelay } from './relay.ts';
import type { BridgeConfig, SwitchConfig } from './shape.ts';
import {
  formatAddress,
  formatSubnet,
  isHostOf,
  overlaps,
  parseAddressRange6,
  parseSubnet,
  parseSubnet6,
} from './subnet.ts';
import { carriesVlan } from './vlan_set.ts';

export function checkNetworks(config: SwitchConfig, problems: Problem[]): void {
  checkPublished(config, problems);
  checkUplinks(config, problems);
  const known: Network[] = [];
  for (const [name, bridge] of Object.entries(config.bridges)) {
    for (const place of networkPlaces(name, bridge)) {
      const network = networkOf(place, bridge);
      if (network?.interface === undefined) continue;
      for (const other of known.filter((one) => one.interface?.netns === network.interface?.netns)) {
        const taken = commonSubnet(other, network);
        if (taken === undefined) continue;
        const whose = `${other.vlan === 0 ? 'bridge' : 'network'} ${other.name}`;
        const message = `the host would not know where to send: ${whose} has ${taken}`;
        problems.push({ path: [...place.path, 'subnet'], message });
        break;
      }
      known.push(network);
    }
  }
}

/** Networks whose way out is a port. */
function checkUplinks(config: SwitchConfig, problems: Problem[]): void {
  for (const [name, bridge] of Object.entries(config.bridges))
    for (const place of networkPlaces(name, bridge))
      checkUplink(place, config, (path, message) =>
        problems.push({ path: [...place.path, ...path], message }),
      );
}

/** What both have, as `one` has it. */
function commonSubnet(one: Network, other: Network): string | undefined {
  if (overlaps(one.subnet, other.subnet)) return formatSubnet(one.subnet);
  const [mine, theirs] = [one.ipv6?.subnet, other.ipv6?.subnet];
  if (mine === undefined || theirs === undefined || !prefixContains(mine, theirs.address)) return undefined;
  return formatPrefix(mine);
}

/** Ports of the host lead to one guest. */
function checkPublished({ bridges }: SwitchConfig, problems: Problem[]): void {
  const owners = new Map<string, string>();
  const places = Object.entries(bridges).flatMap(([name, bridge]) => networkPlaces(name, bridge));
  for (const { name, vlan, config, path } of places) {
    for (const [index, text] of config.publish.entries()) {
      const one = parsePublished(text);
      if (one === undefined) continue;
      const ports = Array.from(
        { length: one.last - one.first + 1 },
        (_, n) => `${one.protocol}/${one.first + n}`,
      );
      const via = uplinkPort(config) ?? 'host';
      const taken = ports.find((port) => owners.has(`${via} ${port}`));
      if (taken !== undefined)
        problems.push({
          path: [...path, 'publish', index],
          message: `${owners.get(`${via} ${taken}`)} publishes ${taken} already`,
        });
      for (const port of ports) owners.set(`${via} ${port}`, `${vlan === 0 ? 'bridge' : 'network'} ${name}`);
    }
  }
}

export function checkNetwork(name: string, bridge: BridgeConfig, doubts: Doubts, problems: Problem[]): void {
  const report = (path: Path, message: string) => problems.push({ path, message });
  if (bridge.vlan_filtering && bridge.network !== undefined && !doubts.filtering(name))
    report(
      ['bridges', name, 'network'],
      `bridge ${name} filters VLANs, and a network is one VLAN: write it under that, as in vlans: { 10: { network: ... } }`,
    );
  for (const place of networkPlaces(name, bridge))
    checkPlace(place, bridge, doubts.ports(name), (path, message) =>
      report([...place.path, ...path], message),
    );
}

type Report = (path: Path, message: string) => void;

function checkPlace(
  place: NetworkPlace,
  bridge: BridgeConfig,
  doubtful: ReadonlySet<string>,
  report: Report,
): void {
  const { config } = place;
  const { mode } = config;
  if (mode === 'bridged') {
    for (const key of ['subnet', 'gateway'] as const)
      if (config[key] !== undefined)
        report([key], 'a bridged network has the addresses of the LAN behind its uplink');
    for (const key of ['dhcp', 'dhcp6'] as const)
      if (typeof config[key] === 'object') report([key], 'in a bridged network the LAN gives addresses');
  } else checkSubnets(config, report);
  checkInterface(place, bridge, doubtful, report);
  if (config.as !== undefined && mode !== 'nat')
    report(['as'], `guests leave as another address in mode nat only, not in mode ${mode}`);
  if (config.publish.length > 0 && mode !== 'nat')
    report(
      ['publish'],
      `only a network in mode nat hides its hosts; in mode ${mode} there is nothing to publish`,
    );
  const network = networkOf(place, bridge);
  if (network === undefined) return;
  checkAddresses(place, network, bridge, doubtful, report);
  const hasPort = (port: string) => Object.hasOwn(bridge.ports, port) || doubtful.has(port);
  if (network.ipv6 !== undefined) checkIpv6(network.ipv6, hasPort, report);
  else if (typeof config.dhcp6 === 'object')
    report(['dhcp6'], 'the network has no IPv6: add such a subnet, as in subnet: [10.0.0.0/24, fd00:1::/64]');
}

function checkSubnets({ mode, subnet, gateway }: NetworkPlace['config'], report: Report): void {
  const subnets = listOf(subnet);
  if (subnets.length === 0) report(['subnet'], `missing: mode ${mode} needs one`);
  else if (!subnets.some((text) => parseSubnet(text) !== undefined))
    report(['subnet'], 'IPv6 goes beside IPv4: add such a subnet, as in [10.0.0.0/24, fd00:1::/64]');
  else if (subnets.length > 1 && subnets.every((text) => parseSubnet(text) !== undefined))
    report(['subnet', 1], 'a network has one subnet of IPv4, and perhaps one of IPv6');
  const families = listOf(gateway).map((text) => ipFamily(parseIp(text) ?? new Uint8Array(4)));
  if (families.length > 1 && families[0] === families[1])
    report(['gateway', 1], 'a network has one gateway of each IP version');
}

/** The host is in the network, or not, as its mode says. */
function checkInterface(
  place: NetworkPlace,
  bridge: BridgeConfig,
  doubtful: ReadonlySet<string>,
  report: Report,
) {
  const { bridge: name, vlan, config } = place;
  const { mode, dns } = config;
  if (uplinkPort(config) !== undefined) return;
  const found = hostInterface(place, bridge);
  const own = `${name}.${vlan}`;
  if (hasHost(mode) && found === undefined && !doubtful.has(own))
    report(
      ['mode'],
      vlan === 0
        ? `${mode} has the host in it, by the bridge's own interface: set local to {}, or mode to isolated`
        : `${mode} has the host in it, by an interface in VLAN ${vlan} alone: add ports: { ${own}: { type: tap, vlan: { access: ${vlan} } } }`,
    );
  if (mode === 'isolated' && isHostIn(place, bridge))
    report(
      ['mode'],
      vlan === 0
        ? `an isolated network has no host in it: set local of ${name} to false, or mode to host-only`
        : `an isolated network has no host in it: take the interface of ${name} out of VLAN ${vlan}, or set mode to host-only`,
    );
  if (leadsOut(mode) && found?.netns !== undefined)
    report(
      ['mode'],
      `the way out is in the network namespace of taploomd, and ${found.name} is in ${found.netns}`,
    );
  if (dns) checkDns(mode, found, report);
}

function isHostIn({ bridge: name, vlan }: NetworkPlace, { local, ports }: BridgeConfig): boolean {
  if (local !== false && (vlan === 0 || carriesVlan(local.vlan, vlan))) return true;
  return (
    vlan !== 0 && hostInterface({ bridge: name, vlan }, { local: false, ports } as BridgeConfig) !== undefined
  );
}

function checkDns(mode: NetworkMode, found: ReturnType<typeof hostInterface>, report: Report): void {
  if (mode === 'bridged') report(['dns'], 'in a bridged network the LAN has a DNS server');
  else if (!hasHost(mode))
    report(['dns'], `the host answers, and is not in a network in mode ${mode}: take host-only`);
  else if (found?.netns !== undefined)
    report(
      ['dns'],
      `the DNS server is in the network namespace of taploomd, and ${found.name} is in ${found.netns}`,
    );
}

function checkIpv6(
  { subnet, gateway, dhcp, advertises }: Network6,
  hasPort: (name: string) => boolean,
  report: Report,
): void {
  const text = formatPrefix(subnet);
  if (!prefixContains(subnet, gateway)) report(['gateway'], `the IPv6 gateway is not in ${text}`);
  if (dhcp?.delegate !== undefined) checkDelegation(dhcp.delegate, subnet, report);
  if (dhcp !== undefined)
    checkLinks6(dhcp, subnet, gateway, hasPort, (path, message) => report(['dhcp6', ...path], message));
  const range = parseAddressRange6(dhcp?.range ?? '');
  if (range !== undefined && !prefixContains(subnet, range.first))
    report(['dhcp6', 'range'], `${dhcp?.range} leaves ${text}`);
  const key = range === undefined ? 'hosts' : 'range';
  if (!advertises && (range !== undefined || Object.keys(dhcp?.hosts ?? {}).length > 0))
    report(
      ['ra'],
      `guests ask for addresses by DHCPv6 because a router advertisement says so: remove ra, or dhcp6.${key}`,
    );
}

/** Most bits that a prefix that is delegated has more than the one that it is from. */
const MOST_BITS = 16;

function checkDelegation(
  { from, length }: NonNullable<NonNullable<Network6['dhcp']>['delegate']>,
  subnet: IpPrefix,
  report: Report,
): void {
  const prefix = parseSubnet6(from);
  if (prefix === undefined) return;
  if (length < prefix.bits || length > prefix.bits + MOST_BITS)
    report(
      ['dhcp6', 'delegate', 'length'],
      `from ${from} prefixes of ${prefix.bits} to ${Math.min(64, prefix.bits + MOST_BITS)} bits can be given`,
    );
  if (prefixContains(prefix, subnet.address) || prefixContains(subnet, prefix.address))
    report(
      ['dhcp6', 'delegate', 'from'],
      `${from} has ${formatPrefix(subnet)} in it, which is the network's own`,
    );
}

function checkAddresses(
  { config }: NetworkPlace,
  network: Network,
  bridge: BridgeConfig,
  doubtful: ReadonlySet<string>,
  report: Report,
): void {
  const { subnet, gateway, range, dhcp, hosts, relayed } = network;
  const isIn = (address: number) => isHostOf(subnet, address);
  const outside = `is not a host's address in ${formatSubnet(subnet)}`;
  const forward = typeof network.dns?.forward === 'object' ? network.dns.forward : [];
  const itself = forward.indexOf(formatAddress(gateway));
  if (itself >= 0)
    report(['dns', 'forward', itself], `${forward[itself]} is the gateway itself: it cannot ask itself`);
  if (!isIn(gateway)) report(['gateway'], `${formatAddress(gateway)} ${outside}`);
  if (!isIn(range.first) || !isIn(range.last))
    report(['dhcp', 'range'], `${dhcp?.range} leaves ${formatSubnet(subnet)}`);
  for (const code of Object.keys(dhcp?.options ?? {}))
    if (PROTOCOL_OPTIONS.includes(Number(code)))
      report(['dhcp', 'options', code], 'this option is part of the protocol: the server says it by itself');
  const hasPort = (port: string) => Object.hasOwn(bridge.ports, port) || doubtful.has(port);
  checkRelay(dhcp?.relay, subnet, hasPort, (path, message) => report(['dhcp', 'relay', ...path], message));
  checkHostKeys(dhcp?.hosts ?? {}, (path, message) => report(['dhcp', 'hosts', ...path], message));
  const owners = new Map<number, string>([
    [gateway, 'the gateway'],
    ...relayed.map((one) => [one.gateway, `the gateway of ${one.text}`] as const),
  ]);
  for (const [host, { port }] of Object.entries(dhcp?.hosts ?? {})) {
    const path = ['dhcp', 'hosts', host];
    if (port !== undefined && !hasPort(port))
      report([...path, 'port'], `bridge ${network.bridge} has no port ${port}`);
    const address = hosts.get(host);
    if (address === undefined) continue;
    const owner = owners.get(address);
    if (!isIn(address) && !relayed.some((one) => isHostOf(one.subnet, address)))
      report([...path, 'address'], `${dhcp?.hosts[host].address} ${outside}`);
    else if (owner !== undefined)
      report([...path, 'address'], `${dhcp?.hosts[host].address} belongs to ${owner}`);
    owners.set(address, `host ${host}`);
  }
  for (const [index, one] of config.publish.entries()) {
    const published = parsePublished(one);
    const target = published && targetOf(published, hosts);
    if (published === undefined) continue;
    if (target === undefined)
      report(['publish', index], `${published.to} is neither an address nor a host of dhcp.hosts with one`);
    else if (!isIn(target)) report(['publish', index], `${published.to} ${outside}`);
  }
}
