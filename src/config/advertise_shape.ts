// The shape of what an interface of a router says of itself in router advertisements, RFC 4861 section 6.2.1. Rules: advertise.ts.

import { z } from 'zod';
import { address6, prefix6 } from './address_leaves.ts';
import { boolean, defaultsOf, expecting, integer, mapping } from './leaves.ts';
import { domain } from './network_shape.ts';

/** s: advertisements are at most so far apart, and at most so old (section 6.2.1, AdvDefaultLifetime). */
const MIN_LIFETIME = 600;
const MAX_LIFETIME = 9000;
const FOR_EVER = 2 ** 32 - 1;
/** More prefixes, resolvers or domains would not fit into the least MTU. */
export const MOST_ADVERTISED = 8;

const LIFETIME = `a lifetime: 0, or ${MIN_LIFETIME}-${MAX_LIFETIME} seconds`;
const ofPrefix = integer('a number of seconds (0-4294967295, which is for ever)', 0, FOR_EVER);

const advertised = mapping({
  lifetime: integer(LIFETIME, 0, MAX_LIFETIME)
    .refine((value) => value === 0 || value >= MIN_LIFETIME, expecting(LIFETIME))
    .default(1800),
  prefixes: z.array(prefix6, expecting('a list of IPv6 prefixes')).max(MOST_ADVERTISED).optional(),
  autonomous: boolean().default(true),
  valid_lifetime: ofPrefix.default(86_400),
  preferred_lifetime: ofPrefix.default(14_400),
  managed: boolean().default(false),
  other: boolean().default(false),
  dns: z.array(address6, expecting('a list of IPv6 addresses')).max(MOST_ADVERTISED).default([]),
  search: z.array(domain, expecting('a list of domains')).max(MOST_ADVERTISED).default([]),
  mtu: integer('an MTU (1280-65535 bytes)', 1280, 65_535).optional(),
});

export const advertise = z.union([boolean(), advertised], expecting('true, false or a mapping'));

export type AdvertiseConfig = z.output<typeof advertised>;
/** What `advertise: true` is. */
export const ADVERTISE_DEFAULTS: AdvertiseConfig = defaultsOf(advertised);
