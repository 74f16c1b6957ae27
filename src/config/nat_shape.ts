// The shape of NAT: rules of a router, and how many connections it may have, for how long. What spans keys: nat.ts.

import { z } from 'zod';
import { boolean, defaultsOf, expecting, integer, mapping, text } from './leaves.ts';
import { NAT_PROTOCOLS, parseDestination, parsePorts, parseSource } from './nat_rule.ts';

const SOURCE = 'an IPv4 subnet or address behind the router, such as 10.0.1.0/24';
const DESTINATION =
  'a port or address outside: tcp/192.0.2.9:8080, tcp/8080-8089 of every outside address of the router, or 192.0.2.9';
const source = text(SOURCE, (value) => parseSource(value) !== undefined);
const seconds = (least: number, why: string) =>
  integer(`a time in seconds (${least}-604800; ${why})`, least, 604_800);

export const MAPPINGS = ['endpoint-independent', 'address-and-port-dependent'] as const;
export const FILTERINGS = ['endpoint-independent', 'address-and-port-dependent'] as const;

const rule = mapping({
  source: source.optional(),
  destination: text(DESTINATION, (value) => parseDestination(value) !== undefined).optional(),
  one_to_one: source.optional(),
  to: text('a text: addresses outside, interface, or who gets it', () => true),
  via: text('the name of an interface of this router', () => true).optional(),
  protocol: z
    .enum(Object.keys(NAT_PROTOCOLS) as (keyof typeof NAT_PROTOCOLS)[], expecting('icmp, tcp or udp'))
    .optional(),
  ports: text('a range of ports, such as 20000-40000', (value) => parsePorts(value) !== undefined).optional(),
  mapping: z.enum(MAPPINGS, expecting(MAPPINGS.join(' or '))).optional(),
  filtering: z.enum(FILTERINGS, expecting(FILTERINGS.join(' or '))).optional(),
  private: boolean().optional(),
}).refine(
  ({ source, destination, one_to_one }) =>
    [source, destination, one_to_one].filter((key) => key !== undefined).length === 1,
  { error: 'expected one of source, destination and one_to_one: what the rule is about' },
);

export const natRules = z.array(
  rule,
  expecting('a list of NAT rules, such as { source: 10.0.1.0/24, to: interface }'),
);

export const MIN_CONNECTIONS = 1024;
export const MAX_CONNECTIONS = 1_048_576;

/** Of a router: RFC 4787 REQ-5, RFC 5382 REQ-5 and RFC 5508 REQ-2 have the least and the usual times. */
export const connections = mapping({
  limit: integer(
    `a number of connections (${MIN_CONNECTIONS}-${MAX_CONNECTIONS})`,
    MIN_CONNECTIONS,
    MAX_CONNECTIONS,
  ).default(262_144),
  udp_timeout: seconds(120, 'RFC 4787 asks for 120').default(300),
  icmp_timeout: seconds(60, 'RFC 5508 asks for 60').default(60),
  tcp_timeout: seconds(7440, 'RFC 5382 asks for 7440').default(7440),
  tcp_transitory_timeout: seconds(240, 'RFC 5382 asks for 240').default(240),
});

export type NatRuleConfig = z.output<typeof rule>;
export type ConnectionsConfig = z.output<typeof connections>;
export const CONNECTIONS_DEFAULTS: ConnectionsConfig = defaultsOf(connections);
