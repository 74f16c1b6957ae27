// The frames that a measurement sends: UDP to the echo port between addresses set aside for benchmarks, as RFC 2544
// appendix C says. What it leaves to the tester is in the payload, 18 bytes, so that the smallest frame can have it:
//
//   0         14        34       42      46    48         52         60
//   | Ethernet | IPv4    | UDP    | TLBM | tag | sequence | sent, ns | zeros ...
//
// A station is 02:TT:SS:xx:xx:xx: TT is random, so that two testers do not meet, SS the side it is on, and xx comes
// from its number (native/tester_send.c fills it in, with tag, sequence and time).

import * as ipv4 from '../wire/ipv4.ts';
import { FCS } from './sizes.ts';

const ETHERNET = 14;
const UDP = 8;
const ETHERTYPE_IPV4 = 0x0800;
// RFC 2544, C.2.6.4
const TTL = 10;
const SOURCE_PORT = 0xc020;
const ECHO_PORT = 7;
/** RFC 2544, C.2.2: 198.18.0.0 to 198.19.255.255. */
const NETWORK = 0xc612_0000;
const MAGIC = 0x544c_424d;

const TESTER = Math.floor(Math.random() * 256);

/** Where stations live, seen from the switch; each side has one of the two networks. */
export type Side = 0 | 1;

/** A frame of `size` bytes, FCS counted but not there. */
export function testFrame(size: number, from: Side, to: Side): Uint8Array {
  const bytes = new Uint8Array(size - FCS);
  const view = new DataView(bytes.buffer);
  bytes.set([0x02, TESTER, to], 0);
  bytes.set([0x02, TESTER, from], 6);
  view.setUint16(12, ETHERTYPE_IPV4);

  const ip = ETHERNET;
  view.setUint8(ip, 0x45);
  ipv4.setTotalLength(view, ip, bytes.length - ETHERNET);
  view.setUint8(ip + 8, TTL);
  view.setUint8(ip + 9, ipv4.PROTOCOL_UDP);
  view.setInt32(ip + 12, NETWORK + ((from << 16) >>> 0) + 2);
  view.setInt32(ip + 16, NETWORK + ((to << 16) >>> 0) + 2);
  ipv4.completeChecksum(view, ip);

  const udp = ip + ipv4.HEADER_LEN;
  view.setUint16(udp, SOURCE_PORT);
  view.setUint16(udp + 2, ECHO_PORT);
  view.setUint16(udp + 4, bytes.length - udp); // and checksum 0, none: the payload changes with each frame
  view.setUint32(udp + UDP, MAGIC);
  return bytes;
}

/** Address of station `n` of a side, as native code writes it. */
export function station(side: Side, n: number): string {
  const low = Math.imul(n, 0x9e37b1) & 0xff_ffff;
  const digits = [0x02, TESTER, side, low >>> 16, (low >>> 8) & 0xff, low & 0xff];
  return digits.map((byte) => byte.toString(16).padStart(2, '0')).join(':');
}
