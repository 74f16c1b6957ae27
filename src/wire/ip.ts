// What an IPv4 and an IPv6 packet are asked alike. `at` is the first byte of the IP header, `end` that of the frame's.

import { TYPE_IPV4, TYPE_IPV6 } from './ethernet.ts';
import * as ipv4 from './ipv4.ts';
import * as ipv6 from './ipv6.ts';

/** Offset of the transport header from `at` << 8 | protocol, or -1: not IP, malformed, or a fragment. */
export function transport(view: DataView, etherType: number, at: number, end: number): number {
  if (etherType === TYPE_IPV4) return ipv4.transport(view, at, end);
  if (etherType === TYPE_IPV6) return ipv6.transport(view, at, end);
  return -1;
}

/** Bytes of the IP packet, so without Ethernet padding, or -1: not IP, or its length contradicts the frame's. */
export function packetLength(view: DataView, etherType: number, at: number, end: number): number {
  if (etherType === TYPE_IPV4) return ipv4.packetLength(view, at, end);
  if (etherType === TYPE_IPV6) return ipv6.packetLength(view, at, end);
  return -1;
}
