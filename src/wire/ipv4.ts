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
/** IANA's and Linux' default. */
export const DEFAULT_TTL = 64;

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
export const MORE_FRAGMENTS = 0x2000;
/** More fragments, and the offset: anything here makes a packet a fragment. */
const FRAGMENT_BITS = 0x3fff;
export const FRAGMENT_OFFSET = 0x1fff;

/** Types of options, section 3.1; one is copied into all fragments. */
export const OPTION_END = 0;
export const OPTION_NOP = 1;
export const OPTION_LOOSE_SOURCE_ROUTE = 131;
export const OPTION_STRICT_SOURCE_ROUTE = 137;
export const OPTION_COPIED = 0x80;

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

/** Whether fragments follow this one. */
export function hasMore(view: DataView, at: number): boolean {
  return (view.getUint16(at + FRAGMENT) & MORE_FRAGMENTS) !== 0;
}

/** In units of 8 bytes. */
export function fragmentOffset(view: DataView, at: number): number {
  return view.getUint16(at + FRAGMENT) & FRAGMENT_OFFSET;
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

export function ttl(view: DataView, at: number): number {
  return view.getUint8(at + TTL);
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

export function setTtl(view: DataView, at: number, value: number): void {
  view.setUint8(at + TTL, value);
}

/** The header's checksum stays right. */
export function swapAddresses(view: DataView, at: number): void {
  const src = view.getInt32(at + SRC);
  view.setInt32(at + SRC, view.getInt32(at + DST));
  view.setInt32(at + DST, src);
}

export function setTos(view: DataView, at: number, value: number): void {
  view.setUint8(at + TOS, value);
}

export function setTotalLength(view: DataView, at: number, value: number): void {
  view.setUint16(at + TOTAL_LENGTH, value);
}

/** The flags, and the offset in units of 8 bytes. */
export function setFragment(view: DataView, at: number, value: number): void {
  view.setUint16(at + FRAGMENT, value);
}

/** Modulo 2^16. */
export function setId(view: DataView, at: number, value: number): void {
  view.setUint16(at + ID, value);
}

export function setChecksum(view: DataView, at: number, value: number): void {
  view.setUint16(at + CHECKSUM, value);
}

/** Bytes of the option at `at`, type and length included; -1 if it contradicts itself, or what is there until `end`. */
export function optionLength(view: DataView, at: number, end: number): number {
  if (view.getUint8(at) <= OPTION_NOP) return 1;
  const length = at + 1 < end ? view.getUint8(at + 1) : 0;
  return length < 2 || at + length > end ? -1 : length;
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

/** One hop less. The checksum is updated (RFC 1624, as in RFC 1141 section 2). Relies on a TTL that is not 0. */
export function decrementTtl(view: DataView, at: number): void {
  const word = view.getInt32(at + TTL);
  const sum = (word & 0xffff) + 0x100;
  view.setInt32(at + TTL, ((word - 0x0100_0000) & 0xffff_0000) | ((sum + (sum >= 0xffff ? 1 : 0)) & 0xffff));
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
