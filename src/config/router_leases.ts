// What a DHCP server gave to interfaces of routers, as if the configuration said it.

import type { RouteConfig, RouterConfig, RoutersConfig } from './router_shape.ts';

export interface InterfaceLease {
  /** With the bits of its subnet: `192.0.2.7/24`. */
  address: string;
  routes: readonly { to: string; via: string }[];
  /** Unsigned numbers. */
  resolvers: readonly number[];
}

/** `leases`: by port of the interface, `r1.wan`. */
export function withLeases(
  routers: RoutersConfig,
  leases: ReadonlyMap<string, InterfaceLease>,
): RoutersConfig {
  if (leases.size === 0) return routers;
  return Object.fromEntries(
    Object.entries(routers).map(([name, router]) => [name, leased(name, router, leases)]),
  );
}

function leased(
  router: string,
  config: RouterConfig,
  leases: ReadonlyMap<string, InterfaceLease>,
): RouterConfig {
  const routes: RouteConfig[] = [...config.routes];
  const interfaces = Object.entries(config.interfaces).map(([name, one]) => {
    const lease = one.dhcp ? leases.get(`${router}.${name}`) : undefined;
    if (lease === undefined) return [name, one] as const;
    // What somebody wrote down goes before what a server says.
    const isNew = ({ to }: { to: string }) =>
      !config.routes.some((route) => route.to === to && route.table === one.table);
    routes.push(
      ...lease.routes.filter(isNew).map((route) => ({ ...route, interface: name, table: one.table })),
    );
    return [name, { ...one, address: [lease.address, ...one.address] }] as const;
  });
  return { ...config, interfaces: Object.fromEntries(interfaces), routes };
}
