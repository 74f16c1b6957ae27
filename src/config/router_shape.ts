// The shape of a router: interfaces in bridges and VLANs, and routes between them. Rules: routers.ts.

import { z } from 'zod';
import { canonicalIp, isMulticastIp, isUnspecifiedIp, parseIp } from '../wire/ip_address.ts';
import { formatPrefix, parsePrefix } from '../wire/ip_prefix.ts';
import { advertise } from './advertise_shape.ts';
import { boolean, expecting, type Issue, integer, mapping, text } from './leaves.ts';
import { mac } from './mac_leaf.ts';
import { connections, natRules } from './nat_shape.ts';
import { addressProblem, parseAddress } from './router_address.ts';
import { show } from './show.ts';

/** What becomes of packets that a route without a next hop matches. */
export const ROUTE_TYPES = ['blackhole', 'unreachable', 'prohibit'] as const;
export const REVERSE_PATHS = ['strict', 'loose', 'off'] as const;

/** RFC 791 and RFC 8200 section 5 are told apart in routers.ts. */
const MIN_MTU = 68;
const MAX_MTU = 65_535;
const NAME = 'a name of 1 to 32 letters, digits, - and _';
const name = text(NAME, (value) => /^[\w-]{1,32}$/.test(value));

const ADDRESS = 'an address with the bits of its subnet, such as 10.0.1.1/24 or fd00:1::1/64';
const address = z
  .string(expecting(ADDRESS))
  .superRefine((value, context) => {
    const message = addressProblem(value, ADDRESS);
    if (message !== undefined) context.addIssue({ code: 'custom', message, input: value });
  })
  .overwrite((value) => parseAddress(value)?.text ?? value);

const HOST = 'the IPv4 or IPv6 address of a neighbour';
const host = text(HOST, (value) => {
  const bytes = parseIp(value);
  return bytes !== undefined && !isMulticastIp(bytes) && !isUnspecifiedIp(bytes);
}).overwrite((value) => canonicalIp(value) ?? value);

const TO = 'a prefix, such as 10.0.0.0/8 or fd00::/8';
const destination = z
  .string({ error: (issue: Issue) => expecting(TO).error(issue) })
  .superRefine((value, context) => {
    const message = destinationProblem(value);
    if (message !== undefined) context.addIssue({ code: 'custom', message, input: value });
  })
  .overwrite((value) => prefixText(value) ?? value);

function destinationProblem(value: string): string | undefined {
  if (value === 'default') return 'default is two routes here: write 0.0.0.0/0, or ::/0';
  const prefix = parsePrefix(value);
  if (prefix === undefined) {
    const bytes = parseIp(value);
    const hint = bytes === undefined ? '' : `: for this address alone write ${value}/${bytes.length * 8}`;
    return `${show(value)} is not ${TO}${hint}`;
  }
  const own = canonicalIp(value.slice(0, value.indexOf('/')));
  const exact = formatPrefix(prefix);
  if (!exact.startsWith(`${own}/`)) return `${value} has bits behind its prefix: write ${exact}`;
  return isMulticastIp(prefix.address) ? `${value} are multicast groups, which are not routed` : undefined;
}

function prefixText(value: string): string | undefined {
  const prefix = parsePrefix(value);
  return prefix && formatPrefix(prefix);
}

const table = integer('the number of a table of routes (1-65535)', 1, 65_535);

const routerInterface = mapping({
  bridge: text('the name of a bridge', () => true),
  vlan: integer('a VLAN id (1-4094)', 1, 4094).optional(),
  address: z
    .array(address, expecting(`a list of addresses with the bits of their subnets, such as [10.0.1.1/24]`))
    .default([]),
  dhcp: boolean().default(false),
  slaac: boolean().default(false),
  advertise: advertise.default(false),
  mac: mac.optional(),
  mtu: integer(`an MTU (${MIN_MTU}-${MAX_MTU} bytes)`, MIN_MTU, MAX_MTU).optional(),
  table: table.optional(),
  reverse_path: z.enum(REVERSE_PATHS, expecting(REVERSE_PATHS.join(', '))).default('off'),
  proxy_arp: boolean().default(false),
  anycast: boolean().default(false),
  neighbours: z.record(host, mac, expecting('a mapping of addresses to MAC addresses')).default({}),
});

const VIA = expecting(`${HOST}, or a list of them`);
const route = mapping({
  to: destination,
  via: z
    .union(
      [host, z.array(host, VIA).min(1, VIA).max(64, { error: 'at most 64 next hops are possible' })],
      VIA,
    )
    .optional(),
  interface: name.optional(),
  type: z.enum(ROUTE_TYPES, expecting(ROUTE_TYPES.join(', '))).optional(),
  table: table.optional(),
});

export const router = mapping({
  interfaces: z.record(name, routerInterface, expecting('a mapping of names to interfaces')).default({}),
  routes: z.array(route, expecting('a list of { to: PREFIX, via: ADDRESS }')).default([]),
  nat: natRules.default([]),
  connections: connections.optional(),
});

export const routers = z.record(name, router, expecting('a mapping of names to routers'));

export type RouterConfig = z.output<typeof router>;
export type RouterInterfaceConfig = z.output<typeof routerInterface>;
export type RouteConfig = z.output<typeof route>;
export type RoutersConfig = Record<string, RouterConfig>;
