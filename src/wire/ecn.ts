// Congestion marks across a tunnel, RFC 6040 as Linux' VXLAN device does it. A codepoint is the two low bits of the
// IPv4 TOS or the IPv6 traffic class.
//
//   on the way in (section 4.1, normal mode), outer =           on the way out (section 4.2), result =
//   inner  Not-ECT ECT(1) ECT(0) CE                             inner \ outer  Not-ECT  ECT(1)   ECT(0)   CE
//   outer  Not-ECT ECT(1) ECT(0) ECT(0)                         Not-ECT        Not-ECT  Not-ECT  Not-ECT  drop
//                                                               ECT(1)         ECT(1)   ECT(1)   ECT(1)   CE
//                                                               ECT(0)         ECT(0)   ECT(1)   ECT(0)   CE
//                                                               CE             CE       CE       CE       CE

import { update } from './checksum.ts';
import * as ipv4 from './ipv4.ts';
import * as ipv6 from './ipv6.ts';

export const NOT_ECT = 0;
export const ECT_1 = 1;
export const ECT_0 = 2;
export const CE = 3;
/** The result of `decapsulate` for a mark that its transport would not understand. */
export const DROP = -1;

/** The bits of the TOS or the traffic class that are a codepoint. */
export const MASK = 3;

/** The codepoint of the IP packet at `at`; NOT_ECT for anything else. The caller has checked 2 bytes. */
export function ecn(view: DataView, at: number): number {
  const version = view.getUint8(at) >>> 4;
  if (version === 4) return ipv4.tos(view, at) & MASK;
  if (version === 6) return ipv6.trafficClass(view, at) & MASK;
  return NOT_ECT;
}

/** Outer codepoint for an inner one: CE is not copied, so that the tunnel's own congestion stays visible. */
export function encapsulate(inner: number): number {
  return inner === CE ? ECT_0 : inner;
}

/** Inner codepoint after the tunnel, or DROP. */
export function decapsulate(inner: number, outer: number): number {
  if (outer === CE) return inner === NOT_ECT ? DROP : CE;
  if (inner === ECT_0 && outer === ECT_1) return ECT_1;
  return inner;
}

/**
 * Rewrites the codepoint of the IP packet at `at`, and an IPv4 header's checksum with it. Neither TCP nor UDP covers
 * this field. The caller has checked that the IP header is present.
 */
export function setEcn(view: DataView, at: number, codepoint: number): void {
  setField(view, at, ~MASK, codepoint);
}

/** The same of the DSCP, beside it in the same byte. */
export function setDscp(view: DataView, at: number, dscp: number): void {
  setField(view, at, MASK, dscp << 2);
}

/** The byte that was the type of service: what `kept` has stays, the rest is `value`. */
function setField(view: DataView, at: number, kept: number, value: number): void {
  if (ipv4.version(view, at) === 4) {
    const before = view.getUint16(at);
    ipv4.setTos(view, at, (ipv4.tos(view, at) & kept) | value);
    ipv4.setChecksum(view, at, update(ipv4.checksum(view, at), before, view.getUint16(at)));
  } else {
    ipv6.setTrafficClass(view, at, (ipv6.trafficClass(view, at) & kept) | value);
  }
}
