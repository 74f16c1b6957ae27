// The frame to trace: from hexadecimal digits, or made of fields, with lengths and checksums that are right.

import type { TraceFields, TraceOptions } from '../api.ts';
import { TaploomError } from '../error.ts';
import { FRAME_ROOM } from '../frame/frame_batch.ts';
import * as checksum from '../wire/checksum.ts';
import { HEADER_LEN, TYPE_IPV4, TYPE_IPV6 } from '../wire/ethernet.ts';
import * as icmp from '../wire/icmp.ts';
import * as icmpv6 from '../wire/icmpv6.ts';
import { ipv4Number, parseIp } from '../wire/ip_address.ts';
import * as ipv4 from '../wire/ipv4.ts';
import * as ipv6 from '../wire/ipv6.ts';
import { parseMac, setMac } from '../wire/mac.ts';
import * as tcp from '../wire/tcp.ts';
import * as udp from '../wire/udp.ts';
import { TPID_8021Q } from '../wire/vlan.ts';

/** IEEE 802, 9.2.3: local experimental EtherType 1. */
const EXPERIMENT = 0x88b5;
/** IEEE 802.3's least frame, without FCS. */
const MIN_SIZE = 60;
const TTL = 64;
const ECHO_REQUEST_4 = 8;
const ECHO_REQUEST_6 = 128;

/** @throws TaploomError `invalid_frame`, `invalid_mac` */
export function frameOf({ frame, fields }: TraceOptions): Uint8Array {
  if ((frame === undefined) === (fields === undefined)) throw invalid('Give either the frame or its fields');
  const bytes =
    fields !== undefined
      ? buildFrame(fields)
      : typeof frame === 'string'
        ? parseHex(frame)
        : (frame as Uint8Array);
  if (bytes.length === 0) throw invalid('The frame has no bytes');
  if (bytes.length > FRAME_ROOM)
    throw invalid(`The frame has ${bytes.length} bytes, and the switch takes at most ${FRAME_ROOM}`);
  return bytes;
}

function parseHex(text: string): Uint8Array {
  const digits = text.replaceAll(/[\s:]/g, '');
  const wrong = /[^0-9a-f]/i.exec(digits);
  if (wrong !== null) throw invalid(`${JSON.stringify(wrong[0])} in the frame is no hexadecimal digit`);
  if (digits.length % 2 !== 0)
    throw invalid(`The frame has ${digits.length} hexadecimal digits: an odd number makes no whole bytes`);
  return Uint8Array.from(Buffer.from(digits, 'hex'));
}

export function buildFrame(fields: TraceFields): Uint8Array {
  const { vlan, pcp = 0, sport = 0, dport = 0, size = MIN_SIZE, etherType = EXPERIMENT } = fields;
  within('vlan', vlan ?? 0, 0, 4095);
  within('pcp', pcp, 0, 7);
  within('sport', sport, 0, 65_535);
  within('dport', dport, 0, 65_535);
  within('etherType', etherType, 0, 65_535);
  within('size', size, HEADER_LEN, FRAME_ROOM - 4);
  const packet = packetOf(fields, size - HEADER_LEN);
  const isTagged = vlan !== undefined || fields.pcp !== undefined;
  const head = HEADER_LEN + (isTagged ? 4 : 0);
  const bytes = new Uint8Array(Math.max(size - HEADER_LEN, packet?.bytes.length ?? 0) + head);
  const view = new DataView(bytes.buffer);
  putMac(view, 0, fields.dst);
  putMac(view, 6, fields.src);
  if (isTagged) view.setUint32(12, TPID_8021Q * 0x1_0000 + (pcp << 13) + (vlan ?? 0));
  view.setUint16(head - 2, packet?.etherType ?? etherType);
  if (packet !== undefined) bytes.set(packet.bytes, head);
  return bytes;
}

/** The IP packet of at least `room` bytes, if there is one. */
function packetOf(fields: TraceFields, room: number): { bytes: Uint8Array; etherType: number } | undefined {
  const { ipSrc, ipDst, sport, dport } = fields;
  const hasPorts = sport !== undefined || dport !== undefined;
  if (ipSrc === undefined && ipDst === undefined) {
    if (hasPorts || fields.proto !== undefined) throw invalid('A protocol and ports need ipSrc and ipDst');
    return undefined;
  }
  if (ipSrc === undefined || ipDst === undefined) throw invalid('An IP packet needs both ipSrc and ipDst');
  const src = ipOf(ipSrc);
  const dst = ipOf(ipDst);
  if (src.length !== dst.length) throw invalid(`${ipSrc} and ${ipDst} are of different IP versions`);
  const proto = fields.proto ?? (hasPorts ? 'udp' : 'icmp');
  if (proto === 'icmp' && hasPorts) throw invalid('ICMP has no ports');
  const l4 = src.length === 4 ? ipv4.HEADER_LEN : ipv6.HEADER_LEN;
  const least = proto === 'tcp' ? tcp.HEADER_LEN : udp.HEADER_LEN; // an ICMP echo's has as many as UDP's
  const length = Math.max(room, l4 + least);
  const bytes = new Uint8Array(length);
  const view = new DataView(bytes.buffer);
  const isIpv4 = src.length === 4;
  const protocol =
    proto === 'tcp'
      ? ipv4.PROTOCOL_TCP
      : proto === 'udp'
        ? ipv4.PROTOCOL_UDP
        : isIpv4
          ? icmp.PROTOCOL_ICMP
          : icmpv6.NEXT_HEADER_ICMPV6;
  if (isIpv4) {
    ipv4.write(view, 0, 0, length, TTL, protocol, ipv4Number(src), ipv4Number(dst));
  } else {
    ipv6.write(view, 0, 0, length - l4, protocol, TTL);
    bytes.set(src, ipv6.SRC);
    bytes.set(dst, ipv6.DST);
  }
  writeTransport(view, l4, proto, isIpv4, protocol, sport ?? 0, dport ?? 0);
  return { bytes, etherType: isIpv4 ? TYPE_IPV4 : TYPE_IPV6 };
}

function writeTransport(
  view: DataView,
  at: number,
  proto: NonNullable<TraceFields['proto']>,
  isIpv4: boolean,
  protocol: number,
  sport: number,
  dport: number,
): void {
  const length = view.byteLength - at;
  const pseudo = isIpv4
    ? checksum.pseudo4(view, 0, protocol, length)
    : checksum.pseudo6(view, 0, protocol, length);
  const sum = (start: number) => checksum.add(view, at, view.byteLength, start);
  if (proto === 'udp') {
    udp.write(view, at, sport, dport, length);
    udp.setChecksum(view, at, checksum.finishNonZero(sum(pseudo)));
  } else if (proto === 'tcp') {
    view.setUint16(at, sport);
    view.setUint16(at + 2, dport);
    view.setUint8(at + 12, (tcp.HEADER_LEN / 4) << 4);
    tcp.setFlags(view, at, tcp.SYN);
    view.setUint16(at + 14, 65_535);
    tcp.setChecksum(view, at, checksum.finish(sum(pseudo)));
  } else {
    view.setUint8(at, isIpv4 ? ECHO_REQUEST_4 : ECHO_REQUEST_6);
    view.setUint16(at + 2, checksum.finish(sum(isIpv4 ? 0 : pseudo)));
  }
}

function putMac(view: DataView, at: number, text: string): void {
  const mac = parseMac(text);
  if (mac === undefined) throw new TaploomError('invalid_mac', `${text} is not a MAC address`);
  setMac(view, at, mac.hi, mac.lo);
}

function ipOf(text: string): Uint8Array {
  const bytes = parseIp(text);
  if (bytes === undefined) throw invalid(`${text} is not an IPv4 or IPv6 address`);
  return bytes;
}

function within(what: string, value: number, min: number, max: number): void {
  if (!Number.isInteger(value) || value < min || value > max)
    throw invalid(`${what}: ${value} is not a number from ${min} to ${max}`);
}

function invalid(message: string): TaploomError {
  return new TaploomError('invalid_frame', message);
}
