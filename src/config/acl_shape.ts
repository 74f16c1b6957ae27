// The shape of access lists, and of the places that have them. What spans keys: acls.ts.

import { z } from 'zod';
import { MAX_RULE_MARK } from '../frame/row.ts';
import {
  ETHERTYPES,
  FIRST_ETHERTYPE,
  FRAGMENTS,
  parseMaskedMac,
  parseSpan,
  parseTcpFlags,
  TCP_FLAGS,
} from './acl_match.ts';
import { ANY, isGroupName, parseMember } from './group_rule.ts';
import { boolean, expecting, integer, mapping, text } from './leaves.ts';
import { oneOrMany, ports, protocol } from './packet_shape.ts';
import { policeRate, policer } from './qos_shape.ts';

const NAME = 'a name of 1 to 32 letters, digits, - and _ that is not any';
const aclName = text(NAME, isGroupName);

const ADDRESS = 'any, an address, a prefix such as 10.0.0.0/8, or a list of them';
const address = oneOrMany(
  text(ADDRESS, (value) => value === ANY || parseMember(value) !== undefined),
  ADDRESS,
);
const MAC = 'a MAC address, one with a mask such as 02:00:00:00:00:00/ff:ff:ff:00:00:00, or a list of them';
const macs = oneOrMany(
  text(MAC, (value) => parseMaskedMac(value) !== undefined),
  MAC,
);
const ETHERTYPE = `${Object.keys(ETHERTYPES).join(', ')}, a number (0x0600-0xffff), or a list of them`;
const etherType = oneOrMany(
  z.union([
    z.enum(Object.keys(ETHERTYPES) as (keyof typeof ETHERTYPES)[], expecting(ETHERTYPE)),
    integer(ETHERTYPE, FIRST_ETHERTYPE, 0xffff),
  ]),
  ETHERTYPE,
);
const VLAN = 'a VLAN id (0-4094, 0 = no tag), a range such as 100-199, or a list of them';
const vlan = oneOrMany(
  z.union([integer(VLAN, 0, 4094), text(VLAN, (value) => parseSpan(value, 0, 4094) !== undefined)]),
  VLAN,
);
const FLAGS = `flags of TCP, with ! those that are not set, such as syn,!ack (${Object.keys(TCP_FLAGS).join(', ')})`;

const match = mapping({
  from_mac: macs.optional(),
  to_mac: macs.optional(),
  ethertype: etherType.optional(),
  vlan: vlan.optional(),
  pcp: oneOrMany(
    integer('a priority of 802.1Q (0-7)', 0, 7),
    'a priority of 802.1Q (0-7), or a list',
  ).optional(),
  from: address.optional(),
  to: address.optional(),
  protocol: protocol.optional(),
  source_ports: ports.optional(),
  ports: ports.optional(),
  tcp_flags: text(FLAGS, (value) => parseTcpFlags(value) !== undefined).optional(),
  type: integer('the type of an ICMP message (0-255)', 0, 255).optional(),
  code: integer('the code of an ICMP message (0-255)', 0, 255).optional(),
  dscp: oneOrMany(integer('a DSCP (0-63)', 0, 63), 'a DSCP (0-63), or a list').optional(),
  fragment: z.enum(FRAGMENTS, expecting(FRAGMENTS.join(', '))).optional(),
});
const MATCH = expecting('any, or a mapping of what must fit, such as { protocol: tcp, ports: 25 }');
const what = z.union([z.literal(ANY), match], MATCH);

const rule = mapping({
  permit: what.optional(),
  deny: what.optional(),
  count: what.optional(),
  mark: integer(`a mark (1-${MAX_RULE_MARK})`, 1, MAX_RULE_MARK).optional(),
  mirror: text('the name of a mirror', (value) => /^[\w-]{1,32}$/.test(value)).optional(),
  police: z
    .union([policeRate, policer], expecting('a rate such as 50mbit, or a mapping with a rate'))
    .optional(),
  log: boolean().optional(),
});

export const acls = z.record(
  aclName,
  z.array(rule, expecting('a list of rules, such as { deny: { protocol: tcp, ports: 25 } }')),
  expecting('a mapping of names to access lists'),
);

const names = z.array(aclName, expecting('a list of names of access lists')).default([]);
/** Of a port, a VLAN or a bridge. */
export const placedAcls = mapping({ in: names, out: names });

export type AclMatchConfig = z.output<typeof match>;
export type AclRuleConfig = z.output<typeof rule>;
export type AclsConfig = Record<string, AclRuleConfig[]>;
export type PlacedAclsConfig = z.output<typeof placedAcls>;

export const VERDICTS = ['permit', 'deny', 'count'] as const;
export type AclVerdict = (typeof VERDICTS)[number];

/** What a rule does, and of which frames. Relies on a rule with one verdict. */
export function verdictOf(rule: AclRuleConfig): { verdict: AclVerdict; match: AclMatchConfig } {
  const verdict = VERDICTS.find((one) => rule[one] !== undefined) ?? 'permit';
  const match = rule[verdict] ?? ANY;
  return { verdict, match: match === ANY ? {} : match };
}
