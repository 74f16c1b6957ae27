// Datagrams of IPv4 and IPv6 with right checksums, whole or in fragments, built without the code that reads them.

import { add, finish, finishNonZero, pseudo4, pseudo6 } from '../../../src/wire/checksum.ts';
import { ipv4Number, parseIp } from '../../../src/wire/ip_address.ts';
import { sctpSum } from './crc32c.ts';

export const [ICMP, TCP, UDP, ICMPV6, SCTP] = [1, 6, 17, 58, 132];

export interface Datagram {
  protocol: number;
  src: string;
  dst: string;
  /** ICMP: the identifier. */
  sport: number;
  dport: number;
  /** ICMP */
  type: number;
  flags: number;
  seq: number;
  ack: number;
  window: number;
  /** SCTP: type of its chunk, and the verification tag. */
  chunk: number;
  tag: number;
  payload: Uint8Array;
  id: number;
}

const FRAGMENT = 44;

export function build(one: Datagram): Uint8Array {
  const body = transportOf(one);
  const is6 = one.src.includes(':');
  const header = is6 ? 40 : 20;
  const bytes = new Uint8Array(header + body.length);
  const view = new DataView(bytes.buffer);
  if (is6) {
    view.setUint8(0, 0x60);
    view.setUint16(4, body.length);
    view.setUint8(6, one.protocol);
    view.setUint8(7, 64);
    bytes.set(parseIp(one.src) as Uint8Array, 8);
    bytes.set(parseIp(one.dst) as Uint8Array, 24);
  } else {
    view.setUint16(0, 0x4500);
    view.setUint16(2, bytes.length);
    view.setUint16(4, one.id);
    view.setUint8(8, 64);
    view.setUint8(9, one.protocol);
    view.setInt32(12, ipv4Number(parseIp(one.src) as Uint8Array));
    view.setInt32(16, ipv4Number(parseIp(one.dst) as Uint8Array));
    view.setUint16(10, finish(add(view, 0, 20)));
  }
  bytes.set(body, header);
  const { length } = bytes;
  const pseudo = is6 ? pseudo6 : pseudo4;
  const sum = () => finish(add(view, header, length, pseudo(view, 0, one.protocol, length - header)));
  switch (one.protocol) {
    case TCP:
      view.setUint16(header + 16, sum());
      break;
    case UDP:
      view.setUint16(
        header + 6,
        finishNonZero(add(view, header, length, pseudo(view, 0, UDP, length - header))),
      );
      break;
    case ICMP:
      view.setUint16(header + 2, finish(add(view, header, length)));
      break;
    case ICMPV6:
      view.setUint16(header + 2, sum());
      break;
    case SCTP:
      view.setUint32(header + 8, sctpSum(bytes.subarray(header)), true);
  }
  return bytes;
}

function transportOf({ protocol, payload, ...one }: Datagram): Uint8Array {
  const lengths: Record<number, number> = { [TCP]: 20, [UDP]: 8, [ICMP]: 8, [ICMPV6]: 8, [SCTP]: 32 };
  const length = lengths[protocol] ?? 0;
  const bytes = new Uint8Array(length + payload.length);
  const view = new DataView(bytes.buffer);
  bytes.set(payload, length);
  if (protocol === ICMP || protocol === ICMPV6) {
    view.setUint8(0, one.type);
    view.setUint16(4, one.sport);
  } else if (length > 0) {
    view.setUint16(0, one.sport);
    view.setUint16(2, one.dport);
    if (protocol === UDP) view.setUint16(4, bytes.length);
  }
  if (protocol === TCP) {
    view.setUint32(4, one.seq);
    view.setUint32(8, one.ack);
    view.setUint16(12, 0x5000 | one.flags);
    view.setUint16(14, one.window);
  }
  if (protocol === SCTP) {
    view.setUint32(4, one.tag);
    view.setUint8(12, one.chunk);
    view.setUint16(14, bytes.length - 12);
    view.setUint32(16, 1); // of INIT: the tag that answers carry
    view.setUint32(20, 65_536);
    view.setUint32(24, 0x0001_0001);
  }
  return bytes;
}

/** In fragments whose payloads are `size` long, but for the last. */
export function split(bytes: Uint8Array, size: number, id: number): Uint8Array[] {
  const is6 = bytes[0] >>> 4 === 6;
  const header = is6 ? 40 : 20;
  const parts: Uint8Array[] = [];
  for (let at = header; at < bytes.length; at += size) {
    const payload = bytes.subarray(at, Math.min(bytes.length, at + size));
    const hasMore = at + size < bytes.length;
    const extension = is6 ? 8 : 0;
    const part = new Uint8Array(header + extension + payload.length);
    const view = new DataView(part.buffer);
    part.set(bytes.subarray(0, header));
    part.set(payload, header + extension);
    if (is6) {
      view.setUint16(4, extension + payload.length);
      view.setUint8(6, FRAGMENT);
      view.setUint8(header, bytes[6]);
      view.setUint16(header + 2, (at - header) | (hasMore ? 1 : 0));
      view.setUint32(header + 4, id);
    } else {
      view.setUint16(2, part.length);
      view.setUint16(6, ((at - header) >>> 3) | (hasMore ? 0x2000 : 0));
      view.setUint16(10, 0);
      view.setUint16(10, finish(add(view, 0, 20)));
    }
    parts.push(part);
  }
  return parts;
}

/** An ICMP error about a packet, as its receiver sends it to its sender. */
export function errorAbout(bytes: Uint8Array, src: string, dst: string, quoted: number): Datagram {
  const is6 = src.includes(':');
  return {
    protocol: is6 ? ICMPV6 : ICMP,
    src,
    dst,
    sport: 0,
    dport: 0,
    type: is6 ? 1 : 3,
    flags: 0,
    seq: 0,
    ack: 0,
    window: 0,
    chunk: 0,
    tag: 0,
    payload: bytes.slice(0, quoted),
    id: 0,
  };
}
