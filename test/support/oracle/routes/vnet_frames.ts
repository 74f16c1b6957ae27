// Frames as packet sockets with PACKET_VNET_HDR take and give them: a virtio_net_hdr (linux/virtio_net.h, little-endian here) and
// the frame. So super-frames and checksums that are to be completed go through both sides.

import type { Offload } from '../../../../src/port/memory.ts';
import { be16, sumOf } from '../../engine/packets.ts';

const HEADER_LEN = 10;
/** VIRTIO_NET_HDR_F_NEEDS_CSUM. */
const NEEDS_CSUM = 1;
const FLAGS = 0;
const GSO_TYPE = 1;
const HEADERS = 2;
const GSO_SIZE = 4;
const CSUM_START = 6;
const CSUM_OFFSET = 8;

export type Request = Required<Offload>;
export const NOTHING: Request = { gsoType: 0, gsoSize: 0, csumStart: 0, csumOffset: 0 };

/** @param headers bytes before the payload, of a super-frame */
export function toVnet(frame: Uint8Array, request: Request = NOTHING, headers = 0): Buffer {
  const header = Buffer.alloc(HEADER_LEN);
  header[FLAGS] = request.csumStart === 0 ? 0 : NEEDS_CSUM;
  header[GSO_TYPE] = request.gsoType;
  header.writeUInt16LE(headers, HEADERS);
  header.writeUInt16LE(request.gsoSize, GSO_SIZE);
  header.writeUInt16LE(request.csumStart, CSUM_START);
  header.writeUInt16LE(request.csumOffset, CSUM_OFFSET);
  return Buffer.concat([header, frame]);
}

export function frameOf(vnet: Buffer): Buffer {
  return vnet.subarray(HEADER_LEN);
}

export function requestOf(vnet: Buffer): Request {
  if ((vnet[FLAGS] & NEEDS_CSUM) === 0) return NOTHING;
  const isSuper = vnet[GSO_TYPE] !== 0;
  return {
    gsoType: vnet[GSO_TYPE],
    gsoSize: isSuper ? vnet.readUInt16LE(GSO_SIZE) : 0,
    csumStart: vnet.readUInt16LE(CSUM_START),
    csumOffset: vnet.readUInt16LE(CSUM_OFFSET),
  };
}

/** The same packet with another TTL or hop limit. A checksum that was wrong stays so. */
export function withHops(vnet: Buffer, hops: number): Buffer {
  const copy = Buffer.from(vnet);
  const frame = frameOf(copy);
  if (frame.readUInt16BE(12) === 0x86dd) {
    frame[21] = hops;
    return copy;
  }
  const end = 14 + (frame[14] & 15) * 4;
  const isRight = sumOf(frame, 14, end) === 0xffff;
  frame[22] = hops;
  if (!isRight) return copy;
  frame.set([0, 0], 24);
  frame.set(be16(~sumOf(frame, 14, end)), 24);
  return copy;
}
