// IPv6 behind a guarded port: headers that hide what follows (RFC 7113), routers and DHCPv6 servers, the source address, and what
// neighbour discovery tells of addresses (RFC 4861): the target of an advertisement or of a search for duplicates, and MACs in options.

import { DROP } from '../table/drops.ts';
import { GUARD } from '../table/port_guards.ts';
import {
  NEXT_HEADER_ICMPV6,
  REDIRECT,
  ROUTER_ADVERTISEMENT,
  ROUTER_SOLICITATION,
  type,
} from '../wire/icmpv6.ts';
import { PROTOCOL_TCP, PROTOCOL_UDP } from '../wire/ipv4.ts';
import * as ipv6 from '../wire/ipv6.ts';
import * as mld from '../wire/mld.ts';
import * as neighbour from '../wire/neighbour.ts';
import * as tcp from '../wire/tcp.ts';
import * as udp from '../wire/udp.ts';
import { isLookedInto, macRefusal, mayAsk, PASS, type Seen } from './guard_frame.ts';
import { hides } from './network_traps.ts';

/** UDP ports, RFC 8415 section 7.2. */
export const DHCP6_CLIENT = 546;
export const DHCP6_SERVER = 547;
/** Type, code, checksum, and 4 bytes more. */
const ICMPV6_HEADER = 8;
/** Before the options of a router advertisement, RFC 4861 section 4.2. */
const ROUTER_HEADER = 16;
const MAC_OPTION = 8;

export function ipv6Refusal(view: DataView, seen: Seen): number {
  const { ip, end, flags } = seen;
  if (!isLookedInto(seen) && (flags & (GUARD.fragments | GUARD.trusted)) === 0) return PASS;
  if (ip + ipv6.HEADER_LEN > end || ipv6.version(view, ip) !== 6) return unseen(seen);
  const first = ipv6.firstTransport(view, ip, end);
  if (first < 0)
    return hides(view, ip, end) && isLookedInto(seen)
      ? DROP.hidden_packet
      : sourceRefusal(view, seen, -1, false);
  const at = ip + (first >> 8);
  const protocol = first & 0xff;
  const isFragment = ipv6.transport(view, ip, end) < 0;
  if (isFragment && at + shownOf(protocol) > end)
    return (flags & GUARD.fragments) !== 0 ? DROP.tiny_fragment : unseen(seen);
  if (protocol === PROTOCOL_UDP && at + udp.HEADER_LEN <= end) {
    const to = udp.dstPort(view, at);
    if (to === DHCP6_CLIENT || to === DHCP6_SERVER) seen.dhcp = to;
    if (to === DHCP6_CLIENT && (flags & GUARD.servers) !== 0) return DROP.rogue_server;
    return sourceRefusal(view, seen, -1, to === DHCP6_SERVER);
  }
  if (protocol !== NEXT_HEADER_ICMPV6) return sourceRefusal(view, seen, -1, false);
  if (at >= end) return unseen(seen);
  const message = type(view, at);
  if ((flags & GUARD.routers) !== 0 && (message === ROUTER_ADVERTISEMENT || message === REDIRECT))
    return DROP.rogue_router;
  const refusal = sourceRefusal(view, seen, message, message === ROUTER_SOLICITATION);
  if (refusal !== PASS || (flags & GUARD.mac) === 0) return refusal;
  if (message < ROUTER_SOLICITATION || message > neighbour.ADVERTISEMENT) return PASS;
  // RFC 6980: nobody takes it in fragments.
  return isFragment || !tellsOwn(view, seen, at, message) ? DROP.nd_spoofed : PASS;
}

/** Of a packet that no host takes, or that hides what it is. */
function unseen(seen: Seen): number {
  return isLookedInto(seen) ? DROP.hidden_packet : PASS;
}

/** What the first fragment of a packet has to show, RFC 7112. */
function shownOf(protocol: number): number {
  return protocol === PROTOCOL_TCP
    ? tcp.HEADER_LEN
    : protocol === NEXT_HEADER_ICMPV6
      ? ICMPV6_HEADER
      : udp.HEADER_LEN;
}

/** @param message of ICMPv6, -1 = another protocol @param asks for an address, or for a router */
function sourceRefusal(view: DataView, seen: Seen, message: number, asks: boolean): number {
  const { ip, flags, port, vlan, hi, lo, bindings } = seen;
  if ((flags & GUARD.mac) === 0) return PASS;
  if ((flags & GUARD.address) === 0) return asks && mayAsk(seen) ? PASS : macRefusal(seen);
  const src = ip + ipv6.SRC;
  if (bindings?.has6(port, vlan, view, src, hi, lo) === true)
    return view.getUint8(src) === 0xff ? DROP.spoofed_ip : PASS;
  if (ipv6.isUnspecified(view, src)) {
    if (!mayBeNobody(message)) return DROP.spoofed_ip;
    return mayAsk(seen) ? PASS : DROP.spoofed_mac;
  }
  if (ipv6.isLinkLocalOf(view, src, hi, lo)) return mayAsk(seen) ? PASS : DROP.spoofed_mac;
  const refusal = macRefusal(seen);
  return refusal === PASS ? DROP.spoofed_ip : refusal;
}

/** What is said before there is an address: RFC 4862 section 5.4.2, RFC 4861 section 4.1, RFC 3590. */
function mayBeNobody(message: number): boolean {
  return message === neighbour.SOLICITATION || message === ROUTER_SOLICITATION || mld.isReport(message);
}

/** Whether a message of neighbour discovery at `at` tells nothing that is not its sender's. */
function tellsOwn(view: DataView, seen: Seen, at: number, message: number): boolean {
  const { ip, end, flags, hi, lo } = seen;
  let options = at + ICMPV6_HEADER;
  if (message === ROUTER_ADVERTISEMENT) {
    options = at + ROUTER_HEADER;
    if (options > end) return false;
  } else if (message !== ROUTER_SOLICITATION) {
    options = neighbour.optionsAt(at);
    if (options > end) return false;
    const claims = message === neighbour.ADVERTISEMENT || ipv6.isUnspecified(view, ip + ipv6.SRC);
    if (claims && (flags & GUARD.address) !== 0 && !isOwn(view, seen, neighbour.targetOf(at))) return false;
  }
  for (let option = options; option + MAC_OPTION <= end; ) {
    const length = neighbour.optionLength(view, option);
    if (length === 0) return true; // no host goes on here (RFC 4861 section 4.6)
    if (
      neighbour.isMacOption(view, option) &&
      (view.getUint16(option + 2) !== hi || view.getInt32(option + 4) !== lo)
    )
      return false;
    option += length;
  }
  return true;
}

/** Whether the address at `at` is the sender's. */
function isOwn(view: DataView, { port, vlan, hi, lo, bindings }: Seen, at: number): boolean {
  return bindings?.has6(port, vlan, view, at, hi, lo) === true || ipv6.isLinkLocalOf(view, at, hi, lo);
}
