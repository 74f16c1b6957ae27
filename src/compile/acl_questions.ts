// A rule of an access list as what it asks of a frame, by dimension.

import {
  all,
  etherTypeOf,
  type MaskedMac,
  parseMaskedMac,
  parseSpan,
  parseTcpFlags,
} from '../config/acl_match.ts';
import type { AclMatchConfig } from '../config/acl_shape.ts';
import { ANY, parseMember, parsePortRange, protocolNumber } from '../config/group_rule.ts';
import { FIELD, FRAGMENT } from '../table/acl_table.ts';
import type { IpPrefix } from '../wire/ip_prefix.ts';
import type { AclQuestion, Span } from './acl_builder.ts';

/** VLAN ids. */
const MAX_VID = 4094;

export function questionOf(match: AclMatchConfig): AclQuestion {
  const fields = new Map<number, Span[]>();
  const ask = (field: number, spans: Span[]) => {
    if (spans.length > 0) fields.set(field, spans);
  };
  const values = (list: readonly number[]) => list.map((value) => ({ first: value, last: value }));
  const protocol = protocolNumber(match);
  ask(FIELD.etherType, values(all(match.ethertype).map(etherTypeOf)));
  ask(FIELD.vlan, all(match.vlan).flatMap(vlanSpan));
  ask(FIELD.pcp, values(all(match.pcp)));
  ask(FIELD.protocol, values(protocol === undefined ? [] : [protocol]));
  ask(
    FIELD.sourcePort,
    all(match.source_ports).flatMap((text) => parsePortRange(text) ?? []),
  );
  ask(
    FIELD.port,
    all(match.ports).flatMap((text) => parsePortRange(text) ?? []),
  );
  ask(FIELD.port, messages(match));
  ask(FIELD.tcpFlags, values(flagsOf(match.tcp_flags)));
  ask(FIELD.dscp, values(all(match.dscp)));
  ask(FIELD.fragment, match.fragment === undefined ? [] : fragments[match.fragment]);
  return {
    fields,
    ...prefixes('src', match.from),
    ...prefixes('dst', match.to),
    ...macs('srcMac', match.from_mac),
    ...macs('dstMac', match.to_mac),
  };
}

const fragments: Record<NonNullable<AclMatchConfig['fragment']>, Span[]> = {
  none: [{ first: FRAGMENT.whole, last: FRAGMENT.whole }],
  any: [{ first: FRAGMENT.first, last: FRAGMENT.later }],
  first: [{ first: FRAGMENT.first, last: FRAGMENT.first }],
  later: [{ first: FRAGMENT.later, last: FRAGMENT.later }],
};

function vlanSpan(value: string | number): Span[] {
  const span = parseSpan(value, 0, MAX_VID);
  return span === undefined ? [] : [{ first: span.from, last: span.to }];
}

/** Of ICMP in the place of ports. */
function messages({ type, code }: AclMatchConfig): Span[] {
  if (type === undefined) return [];
  const first = (type << 8) | (code ?? 0);
  return [{ first, last: (type << 8) | (code ?? 0xff) }];
}

function flagsOf(text: string | undefined): number[] {
  const flags = text === undefined ? undefined : parseTcpFlags(text);
  if (flags === undefined) return [];
  return Array.from({ length: 256 }, (_, byte) => byte).filter((byte) => (byte & flags.mask) === flags.set);
}

function prefixes(
  side: 'src' | 'dst',
  texts: AclMatchConfig['from'],
): { src?: IpPrefix[]; dst?: IpPrefix[] } {
  const list = all(texts);
  if (list.length === 0 || list.includes(ANY)) return {};
  return { [side]: list.flatMap((text) => parseMember(text) ?? []) };
}

function macs(
  side: 'srcMac' | 'dstMac',
  texts: AclMatchConfig['from_mac'],
): { srcMac?: MaskedMac[]; dstMac?: MaskedMac[] } {
  const list = all(texts);
  return list.length === 0 ? {} : { [side]: list.flatMap((text) => parseMaskedMac(text) ?? []) };
}
