// Routers: the rules of their interfaces, which span several keys. Those of routes: router_routes.ts.

import { formatIp, type IpBytes, ipv4Number, parseIp } from '../wire/ip_address.ts';
import { formatPrefix, prefixContains } from '../wire/ip_prefix.ts';
import { MIN_MTU as IPV6_MIN_MTU } from '../wire/ipv6.ts';
import { checkAdvertise } from './advertise.ts';
import type { Problem } from './config_error.ts';
import type { Doubts } from './doubts.ts';
import { devicesIn } from './members.ts';
import { checkNat } from './nat.ts';
import { networksOf } from './networks.ts';
import { primaryOf, privateVlans } from './private_vlans.ts';
import { type InterfaceAddress, same } from './router_address.ts';
import { interfacesIn, isOnLink, type RouterInterface } from './router_interfaces.ts';
import { checkRoutes } from './router_routes.ts';
import type { RouterInterfaceConfig } from './router_shape.ts';
import type { BridgeConfig, SwitchConfig } from './shape.ts';
import { formatSubnet, overlaps } from './subnet.ts';

type Report = (path: (string | number)[], message: string) => void;

export function checkRouters(config: SwitchConfig, doubts: Doubts, problems: Problem[]): void {
  const domains = new Domains();
  const ports = portNames(config);
  for (const [name, router] of Object.entries(config.routers ?? {})) {
    const report: Report = (path, message) => problems.push({ path: ['routers', name, ...path], message });
    const interfaces = [...interfacesIn({ routers: { [name]: router } })];
    for (const one of interfaces) {
      const path = ['interfaces', one.name];
      const tell: Report = (keys, message) => report([...path, ...keys], message);
      const owner = ports.get(one.port);
      if (owner !== undefined) tell([], `${one.port} is the name of a port of bridge ${owner}`);
      checkInterface(one, tell);
      checkAdvertise(one, tell);
      const bridge = checkPlace(one, config, doubts, tell);
      if (bridge === undefined) continue;
      domains.enter(one, bridge, tell);
      checkNetwork(one, bridge, tell);
    }
    checkOverlaps(interfaces, report);
    checkRoutes(router, interfaces, report);
    checkNat(router, interfaces, report);
  }
}

function portNames({ bridges, routers = {} }: SwitchConfig): Map<string, string> {
  const names = new Map<string, string>();
  if (Object.keys(routers).length === 0) return names;
  for (const [name, bridge] of Object.entries(bridges)) {
    names.set(name, name);
    for (const [port] of devicesIn(bridge)) names.set(port, name);
  }
  return names;
}

/** What is said of an interface, for itself. */
function checkInterface({ config, addresses }: RouterInterface, report: Report): void {
  if (config.mac !== undefined && config.anycast)
    report(['mac'], 'with anycast: true the address follows from the names: leave one of the two out');
  if (config.slaac && config.anycast)
    report(['slaac'], 'with anycast: true every host would make the same address: leave one of the two out');
  if (config.dhcp && addresses.some(({ bytes }) => bytes.length === 4))
    report(['dhcp'], 'a DHCP server gives the IPv4 address: leave that in address out, or this key');
  const has6 = config.slaac || addresses.some(({ bytes }) => bytes.length === 16);
  if (has6 && config.mtu !== undefined && config.mtu < IPV6_MIN_MTU)
    report(['mtu'], `IPv6 needs ${IPV6_MIN_MTU} bytes (RFC 8200, 5): raise it, or leave IPv6 addresses out`);
  for (const [index, { bytes, text }] of addresses.entries())
    if (addresses.findIndex((other) => same(other.bytes, bytes)) < index)
      report(['address', index], `${text} is listed twice`);
  const local = addresses.filter(({ isLinkLocal }) => isLinkLocal);
  if (local.length > 1) report(['address'], 'an interface has one link-local address: leave the others out');
  for (const host of Object.keys(config.neighbours)) {
    const bytes = parseIp(host) as IpBytes;
    if (addresses.some((own) => same(own.bytes, bytes)))
      report(['neighbours', host], `${host} is the interface's own address`);
    else if (!isOnLink(addresses, bytes))
      report(['neighbours', host], `${host} is in no subnet of this interface`);
  }
}

/** Bridge and VLAN; undefined if they are wrong, or in doubt. */
function checkPlace(
  { config: { bridge: name, vlan } }: RouterInterface,
  { bridges }: SwitchConfig,
  doubts: Doubts,
  report: Report,
): BridgeConfig | undefined {
  if (!Object.hasOwn(bridges, name)) {
    if (!doubts.bridge(name)) report(['bridge'], `there is no bridge ${name}`);
    return undefined;
  }
  const bridge = bridges[name];
  if (doubts.filtering(name)) return undefined;
  if (bridge.vlan_filtering && vlan === undefined)
    report(['vlan'], `missing: bridge ${name} filters VLANs, so the interface needs one`);
  else if (!bridge.vlan_filtering && vlan !== undefined)
    report(
      ['vlan'],
      `bridge ${name} does not filter VLANs: set its vlan_filtering to true, or remove this key`,
    );
  else {
    const primary = primaryOf(privateVlans(bridge), vlan ?? 0);
    if (primary === (vlan ?? 0)) return bridge;
    report(['vlan'], `VLAN ${vlan} is a private one: a router stands in its primary VLAN, ${primary}`);
  }
  return undefined;
}

/** Interfaces by bridge and VLAN: what they share there. */
class Domains {
  private readonly owners = new Map<string, RouterInterface>();

  enter(one: RouterInterface, bridge: BridgeConfig, report: Report): void {
    const { router, config, addresses } = one;
    const place = `${config.bridge} ${config.vlan ?? 0}`;
    const claim = (what: string) => {
      const key = `${place} ${what}`;
      const other = this.owners.get(key);
      if (other === undefined) this.owners.set(key, one);
      return other;
    };
    const sibling = claim(router);
    if (sibling !== undefined)
      report(
        ['bridge'],
        `interface ${sibling.name} of this router is ${whereOf(config)} already: give it the addresses, too`,
      );
    for (const [index, { bytes, text }] of addresses.entries()) {
      const other = claim(formatIp(bytes));
      // Of one interface it is listed twice, of one router the subnets overlap.
      if (other !== undefined && other.router !== router)
        report(['address', index], `${text} belongs to ${other.port}, which is ${whereOf(config)}, too`);
    }
    if (config.mac === undefined) return;
    const other = claim(config.mac);
    if (other !== undefined) report(['mac'], `${config.mac} is the address of ${other.port}`);
    const taken = bridge.static.find((entry) => entry.mac === config.mac && entry.vlan === config.vlan);
    if (taken !== undefined)
      report(['mac'], `bridge ${config.bridge} has a static entry for ${config.mac}, at port ${taken.port}`);
  }
}

function whereOf({ bridge, vlan }: RouterInterfaceConfig): string {
  return vlan === undefined ? `in bridge ${bridge}` : `in VLAN ${vlan} of bridge ${bridge}`;
}

/** The bridge's network has the host's address, and gives others. */
function checkNetwork({ config, addresses }: RouterInterface, bridge: BridgeConfig, report: Report): void {
  const network = networksOf(config.bridge, bridge).find(({ vlan }) => vlan === (config.vlan ?? 0));
  if (network === undefined) return;
  if (config.advertise && network.ipv6?.advertises)
    report(
      ['advertise'],
      `the network of bridge ${config.bridge} advertises already: set its ra to false, or remove this key`,
    );
  const subnet = formatSubnet(network.subnet);
  for (const [index, own] of addresses.entries()) {
    if (own.bytes.length !== 4) continue;
    const isOurs = formatPrefix(own.subnet) === subnet;
    const bytes = formatIp(own.bytes);
    const number = ipv4Number(own.bytes);
    const host = [...network.hosts].find(([, address]) => address === number)?.[0];
    const ours = { network: ipv4Number(own.subnet.address), prefix: own.subnet.bits };
    if (!isOurs && overlaps(ours, network.subnet))
      report(
        ['address', index],
        `the network of bridge ${config.bridge} is ${subnet}: take an address of that, with /${network.subnet.prefix}`,
      );
    else if (network.mode !== 'isolated' && number === network.gateway)
      report(
        ['address', index],
        `${bytes} is the host's, as the gateway of the network of bridge ${config.bridge}: take another one, or set the network's mode to isolated`,
      );
    else if (host !== undefined)
      report(
        ['address', index],
        `${bytes} belongs to host ${host} of the network of bridge ${config.bridge}`,
      );
  }
}

/** A router would not know by which interface to reach an address that is in two subnets. */
function checkOverlaps(interfaces: readonly RouterInterface[], report: Report): void {
  const all = interfaces
    .flatMap((one) => one.addresses.map((address, index) => ({ one, address, index })))
    .filter(({ address }) => !address.isLinkLocal)
    .sort((a, b) => compare(a.address, b.address));
  let around = all[0];
  for (const item of all.slice(1)) {
    const { subnet } = around.address;
    if (!prefixContains(subnet, item.address.subnet.address)) {
      around = item;
      continue;
    }
    if (item.one === around.one) continue;
    const as = item.address.subnet.bits === subnet.bits ? '' : `, as ${formatPrefix(subnet)}`;
    report(
      ['interfaces', item.one.name, 'address', item.index],
      `${formatPrefix(item.address.subnet)} is behind interface ${around.one.name} already${as}: a subnet is behind one interface of a router`,
    );
  }
}

/** By family, then where they begin; the widest first. */
function compare({ subnet: a }: InterfaceAddress, { subnet: b }: InterfaceAddress): number {
  return a.address.length - b.address.length || Buffer.compare(a.address, b.address) || a.bits - b.bits;
}
