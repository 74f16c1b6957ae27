// pcapng, draft-ietf-opsawg-pcapng: the blocks that a capture of several interfaces needs, written in little-endian order.
//
//   | type u32 | total length u32 | body ... | options ... | total length u32 |     everything padded to 4 bytes
//   option:   | code u16 | length u16 | value, padded |    code 0 ends them
//
// All interfaces of a file have the same snapshot length and resolution: libpcap refuses a file in which they differ.

export const BLOCK = {
  section: 0x0a0d_0d0a,
  interface: 1,
  statistics: 5,
  packet: 6,
} as const;
export const BYTE_ORDER_MAGIC = 0x1a2b_3c4d;
const LINKTYPE_ETHERNET = 1;

export const OPTION = {
  end: 0,
  comment: 1,
  // of a section
  application: 4,
  // of an interface
  name: 2,
  resolution: 9,
  // of a packet
  flags: 2,
  // of interface statistics
  received: 4,
  dropped: 5,
} as const;

/** Bits 0 and 1 of epb_flags. */
export const DIRECTION = { unknown: 0, inbound: 1, outbound: 2 } as const;

/** Where a packet's bytes begin in its block. */
const PACKET_AT = 28;
/** The end of options. */
const END = Buffer.alloc(4);
/** Power of ten: nanoseconds. */
const RESOLUTION = 9;

export interface PcapngPacket {
  /** Place of its interface among those that were described. */
  interface: number;
  /** Nanoseconds since 1970. */
  time: bigint;
  direction: (typeof DIRECTION)[keyof typeof DIRECTION];
  comment?: string;
  /** Bytes that the frame had. */
  length: number;
  /** Those of them that were captured. */
  bytes: Uint8Array;
}

export function sectionHeader(application: string): Buffer {
  const body = Buffer.alloc(16);
  body.writeUInt32LE(BYTE_ORDER_MAGIC, 0);
  body.writeUInt16LE(1, 4); // version 1.0
  body.writeBigInt64LE(-1n, 8); // section length: not known
  return block(BLOCK.section, body, [option(OPTION.application, text(application))]);
}

export function interfaceDescription(name: string, snaplen: number): Buffer {
  const body = Buffer.alloc(8);
  body.writeUInt16LE(LINKTYPE_ETHERNET, 0);
  body.writeUInt32LE(snaplen, 4);
  return block(BLOCK.interface, body, [
    option(OPTION.name, text(name)),
    option(OPTION.resolution, Buffer.from([RESOLUTION])),
  ]);
}

export function enhancedPacket(packet: PcapngPacket): Buffer {
  const { time, direction, comment, length, bytes } = packet;
  const options: Buffer[] = [];
  if (comment !== undefined) options.push(option(OPTION.comment, text(comment)));
  if (direction !== DIRECTION.unknown) options.push(option(OPTION.flags, Buffer.from([direction, 0, 0, 0])));
  if (options.length > 0) options.push(END);
  const optionsAt = PACKET_AT + padded(bytes.length);
  const total = options.reduce((sum, one) => sum + one.length, optionsAt + 4);
  // In one piece from the start: a super-frame would be copied several times.
  const block = Buffer.alloc(total);
  block.writeUInt32LE(BLOCK.packet, 0);
  block.writeUInt32LE(total, 4);
  block.writeUInt32LE(packet.interface, 8);
  block.writeUInt32LE(Number(time >> 32n), 12);
  block.writeUInt32LE(Number(time & 0xffff_ffffn), 16);
  block.writeUInt32LE(bytes.length, 20);
  block.writeUInt32LE(length, 24);
  block.set(bytes, PACKET_AT);
  let at = optionsAt;
  for (const one of options) {
    block.set(one, at);
    at += one.length;
  }
  block.writeUInt32LE(total, at);
  return block;
}

/** @param received frames of this interface that were to be captured, with those that were lost */
export function interfaceStatistics(place: number, time: bigint, received: number, dropped: number): Buffer {
  const body = Buffer.alloc(12);
  body.writeUInt32LE(place, 0);
  body.writeUInt32LE(Number(time >> 32n), 4);
  body.writeUInt32LE(Number(time & 0xffff_ffffn), 8);
  return block(BLOCK.statistics, body, [
    option(OPTION.received, count(received)),
    option(OPTION.dropped, count(dropped)),
  ]);
}

function block(type: number, body: Buffer, options: Buffer[]): Buffer {
  const parts = options.length > 0 ? [body, ...options, END] : [body];
  const length = parts.reduce((sum, part) => sum + part.length, 12);
  const head = Buffer.alloc(8);
  head.writeUInt32LE(type, 0);
  head.writeUInt32LE(length, 4);
  const tail = Buffer.alloc(4);
  tail.writeUInt32LE(length, 0);
  return Buffer.concat([head, ...parts, tail], length);
}

function option(code: number, value: Buffer): Buffer {
  const bytes = Buffer.alloc(4 + padded(value.length));
  bytes.writeUInt16LE(code, 0);
  bytes.writeUInt16LE(value.length, 2);
  bytes.set(value, 4);
  return bytes;
}

function count(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes;
}

/** UTF-8, as much as an option can hold. */
function text(value: string): Buffer {
  return Buffer.from(value, 'utf8').subarray(0, 0xfffc);
}

function padded(length: number): number {
  return (length + 3) & ~3;
}
