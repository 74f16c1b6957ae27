// What a tunnel puts around a frame and takes off again, whether it leaves through a socket or through a TAP.

import * as ecn from '../wire/ecn.ts';
import { HEADER_LEN, MACS_LEN, TYPE_IPV4, TYPE_IPV6 } from '../wire/ethernet.ts';
import * as ipv4 from '../wire/ipv4.ts';
import * as ipv6 from '../wire/ipv6.ts';
import * as vlan from '../wire/vlan.ts';
import * as vxlan from '../wire/vxlan.ts';

export const ECN_MASK = 3;

/** The VXLAN header at `at`, room for the MACs, and the tag; returns the offset of what follows them. */
export function writeHeader(view: DataView, at: number, vni: number, tag: number): number {
  vxlan.write(view, at, vni);
  const restAt = at + vxlan.HEADER_LEN + MACS_LEN;
  if (tag === 0) return restAt;
  view.setInt32(restAt, tag);
  return restAt + vlan.TAG_LEN;
}

/**
 * Outer TOS for a frame whose EtherType is at `rest` and that is `length` bytes long, MACs included. `tos` is the
 * port's, without its ECN bits, or -1 for the inner packet's.
 */
export function outerTos(view: DataView, rest: number, length: number, tos: number): number {
  const inner = tosOf(view, view.getUint16(rest), rest + 2, length - HEADER_LEN);
  return ecn.encapsulate(inner & ECN_MASK) | (tos < 0 ? inner & ~ECN_MASK : tos);
}

/** Merges the outer congestion mark into the inner frame at `start` .. `end`. False = drop it. */
export function mergeEcn(view: DataView, start: number, end: number, outer: number): boolean {
  if (outer === ecn.NOT_ECT) return true;
  const typeAt = vlan.skip(view, start + MACS_LEN, end);
  if (typeAt < 0) return true;
  const type = view.getUint16(typeAt);
  const l3 = typeAt + 2;
  const isIp =
    (type === TYPE_IPV4 && end - l3 >= ipv4.HEADER_LEN) ||
    (type === TYPE_IPV6 && end - l3 >= ipv6.HEADER_LEN);
  if (!isIp) return true;
  const before = ecn.ecn(view, l3);
  const after = ecn.decapsulate(before, outer);
  if (after === ecn.DROP) return false;
  if (after !== before) ecn.setEcn(view, l3, after);
  return true;
}

/** TOS or traffic class of an IP packet, 0 for anything else. */
function tosOf(view: DataView, type: number, at: number, length: number): number {
  if (type === TYPE_IPV4 && length >= ipv4.HEADER_LEN) return ipv4.tos(view, at);
  if (type === TYPE_IPV6 && length >= ipv6.HEADER_LEN) return ipv6.trafficClass(view, at);
  return 0;
}
