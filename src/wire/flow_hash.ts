// A hash of the flow that a frame belongs to: addresses, protocol and ports of TCP and UDP, else MACs and EtherType.
// Equal for both directions of a flow, so that they share a path. Fragments have no ports: all of a packet's fragments
// must hash alike.

import { MACS_LEN, TYPE_IPV4, TYPE_IPV6 } from './ethernet.ts';
import * as ipv4 from './ipv4.ts';
import * as ipv6 from './ipv6.ts';

/**
 * 32 bits as int32, of a frame whose MACs are at `macs`, whose EtherType is at `rest`, and that would be `length` bytes
 * long without a tag. Tags that are still in it are not looked behind.
 */
export function flowHash(view: DataView, macs: number, rest: number, length: number): number {
  const l3 = rest + 2;
  const end = rest + length - MACS_LEN;
  const type = view.getUint16(rest);
  if (type === TYPE_IPV4 && l3 + ipv4.HEADER_LEN <= end) {
    const addresses = ipv4.src(view, l3) ^ ipv4.dst(view, l3);
    const protocol = ipv4.protocol(view, l3);
    const l4 = l3 + ipv4.headerLength(view, l3);
    const ports = ipv4.isFragment(view, l3) ? 0 : portsAt(view, protocol, l4, end);
    return mix(addresses, ports ^ protocol);
  }
  if (type === TYPE_IPV6 && l3 + ipv6.HEADER_LEN <= end) {
    let addresses = 0;
    for (let at = l3 + 8; at < l3 + ipv6.HEADER_LEN; at += 4) addresses ^= view.getInt32(at);
    const protocol = ipv6.nextHeader(view, l3);
    return mix(addresses, portsAt(view, protocol, l3 + ipv6.HEADER_LEN, end) ^ protocol);
  }
  return mix(view.getInt32(macs + 2) ^ view.getInt32(macs + 8), type);
}

/**
 * What tells the frames of a flow apart: TCP's sequence number, UDP's length and checksum; 0 for anything else. Of a frame
 * as for flowHash.
 */
export function flowWord(view: DataView, rest: number, length: number): number {
  const l3 = rest + 2;
  const end = rest + length - MACS_LEN;
  const type = view.getUint16(rest);
  let protocol = 0;
  let l4 = 0;
  if (type === TYPE_IPV4 && l3 + ipv4.HEADER_LEN <= end && !ipv4.isFragment(view, l3)) {
    protocol = ipv4.protocol(view, l3);
    l4 = l3 + ipv4.headerLength(view, l3);
  } else if (type === TYPE_IPV6 && l3 + ipv6.HEADER_LEN <= end) {
    protocol = ipv6.nextHeader(view, l3);
    l4 = l3 + ipv6.HEADER_LEN;
  }
  if ((protocol !== ipv4.PROTOCOL_TCP && protocol !== ipv4.PROTOCOL_UDP) || l4 + 8 > end) return 0;
  return view.getInt32(l4 + 4);
}

function portsAt(view: DataView, protocol: number, at: number, end: number): number {
  if ((protocol !== ipv4.PROTOCOL_TCP && protocol !== ipv4.PROTOCOL_UDP) || at + 4 > end) return 0;
  return view.getUint16(at) ^ view.getUint16(at + 2);
}

// The finalising rounds of MurmurHash3 (public domain constants), which spread every input bit over all output bits.
function mix(a: number, b: number): number {
  let h = a ^ Math.imul(b, 0x9e37_79b1 | 0);
  h = Math.imul(h ^ (h >>> 16), 0x85eb_ca6b | 0);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2_ae35 | 0);
  return h ^ (h >>> 16);
}
