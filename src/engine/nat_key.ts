// What of an IPv4 packet tells its connection: the key of a line (table/connections.ts). Bytes come from strangers: each is read
// only if it is there before `end`; the header at `at` has been verified.

import { answerPorts, kindOf, OF } from '../table/flow.ts';
import { KEY } from '../table/line_search.ts';
import * as icmp from '../wire/icmp.ts';
import * as ipv4 from '../wire/ipv4.ts';
import * as tcp from '../wire/tcp.ts';
import * as udp from '../wire/udp.ts';

/** What a packet is. */
export const PACKET = {
  /** Its headers are not whole, or it is nothing that has connections. */
  bad: 0,
  /** Of a connection. */
  flow: 1,
  /** An ICMP error: its key is that of the packet that would answer the quoted one. */
  error: 2,
  /** A fragment but not the first: its ports are not known. */
  fragment: 3,
} as const;

/** Writes the key of the packet at `at` to `k`. Returns what it is. */
export function readKey(
  view: DataView,
  at: number,
  end: number,
  zone: number,
  keys: Int32Array,
  k: number,
): number {
  const protocol = ipv4.protocol(view, at);
  const l4 = at + ipv4.headerLength(view, at);
  keys[k + KEY.kind] = kindOf(zone, protocol, OF.flow4);
  keys[k + KEY.ports] = 0;
  keys[k + KEY.src] = ipv4.src(view, at);
  keys[k + KEY.dst] = ipv4.dst(view, at);
  if (ipv4.isLaterFragment(view, at)) return PACKET.fragment;
  switch (protocol) {
    case ipv4.PROTOCOL_TCP:
      if (l4 + tcp.HEADER_LEN > end) return PACKET.bad;
      keys[k + KEY.ports] = view.getInt32(l4);
      return PACKET.flow;
    case ipv4.PROTOCOL_UDP:
      if (l4 + udp.HEADER_LEN > end) return PACKET.bad;
      keys[k + KEY.ports] = view.getInt32(l4);
      return PACKET.flow;
    case icmp.PROTOCOL_ICMP: {
      if (l4 + icmp.HEADER_LEN > end) return PACKET.bad;
      const type = icmp.type(view, l4);
      if (icmp.isError(type)) return readQuote(view, l4 + icmp.HEADER_LEN, end, zone, keys, k);
      if (icmp.replyTo(type) === type) return PACKET.bad;
      keys[k + KEY.ports] = (icmp.identifier(view, l4) << 16) | type;
      return PACKET.flow;
    }
    default:
      return PACKET.flow;
  }
}

/** The key of what would answer the packet of which an ICMP error quotes the beginning at `at`. */
function readQuote(
  view: DataView,
  at: number,
  end: number,
  zone: number,
  keys: Int32Array,
  k: number,
): number {
  if (at + ipv4.HEADER_LEN > end || ipv4.version(view, at) !== 4) return PACKET.bad;
  const length = ipv4.headerLength(view, at);
  const l4 = at + length;
  // The first 8 bytes of its payload are always quoted (RFC 792).
  if (length < ipv4.HEADER_LEN || ipv4.isLaterFragment(view, at)) return PACKET.bad;
  const protocol = ipv4.protocol(view, at);
  let ports = 0;
  if (protocol === ipv4.PROTOCOL_TCP || protocol === ipv4.PROTOCOL_UDP) {
    if (l4 + 8 > end) return PACKET.bad;
    ports = view.getInt32(l4);
  } else if (protocol === icmp.PROTOCOL_ICMP) {
    if (l4 + icmp.HEADER_LEN > end) return PACKET.bad;
    const type = icmp.type(view, l4);
    if (icmp.replyTo(type) === type) return PACKET.bad;
    ports = (icmp.identifier(view, l4) << 16) | type;
  }
  keys[k + KEY.kind] = kindOf(zone, protocol, OF.flow4);
  keys[k + KEY.ports] = answerPorts(protocol, ports);
  keys[k + KEY.src] = ipv4.dst(view, at);
  keys[k + KEY.dst] = ipv4.src(view, at);
  return PACKET.error;
}
