// What a host's kernel leaves to its network card: segments of TCP and datagrams of UDP as one super-frame, and checksums that
// hold the pseudo-header's sum alone.

import { parseIp } from '../../../../src/wire/ip_address.ts';
import { be16, sumOf } from '../../engine/packets.ts';
import type { Random } from '../../engine/random.ts';
import type { Request } from './vnet_frames.ts';

const TCP = { number: 6, header: 20, csumOffset: 16 };
const UDP = { number: 17, header: 8, csumOffset: 6 };
/** VIRTIO_NET_HDR_GSO_*. */
const GSO = { tcp4: 1, tcp6: 4, udp: 5 };
/** Linux makes no more of UDP (UDP_MAX_SEGMENTS). */
const MAX_SEGMENTS = 100;
const LONGEST = 60_000;

export interface SuperPayload {
  protocol: number;
  bytes: number[];
  /** `csumStart` is where the payload begins. */
  request: Omit<Request, 'csumStart'>;
  /** Bytes of its own header. */
  header: number;
}

/** Bytes for the payload of an IP packet. */
export interface Room {
  /** On the sender's link. */
  near: number;
  /** Around that much is in each segment. */
  far: number;
}

/** @param mark makes it one of its kind */
export function superPayload(
  random: Random,
  src: string,
  dst: string,
  mark: number,
  { near, far }: Room,
): SuperPayload {
  const transport = random.pick([TCP, TCP, UDP]);
  const isSuper = random.chance(0.8);
  const gsoSize = Math.max(200, far - transport.header + random.between(-3, 3));
  const most = random.pick([2, 8, 8, MAX_SEGMENTS]) * gsoSize;
  const length = isSuper
    ? Math.min(LONGEST, random.between(gsoSize + 1, most))
    : random.between(8, near - transport.header);
  const content = Array.from({ length }, (_, n) => (n * 11) & 0xff);
  content.splice(0, 4, mark >>> 24, (mark >>> 16) & 0xff, (mark >>> 8) & 0xff, mark & 0xff);
  const size = transport.header + length;
  const sum = sumOf([...ip(src), ...ip(dst), ...be16(transport.number), 0, 0, ...be16(size)]);
  const ports = [...be16(40_000), ...be16(33_434)];
  const bytes =
    transport === TCP
      ? [...ports, 0, 0, 0, 1, 0, 0, 0, 2, 0x50, 0x10, 1, 0, ...be16(sum), 0, 0, ...content]
      : [...ports, ...be16(size), ...be16(sum), ...content];
  const tcp = src.includes(':') ? GSO.tcp6 : GSO.tcp4;
  const gsoType = transport === TCP ? tcp : GSO.udp;
  const request = { csumOffset: transport.csumOffset, gsoType: 0, gsoSize: 0 };
  return {
    protocol: transport.number,
    bytes,
    request: isSuper ? { ...request, gsoType, gsoSize } : request,
    header: transport.header,
  };
}

const ip = (text: string) => [...(parseIp(text) as Uint8Array)];
