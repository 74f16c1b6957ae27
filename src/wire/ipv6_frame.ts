// The Ethernet frame, untagged and without FCS, around a short IPv6 packet of the control plane: ICMPv6 or UDP.

import { add, finish, finishNonZero, pseudo6 } from './checksum.ts';
import * as ethernet from './ethernet.ts';
import { NEXT_HEADER_ICMPV6 } from './icmpv6.ts';
import type { IpBytes } from './ip_address.ts';
import { PROTOCOL_UDP } from './ipv4.ts';
import * as ipv6 from './ipv6.ts';
import type { Mac } from './mac.ts';
import * as udp from './udp.ts';

/** From where to where; addresses of 16 bytes. */
export interface Way6 {
  readonly srcMac: Mac;
  readonly dstMac: Mac;
  readonly src: IpBytes;
  readonly dst: IpBytes;
}

/** A packet whose checksum is right, and the header and data of its transport protocol. */
export interface Packet6 extends Way6 {
  readonly protocol: number;
  readonly hopLimit: number;
  readonly view: DataView;
  /** Where the transport header begins, and what is behind the packet. */
  readonly at: number;
  readonly end: number;
}

export type BadPacket6 = 'ip_header' | 'transport_header' | 'checksum';

const HOP_LIMIT_AT = 7;
const CHECKSUM_OF: ReadonlyMap<number, number> = new Map([
  [NEXT_HEADER_ICMPV6, 2],
  [PROTOCOL_UDP, udp.CHECKSUM],
]);

/** A string says why it is none, or none that concerns us. */
export function parseIpv6Frame(frame: Uint8Array): Packet6 | BadPacket6 {
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  const ip = ethernet.HEADER_LEN;
  if (frame.length < ip || ethernet.etherType(view, 0) !== ethernet.TYPE_IPV6) return 'ip_header';
  const length = ipv6.packetLength(view, ip, frame.length);
  const transport = length < 0 ? -1 : ipv6.transport(view, ip, ip + length);
  if (transport < 0) return 'ip_header';
  const protocol = transport & 0xff;
  const at = ip + (transport >> 8);
  const end = ip + length;
  const checksumAt = CHECKSUM_OF.get(protocol);
  if (checksumAt === undefined || at + udp.HEADER_LEN > end) return 'transport_header';
  // RFC 8200 section 8.1: here UDP without a checksum is refused.
  const isRight = finish(add(view, at, end, pseudo6(view, ip, protocol, end - at))) === 0;
  if (!isRight || view.getUint16(at + checksumAt) === 0) return 'checksum';
  return {
    srcMac: { hi: ethernet.srcHi(view, 0), lo: ethernet.srcLo(view, 0) },
    dstMac: { hi: ethernet.dstHi(view, 0), lo: ethernet.dstLo(view, 0) },
    src: frame.slice(ip + ipv6.SRC, ip + ipv6.SRC + 16),
    dst: frame.slice(ip + ipv6.DST, ip + ipv6.DST + 16),
    protocol,
    hopLimit: view.getUint8(ip + HOP_LIMIT_AT),
    view,
    at,
    end,
  };
}

/** `message`: with its header, whose checksum is 0. */
export function buildIpv6Frame(
  way: Way6,
  protocol: number,
  hopLimit: number,
  message: Uint8Array,
): Uint8Array {
  const ip = ethernet.HEADER_LEN;
  const at = ip + ipv6.HEADER_LEN;
  const frame = new Uint8Array(at + message.length);
  const view = new DataView(frame.buffer);
  ethernet.setDst(view, 0, way.dstMac.hi, way.dstMac.lo);
  ethernet.setSrc(view, 0, way.srcMac.hi, way.srcMac.lo);
  ethernet.setEtherType(view, 0, ethernet.TYPE_IPV6);
  ipv6.write(view, ip, 0, message.length, protocol, hopLimit);
  frame.set(way.src, ip + ipv6.SRC);
  frame.set(way.dst, ip + ipv6.DST);
  frame.set(message, at);
  const sum = finishNonZero(add(view, at, frame.length, pseudo6(view, ip, protocol, message.length)));
  view.setUint16(at + (CHECKSUM_OF.get(protocol) as number), sum);
  return frame;
}

/** RFC 2464 section 7. */
export function multicastMac(group: IpBytes): Mac {
  return { hi: 0x3333, lo: new DataView(group.buffer, group.byteOffset).getInt32(12) };
}
