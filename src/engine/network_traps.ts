// What the host takes out of a VLAN whose network it serves: DHCP, which nobody else gets, a copy of ARP that claims an
// address, router solicitations; and what guests must not say: router advertisements, and answers of DHCPv6 servers.

import { COLUMN, type FrameBatch } from '../frame/frame_batch.ts';
import { NETWORK, TRAP } from '../table/traps.ts';
import * as arp from '../wire/arp.ts';
import { etherType, HEADER_LEN, TYPE_ARP, TYPE_IPV4, TYPE_IPV6 } from '../wire/ethernet.ts';
import * as icmpv6 from '../wire/icmpv6.ts';
import * as ipv4 from '../wire/ipv4.ts';
import * as ipv6 from '../wire/ipv6.ts';
import * as udp from '../wire/udp.ts';

/** UDP ports, RFC 2131 section 4.1 and RFC 8415 section 7.2. */
const DHCP_SERVER = 67;
const DHCP_CLIENT = 68;
const DHCP6_SERVER = 547;
const DHCP6_CLIENT = 546;

/**
 * The trap for the frame of `row`, as it was received, or -1. `tagLength`: of the tag before its EtherType. `wanted`: bits
 * of NETWORK of its domain. `isGuest`: of its port.
 */
export function networkTrap(
  { rows, view }: FrameBatch,
  row: number,
  tagLength: number,
  wanted: number,
  isGuest: boolean,
): number {
  const at = rows[row + COLUMN.start];
  const end = at + rows[row + COLUMN.length];
  const ip = at + tagLength + HEADER_LEN;
  if (ip > end) return -1;
  const type = etherType(view, at + tagLength);
  if (type === TYPE_IPV6) return trapOfIpv6(view, ip, end, wanted, isGuardedPort(wanted, isGuest));
  if ((wanted & NETWORK.dhcp) === 0) return -1;
  if (type === TYPE_IPV4) return isDhcp(view, ip, end) ? TRAP.dhcp : -1;
  return type === TYPE_ARP && arp.claims(view, at + tagLength, end) ? TRAP.arp : -1;
}

/** The same for a frame behind more priority tags than anybody looks through: some hosts would take it as one without. */
export function hiddenTrap(wanted: number, isGuest: boolean): number {
  const guards = wanted & (NETWORK.guardsRouters | NETWORK.guardsServers);
  return guards !== 0 && isGuardedPort(wanted, isGuest) ? TRAP.rogue : -1;
}

/** Beside a router or server of others only guests are guarded. */
function isGuardedPort(wanted: number, isGuest: boolean): boolean {
  return isGuest || (wanted & NETWORK.hasOthers) === 0;
}

/**
 * Whether the frame of `row` can be any of that, or a claim of an address. Nearly none is, and looking closely costs 25 ns. What is
 * read may lie behind the frame, but not behind its slot.
 */
export function mayConcern({ rows, view }: FrameBatch, row: number): boolean {
  const at = rows[row + COLUMN.start];
  const ip = at + HEADER_LEN;
  switch (etherType(view, at)) {
    case TYPE_IPV4: {
      if (ipv4.protocol(view, ip) !== ipv4.PROTOCOL_UDP) return false;
      const to = udp.dstPort(view, ip + ipv4.headerLength(view, ip));
      return to === DHCP_SERVER || to === DHCP_CLIENT;
    }
    case TYPE_IPV6: {
      const next = ipv6.nextHeader(view, ip);
      if (next !== ipv4.PROTOCOL_UDP) return next !== ipv4.PROTOCOL_TCP;
      const to = udp.dstPort(view, ip + ipv6.HEADER_LEN);
      return to === DHCP6_SERVER || to === DHCP6_CLIENT;
    }
    default:
      return true;
  }
}

/** Whether a DHCP server says it to a client. */
export function isDhcpAnswer({ rows, view }: FrameBatch, row: number): boolean {
  const at = rows[row + COLUMN.start];
  const ip = at + HEADER_LEN;
  if (etherType(view, at) !== TYPE_IPV4 || !isDhcp(view, ip, at + rows[row + COLUMN.length])) return false;
  return udp.dstPort(view, ip + ipv4.headerLength(view, ip)) === DHCP_CLIENT;
}

/** To a server or from one. Fragments are not: no client sends any. */
function isDhcp(view: DataView, ip: number, end: number): boolean {
  if (ip + ipv4.HEADER_LEN > end || ipv4.version(view, ip) !== 4 || ipv4.isFragment(view, ip)) return false;
  const udpAt = ip + ipv4.headerLength(view, ip);
  if (ipv4.protocol(view, ip) !== ipv4.PROTOCOL_UDP || udpAt + udp.HEADER_LEN > end) return false;
  const to = udp.dstPort(view, udpAt);
  return to === DHCP_SERVER || (to === DHCP_CLIENT && udp.srcPort(view, udpAt) === DHCP_SERVER);
}

/** By the first fragment of a packet, too: whoever puts an advertisement into two hides it (RFC 7113). */
function trapOfIpv6(view: DataView, ip: number, end: number, wanted: number, isGuarded: boolean): number {
  const transport = ipv6.firstTransport(view, ip, end);
  if (transport < 0) return isGuarded && hides(view, ip, end) ? TRAP.rogue : -1;
  const at = ip + (transport >> 8);
  const protocol = transport & 0xff;
  if (protocol === icmpv6.NEXT_HEADER_ICMPV6) {
    if (at >= end) return -1;
    const type = icmpv6.type(view, at);
    if (type === icmpv6.ROUTER_SOLICITATION && (wanted & NETWORK.solicitation) !== 0)
      return TRAP.solicitation;
    const isRouter = type === icmpv6.ROUTER_ADVERTISEMENT && (wanted & NETWORK.guardsRouters) !== 0;
    return isRouter && isGuarded ? TRAP.rogue : -1;
  }
  if (protocol !== ipv4.PROTOCOL_UDP || at + udp.HEADER_LEN > end) return -1;
  const to = udp.dstPort(view, at);
  if (to === DHCP6_SERVER && (wanted & NETWORK.dhcp6) !== 0) return TRAP.dhcp6;
  const isServer = to === DHCP6_CLIENT && (wanted & NETWORK.guardsServers) !== 0;
  return isServer && isGuarded ? TRAP.rogue : -1;
}

/**
 * Whether more headers than honest packets have, or the lack of some, hide what it is, and neighbours would take it: from a
 * link-local address (RFC 7113 section 3). The rest of a packet whose beginning was let through is none of that.
 */
export function hides(view: DataView, ip: number, end: number): boolean {
  if (ip + ipv6.HEADER_LEN > end || ipv6.version(view, ip) !== 6) return false;
  return ipv6.isLinkLocal(view, ip + ipv6.SRC) && !ipv6.isLaterFragment(view, ip, end);
}
