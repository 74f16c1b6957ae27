// The answer to a packet whose next hop nobody is: ICMP host unreachable (RFC 1812 section 5.2.7.1), ICMPv6 address
// unreachable (RFC 4443 section 3.1).

import { add, finish, pseudo6 } from '../../wire/checksum.ts';
import * as ethernet from '../../wire/ethernet.ts';
import * as icmp from '../../wire/icmp.ts';
import * as icmpv6 from '../../wire/icmpv6.ts';
import { type IpBytes, ipv4Number } from '../../wire/ip_address.ts';
import * as ipv4 from '../../wire/ipv4.ts';
import * as ipv6 from '../../wire/ipv6.ts';

const TTL = 64;
/** RFC 1812 section 4.3.2.5: internetwork control. */
const TOS = 0xc0;
const UNREACHABLE_4 = 0x0301;
const UNREACHABLE_6 = 0x0103;
const ICMP_HEADER = 8;

/** Who is told: the source of the packet in a frame. Undefined: nobody may be (RFC 1122 section 3.2.2, RFC 4443 section 2.4 e). */
export function whomToTell(frame: Uint8Array): IpBytes | undefined {
  const view = viewOf(frame);
  const ip = ethernet.HEADER_LEN;
  const type = ethernet.etherType(view, 0);
  const end = frame.length;
  if (type === ethernet.TYPE_IPV4 && ipv4.packetLength(view, ip, end) >= ipv4.HEADER_LEN) {
    if (!ipv4.isHost(ipv4.src(view, ip) >>> 0) || ipv4.isLaterFragment(view, ip)) return undefined;
    const message = ip + ipv4.headerLength(view, ip);
    const isIcmp = ipv4.protocol(view, ip) === icmp.PROTOCOL_ICMP;
    if (isIcmp && (message >= end || icmp.isError(icmp.type(view, message)))) return undefined;
    return frame.slice(ip + 12, ip + 16);
  }
  if (type === ethernet.TYPE_IPV6 && ipv6.packetLength(view, ip, end) >= 0) {
    if (!ipv6.isHost(view, ip + ipv6.SRC)) return undefined;
    const transport = ipv6.firstTransport(view, ip, end);
    const message = ip + (transport >>> 8);
    const isIcmp = transport >= 0 && (transport & 0xff) === icmpv6.NEXT_HEADER_ICMPV6;
    if (isIcmp && (message >= end || icmpv6.isError(icmpv6.type(view, message)))) return undefined;
    return frame.slice(ip + ipv6.SRC, ip + ipv6.SRC + 16);
  }
  return undefined;
}

/** The frame that tells `to` of the packet in `frame`, without MAC addresses. Both addresses are of its family. */
export function unreachable(frame: Uint8Array, from: IpBytes, to: IpBytes): Uint8Array {
  return to.length === 4 ? unreachable4(frame, from, to) : unreachable6(frame, from, to);
}

function unreachable4(frame: Uint8Array, from: IpBytes, to: IpBytes): Uint8Array {
  const ip = ethernet.HEADER_LEN;
  const message = ip + ipv4.HEADER_LEN;
  const length = ipv4.packetLength(viewOf(frame), ip, frame.length);
  const room = icmp.ERROR_PACKET_LEN - ipv4.HEADER_LEN - ICMP_HEADER;
  const quoted = frame.subarray(ip, ip + Math.min(length, room));
  const answer = new Uint8Array(message + ICMP_HEADER + quoted.length);
  const view = viewOf(answer);
  answer.set(quoted, message + ICMP_HEADER);
  ethernet.setEtherType(view, 0, ethernet.TYPE_IPV4);
  const all = answer.length - ip;
  ipv4.write(view, ip, TOS, all, TTL, icmp.PROTOCOL_ICMP, ipv4Number(from) | 0, ipv4Number(to) | 0);
  view.setUint16(message, UNREACHABLE_4);
  view.setUint16(message + 2, finish(add(view, message, answer.length)));
  return answer;
}

function unreachable6(frame: Uint8Array, from: IpBytes, to: IpBytes): Uint8Array {
  const ip = ethernet.HEADER_LEN;
  const message = ip + ipv6.HEADER_LEN;
  const length = ipv6.packetLength(viewOf(frame), ip, frame.length);
  const room = ipv6.MIN_MTU - ipv6.HEADER_LEN - ICMP_HEADER;
  const quoted = frame.subarray(ip, ip + Math.min(length, room));
  const answer = new Uint8Array(message + ICMP_HEADER + quoted.length);
  const view = viewOf(answer);
  answer.set(quoted, message + ICMP_HEADER);
  answer.set(from, ip + ipv6.SRC);
  answer.set(to, ip + ipv6.DST);
  ethernet.setEtherType(view, 0, ethernet.TYPE_IPV6);
  const payload = answer.length - message;
  ipv6.write(view, ip, 0, payload, icmpv6.NEXT_HEADER_ICMPV6, TTL);
  view.setUint16(message, UNREACHABLE_6);
  const sum = pseudo6(view, ip, icmpv6.NEXT_HEADER_ICMPV6, payload);
  view.setUint16(message + 2, finish(add(view, message, answer.length, sum)));
  return answer;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
