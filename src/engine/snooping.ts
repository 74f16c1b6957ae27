// Where a frame to a group goes in a VLAN with multicast snooping. IGMP and MLD reports go to the host, and on to routers
// only; queries and hellos of routers go to the host, too, and wherever they would. Link-local groups are flooded always:
// neighbour discovery, mDNS and routing protocols must work, and nobody has to report them (RFC 4541 section 2.1.2).

import { COLUMN, type FrameBatch } from '../frame/frame_batch.ts';
import { DEST_CONSUMED, DEST_DROP, DEST_LIST } from '../frame/hop.ts';
import { DROP } from '../table/drops.ts';
import { type Groups, UNKNOWN } from '../table/groups.ts';
import { TRAP } from '../table/traps.ts';
import { dstHi, MACS_LEN, TYPE_IPV4, TYPE_IPV6 } from '../wire/ethernet.ts';
import { NEXT_HEADER_ICMPV6 } from '../wire/icmpv6.ts';
import * as igmp from '../wire/igmp.ts';
import * as ipv4 from '../wire/ipv4.ts';
import * as ipv6 from '../wire/ipv6.ts';
import { PROTOCOL_IGMP, PROTOCOL_PIM } from '../wire/membership.ts';
import * as mld from '../wire/mld.ts';
import type { HostPort } from './host_port.ts';
import { DOMAIN_SHIFT } from './topology.ts';

/** First two bytes of 01:00:5E (RFC 1112 section 6.4) and of 33:33 (RFC 2464 section 7). */
const MACS_IPV4 = 0x0100;
const MACS_IPV6 = 0x3333;
/** Families as Groups counts them. */
const V4 = 0;
const V6 = 2;
const HOP_BY_HOP = 0;
const TYPE_LEN = 2;

/** Where the frame of a row goes, which is to a group. Relies on `classify`. */
export type Snooping = (row: number) => number;

export function createSnooping(batch: FrameBatch, groups: Groups, host: HostPort): Snooping {
  const { view, rows } = batch;

  function decide(row: number): number {
    const hi = dstHi(view, rows[row + COLUMN.start]);
    const ip = rows[row + COLUMN.rest] + TYPE_LEN;
    const end = rows[row + COLUMN.rest] + batch.headLength(row) - MACS_LEN;
    if (hi === MACS_IPV4 && ip + ipv4.HEADER_LEN <= end) return decide4(row, ip, end);
    if (hi === MACS_IPV6 && ip + ipv6.HEADER_LEN <= end) return decide6(row, ip, end);
    return all(row);
  }

  function decide4(row: number, ip: number, end: number): number {
    const group = ipv4.dst(view, ip);
    const isGroup = group >>> 28 === 0xe;
    if (view.getUint16(ip - TYPE_LEN) !== TYPE_IPV4 || ipv4.version(view, ip) !== 4 || !isGroup)
      return all(row);
    const protocol = ipv4.protocol(view, ip);
    const isLinkLocal = group >>> 8 === 0xe0_0000;
    if (protocol === PROTOCOL_IGMP) {
      const at = ip + ipv4.headerLength(view, ip);
      const type = at < end && !ipv4.isLaterFragment(view, ip) ? view.getUint8(at) : 0;
      if (igmp.isReport(type)) return report(row, V4);
      if (type === igmp.QUERY) host.puntRow(row, TRAP.multicast);
    } else if (protocol === PROTOCOL_PIM && isLinkLocal) host.puntRow(row, TRAP.multicast);
    if (isLinkLocal) return all(row);
    const domain = rows[row + COLUMN.domain] >>> DOMAIN_SHIFT;
    const list = groups.find(domain, 0, 0, 0, group, 0, 0, 0, ipv4.src(view, ip));
    return list !== 0 ? DEST_LIST | list : unknown(row, domain, V4, protocol === PROTOCOL_IGMP);
  }

  function decide6(row: number, ip: number, end: number): number {
    const first = view.getInt32(ip + ipv6.DST);
    const isGroup = first >>> 24 === 0xff;
    if (view.getUint16(ip - TYPE_LEN) !== TYPE_IPV6 || ipv6.version(view, ip) !== 6 || !isGroup)
      return all(row);
    const next = ipv6.nextHeader(view, ip);
    // RFC 4291 section 2.7: of interface and of link.
    const isLinkLocal = ((first >>> 16) & 0xf) <= 2;
    let isMld = false;
    if (next === HOP_BY_HOP) {
      const type = mldType(ip, end);
      if (mld.isReport(type)) return report(row, V6);
      isMld = type === mld.QUERY;
    }
    if (isMld || (next === PROTOCOL_PIM && isLinkLocal)) host.puntRow(row, TRAP.multicast);
    if (isLinkLocal) return all(row);
    const domain = rows[row + COLUMN.domain] >>> DOMAIN_SHIFT;
    const to = ip + ipv6.DST;
    const from = ip + ipv6.SRC;
    const list = groups.find(
      domain,
      first,
      view.getInt32(to + 4),
      view.getInt32(to + 8),
      view.getInt32(to + 12),
      view.getInt32(from),
      view.getInt32(from + 4),
      view.getInt32(from + 8),
      view.getInt32(from + 12),
    );
    return list !== 0 ? DEST_LIST | list : unknown(row, domain, V6, isMld);
  }

  /** The type of an ICMPv6 message, 0 = it is none. */
  function mldType(ip: number, end: number): number {
    const transport = ipv6.transport(view, ip, end);
    const at = ip + (transport >> 8);
    return transport >= 0 && (transport & 0xff) === NEXT_HEADER_ICMPV6 && at < end ? view.getUint8(at) : 0;
  }

  /** Whoever wants a group tells routers and the host, and nobody else, who might keep silent for it (RFC 4541 section 2.1.1). */
  function report(row: number, family: number): number {
    if (!host.puntRow(row, TRAP.multicast)) return DEST_DROP | DROP.punt_limit;
    const list = groups.routers(rows[row + COLUMN.domain] >>> DOMAIN_SHIFT, family);
    if (list === 0) return all(row);
    return groups.membersOf(list).length === 0 ? DEST_CONSUMED : DEST_LIST | list;
  }

  /** A query about a group is heard by all if nobody is known. */
  function unknown(row: number, domain: number, family: number, isQuery: boolean): number {
    const policy = isQuery ? UNKNOWN.flood : groups.unknown(domain, family);
    if (policy === UNKNOWN.drop) return DEST_DROP | DROP.unknown_multicast;
    return policy === UNKNOWN.routers ? DEST_LIST | groups.routers(domain, family) : all(row);
  }

  function all(row: number): number {
    return DEST_LIST | (2 * (rows[row + COLUMN.domain] >>> DOMAIN_SHIFT));
  }

  return decide;
}
