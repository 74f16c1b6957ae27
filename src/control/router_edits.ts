// Edits of routers in a configuration, as edits.ts: pure, and not validated here.

import { router as shape } from '../config/router_shape.ts';
import type { RouteConfig, RouterConfig, RouterInterfaceConfig, SwitchConfig } from '../config/schema.ts';
import { TaploomError } from '../error.ts';
import { formatPrefix, parsePrefix } from '../wire/ip_prefix.ts';

const EMPTY: RouterConfig = shape.parse({});

export function requireRouter({ routers = {} }: SwitchConfig, router: string): RouterConfig {
  if (!Object.hasOwn(routers, router))
    throw new TaploomError('no_such_router', `There is no router ${router}`);
  return routers[router];
}

export function requireInterface(config: SwitchConfig, router: string, name: string): RouterInterfaceConfig {
  const { interfaces } = requireRouter(config, router);
  if (!Object.hasOwn(interfaces, name))
    throw new TaploomError('no_such_interface', `Router ${router} has no interface ${name}`);
  return interfaces[name];
}

export function putRouter(config: SwitchConfig, router: string, value: unknown, exclusive = false): unknown {
  const { routers = {} } = config;
  if (exclusive && Object.hasOwn(routers, router))
    throw new TaploomError('router_exists', `Cannot create router ${router}: there is one already`);
  return { ...config, routers: { ...routers, [router]: value } };
}

export function dropRouter(config: SwitchConfig, router: string): unknown {
  requireRouter(config, router);
  return { ...config, routers: without(config.routers ?? {}, router) };
}

/** Makes the router if there is none. */
export function putInterface(
  config: SwitchConfig,
  router: string,
  name: string,
  value: unknown,
  exclusive = false,
): unknown {
  const owner = config.routers?.[router] ?? EMPTY;
  if (exclusive && Object.hasOwn(owner.interfaces, name))
    throw new TaploomError('interface_exists', `Router ${router} has an interface ${name} already`);
  return putRouter(config, router, { ...owner, interfaces: { ...owner.interfaces, [name]: value } });
}

export function dropInterface(config: SwitchConfig, router: string, name: string): unknown {
  requireInterface(config, router, name);
  const owner = requireRouter(config, router);
  return putRouter(config, router, { ...owner, interfaces: without(owner.interfaces, name) });
}

type RouteKey = Pick<RouteConfig, 'to' | 'table'> & { router: string };

export function putRoute(
  config: SwitchConfig,
  { router, ...route }: RouteConfig & { router: string },
): unknown {
  const owner = requireRouter(config, router);
  const index = owner.routes.findIndex((other) => isSame(other, route));
  const routes = index < 0 ? [...owner.routes, route] : owner.routes.with(index, route);
  return putRouter(config, router, { ...owner, routes });
}

export function dropRoute(config: SwitchConfig, { router, ...key }: RouteKey): unknown {
  const owner = requireRouter(config, router);
  const routes = owner.routes.filter((route) => !isSame(route, key));
  if (routes.length === owner.routes.length) {
    const where = key.table === undefined ? '' : ` in table ${key.table}`;
    throw new TaploomError('no_such_route', `Router ${router} has no route to ${key.to}${where}`);
  }
  return putRouter(config, router, { ...owner, routes });
}

function isSame(a: Omit<RouteKey, 'router'>, b: Omit<RouteKey, 'router'>): boolean {
  return canonical(a.to) === canonical(b.to) && a.table === b.table;
}

function canonical(text: string): string {
  const prefix = parsePrefix(text);
  return prefix === undefined ? text : formatPrefix(prefix);
}

function without<T>(record: Record<string, T>, key: string): Record<string, T> {
  return Object.fromEntries(Object.entries(record).filter(([name]) => name !== key));
}
