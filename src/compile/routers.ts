// Routers of the configuration -> what the data plane knows of them.

import { linkLocalOf } from '../config/router_mac.ts';
import type { RouterInterfaceConfig, SwitchConfig } from '../config/schema.ts';
import type { Parts } from '../parts.ts';
import { INTERFACE, type RouterTable } from '../table/router_table.ts';
import type { Domains, Names } from './names.ts';
import { compileNat, type NatNumbers } from './nat.ts';
import type { RouterPort } from './router_ports.ts';
import { type RouteCache, wordsOf } from './routes.ts';
import { shared } from './shared.ts';

/** What the compiler knows by now. */
export interface RouterFacts {
  readonly ports: Names;
  readonly domains: Domains;
  readonly cache: RouteCache;
  readonly nat: NatNumbers;
  /** The largest packet that all ports of its domain let through. */
  mtuOf(port: RouterPort): number;
}

/** Null if there are none. */
export function* compileRouters(
  { routers = {} }: SwitchConfig,
  interfaces: readonly RouterPort[],
  facts: RouterFacts,
): Parts<RouterTable | null> {
  if (interfaces.length === 0) return null;
  const numbered = interfaces.map((one, index) => ({ ...one, number: index + 1 }));
  const routes = yield* facts.cache.of(routers, numbered);
  const count = interfaces.length + 1;
  const arrays = shared({
    interfaceOf: [Uint16Array, facts.ports.length],
    inDomain: [Uint16Array, facts.domains.length],
    nextInDomain: [Uint16Array, count],
    port: [Uint16Array, count],
    router: [Uint16Array, count],
    vid: [Uint16Array, count],
    macHi: [Uint16Array, count],
    macLo: [Int32Array, count],
    mtu: [Uint32Array, count],
    flags: [Uint16Array, count],
    address4: [Int32Array, count],
    address6: [Int32Array, 4 * count],
    linkLocal: [Int32Array, 4 * count],
  });
  const names = Object.keys(routers);
  const routerNumbers = new Map(names.map((name, index) => [name, index + 1]));
  for (const one of numbered) {
    const { number, config, mac } = one;
    const port = facts.ports.number(one.port);
    const domain = facts.domains.find(config.bridge, one.vid) as number;
    arrays.interfaceOf[port] = number;
    arrays.nextInDomain[number] = arrays.inDomain[domain];
    arrays.inDomain[domain] = number;
    arrays.port[number] = port;
    arrays.router[number] = routerNumbers.get(one.router) as number;
    arrays.vid[number] = one.vid;
    arrays.macHi[number] = mac.hi;
    arrays.macLo[number] = mac.lo;
    arrays.mtu[number] = config.mtu ?? facts.mtuOf(one);
    arrays.flags[number] = flagsOf(one, config);
    const global = one.addresses.filter(({ isLinkLocal }) => !isLinkLocal).map(({ bytes }) => bytes);
    const ipv4 = global.find(({ length }) => length === 4);
    const local = linkLocalOf(one, mac);
    const ipv6 = global.find(({ length }) => length === 16) ?? local;
    if (ipv4 !== undefined) arrays.address4[number] = wordsOf(ipv4)[3];
    if (ipv6 !== undefined) arrays.address6.set(wordsOf(ipv6), 4 * number);
    if (local !== undefined) arrays.linkLocal.set(wordsOf(local), 4 * number);
    yield;
  }
  return { ...arrays, ...routes, nat: compileNat(routers, numbered, facts.nat) };
}

function flagsOf({ addresses }: RouterPort, config: RouterInterfaceConfig): number {
  return (
    (config.dhcp || addresses.some(({ bytes }) => bytes.length === 4) ? INTERFACE.ipv4 : 0) |
    (config.slaac || addresses.some(({ bytes }) => bytes.length === 16) ? INTERFACE.ipv6 : 0) |
    (config.reverse_path === 'strict' ? INTERFACE.strict : 0) |
    (config.reverse_path === 'loose' ? INTERFACE.loose : 0) |
    (config.proxy_arp ? INTERFACE.proxy : 0) |
    (config.anycast ? INTERFACE.anycast : 0) |
    (config.advertise === false ? 0 : INTERFACE.advertises) |
    (config.slaac ? INTERFACE.slaac : 0)
  );
}
