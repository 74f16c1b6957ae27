// The networks of bridges: the rules that span several keys, and what follows from them.

import { PROTOCOL_OPTIONS } from '../wire/dhcp4/codes.ts';
import type { Problem } from './config_error.ts';
import { checkHostKeys } from './dhcp_hosts.ts';
import type { Doubts } from './doubts.ts';
import { DHCP_DEFAULTS, type DhcpConfig, type NetworkConfig, type NetworkMode } from './network_shape.ts';
import { parsePublished, targetOf } from './published.ts';
import { checkRelay, type RelayedSubnet, relayedSubnets } from './relay.ts';
import type { BridgeConfig, SwitchConfig } from './shape.ts';
import {
  type AddressRange,
  broadcastOf,
  formatAddress,
  formatSubnet,
  isHostOf,
  overlaps,
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

/** A network that has a subnet, with what the configuration leaves open decided. */
export interface Network {
  bridge: string;
  mode: Exclude<NetworkMode, 'bridged'>;
  subnet: Subnet;
  /** Of the bridge's own interface; in an isolated network nobody's, and the DHCP server's name. */
  gateway: number;
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
  /** What guests leave as; undefined: the uplink's address. */
  as?: number;
}

/** Undefined: the bridge has none, or its addresses come from elsewhere. */
export function networkOf(bridge: string, config: NetworkConfig | undefined): Network | undefined {
  if (config === undefined || config.mode === 'bridged' || config.subnet === undefined) return undefined;
  const subnet = parseSubnet(config.subnet) as Subnet;
  const gateway = numberOf(config.gateway) ?? subnet.network + 1;
  const dhcp = config.dhcp === true ? DHCP_DEFAULTS : config.dhcp || undefined;
  const range = parseAddressRange(dhcp?.range ?? '');
  const hosts = Object.entries(dhcp?.hosts ?? {}).flatMap(([name, { address }]) => {
    const number = numberOf(address);
    return number === undefined ? [] : [[name, number] as const];
  });
  return {
    bridge,
    mode: config.mode,
    subnet,
    gateway,
    dhcp,
    dns: dnsOf(bridge, config, dhcp?.domain),
    range: range ?? { first: subnet.network + 1, last: broadcastOf(subnet) - 1 },
    relayed: relayedSubnets(dhcp?.relay),
    hosts: new Map(hosts),
    publish: config.publish,
    as: numberOf(config.as),
  };
}

function dnsOf(bridge: string, { mode, dns }: NetworkConfig, dhcpDomain?: string): NetworkDns | undefined {
  if (!hasHost(mode) || dns === false) return undefined;
  const { domain, forward = leadsOut(mode) } = typeof dns === 'object' ? dns : {};
  const isList = typeof forward === 'object';
  return {
    domain: domain ?? dhcpDomain ?? `${labelOf(bridge)}.internal`,
    forward: isList ? forward : forward ? 'host' : 'nobody',
  };
}

/** What can be a label of a domain of the bridge's name, which may have any letter. */
function labelOf(bridge: string): string {
  const label = bridge.toLowerCase().replace(/[^a-z0-9-]/g, '-');
  return label.replace(/^-+|-+$/g, '') || 'bridge';
}

/** Whether the host is in the network. */
export function hasHost(mode: NetworkMode): boolean {
  return mode === 'host-only' || mode === 'nat' || mode === 'routed';
}

/** Whether there is a way out of it, by the gateway. */
export function leadsOut(mode: NetworkMode): boolean {
  return mode === 'nat' || mode === 'routed';
}

const numberOf = (address: string | undefined) =>
  address === undefined ? undefined : parseHostAddress(address);

export function checkNetworks(config: SwitchConfig, problems: Problem[]): void {
  checkPublished(config, problems);
  const { bridges } = config;
  const known: Network[] = [];
  for (const [name, bridge] of Object.entries(bridges)) {
    const network = networkOf(name, bridge.network);
    if (network === undefined) continue;
    const other = known.find(
      (one) =>
        hasHost(one.mode) &&
        hasHost(network.mode) &&
        overlaps(one.subnet, network.subnet) &&
        namespaceOf(bridges[one.bridge]) === namespaceOf(bridge),
    );
    known.push(network);
    if (other !== undefined)
      problems.push({
        path: ['bridges', name, 'network', 'subnet'],
        message: `the host would not know where to send: bridge ${other.bridge} has ${formatSubnet(other.subnet)}`,
      });
  }
}

/** Ports of the host lead to one guest. */
function checkPublished({ bridges }: SwitchConfig, problems: Problem[]): void {
  const owners = new Map<string, string>();
  for (const [name, { network }] of Object.entries(bridges)) {
    for (const [index, text] of (network?.publish ?? []).entries()) {
      const one = parsePublished(text);
      if (one === undefined) continue;
      const ports = Array.from(
        { length: one.last - one.first + 1 },
        (_, n) => `${one.protocol}/${one.first + n}`,
      );
      const taken = ports.find((port) => owners.has(port));
      if (taken !== undefined)
        problems.push({
          path: ['bridges', name, 'network', 'publish', index],
          message: `bridge ${owners.get(taken)} publishes ${taken} already`,
        });
      for (const port of ports) owners.set(port, name);
    }
  }
}

const namespaceOf = ({ local }: BridgeConfig) => (local === false ? undefined : local.netns);

export function checkNetwork(name: string, bridge: BridgeConfig, doubts: Doubts, problems: Problem[]): void {
  const config = bridge.network;
  if (config === undefined) return;
  const report = (path: (string | number)[], message: string) =>
    problems.push({ path: ['bridges', name, 'network', ...path], message });
  if (bridge.vlan_filtering && !doubts.filtering(name))
    report([], `bridge ${name} filters VLANs, and a network is one VLAN: give it a bridge of its own`);
  if (config.mode === 'bridged') {
    for (const key of ['subnet', 'gateway'] as const)
      if (config[key] !== undefined)
        report([key], 'a bridged network has the addresses of the LAN behind its uplink');
    if (typeof config.dhcp === 'object') report(['dhcp'], 'in a bridged network the LAN gives addresses');
  } else if (config.subnet === undefined) report(['subnet'], `missing: mode ${config.mode} needs one`);
  if (hasHost(config.mode) && bridge.local === false)
    report(
      ['mode'],
      `${config.mode} has the host in it, by the bridge's own interface: set local to {}, or mode to isolated`,
    );
  if (config.mode === 'isolated' && bridge.local !== false)
    report(
      ['mode'],
      `an isolated network has no host in it: set local of ${name} to false, or mode to host-only`,
    );
  if (config.as !== undefined && config.mode !== 'nat')
    report(['as'], `guests leave as another address in mode nat only, not in mode ${config.mode}`);
  if (leadsOut(config.mode) && bridge.local !== false && bridge.local.netns !== undefined)
    report(
      ['mode'],
      `the way out is in the network namespace of taploomd, and ${name} is in ${bridge.local.netns}`,
    );
  if (config.publish.length > 0 && config.mode !== 'nat')
    report(
      ['publish'],
      `only a network in mode nat hides its hosts; in mode ${config.mode} there is nothing to publish`,
    );
  if (config.dns) checkDns(name, bridge, config.mode, report);
  const network = networkOf(name, config);
  if (network !== undefined) checkAddresses(config, network, bridge, doubts.ports(name), report);
}

function checkDns(name: string, { local }: BridgeConfig, mode: NetworkMode, report: Report): void {
  if (mode === 'bridged') report(['dns'], 'in a bridged network the LAN has a DNS server');
  else if (!hasHost(mode))
    report(['dns'], `the host answers, and is not in a network in mode ${mode}: take host-only`);
  else if (local !== false && local.netns !== undefined)
    report(
      ['dns'],
      `the DNS server is in the network namespace of taploomd, and ${name} is in ${local.netns}`,
    );
}

type Report = (path: (string | number)[], message: string) => void;

function checkAddresses(
  config: NetworkConfig,
  network: Network,
  bridge: BridgeConfig,
  doubtful: ReadonlySet<string>,
  report: Report,
): void {
  const { subnet, gateway, range, dhcp, hosts, relayed } = network;
  const isIn = (address: number) => isHostOf(subnet, address);
  const outside = `is not a host's address in ${config.subnet}`;
  const forward = typeof network.dns?.forward === 'object' ? network.dns.forward : [];
  const itself = forward.indexOf(formatAddress(gateway));
  if (itself >= 0)
    report(['dns', 'forward', itself], `${forward[itself]} is the gateway itself: it cannot ask itself`);
  if (!isIn(gateway)) report(['gateway'], `${config.gateway} ${outside}`);
  if (!isIn(range.first) || !isIn(range.last))
    report(['dhcp', 'range'], `${dhcp?.range} leaves ${config.subnet}`);
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
