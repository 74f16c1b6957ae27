// IPv4 header, RFC 791 section 3.1. Accessors rely on HEADER_LEN bytes at `at`; `transport` and `packetLength` check.
//
//   0       4       8              16    19                      31
//   |version| IHL   | TOS          |      total length            |
//   |      identification          |0DM|    fragment offset       |
//   | TTL           | protocol     |      header checksum         |
//   |                      source address                         |
//   |                    destination address                      |
//   | options ...

import { add, finish } from './checksum.ts';

export const HEADER_LEN = 20;

/** IANA protocol numbers, shared with IPv6's next header. */
export const PROTOCOL_TCP = 6;
export const PROTOCOL_UDP = 17;

const TOS = 1;
const TOTAL_LENGTH = 2;
const ID = 4;
const FRAGMENT = 6;
const TTL = 8;
const PROTOCOL = 9;
/** Offsets, for those who change what is there. */
export const CHECKSUM = 10;
export const SRC = 12;
export const DST = 16;

const VERSION_AND_LENGTH = 0x45;
const DONT_FRAGMENT = 0x4000;
/** More fragments, and the offset: anything here makes a packet a fragment. */
const FRAGMENT_BITS = 0x3fff;
const FRAGMENT_OFFSET = 0x1fff;

export function version(view: DataView, at: number): number {
  return view.getUint8(at) >>> 4;
}

/** In bytes, options included: 20 to 60 if valid. */
export function headerLength(view: DataView, at: number): number {
  return (view.getUint8(at) & 0xf) << 2;
}

export function tos(view: DataView, at: number): number {
  return view.getUint8(at + TOS);
}

export function totalLength(view: DataView, at: number): number {
  return view.getUint16(at + TOTAL_LENGTH);
}

export function id(view: DataView, at: number): number {
  return view.getUint16(at + ID);
}

export function dontFragment(view: DataView, at: number): boolean {
  return (view.getUint16(at + FRAGMENT) & DONT_FRAGMENT) !== 0;
}

export function isFragment(view: DataView, at: number): boolean {
  return (view.getUint16(at + FRAGMENT) & FRAGMENT_BITS) !== 0;
}

/** A fragment that does not begin with the transport header. */
export function isLaterFragment(view: DataView, at: number): boolean {
  return (view.getUint16(at + FRAGMENT) & FRAGMENT_OFFSET) !== 0;
}

/** Whether the header, options included, passes its checksum. */
export function verifies(view: DataView, at: number): boolean {
  return finish(add(view, at, at + headerLength(view, at))) === 0;
}

/**
 * Whether an address may be that of one host: not "this network", loopback, multicast, class E or broadcast (RFC 1122
 * section 3.2.1.3). The broadcast address of a subnet cannot be told from others.
 */
export function isHost(address: number): boolean {
  const net = address >>> 24;
  return net !== 0 && net !== 127 && net < 224;
}

export function protocol(view: DataView, at: number): number {
  return view.getUint8(at + PROTOCOL);
}

export function checksum(view: DataView, at: number): number {
  return view.getUint16(at + CHECKSUM);
}

export function src(view: DataView, at: number): number {
  return view.getInt32(at + SRC);
}

export function dst(view: DataView, at: number): number {
  return view.getInt32(at + DST);
}

export function setSrc(view: DataView, at: number, value: number): void {
  view.setInt32(at + SRC, value);
}

export function setDst(view: DataView, at: number, value: number): void {
  view.setInt32(at + DST, value);
}

export function setTos(view: DataView, at: number, value: number): void {
  view.setUint8(at + TOS, value);
}

export function setTotalLength(view: DataView, at: number, value: number): void {
  view.setUint16(at + TOTAL_LENGTH, value);
}

/** Modulo 2^16. */
export function setId(view: DataView, at: number, value: number): void {
  view.setUint16(at + ID, value);
}

export function setChecksum(view: DataView, at: number, value: number): void {
  view.setUint16(at + CHECKSUM, value);
}

/** A whole header without options, of an atomic datagram (RFC 6864): identification 0, DF. `length` counts the header. */
export function write(
  view: DataView,
  at: number,
  tos: number,
  length: number,
  ttl: number,
  protocol: number,
  src: number,
  dst: number,
): void {
  view.setUint8(at, VERSION_AND_LENGTH);
  view.setUint8(at + TOS, tos);
  view.setUint16(at + TOTAL_LENGTH, length);
  view.setUint16(at + ID, 0);
  view.setUint16(at + FRAGMENT, DONT_FRAGMENT);
  view.setUint8(at + TTL, ttl);
  view.setUint8(at + PROTOCOL, protocol);
  view.setInt32(at + SRC, src);
  view.setInt32(at + DST, dst);
  completeChecksum(view, at);
}

/** Computes the header checksum afresh; options count. */
export function completeChecksum(view: DataView, at: number): void {
  view.setUint16(at + CHECKSUM, 0);
  view.setUint16(at + CHECKSUM, finish(add(view, at, at + headerLength(view, at))));
}

/**
 * Where the transport header is and what it is, as offset from `at` << 8 | protocol; -1 if the header is not IPv4, not
 * whole before `end`, or belongs to a fragment, which has no transport header that could be relied on.
 */
export function transport(view: DataView, at: number, end: number): number {
  if (at + HEADER_LEN > end || version(view, at) !== 4) return -1;
  const length = headerLength(view, at);
  if (length < HEADER_LEN || at + length > end || isFragment(view, at)) return -1;
  return (length << 8) | protocol(view, at);
}

/** Bytes of the packet without Ethernet padding; -1 if the header contradicts itself or what is there until `end`. */
export function packetLength(view: DataView, at: number, end: number): number {
  if (at + HEADER_LEN > end || version(view, at) !== 4) return -1;
  const length = totalLength(view, at);
  return length < headerLength(view, at) || at + length > end ? -1 : length;
}
