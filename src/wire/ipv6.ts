// IPv6 header, RFC 8200 section 3. Accessors rely on HEADER_LEN bytes at `at`; `transport` and `packetLength` check.
//
//   0       4               12                                   31
//   |version| traffic class |            flow label               |
//   |      payload length           | next header   | hop limit   |
//   |                    source address, 16 bytes                 |
//   |                  destination address, 16 bytes              |

export const HEADER_LEN = 40;

const PAYLOAD_LENGTH = 4;
const NEXT_HEADER = 6;

/** Extension headers that may precede a transport header, RFC 8200 section 4 and RFC 4302. */
const HOP_BY_HOP = 0;
const ROUTING = 43;
const FRAGMENT = 44;
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

export function setTrafficClass(view: DataView, at: number, value: number): void {
  view.setUint16(at, (view.getUint16(at) & 0xf00f) | (value << 4));
}

export function setPayloadLength(view: DataView, at: number, value: number): void {
  view.setUint16(at + PAYLOAD_LENGTH, value);
}

/**
 * Where the transport header is and what it is, as offset from `at` << 8 | protocol; -1 if the header is not IPv6, a
 * header on the way is not whole before `end`, or the packet is a fragment. An unknown next header counts as
 * transport, since nobody can look behind it.
 */
export function transport(view: DataView, at: number, end: number): number {
  if (at + HEADER_LEN > end || version(view, at) !== 6) return -1;
  let next = nextHeader(view, at);
  let offset = HEADER_LEN;
  for (let seen = 0; seen <= MAX_EXTENSIONS; seen++) {
    if (next === FRAGMENT) return -1;
    if (next !== HOP_BY_HOP && next !== ROUTING && next !== DESTINATION && next !== AUTHENTICATION) {
      return (offset << 8) | next;
    }
    if (at + offset + 8 > end) return -1;
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
