// IPv4 behind a guarded port: fragments that hide what they are of, DHCP servers, and the source address.

import { DROP } from '../table/drops.ts';
import { GUARD } from '../table/port_guards.ts';
import * as dhcp from '../wire/dhcp4/places.ts';
import * as ipv4 from '../wire/ipv4.ts';
import { PROTOCOL_IGMP } from '../wire/membership.ts';
import * as udp from '../wire/udp.ts';
import { isLookedInto, macRefusal, mayAsk, PASS, type Seen } from './guard_frame.ts';

/** UDP ports, RFC 2131 section 4.1. */
export const DHCP_SERVER = 67;
export const DHCP_CLIENT = 68;
/** RFC 1858 section 4.2.1: TCP's ports and flags. */
const TCP_SHOWN = 16;
const MAX_PACKET = 0xffff;

export function ipv4Refusal(view: DataView, seen: Seen): number {
  const { ip, end, flags } = seen;
  const isWhole = ip + ipv4.HEADER_LEN <= end && ipv4.version(view, ip) === 4;
  const header = isWhole ? ipv4.headerLength(view, ip) : 0;
  // No host takes it, and nobody can tell whose it is.
  if (header < ipv4.HEADER_LEN || ip + header > end) return isLookedInto(seen) ? DROP.hidden_packet : PASS;
  if ((flags & GUARD.fragments) !== 0 && isTiny(view, ip, header)) return DROP.tiny_fragment;
  const at = ip + header;
  const isUdp = ipv4.protocol(view, ip) === ipv4.PROTOCOL_UDP && !ipv4.isLaterFragment(view, ip);
  const to = isUdp && at + udp.HEADER_LEN <= end ? udp.dstPort(view, at) : 0;
  if (to === DHCP_CLIENT || to === DHCP_SERVER) seen.dhcp = to;
  if (to === DHCP_CLIENT && (flags & GUARD.servers) !== 0) return DROP.rogue_server;
  if ((flags & GUARD.mac) === 0) return PASS;
  if (to === DHCP_SERVER && !dhcp.isFrom(view, at + udp.HEADER_LEN, end, seen.hi, seen.lo))
    return DROP.spoofed_mac;
  return sourceRefusal(view, seen, to === DHCP_SERVER);
}

function sourceRefusal(view: DataView, seen: Seen, asks: boolean): number {
  const { ip, flags, port, vlan, hi, lo, bindings } = seen;
  if ((flags & GUARD.address) === 0) return asks && mayAsk(seen) ? PASS : macRefusal(seen);
  const src = ipv4.src(view, ip);
  if (src !== 0 && bindings?.has4(port, vlan, src, hi, lo) === true) return PASS;
  // Who has no address yet: RFC 2131 section 4.1, RFC 3376 section 4.2.13.
  if (src === 0 && asks) return mayAsk(seen) ? PASS : DROP.spoofed_mac;
  const refusal = macRefusal(seen);
  if (refusal !== PASS) return refusal;
  return src === 0 && ipv4.protocol(view, ip) === PROTOCOL_IGMP ? PASS : DROP.spoofed_ip;
}

/** RFC 1858 and RFC 3128; and what becomes longer than any packet when it is put together. */
function isTiny(view: DataView, ip: number, header: number): boolean {
  if (!ipv4.isFragment(view, ip)) return false;
  const length = ipv4.totalLength(view, ip) - header;
  const from = ipv4.fragmentOffset(view, ip) << 3;
  if (header + from + length > MAX_PACKET) return true;
  const shown = ipv4.protocol(view, ip) === ipv4.PROTOCOL_TCP ? TCP_SHOWN : udp.HEADER_LEN;
  return from === 0 ? ipv4.hasMore(view, ip) && length < shown : from < shown;
}
