// The rules of a router's routes: what they lead to has to be there.

import { type IpBytes, parseIp } from '../wire/ip_address.ts';
import { formatPrefix } from '../wire/ip_prefix.ts';
import { isLinkLocal, same } from './router_address.ts';
import { interfaceFinder, type RouterInterface } from './router_interfaces.ts';
import type { RouteConfig, RouterConfig } from './router_shape.ts';

type Report = (path: (string | number)[], message: string) => void;

export function checkRoutes(
  { routes }: RouterConfig,
  interfaces: readonly RouterInterface[],
  report: Report,
): void {
  const reach = interfaceFinder(interfaces);
  const tables = new Set(interfaces.map(({ config }) => config.table));
  const connected = new Map(
    interfaces.flatMap(({ name, addresses }) =>
      addresses.filter((own) => !own.isLinkLocal).map(({ subnet }) => [formatPrefix(subnet), name]),
    ),
  );
  const known = new Map<string, number>();
  for (const [index, route] of routes.entries()) {
    const { to, table } = route;
    const tell: Report = (path, message) => report(['routes', index, ...path], message);
    const key = `${table ?? ''} ${to}`;
    const other = known.get(key);
    if (other !== undefined)
      tell(['to'], `routes[${other}] leads to ${to}, too: list several next hops in one via`);
    else known.set(key, index);
    const behind = connected.get(to);
    if (behind !== undefined && table === undefined)
      tell(['to'], `${to} is the subnet of interface ${behind}, which leads there without a route`);
    if (table !== undefined && !tables.has(table))
      tell(['table'], `no interface asks table ${table}: give one of them table: ${table}`);
    checkTarget(route, interfaces, reach, tell);
  }
}

export function hopsOf({ via }: RouteConfig): readonly string[] {
  return via === undefined ? [] : typeof via === 'string' ? [via] : via;
}

function checkTarget(
  route: RouteConfig,
  interfaces: readonly RouterInterface[],
  reach: (bytes: IpBytes) => RouterInterface | undefined,
  report: Report,
): void {
  const { via, type, interface: name } = route;
  if (type !== undefined) {
    for (const key of ['via', 'interface'] as const)
      if (route[key] !== undefined)
        report([key], `a route of type ${type} leads nowhere: leave this key out`);
    return;
  }
  if (via === undefined && name === undefined) {
    report(['via'], 'missing: expected the address of the next router, interface, or type: blackhole');
    return;
  }
  if (name !== undefined && !interfaces.some((one) => one.name === name)) {
    report(['interface'], `this router has no interface ${name}`);
    return;
  }
  const hops = hopsOf(route);
  for (const [index, hop] of hops.entries()) {
    const path = typeof via === 'string' ? ['via'] : ['via', index];
    const message =
      hops.indexOf(hop) < index ? `${hop} is listed twice` : hopProblem(hop, route, interfaces, reach);
    if (message !== undefined) report(path, message);
  }
}

function hopProblem(
  hop: string,
  { to, interface: name }: RouteConfig,
  interfaces: readonly RouterInterface[],
  reach: (bytes: IpBytes) => RouterInterface | undefined,
): string | undefined {
  const bytes = parseIp(hop) as IpBytes;
  // The other way round there is RFC 5549: IPv4 by a router that is known by its IPv6 address.
  if (to.includes(':') && bytes.length === 4) return `${hop} is IPv4, and cannot lead to ${to}`;
  const owner = interfaces.find(({ addresses }) => addresses.some((own) => same(own.bytes, bytes)));
  if (owner !== undefined) return `${hop} is the router's own address, of interface ${owner.name}`;
  if (name !== undefined) return undefined;
  if (isLinkLocal(bytes)) return `${hop} is link-local: say behind which interface it is`;
  return reach(bytes) === undefined
    ? `no interface of this router reaches ${hop}: it is in none of their subnets; name one in interface if it is there all the same`
    : undefined;
}
