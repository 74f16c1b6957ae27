// The outer headers of a tunnel over a TAP: Ethernet, IPv4 and UDP, written and read here where sockets leave it to the
// kernel. The outer UDP checksum is 0 on the way out, as RFC 7348 recommends, and not looked at on the way in.

import * as ethernet from '../wire/ethernet.ts';
import * as ipv4 from '../wire/ipv4.ts';
import * as udp from '../wire/udp.ts';
import type { Underlay } from './vxlan_port.ts';

// Offsets in an outer frame as it is written.
export const IP_AT = ethernet.HEADER_LEN;
export const UDP_AT = IP_AT + ipv4.HEADER_LEN;
/** What follows the outer headers. */
export const PAYLOAD_AT = UDP_AT + udp.HEADER_LEN;
/** The kernel takes what is addressed to its own interface; from whom is all the same to it. */
const SOURCE_HI = 0x0200;

/** The headers at `at` of a packet of `length` bytes to the address `to`. */
export function writeOuter(
  view: DataView,
  at: number,
  { mac, local, ttl, sourcePort, sourcePorts }: Underlay,
  to: number,
  dstPort: number,
  length: number,
  tos: number,
  hash: number,
): void {
  ethernet.setDst(view, at, mac.hi, mac.lo);
  ethernet.setSrc(view, at, SOURCE_HI, 0);
  ethernet.setEtherType(view, at, ethernet.TYPE_IPV4);
  ipv4.write(view, at + IP_AT, tos, length, ttl, ipv4.PROTOCOL_UDP, local, to);
  const from = sourcePort + (((hash >>> 16) * sourcePorts) >>> 16);
  udp.write(view, at + UDP_AT, from, dstPort, length - ipv4.HEADER_LEN);
}

/** Offset of the UDP header of the outer frame at `at` .. `end` if it is a whole datagram to `address` and `port`, or -1. */
export function udpAt(view: DataView, at: number, end: number, address: number, port: number): number {
  const ip = at + IP_AT;
  if (ip > end || ethernet.etherType(view, at) !== ethernet.TYPE_IPV4) return -1;
  const found = ipv4.transport(view, ip, end);
  const packet = ipv4.packetLength(view, ip, end);
  if (found < 0 || packet < 0 || (found & 0xff) !== ipv4.PROTOCOL_UDP) return -1;
  const l4 = ip + (found >>> 8);
  const length = ip + packet - l4;
  if (length < udp.HEADER_LEN || ipv4.dst(view, ip) !== address || udp.dstPort(view, l4) !== port) return -1;
  const datagram = udp.length(view, l4);
  return datagram < udp.HEADER_LEN || datagram > length ? -1 : l4;
}

/** Between an int32 that was read as the wire has it and one that has the wire's bytes in memory, as Remotes does. */
export function toNetworkOrder(address: number): number {
  return (address << 24) | ((address & 0xff00) << 8) | ((address >>> 8) & 0xff00) | (address >>> 24);
}
