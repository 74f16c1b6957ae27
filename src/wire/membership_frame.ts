// Takes a membership message out of a frame, and puts a query into one.
//
//   Ethernet | IPv4, IGMP or PIM  or  IPv6, hop-by-hop options, ICMPv6 (MLD) or PIM

import * as ethernet from './ethernet.ts';
import { NEXT_HEADER_ICMPV6 } from './icmpv6.ts';
import { parseIgmp, putBytes, writeIgmpQuery } from './igmp.ts';
import { parseIp } from './ip_address.ts';
import * as ipv4 from './ipv4.ts';
import * as ipv6 from './ipv6.ts';
import { addressAt, type Heard, type MembershipQuery, PROTOCOL_IGMP, PROTOCOL_PIM } from './membership.ts';
import { parseMld, writeMldQuery } from './mld.ts';
import { parsePim } from './pim.ts';

const ALL_HOSTS = Uint8Array.of(224, 0, 0, 1);
const ALL_NODES = Uint8Array.from({ length: 16 }, (_, n) => [0xff, 0x02][n] ?? (n === 15 ? 1 : 0));
/** RFC 2113 and RFC 2711. */
const ROUTER_ALERT_4 = 0x9404_0000 | 0;
const HOP_BY_HOP = 0;
const ROUTER_ALERT_6 = Uint8Array.of(NEXT_HEADER_ICMPV6, 0, 5, 2, 0, 0, 1, 0);
/** Internetwork control, RFC 3376 section 4. */
const TOS = 0xc0;
/** Frames without FCS. */
const MIN_FRAME = 60;
/** Headers, and the largest query of this switch. */
const ROOM = 1500;

/** The message in an untagged frame. Undefined if there is no IP packet in it. */
export function parseMembership(frame: Uint8Array): Heard | undefined {
  if (frame.length < ethernet.HEADER_LEN) return undefined;
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  const type = ethernet.etherType(view, 0);
  if (type === ethernet.TYPE_IPV4) return { family: 4, ...parse4(view) };
  if (type === ethernet.TYPE_IPV6) return { family: 6, ...parse6(view) };
  return undefined;
}

function parse4(view: DataView): Omit<Heard, 'family'> {
  const at = ethernet.HEADER_LEN;
  const length = ipv4.packetLength(view, at, view.byteLength);
  if (length < 0) return { from: '', message: 'ip_header' };
  const from = addressAt(view, at + 12, 4);
  const transport = ipv4.transport(view, at, at + length);
  if (transport < 0) return { from, message: ipv4.isFragment(view, at) ? 'fragment' : 'ip_header' };
  const start = at + (transport >> 8);
  const end = at + length;
  const isPim = (transport & 0xff) === PROTOCOL_PIM;
  return { from, message: isPim ? parsePim(view, start, end) : parseIgmp(view, start, end) };
}

function parse6(view: DataView): Omit<Heard, 'family'> {
  const at = ethernet.HEADER_LEN;
  const length = ipv6.packetLength(view, at, view.byteLength);
  if (length < 0) return { from: '', message: 'ip_header' };
  const from = addressAt(view, at + ipv6.SRC, 16);
  const end = at + length;
  const transport = ipv6.transport(view, at, end);
  if (transport < 0) return { from, message: 'ip_header' };
  const start = at + (transport >> 8);
  const protocol = transport & 0xff;
  if (protocol === PROTOCOL_PIM) return { from, message: parsePim(view, start, end) };
  if (protocol !== NEXT_HEADER_ICMPV6) return { from, message: 'type' };
  return { from, message: parseMld(view, at, start, end) };
}

/** @param mac six bytes @param from the querier's address, whose family says whether it is IGMP or MLD */
export function queryFrame(mac: Uint8Array, from: string, query: MembershipQuery): Uint8Array {
  const source = bytesOf(from);
  const view = new DataView(new ArrayBuffer(ROOM));
  const end = source.length === 4 ? write4(view, source, query) : write6(view, source, query);
  putBytes(view, ethernet.MACS_LEN - 6, mac);
  return new Uint8Array(view.buffer, 0, Math.max(end, MIN_FRAME));
}

function write4(view: DataView, from: Uint8Array, query: MembershipQuery): number {
  const ip = ethernet.HEADER_LEN;
  const group = query.group === undefined ? new Uint8Array(4) : bytesOf(query.group);
  const to = query.group === undefined ? ALL_HOSTS : group;
  view.setUint16(0, 0x0100);
  view.setInt32(2, 0x5e00_0000 | ((to[1] & 0x7f) << 16) | (to[2] << 8) | to[3]);
  ethernet.setEtherType(view, 0, ethernet.TYPE_IPV4);
  const at = ip + ipv4.HEADER_LEN + 4;
  const end = writeIgmpQuery(view, at, query, group, query.sources.map(bytesOf));
  ipv4.write(view, ip, TOS, end - ip, 1, PROTOCOL_IGMP, 0, 0);
  view.setUint8(ip, 0x46);
  putBytes(view, ip + 12, from);
  putBytes(view, ip + 16, to);
  view.setInt32(ip + ipv4.HEADER_LEN, ROUTER_ALERT_4);
  ipv4.completeChecksum(view, ip);
  return end;
}

function write6(view: DataView, from: Uint8Array, query: MembershipQuery): number {
  const ip = ethernet.HEADER_LEN;
  const group = query.group === undefined ? new Uint8Array(16) : bytesOf(query.group);
  const to = query.group === undefined ? ALL_NODES : group;
  view.setUint16(0, 0x3333);
  putBytes(view, 2, to.subarray(12));
  ethernet.setEtherType(view, 0, ethernet.TYPE_IPV6);
  putBytes(view, ip + ipv6.SRC, from);
  putBytes(view, ip + ipv6.DST, to);
  const at = putBytes(view, ip + ipv6.HEADER_LEN, ROUTER_ALERT_6);
  const end = writeMldQuery(view, ip, at, query, group, query.sources.map(bytesOf));
  ipv6.write(view, ip, 0, end - ip - ipv6.HEADER_LEN, HOP_BY_HOP, 1);
  return end;
}

function bytesOf(address: string): Uint8Array {
  return parseIp(address) as Uint8Array;
}
