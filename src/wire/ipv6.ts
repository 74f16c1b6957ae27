// IPv6 header, RFC 8200 section 3. Accessors rely on HEADER_LEN bytes at `at`; `transport` and `packetLength` check.
//
//   0       4               12                                   31
//   |version| traffic class |            flow label               |
//   |      payload length           | next header   | hop limit   |
//   |                    source address, 16 bytes                 |
//   |                  destination address, 16 bytes              |

export const HEADER_LEN = 40;
/** IANA's and Linux' default. */
export const DEFAULT_HOP_LIMIT = 64;
/** What every link carries, section 5. */
export const MIN_MTU = 1280;

const PAYLOAD_LENGTH = 4;
const NEXT_HEADER = 6;
const HOP_LIMIT = 7;
export const SRC = 8;
export const DST = 24;

/** First word of fe80::/64, and the bit of a MAC that its interface identifier has the other way round. */
const LINK_LOCAL = 0xfe80_0000;
const UNIVERSAL = 0x0200;

const VERSION = 0x6000_0000;
const FLOW_LABEL = 0xf_ffff;

/** Extension headers that may precede a transport header, RFC 8200 section 4 and RFC 4302. */
const HOP_BY_HOP = 0;
const ROUTING = 43;
export const FRAGMENT = 44;
export const FRAGMENT_LEN = 8;
const FRAGMENT_OFFSET = 0xfff8;
const AUTHENTICATION = 51;
const DESTINATION = 60;

/** Each kind occurs at most once, destination options twice (RFC 8200 section 4.1): more is an attempt to waste time. */
const MAX_EXTENSIONS = 6;

export function version(view: DataView, at: number): number {
  return view.getUint8(at) >>> 4;
}

export function trafficClass(view: DataView, at: number): number {
  return (view.getUint16(at) >>> 4) & 0xff;
}

/** Everything after the fixed header, extension headers included. */
export function payloadLength(view: DataView, at: number): number {
  return view.getUint16(at + PAYLOAD_LENGTH);
}

export function nextHeader(view: DataView, at: number): number {
  return view.getUint8(at + NEXT_HEADER);
}

export function hopLimit(view: DataView, at: number): number {
  return view.getUint8(at + HOP_LIMIT);
}

export function setTrafficClass(view: DataView, at: number, value: number): void {
  view.setUint16(at, (view.getUint16(at) & 0xf00f) | (value << 4));
}

export function clearFlowLabel(view: DataView, at: number): void {
  view.setInt32(at, view.getInt32(at) & ~FLOW_LABEL);
}

export function setPayloadLength(view: DataView, at: number, value: number): void {
  view.setUint16(at + PAYLOAD_LENGTH, value);
}

export function setHopLimit(view: DataView, at: number, value: number): void {
  view.setUint8(at + HOP_LIMIT, value);
}

/** One hop less. Relies on a hop limit that is not 0. */
export function decrementHopLimit(view: DataView, at: number): void {
  view.setUint8(at + HOP_LIMIT, view.getUint8(at + HOP_LIMIT) - 1);
}

/** A whole header with flow label 0 and without addresses. `length` is that of what follows. */
export function write(
  view: DataView,
  at: number,
  trafficClass: number,
  length: number,
  nextHeader: number,
  hopLimit: number,
): void {
  view.setInt32(at, VERSION | (trafficClass << 20));
  view.setUint16(at + PAYLOAD_LENGTH, length);
  view.setUint8(at + NEXT_HEADER, nextHeader);
  view.setUint8(at + HOP_LIMIT, hopLimit);
}

/** Copies an address: `from` and `to` are its first byte. */
export function copyAddress(view: DataView, from: number, to: number): void {
  for (let k = 0; k < 16; k += 4) view.setInt32(to + k, view.getInt32(from + k));
}

/** The four words of an address. */
export function readAddress(view: DataView, at: number, words: Int32Array): void {
  for (let w = 0; w < 4; w++) words[w] = view.getInt32(at + 4 * w);
}

/** Checksums stay right. */
export function swapAddresses(view: DataView, at: number): void {
  for (let k = 0; k < 16; k += 4) {
    const src = view.getInt32(at + SRC + k);
    view.setInt32(at + SRC + k, view.getInt32(at + DST + k));
    view.setInt32(at + DST + k, src);
  }
}

/** Whether the address at `at` may be that of one host: not ::, ::1 or multicast (RFC 4291 section 2.5 and 2.7). */
export function isHost(view: DataView, at: number): boolean {
  if (view.getUint8(at) === 0xff) return false;
  const head = view.getInt32(at) | view.getInt32(at + 4) | view.getInt32(at + 8);
  return head !== 0 || (view.getInt32(at + 12) & ~1) !== 0;
}

/** Whether the address at `at` is link-local: fe80::/10. */
export function isLinkLocal(view: DataView, at: number): boolean {
  return (view.getUint16(at) & 0xffc0) === 0xfe80;
}

/** Whether the address at `at` is the unspecified one: ::. */
export function isUnspecified(view: DataView, at: number): boolean {
  return (view.getInt32(at) | view.getInt32(at + 4) | view.getInt32(at + 8) | view.getInt32(at + 12)) === 0;
}

/** Whether the address at `at` is the link-local one that a station makes of its MAC (RFC 4291 appendix A). */
export function isLinkLocalOf(view: DataView, at: number, hi: number, lo: number): boolean {
  return (
    view.getUint32(at) === LINK_LOCAL &&
    view.getInt32(at + 4) === 0 &&
    view.getInt32(at + 8) === (((hi ^ UNIVERSAL) << 16) | ((lo >>> 16) & 0xff00) | 0xff) &&
    view.getUint32(at + 12) === (0xfe00_0000 | (lo & 0xff_ffff)) >>> 0
  );
}

/** Whether the packet is a fragment, and not the first one: by a fragment header right behind its own. */
export function isLaterFragment(view: DataView, at: number, end: number): boolean {
  const fragment = at + HEADER_LEN;
  if (nextHeader(view, at) !== FRAGMENT || fragment + FRAGMENT_LEN > end) return false;
  return (view.getUint16(fragment + 2) & FRAGMENT_OFFSET) !== 0;
}

/**
 * Where the transport header is and what it is, as offset from `at` << 8 | protocol; -1 if the header is not IPv6, a
 * header on the way is not whole before `end`, or the packet is a fragment. An unknown next header counts as
 * transport, since nobody can look behind it.
 */
export function transport(view: DataView, at: number, end: number): number {
  return walk(view, at, end, false);
}

/** As `transport`, and also of a packet's first fragment, in which the transport header is, if not all behind it. */
export function firstTransport(view: DataView, at: number, end: number): number {
  return walk(view, at, end, true);
}

function walk(view: DataView, at: number, end: number, mayBeFirst: boolean): number {
  if (at + HEADER_LEN > end || version(view, at) !== 6) return -1;
  let next = nextHeader(view, at);
  let offset = HEADER_LEN;
  for (let seen = 0; seen <= MAX_EXTENSIONS; seen++) {
    if (next === FRAGMENT && !mayBeFirst) return -1;
    if (
      next !== FRAGMENT &&
      next !== HOP_BY_HOP &&
      next !== ROUTING &&
      next !== DESTINATION &&
      next !== AUTHENTICATION
    ) {
      return (offset << 8) | next;
    }
    if (at + offset + 8 > end) return -1;
    if (next === FRAGMENT) {
      if ((view.getUint16(at + offset + 2) & FRAGMENT_OFFSET) !== 0) return -1;
      next = view.getUint8(at + offset);
      offset += FRAGMENT_LEN;
      continue;
    }
    // Hdr Ext Len counts 8-byte units after the first; the authentication header's counts 4-byte units minus 2.
    const units = view.getUint8(at + offset + 1);
    const length = next === AUTHENTICATION ? (units + 2) << 2 : (units + 1) << 3;
    next = view.getUint8(at + offset);
    offset += length;
    if (at + offset > end) return -1;
  }
  return -1;
}

/** Bytes of the packet without Ethernet padding; -1 if it claims more than is there until `end`. */
export function packetLength(view: DataView, at: number, end: number): number {
  if (at + HEADER_LEN > end || version(view, at) !== 6) return -1;
  const length = HEADER_LEN + payloadLength(view, at);
  return at + length > end ? -1 : length;
}
