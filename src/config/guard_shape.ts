// The shape of a port's guard: who may speak there, and as what.

import { z } from 'zod';
import { canonicalIp, isMulticastIp, isUnspecifiedIp, parseIp } from '../wire/ip_address.ts';
import { boolean, expecting, integer, mapping, text } from './leaves.ts';
import { mac } from './mac_leaf.ts';

/** More than a guest has; each is looked for by its hash, so many cost nothing. */
const MAX_BINDINGS = 1024;
const ADDRESS = 'the IPv4 or IPv6 address of a single host';

const address = text(ADDRESS, (value) => {
  const bytes = parseIp(value);
  return bytes !== undefined && !isMulticastIp(bytes) && !isUnspecifiedIp(bytes);
}).overwrite((value) => canonicalIp(value) ?? value);

const binding = mapping({
  mac,
  ip: z
    .union(
      [address, z.array(address, expecting(`a list of addresses`))],
      expecting(`${ADDRESS}, or a list of them`),
    )
    .optional(),
  vlan: integer('a VLAN id (1-4094)', 1, 4094).optional(),
});

export const guard = mapping({
  source: z.enum(['mac', 'strict', 'first'], expecting('mac, strict or first')).optional(),
  bindings: z.array(binding, expecting('a list of { mac, ip, vlan }')).max(MAX_BINDINGS).default([]),
  trusted: boolean().default(false),
  limit: integer('a number of addresses (1-1024)', 1, 1024).default(16),
  option_82: boolean().default(false),
  dhcp_server: boolean().default(false),
  ra: boolean().default(false),
  double_tag: boolean().default(false),
  tiny_fragments: boolean().default(false),
});

export type GuardConfig = z.output<typeof guard>;

/** The addresses that a binding names. */
export function addressesOf({ ip }: Pick<GuardConfig['bindings'][number], 'ip'>): readonly string[] {
  return ip === undefined ? [] : typeof ip === 'string' ? [ip] : ip;
}

/** Whether two bindings hold in the same VLAN: without one they hold in all. */
export function shareVlan(a: number | undefined, b: number | undefined): boolean {
  return a === undefined || b === undefined || a === b;
}
