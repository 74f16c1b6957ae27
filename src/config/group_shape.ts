// The shape of security groups, and of the connections that they let in. What spans keys: groups.ts.

import { z } from 'zod';
import { ANY, isGroupName, parseMember, parsePeer } from './group_rule.ts';
import { boolean, defaultsOf, expecting, integer, mapping, text } from './leaves.ts';
import { MAX_CONNECTIONS, MIN_CONNECTIONS } from './nat_shape.ts';
import { oneOrMany, ports, protocol } from './packet_shape.ts';
import { tenantName } from './tenant_name.ts';

const NAME = 'a name of 1 to 32 letters, digits, - and _ that is not any';
export const groupName = text(NAME, isGroupName);
export const groupNames = z.array(groupName, expecting('a list of names of groups'));

const PEER = 'any, an address, a prefix, the name of a group, or a list of them';
const peer = text(PEER, (value) => parsePeer(value) !== undefined);

const rule = mapping({
  protocol: protocol.optional(),
  ports: ports.optional(),
  type: integer('the type of an ICMP query (0-255)', 0, 255).optional(),
  from: oneOrMany(peer, PEER).optional(),
  to: oneOrMany(peer, PEER).optional(),
});
const RULES = expecting('any, or a list of rules, such as { protocol: tcp, ports: [80, 443], from: any }');
const rules = z.union([z.literal(ANY), z.array(rule, RULES)], RULES);

const MEMBER = 'an address or a prefix, such as 10.0.1.5 or fd00:1::/64';
export const group = mapping({
  tenant: tenantName.optional(),
  in: rules.default([]),
  out: rules.default(ANY),
  members: z
    .array(
      text(MEMBER, (value) => parseMember(value) !== undefined),
      expecting('a list of addresses and prefixes'),
    )
    .default([]),
  connections: integer(`a number of connections (1-${MAX_CONNECTIONS})`, 1, MAX_CONNECTIONS).optional(),
});

export const groups = z.record(groupName, group, expecting('a mapping of names to groups'));

const seconds = (what: number) => integer('a time in seconds (10-604800)', 10, 604_800).default(what);

/** Of all ports in groups. Times as those of NAT: RFC 4787, 5382 and 5508. */
export const groupConnections = mapping({
  limit: integer(
    `a number of connections (${MIN_CONNECTIONS}-${MAX_CONNECTIONS})`,
    MIN_CONNECTIONS,
    MAX_CONNECTIONS,
  ).default(262_144),
  port_limit: integer(`a number of connections (1-${MAX_CONNECTIONS})`, 1, MAX_CONNECTIONS).default(65_536),
  keep_established: boolean().default(false),
  tcp_window: z.enum(['loose', 'strict'], expecting('loose or strict')).default('loose'),
  udp_timeout: seconds(300),
  icmp_timeout: seconds(60),
  tcp_timeout: seconds(7440),
  tcp_transitory_timeout: seconds(240),
});

export type GroupRuleConfig = z.output<typeof rule>;
export type GroupConfig = z.output<typeof group>;
export type GroupsConfig = Record<string, GroupConfig>;
export type GroupConnectionsConfig = z.output<typeof groupConnections>;
export const GROUP_CONNECTIONS_DEFAULTS: GroupConnectionsConfig = defaultsOf(groupConnections);
