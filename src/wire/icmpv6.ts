// ICMPv6, RFC 4443, and its errors.
//
//   0               8               16                           31
//   | type          | code          |          checksum          |
//   |              unused, 0; MTU; or pointer                    |
//   | the packet that this is about, as much as fits into IPv6's least MTU ...

import { add, finish, update } from './checksum.ts';
import * as ipv6 from './ipv6.ts';

export const HEADER_LEN = 8;
/** IANA protocol number. */
export const NEXT_HEADER_ICMPV6 = 58;

const CODE = 1;
const CHECKSUM = 2;
const REST = 4;

/** RFC 4861 section 4. */
export const ROUTER_SOLICITATION = 133;
export const ROUTER_ADVERTISEMENT = 134;

const PACKET_TOO_BIG = 2;
const ECHO_REQUEST = 128;
const ECHO_REPLY = 129;
/** Types from here on are informational, section 2.1. */
const FIRST_INFORMATIONAL = 128;
export const REDIRECT = 137;
/** Listeners of groups (RFC 2710, 3810), and behind them neighbours and routers (RFC 4861). */
const LISTENER_QUERY = 130;
const LISTENER_DONE = 132;
const LISTENER_REPORT_V2 = 143;
/** What was sent on this link has not passed any router. */
const OF_LINK = 255;

/** Type << 8 | code of errors that are sent, section 3. */
export const ERROR = {
  no_route: 0x0100,
  prohibited: 0x0101,
  beyond_scope: 0x0102,
  address_unreachable: 0x0103,
  port_unreachable: 0x0104,
  packet_too_big: 0x0200,
  hop_limit_exceeded: 0x0300,
  unknown_next_header: 0x0401,
} as const;

/**
 * The type of the solicitation or advertisement of a router that the packet from `ip` to before `end` is, or -1. Whether it
 * is valid is not asked. Relies on the packet's length.
 */
export function routerMessageAt(view: DataView, ip: number, end: number): number {
  const at = ip + ipv6.HEADER_LEN;
  if (at + HEADER_LEN > end || ipv6.nextHeader(view, ip) !== NEXT_HEADER_ICMPV6) return -1;
  const found = type(view, at);
  return found === ROUTER_SOLICITATION || found === ROUTER_ADVERTISEMENT ? found : -1;
}

export function type(view: DataView, at: number): number {
  return view.getUint8(at);
}

/** RFC 4443 section 4.1: of code 0. */
export function isEchoRequest(view: DataView, at: number): boolean {
  return view.getUint16(at) === ECHO_REQUEST << 8;
}

/** Makes an echo request its reply. @param isFinished whether its checksum is, and not yet to be completed */
export function answerEcho(view: DataView, at: number, isFinished: boolean): void {
  const before = view.getUint16(at);
  view.setUint16(at, ECHO_REPLY << 8);
  if (isFinished)
    view.setUint16(at + CHECKSUM, update(view.getUint16(at + CHECKSUM), before, ECHO_REPLY << 8));
}

export function isPacketTooBig(view: DataView, at: number): boolean {
  return view.getUint8(at) === PACKET_TOO_BIG && view.getUint8(at + CODE) === 0;
}

/** Of a packet too big. */
export function mtu(view: DataView, at: number): number {
  return view.getUint32(at + REST);
}

/** Types that are never answered with an error, section 2.4 (e.1) and (e.2). */
export function isError(type: number): boolean {
  return type < FIRST_INFORMATIONAL || type === REDIRECT;
}

export function identifier(view: DataView, at: number): number {
  return view.getUint16(at + REST);
}

/** The type of answers to an echo request, or of the request to an answer; the same for any other type. */
export function replyTo(type: number): number {
  if (type === ECHO_REQUEST) return ECHO_REPLY;
  return type === ECHO_REPLY ? ECHO_REQUEST : type;
}

/** Whether a type asks for an answer. */
export function isQuery(type: number): boolean {
  return type === ECHO_REQUEST;
}

/** Whether a message is one without which nobody has neighbours, routers or groups. Its sender says that it is of this link. */
export function isOfLink(type: number, hopLimit: number): boolean {
  if (type === LISTENER_REPORT_V2 || (type >= LISTENER_QUERY && type <= LISTENER_DONE)) return hopLimit === 1;
  return type >= ROUTER_SOLICITATION && type <= REDIRECT && hopLimit === OF_LINK;
}

/**
 * The header before a quotation that is there already and reaches to `end`. `pseudo` is the sum of the pseudo-header,
 * which ICMPv6 covers (section 2.3). @param rest the word behind the checksum
 */
export function writeError(
  view: DataView,
  at: number,
  end: number,
  what: number,
  rest: number,
  pseudo: number,
): void {
  view.setUint16(at, what);
  view.setUint16(at + CHECKSUM, 0);
  view.setUint32(at + REST, rest);
  view.setUint16(at + CHECKSUM, finish(add(view, at, end, pseudo)));
}
