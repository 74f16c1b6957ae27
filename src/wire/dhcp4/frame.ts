// The Ethernet frame, untagged and without FCS, around a DHCP message: IPv4 and UDP between ports 67 and 68.

import { add, finish, finishNonZero, pseudo4 } from '../checksum.ts';
import * as ethernet from '../ethernet.ts';
import * as ipv4 from '../ipv4.ts';
import type { Mac } from '../mac.ts';
import * as udp from '../udp.ts';
import { type BadMessage, type DhcpMessage, parseMessage } from './message.ts';

/** IANA. Relay agents use the first for both ends. */
export const SERVER_PORT = 67;
export const CLIENT_PORT = 68;

const TTL = 64;

/** From where to where; addresses unsigned. */
export interface DhcpWay {
  readonly srcMac: Mac;
  readonly dstMac: Mac;
  readonly src: number;
  readonly dst: number;
  readonly srcPort: number;
  readonly dstPort: number;
}

export interface DhcpFrame extends DhcpWay {
  readonly message: DhcpMessage;
}

/** `not_udp`: not DHCP at all, and nobody's fault. */
export type BadFrame = 'not_udp' | 'ip_header' | 'fragment' | 'udp_header' | 'checksum' | BadMessage;

export function parseDhcpFrame(bytes: Uint8Array): DhcpFrame | BadFrame {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const ip = ethernet.HEADER_LEN;
  if (bytes.length < ip || ethernet.etherType(view, 0) !== ethernet.TYPE_IPV4) return 'not_udp';
  const length = ipv4.packetLength(view, ip, bytes.length);
  if (length < 0) return 'ip_header';
  if (ipv4.isFragment(view, ip)) return 'fragment';
  const end = ip + length;
  const transport = ipv4.transport(view, ip, end);
  if (transport < 0 || !ipv4.verifies(view, ip)) return 'ip_header';
  if ((transport & 0xff) !== ipv4.PROTOCOL_UDP) return 'not_udp';
  const at = ip + (transport >> 8);
  if (at + udp.HEADER_LEN > end) return 'udp_header';
  const dstPort = udp.dstPort(view, at);
  if (dstPort !== SERVER_PORT && dstPort !== CLIENT_PORT) return 'not_udp';
  const udpLength = udp.length(view, at);
  if (udpLength < udp.HEADER_LEN || at + udpLength > end) return 'udp_header';
  if (udp.checksum(view, at) !== 0) {
    const sum = pseudo4(view, ip, ipv4.PROTOCOL_UDP, udpLength);
    if (finish(add(view, at, at + udpLength, sum)) !== 0) return 'checksum';
  }
  const message = parseMessage(bytes.subarray(at + udp.HEADER_LEN, at + udpLength));
  if (typeof message === 'string') return message;
  return {
    dstMac: { hi: ethernet.dstHi(view, 0), lo: ethernet.dstLo(view, 0) },
    srcMac: { hi: ethernet.srcHi(view, 0), lo: ethernet.srcLo(view, 0) },
    src: ipv4.src(view, ip) >>> 0,
    dst: ipv4.dst(view, ip) >>> 0,
    srcPort: udp.srcPort(view, at),
    dstPort,
    message,
  };
}

export function buildDhcpFrame(way: DhcpWay, message: Uint8Array): Uint8Array {
  const ip = ethernet.HEADER_LEN;
  const at = ip + ipv4.HEADER_LEN;
  const udpLength = udp.HEADER_LEN + message.length;
  const frame = new Uint8Array(at + udpLength);
  const view = new DataView(frame.buffer);
  ethernet.setDst(view, 0, way.dstMac.hi, way.dstMac.lo);
  ethernet.setSrc(view, 0, way.srcMac.hi, way.srcMac.lo);
  ethernet.setEtherType(view, 0, ethernet.TYPE_IPV4);
  ipv4.write(view, ip, 0, ipv4.HEADER_LEN + udpLength, TTL, ipv4.PROTOCOL_UDP, way.src, way.dst);
  udp.write(view, at, way.srcPort, way.dstPort, udpLength);
  frame.set(message, at + udp.HEADER_LEN);
  const sum = pseudo4(view, ip, ipv4.PROTOCOL_UDP, udpLength);
  udp.setChecksum(view, at, finishNonZero(add(view, at, frame.length, sum)));
  return frame;
}
