// What the host takes out of a bridge whose network it serves: DHCP, which nobody else gets, and a copy of ARP that claims
// an address. Frames with a tag are another network's.

import { COLUMN, type FrameBatch } from '../frame/frame_batch.ts';
import { TRAP } from '../table/traps.ts';
import * as arp from '../wire/arp.ts';
import { etherType, HEADER_LEN, TYPE_ARP, TYPE_IPV4 } from '../wire/ethernet.ts';
import * as ipv4 from '../wire/ipv4.ts';
import * as udp from '../wire/udp.ts';

/** UDP ports, RFC 2131 section 4.1. */
const DHCP_SERVER = 67;
const DHCP_CLIENT = 68;

/** The trap for the frame of `row`, as it was received, or -1. */
export function networkTrap({ rows, view }: FrameBatch, row: number): number {
  const at = rows[row + COLUMN.start];
  const end = at + rows[row + COLUMN.length];
  const type = etherType(view, at);
  if (type === TYPE_IPV4) return isDhcp(view, at + HEADER_LEN, end) ? TRAP.dhcp : -1;
  return type === TYPE_ARP && arp.claims(view, at, end) ? TRAP.arp : -1;
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
