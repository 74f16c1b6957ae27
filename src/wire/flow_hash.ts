// A hash of the flow that a frame belongs to: addresses, protocol and ports of TCP and UDP, else MACs and EtherType.
// Equal for both directions of a flow, so that they share a path. Fragments have no ports: all of a packet's fragments
// must hash alike.

import { HEADER_LEN, MACS_LEN, TYPE_IPV4, TYPE_IPV6 } from './ethernet.ts';
import * as ipv4 from './ipv4.ts';
import * as ipv6 from './ipv6.ts';
import * as udp from './udp.ts';
import { isTpid, TAG_LEN } from './vlan.ts';
import * as vxlan from './vxlan.ts';

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
    const ports = ipv4.isFragment(view, l3) ? 0 : bothWays(portsAt(view, protocol, l4, end));
    return mix(addresses, ports ^ protocol);
  }
  if (type === TYPE_IPV6 && l3 + ipv6.HEADER_LEN <= end) {
    let addresses = 0;
    for (let at = l3 + 8; at < l3 + ipv6.HEADER_LEN; at += 4) addresses ^= view.getInt32(at);
    const protocol = ipv6.nextHeader(view, l3);
    return mix(addresses, bothWays(portsAt(view, protocol, l3 + ipv6.HEADER_LEN, end)) ^ protocol);
  }
  return mix(view.getInt32(macs + 2) ^ view.getInt32(macs + 8), type);
}

/** How deep `layeredHash` looks: MACs and VLAN, addresses of IP, ports. */
export const LAYERS = { l2: 2, l3: 3, l4: 4 } as const;

/**
 * A hash of a flow by so many layers at most, behind tags, and where it looks at ports of the frame in a VXLAN datagram: what
 * a tunnel carries is many flows. Of a frame as for flowHash; `vid` is that of the tag that is not in it any more.
 */
export function layeredHash(
  view: DataView,
  macs: number,
  rest: number,
  length: number,
  vid: number,
  layers: number,
): number {
  const end = rest + length - MACS_LEN;
  let type = rest;
  for (let tags = 0; tags < 2 && type + TAG_LEN + 2 <= end && isTpid(view.getUint16(type)); tags++)
    type += TAG_LEN;
  const tags = vid ^ (type === rest ? 0 : view.getInt32(type - TAG_LEN));
  if (layers === LAYERS.l2) return mix(view.getInt32(macs + 2) ^ view.getInt32(macs + 8), tags);
  const inner = layers === LAYERS.l4 ? innerFrame(view, type, end) : 0;
  if (inner !== 0) return flowHash(view, inner, inner + MACS_LEN, end - inner);
  const behind = length - (type - rest);
  return layers === LAYERS.l4 ? flowHash(view, macs, type, behind) : addressHash(view, macs, type, end);
}

/** Where the frame in a VXLAN datagram begins; 0 = it is none. */
function innerFrame(view: DataView, type: number, end: number): number {
  const l3 = type + 2;
  let l4 = 0;
  if (view.getUint16(type) === TYPE_IPV4 && l3 + ipv4.HEADER_LEN <= end) {
    if (ipv4.protocol(view, l3) !== ipv4.PROTOCOL_UDP || ipv4.isFragment(view, l3)) return 0;
    l4 = l3 + ipv4.headerLength(view, l3);
  } else if (view.getUint16(type) === TYPE_IPV6 && l3 + ipv6.HEADER_LEN <= end) {
    if (ipv6.nextHeader(view, l3) !== ipv4.PROTOCOL_UDP) return 0;
    l4 = l3 + ipv6.HEADER_LEN;
  } else return 0;
  const inner = l4 + udp.HEADER_LEN + vxlan.HEADER_LEN;
  if (inner + HEADER_LEN > end || view.getUint16(l4 + 2) !== vxlan.UDP_PORT) return 0;
  return inner;
}

/** Of the addresses of IP, else of MACs and EtherType. */
function addressHash(view: DataView, macs: number, type: number, end: number): number {
  const l3 = type + 2;
  if (view.getUint16(type) === TYPE_IPV4 && l3 + ipv4.HEADER_LEN <= end)
    return mix(ipv4.src(view, l3) ^ ipv4.dst(view, l3), 0);
  if (view.getUint16(type) === TYPE_IPV6 && l3 + ipv6.HEADER_LEN <= end) {
    let addresses = 0;
    for (let at = l3 + 8; at < l3 + ipv6.HEADER_LEN; at += 4) addresses ^= view.getInt32(at);
    return mix(addresses, 0);
  }
  return mix(view.getInt32(macs + 2) ^ view.getInt32(macs + 8), view.getUint16(type));
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

/** Of TCP and UDP, whose header is at `at`: source and destination in a word. 0 of anything else, or if they are not there. */
export function portsAt(view: DataView, protocol: number, at: number, end: number): number {
  if ((protocol !== ipv4.PROTOCOL_TCP && protocol !== ipv4.PROTOCOL_UDP) || at + 4 > end) return 0;
  return view.getInt32(at);
}

/** Equal for both directions. */
function bothWays(ports: number): number {
  return (ports >>> 16) ^ (ports & 0xffff);
}

// The finalising rounds of MurmurHash3 (public domain constants), which spread every input bit over all output bits.
function mix(a: number, b: number): number {
  let h = a ^ Math.imul(b, 0x9e37_79b1 | 0);
  h = Math.imul(h ^ (h >>> 16), 0x85eb_ca6b | 0);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2_ae35 | 0);
  return h ^ (h >>> 16);
}
