// What interfaces of routers have from DHCP servers and from other routers, as if the configuration said it.

import { prefixContains } from '../wire/ip_prefix.ts';
import { type InterfaceAddress, parseAddress } from './router_address.ts';
import { addressesOf } from './router_interfaces.ts';
import type { RouteConfig, RouterConfig, RouterInterfaceConfig, RoutersConfig } from './router_shape.ts';

export interface InterfaceLease {
  /** With the bits of its subnet: `192.0.2.7/24`. None: it has routes alone. */
  address?: string;
  routes: readonly { to: string; via: string }[];
}

/** By port of the interface, `r1.wan`. */
export interface Leases {
  /** Of interfaces with `dhcp`. */
  readonly dhcp: ReadonlyMap<string, InterfaceLease>;
  /** Of interfaces with `slaac`. */
  readonly slaac: ReadonlyMap<string, InterfaceLease>;
}

export function withLeases(routers: RoutersConfig, leases: Leases): RoutersConfig {
  if (leases.dhcp.size + leases.slaac.size === 0) return routers;
  return Object.fromEntries(
    Object.entries(routers).map(([name, router]) => [name, leased(name, router, leases)]),
  );
}

function leased(router: string, config: RouterConfig, leases: Leases): RouterConfig {
  const routes: RouteConfig[] = [...config.routes];
  const interfaces = Object.entries(config.interfaces).map(([name, one]): [string, RouterInterfaceConfig] => {
    const port = `${router}.${name}`;
    const found = [
      one.dhcp ? leases.dhcp.get(port) : undefined,
      one.slaac ? leases.slaac.get(port) : undefined,
    ];
    const here = found.filter((lease) => lease !== undefined);
    if (here.length === 0) return [name, one];
    // What somebody wrote down goes before what a server says.
    const isNew = ({ to }: { to: string }) =>
      !config.routes.some((route) => route.to === to && route.table === one.table);
    for (const lease of here)
      routes.push(
        ...lease.routes.filter(isNew).map((route) => ({ ...route, interface: name, table: one.table })),
      );
    const others = Object.values(config.interfaces).filter((other) => other !== one);
    const isFree = (text: string) => !isBehind(text, others.flatMap(addressesOf));
    const addresses = here.flatMap(({ address }) =>
      address !== undefined && isFree(address) ? [address] : [],
    );
    return [name, { ...one, address: [...addresses, ...one.address] }];
  });
  return { ...config, interfaces: Object.fromEntries(interfaces), routes };
}

/** Who says that a subnet of another interface is here does not take it away from there. */
function isBehind(text: string, others: readonly InterfaceAddress[]): boolean {
  const subnet = parseAddress(text)?.subnet;
  return others.some(
    (other) =>
      subnet !== undefined &&
      !other.isLinkLocal &&
      (prefixContains(other.subnet, subnet.address) || prefixContains(subnet, other.subnet.address)),
  );
}
