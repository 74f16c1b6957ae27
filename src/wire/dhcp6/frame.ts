// The Ethernet frame around a DHCPv6 message: IPv6 and UDP between ports 546 and 547.

import { PROTOCOL_UDP } from '../ipv4.ts';
import { type BadPacket6, buildIpv6Frame, parseIpv6Frame, type Way6 } from '../ipv6_frame.ts';
import * as udp from '../udp.ts';
import { type BadMessage6, type Message6, parseMessage6 } from './message.ts';
import { parseRelayed, type RelayLayer } from './relay.ts';

/** IANA, RFC 8415 section 7.2. */
export const CLIENT_PORT6 = 546;
export const SERVER_PORT6 = 547;

const HOP_LIMIT = 64;

export interface Frame6 extends Way6 {
  readonly message: Message6;
  /** Of relay agents on its way, the nearest first; empty: the client sent it itself. */
  readonly layers: readonly RelayLayer[];
}

/** `not_udp`: not to a DHCPv6 server at all. */
export type BadFrame6 = 'not_udp' | 'udp_header' | 'relay' | BadPacket6 | BadMessage6;

/** A message to a server, by relay agents or without. */
export function parseFrame6(bytes: Uint8Array): Frame6 | BadFrame6 {
  const packet = parseIpv6Frame(bytes);
  if (typeof packet === 'string') return packet;
  const { view, at, end, srcMac, dstMac, src, dst } = packet;
  if (packet.protocol !== PROTOCOL_UDP || udp.dstPort(view, at) !== SERVER_PORT6) return 'not_udp';
  const length = udp.length(view, at);
  if (length < udp.HEADER_LEN || at + length > end) return 'udp_header';
  const relayed = parseRelayed(bytes.subarray(at + udp.HEADER_LEN, at + length));
  if (relayed === undefined) return 'relay';
  const message = parseMessage6(relayed.message);
  return typeof message === 'string'
    ? message
    : { srcMac, dstMac, src, dst, message, layers: relayed.layers };
}

export function buildFrame6(way: Way6, srcPort: number, dstPort: number, message: Uint8Array): Uint8Array {
  const datagram = new Uint8Array(udp.HEADER_LEN + message.length);
  udp.write(new DataView(datagram.buffer), 0, srcPort, dstPort, datagram.length);
  datagram.set(message, udp.HEADER_LEN);
  return buildIpv6Frame(way, PROTOCOL_UDP, HOP_LIMIT, datagram);
}
