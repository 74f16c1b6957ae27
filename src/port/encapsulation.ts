// What a tunnel puts before a frame, whether it leaves through a socket or through a TAP.

import * as ecn from '../wire/ecn.ts';
import { copyMacs, HEADER_LEN, MACS_LEN, TYPE_IPV4, TYPE_IPV6 } from '../wire/ethernet.ts';
import * as ipv4 from '../wire/ipv4.ts';
import * as ipv6 from '../wire/ipv6.ts';
import * as vlan from '../wire/vlan.ts';
import * as vxlan from '../wire/vxlan.ts';

/** The VXLAN header at `at`, the MACs from `macs`, and the tag; returns the offset of what follows them. */
export function encapsulate(view: DataView, at: number, vni: number, macs: number, tag: number): number {
  vxlan.write(view, at, vni);
  copyMacs(view, macs, at + vxlan.HEADER_LEN);
  const restAt = at + vxlan.HEADER_LEN + MACS_LEN;
  if (tag === 0) return restAt;
  view.setInt32(restAt, tag);
  return restAt + vlan.TAG_LEN;
}

/**
 * Outer TOS for a frame whose EtherType is at `rest` and that is `length` bytes long, MACs included (RFC 6040). `tos` is the
 * port's, without its ECN bits, or -1 for the inner packet's.
 */
export function outerTos(view: DataView, rest: number, length: number, tos: number): number {
  const inner = tosOf(view, view.getUint16(rest), rest + 2, length - HEADER_LEN);
  return ecn.encapsulate(inner & ecn.MASK) | (tos < 0 ? inner & ~ecn.MASK : tos);
}

/** TOS or traffic class of an IP packet, 0 for anything else. */
function tosOf(view: DataView, type: number, at: number, length: number): number {
  if (type === TYPE_IPV4 && length >= ipv4.HEADER_LEN) return ipv4.tos(view, at);
  if (type === TYPE_IPV6 && length >= ipv6.HEADER_LEN) return ipv6.trafficClass(view, at);
  return 0;
}
