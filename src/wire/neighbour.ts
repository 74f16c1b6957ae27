// Neighbour solicitation and advertisement of IPv6, RFC 4861 sections 4.3 and 4.4, for the data plane.
//
//   | type | code | checksum | flags 32 | target address, 16 bytes | option: 1 or 2, length 1, MAC 6 |

import { add, finish, pseudo6 } from './checksum.ts';
import * as ethernet from './ethernet.ts';
import { NEXT_HEADER_ICMPV6 } from './icmpv6.ts';
import * as ipv6 from './ipv6.ts';
import { setMac } from './mac.ts';

export const SOLICITATION = 135;
export const ADVERTISEMENT = 136;
/** Of the frames that `write` makes. */
export const FRAME_LEN = ethernet.HEADER_LEN + ipv6.HEADER_LEN + 32;

const CODE = 1;
const CHECKSUM = 2;
const FLAGS = 4;
const TARGET = 8;
const OPTION = 24;
/** Section 7.1: what a router has forwarded does not count. */
const HOP_LIMIT = 255;
const SOURCE_MAC = 0x0101;
const TARGET_MAC = 0x0201;
export const SOLICITED = 0x4000_0000;
export const OVERRIDE = 0x2000_0000;

/** The type of the message that the packet from `ip` to before `end` is, or -1: another packet, or an invalid one (section 7.1). */
export function typeOf(view: DataView, ip: number, end: number): number {
  if (ip + ipv6.HEADER_LEN + OPTION > end || ipv6.nextHeader(view, ip) !== NEXT_HEADER_ICMPV6) return -1;
  const at = ip + ipv6.HEADER_LEN;
  const type = view.getUint8(at);
  if (type !== SOLICITATION && type !== ADVERTISEMENT) return -1;
  const length = ipv6.payloadLength(view, ip);
  const isValid =
    ipv6.hopLimit(view, ip) === HOP_LIMIT &&
    view.getUint8(at + CODE) === 0 &&
    length >= OPTION &&
    at + length <= end &&
    finish(add(view, at, at + length, pseudo6(view, ip, NEXT_HEADER_ICMPV6, length))) === 0;
  return isValid ? type : -1;
}

/** Where the target of the message in the packet at `ip` begins. */
export function targetAt(ip: number): number {
  return ip + ipv6.HEADER_LEN + TARGET;
}

/** Of a message at `at`: where its options begin, and its target. */
export function optionsAt(at: number): number {
  return at + OPTION;
}

export function targetOf(at: number): number {
  return at + TARGET;
}

/** Whether an option at `at` tells a MAC, behind 2 bytes. */
export function isMacOption(view: DataView, at: number): boolean {
  const head = view.getUint16(at);
  return head === SOURCE_MAC || head === TARGET_MAC;
}

/** Bytes of an option. */
export function optionLength(view: DataView, at: number): number {
  return view.getUint8(at + 1) << 3;
}

/**
 * A whole frame at `at` from (hi, lo) to (toHi, toLo), with the sender's MAC as its option. The caller has written the
 * packet's addresses and the target.
 */
export function write(
  view: DataView,
  at: number,
  type: number,
  flags: number,
  hi: number,
  lo: number,
  toHi: number,
  toLo: number,
): void {
  const ip = at + ethernet.HEADER_LEN;
  const message = ip + ipv6.HEADER_LEN;
  const length = FRAME_LEN - ethernet.HEADER_LEN - ipv6.HEADER_LEN;
  ethernet.setDst(view, at, toHi, toLo);
  ethernet.setSrc(view, at, hi, lo);
  ethernet.setEtherType(view, at, ethernet.TYPE_IPV6);
  ipv6.write(view, ip, 0, length, NEXT_HEADER_ICMPV6, HOP_LIMIT);
  view.setUint16(message, type << 8);
  view.setUint16(message + CHECKSUM, 0);
  view.setInt32(message + FLAGS, flags);
  view.setUint16(message + OPTION, type === SOLICITATION ? SOURCE_MAC : TARGET_MAC);
  setMac(view, message + OPTION + 2, hi, lo);
  const sum = pseudo6(view, ip, NEXT_HEADER_ICMPV6, length);
  view.setUint16(message + CHECKSUM, finish(add(view, message, message + length, sum)));
}
