// Reads of a frame what access lists ask about. Bytes come from strangers: each is read only if it is there before the end, and what is
// not there, or contradicts itself, the frame has not.
//
// Eight tags that are left in a frame hide nothing; behind more of them nobody looks. A later fragment has no ports.

import { COLUMN, type FrameBatch } from '../frame/frame_batch.ts';
import type { AclKey } from '../table/acl_key.ts';
import { FIELD, FRAGMENT } from '../table/acl_table.ts';
import { MACS_LEN, TYPE_ARP, TYPE_IPV4, TYPE_IPV6 } from '../wire/ethernet.ts';
import * as icmp from '../wire/icmp.ts';
import * as icmpv6 from '../wire/icmpv6.ts';
import * as ipv4 from '../wire/ipv4.ts';
import * as ipv6 from '../wire/ipv6.ts';
import { PROTOCOL_DCCP, PROTOCOL_SCTP, PROTOCOL_UDP_LITE } from '../wire/transport.ts';
import { isTpid, MAX_DEPTH, pcp, TAG_LEN, VID_MASK } from '../wire/vlan.ts';

const TYPE_LEN = 2;
const PORTS_LEN = 4;
/** A message of ICMP has a type and a code. */
const MESSAGE_LEN = 2;
const TCP_FLAGS = 13;

/** Relies on `classify`, or on a router: an untagged frame whose lengths are right. */
export function readAclKey(key: AclKey, batch: FrameBatch, row: number): void {
  const { view, rows } = batch;
  const { fields } = key;
  const rest = rows[row + COLUMN.rest];
  const end = rest + batch.headLength(row) - MACS_LEN;
  const tci = rows[row + COLUMN.tci];
  key.clear();
  key.macs = rows[row + COLUMN.start];
  fields[FIELD.vlan] = tci & VID_MASK;
  fields[FIELD.pcp] = pcp(tci);
  let at = rest + TYPE_LEN;
  let type = view.getUint16(rest);
  for (let tags = 0; tags < MAX_DEPTH && isTpid(type) && at + TAG_LEN <= end; tags++) {
    // Of a bridge that leaves tags in frames.
    if (tags === 0 && (tci & VID_MASK) === 0) {
      fields[FIELD.vlan] = view.getUint16(at) & VID_MASK;
      fields[FIELD.pcp] = pcp(view.getUint16(at));
    }
    type = view.getUint16(at + TAG_LEN - TYPE_LEN);
    at += TAG_LEN;
  }
  fields[FIELD.etherType] = type;
  if (type === TYPE_IPV4) read4(key, view, at, end);
  else if (type === TYPE_IPV6) read6(key, view, at, end);
  else key.isLink = type === TYPE_ARP;
}

function read4(key: AclKey, view: DataView, at: number, end: number): void {
  const { fields } = key;
  if (at + ipv4.HEADER_LEN > end || ipv4.version(view, at) !== 4) return;
  const length = ipv4.headerLength(view, at);
  const total = ipv4.totalLength(view, at);
  if (length < ipv4.HEADER_LEN || total < length || at + length > end) return;
  const protocol = ipv4.protocol(view, at);
  const isLater = ipv4.fragmentOffset(view, at) !== 0;
  key.version = 4;
  key.src = at + ipv4.SRC;
  key.dst = at + ipv4.DST;
  fields[FIELD.protocol] = protocol;
  fields[FIELD.dscp] = ipv4.tos(view, at) >>> 2;
  fields[FIELD.fragment] = isLater
    ? FRAGMENT.later
    : ipv4.isFragment(view, at)
      ? FRAGMENT.first
      : FRAGMENT.whole;
  if (!isLater) readTransport(key, view, protocol, at + length, Math.min(end, at + total));
}

function read6(key: AclKey, view: DataView, at: number, end: number): void {
  const { fields } = key;
  if (at + ipv6.HEADER_LEN > end || ipv6.version(view, at) !== 6) return;
  const header = at + ipv6.HEADER_LEN;
  const stop = Math.min(end, header + ipv6.payloadLength(view, at));
  key.version = 6;
  key.src = at + ipv6.SRC;
  key.dst = at + ipv6.DST;
  fields[FIELD.dscp] = ipv6.trafficClass(view, at) >>> 2;
  const isFragment = ipv6.nextHeader(view, at) === ipv6.FRAGMENT;
  fields[FIELD.fragment] = isFragment ? FRAGMENT.first : FRAGMENT.whole;
  if (isFragment && ipv6.isLaterFragment(view, at, stop)) {
    fields[FIELD.fragment] = FRAGMENT.later;
    fields[FIELD.protocol] = view.getUint8(header);
    return;
  }
  const found = ipv6.firstTransport(view, at, stop);
  if (found < 0) return;
  const protocol = found & 0xff;
  const l4 = at + (found >>> 8);
  fields[FIELD.protocol] = protocol;
  readTransport(key, view, protocol, l4, stop);
  if (protocol === icmpv6.NEXT_HEADER_ICMPV6 && l4 + icmpv6.HEADER_LEN <= stop)
    key.isLink = icmpv6.isOfLink(icmpv6.type(view, l4), ipv6.hopLimit(view, at));
}

function readTransport(key: AclKey, view: DataView, protocol: number, l4: number, stop: number): void {
  const { fields } = key;
  switch (protocol) {
    case ipv4.PROTOCOL_TCP:
    case ipv4.PROTOCOL_UDP:
    case PROTOCOL_UDP_LITE:
    case PROTOCOL_SCTP:
    case PROTOCOL_DCCP:
      if (l4 + PORTS_LEN > stop) return;
      fields[FIELD.sourcePort] = view.getUint16(l4);
      fields[FIELD.port] = view.getUint16(l4 + 2);
      if (protocol === ipv4.PROTOCOL_TCP && l4 + TCP_FLAGS < stop)
        fields[FIELD.tcpFlags] = view.getUint8(l4 + TCP_FLAGS);
      return;
    case icmp.PROTOCOL_ICMP:
    case icmpv6.NEXT_HEADER_ICMPV6:
      if (l4 + MESSAGE_LEN <= stop) fields[FIELD.port] = view.getUint16(l4);
  }
}
