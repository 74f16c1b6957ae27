// The shape of a bridge's network: how far its guests reach, and who gives them addresses. Rules: networks.ts.

import { z } from 'zod';
import { isMulticastIp, isUnspecifiedIp, parseIp } from '../wire/ip_address.ts';
import { isFit } from '../wire/plain_text.ts';
import {
  address,
  address6,
  addresses,
  anyAddress,
  anySubnet,
  anySubnetOfGuests,
  prefix6,
  range,
  SUBNETS,
} from './address_leaves.ts';
import { boot, bootFile } from './boot_shape.ts';
import { dhcp6Host, range6, relay6 } from './dhcp6_links.ts';
import { boolean, defaultsOf, expecting, integer, mapping, text } from './leaves.ts';
import { mac } from './mac_leaf.ts';
import { parsePublished } from './published.ts';
import { relay } from './relay.ts';
import { addressProblem } from './router_address.ts';
import { tenantName } from './tenant_name.ts';

export const NETWORK_MODES = ['isolated', 'host-only', 'nat', 'routed', 'bridged'] as const;

// RFC 1123, 2.1, for a label; a domain is labels with dots.
const LABEL = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/i;
const isDomain = (value: string) =>
  value.length <= 253 && value.split('.').every((label) => LABEL.test(label));
export const domain = text('a domain, such as lab.example', isDomain);
const hostName = text('a host name: letters, digits and hyphens', (value) => LABEL.test(value));

const CLIENT_ID = 'a client identifier: hexadecimal bytes, such as 01:02:00:00:00:00:01';
const dhcpHost = mapping({
  mac: mac.optional(),
  client_id: text(CLIENT_ID, (value) => /^[\da-f]{2}(:[\da-f]{2}){0,254}$/i.test(value)).optional(),
  port: text('the name of a port of this bridge', () => true).optional(),
  address: address.optional(),
}).refine(
  ({ mac, client_id, port }) => [mac, client_id, port].filter((key) => key !== undefined).length === 1,
  { error: 'expected one of mac, client_id and port: by what the host is known' },
);

const OPTION_CODE = text(
  'the code of a DHCP option (1-254)',
  (value) => /^(\d{1,2}|1\d\d|2[0-4]\d|25[0-4])$/.test(value) && value !== '0',
);
const OPTION = expecting('a text, 0x and hexadecimal bytes, or a list of IPv4 addresses');
const MAX_OPTION = 255;
const optionValue = z.union(
  [
    z
      .string()
      .refine(
        (value) => isFit(value) && value.length <= MAX_OPTION && !/^0x(?!([\da-f]{2})+$)/i.test(value),
        OPTION,
      ),
    addresses.min(1).max(MAX_OPTION / 4),
  ],
  OPTION,
);

const dhcp = mapping({
  range: range.optional(),
  lease_time: integer('a lease time (60-31536000 seconds)', 60, 31_536_000).default(3600),
  leases_per_port: integer('a number of leases (1-65536)', 1, 65_536).default(16),
  hosts: z.record(hostName, dhcpHost, expecting('a mapping of host names to hosts')).default({}),
  domain: domain.optional(),
  search: z.array(domain, expecting('a list of domains')).default([]),
  dns: addresses.optional(),
  ntp: addresses.default([]),
  routes: z
    .array(mapping({ to: anySubnet, via: address }), expecting('a list of { to: SUBNET, via: ADDRESS }'))
    .default([]),
  next_server: address.optional(),
  boot_file: bootFile.optional(),
  boot,
  relay: relay.optional(),
  options: z.record(OPTION_CODE, optionValue, expecting('a mapping of option codes to values')).default({}),
});

const dhcp6 = mapping({
  range: range6.optional(),
  lease_time: integer('a lease time (60-31536000 seconds)', 60, 31_536_000).default(3600),
  leases_per_port: integer('a number of leases (1-65536)', 1, 65_536).default(16),
  hosts: z.record(hostName, dhcp6Host, expecting('a mapping of host names to hosts')).default({}),
  relay: relay6.optional(),
  dns: z.array(address6, expecting('a list of IPv6 addresses')).max(8).optional(),
  delegate: mapping({
    from: prefix6,
    length: integer('the length of a prefix (1-64)', 1, 64).default(64),
  }).optional(),
});

const RESOLVER = 'the address of a resolver, such as 9.9.9.9';
const dns = mapping({
  domain: domain.optional(),
  forward: z
    .union(
      [
        boolean(),
        z
          .array(text(RESOLVER, (value) => isResolver(value)))
          .min(1)
          .max(8),
      ],
      expecting('true, false or a list of addresses of resolvers'),
    )
    .optional(),
});

const PUBLISHED = 'a published port, such as tcp/8080 -> web:80';
function isResolver(value: string): boolean {
  const bytes = parseIp(value);
  return bytes !== undefined && !isUnspecifiedIp(bytes) && !isMulticastIp(bytes);
}

/** A text, or a list of one for each IP version. */
function oneOrMore(item: z.ZodType<string, string>, expected: string) {
  return z.union([item, z.array(item).min(1).max(2)], expecting(expected));
}

/** `4`, `6` or `46`. */
function familiesOf(value: string | readonly string[] | undefined): string {
  const texts = typeof value === 'string' ? [value] : (value ?? []);
  return texts
    .map((one) => (one.includes(':') ? '6' : '4'))
    .sort()
    .join('');
}

const OWN_ADDRESS = 'an address with the bits of its subnet, such as 192.0.2.7/24 or 2001:db8::7/64';
const uplinkAddress = text(OWN_ADDRESS, (value) => addressProblem(value, OWN_ADDRESS) === undefined);
const GATEWAY = 'the address of a router, or one of each IP version';
const nextRouter = text(GATEWAY, (value) => {
  const bytes = parseIp(value);
  return bytes !== undefined && !isMulticastIp(bytes) && !isUnspecifiedIp(bytes);
});
const UPLINK = 'host, a port of another bridge, or { port, address, gateway }';
const uplink = z.union(
  [
    text(UPLINK, (value) => value !== ''),
    mapping({
      port: text('a port of another bridge', () => true),
      address: oneOrMore(uplinkAddress, OWN_ADDRESS).optional(),
      gateway: oneOrMore(nextRouter, GATEWAY).optional(),
    }).refine(({ address, gateway }) => familiesOf(address) === familiesOf(gateway), {
      error:
        'address and gateway of one IP version go together, one of each; without both, of IPv4 they come from a DHCP server, and of IPv6 from the advertisements of a router',
    }),
  ],
  expecting(UPLINK),
);

export const network = mapping({
  tenant: tenantName.optional(),
  mode: z.enum(NETWORK_MODES, expecting(NETWORK_MODES.join(', '))),
  subnet: oneOrMore(anySubnetOfGuests, SUBNETS).optional(),
  gateway: oneOrMore(anyAddress, 'the address of a host, or one of each IP version').optional(),
  as: address.optional(),
  uplink: uplink.optional(),
  dhcp: z.union([boolean(), dhcp], expecting('true, false or a mapping')).default(true),
  ra: boolean().default(true),
  dhcp6: z.union([boolean(), dhcp6], expecting('true, false or a mapping')).default(true),
  dns: z.union([boolean(), dns], expecting('true, false or a mapping')).optional(),
  publish: z
    .array(
      text(PUBLISHED, (value) => parsePublished(value) !== undefined),
      expecting('a list of published ports'),
    )
    .default([]),
});

export type NetworkConfig = z.output<typeof network>;
export type NetworkMode = (typeof NETWORK_MODES)[number];
export type DhcpConfig = z.output<typeof dhcp>;
export type Dhcp6Config = z.output<typeof dhcp6>;
export type DnsConfig = z.output<typeof dns>;
/** What `dhcp: true` is. */
export const DHCP_DEFAULTS: DhcpConfig = defaultsOf(dhcp);
/** What `dhcp6: true` is. */
export const DHCP6_DEFAULTS: Dhcp6Config = defaultsOf(dhcp6);
