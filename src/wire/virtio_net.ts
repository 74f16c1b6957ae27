// virtio-net header, `struct virtio_net_hdr_v1` of <linux/virtio_net.h>, as TAP carries it before each frame, and what
// `struct virtio_net_hdr_v1_hash_tunnel` adds for a super-frame in a UDP tunnel (Linux 6.17).
//
//   0       1          2         4          6            8             10            12
//   | flags | gso_type | hdr_len | gso_size | csum_start | csum_offset | num_buffers |
//   12           16            18        20                22
//   | hash_value | hash_report | padding | outer_th_offset | inner_nh_offset |
//
// Little-endian on every machine, as in virtio 1.0: TUNSETVNETLE sees to that. csum_start counts from the frame.

export const HEADER_LEN = 12;
export const TUNNEL_HEADER_LEN = 24;

/** flags: the checksum is to be completed. The 16 bits at csum_start + csum_offset hold the pseudo-header's sum, not complemented. */
export const NEEDS_CSUM = 1;
/** flags: the checksum has been verified. */
export const DATA_VALID = 2;

/** gso_type */
export const GSO_NONE = 0;
export const GSO_TCPV4 = 1;
/** UFO, long deprecated: Linux no longer makes such frames, but takes them. */
export const GSO_UDP = 3;
export const GSO_TCPV6 = 4;
export const GSO_UDP_L4 = 5;
/** May accompany GSO_TCPV4 and GSO_TCPV6: the frame has CWR set, which only its first segment keeps. */
export const GSO_ECN = 0x80;

/** Beside one of the others, which then is about the inner packet; csum_start, too. Both bits: which outer IP it is. */
export const GSO_UDP_TUNNEL_IPV4 = 0x20;
export const GSO_UDP_TUNNEL = 0x60;

/** TUNSETOFFLOAD bits (TUN_F_* of <linux/if_tun.h>): what the reader of a device takes. */
export const OFFLOAD = { csum: 0x01, tso4: 0x02, tso6: 0x04, ecn: 0x08, uso: 0x60 } as const;

const GSO_TYPE = 1;
const HDR_LEN = 2;
const GSO_SIZE = 4;
const CSUM_START = 6;
const CSUM_OFFSET = 8;
const NUM_BUFFERS = 10;
const HASH_VALUE = 12;
const HASH_REPORT = 16;
const OUTER_TH_OFFSET = 20;
const INNER_NH_OFFSET = 22;

const LITTLE_ENDIAN = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;

export function flags(view: DataView, at: number): number {
  return view.getUint8(at);
}

export function gsoType(view: DataView, at: number): number {
  return view.getUint8(at + GSO_TYPE);
}

/** A hint how much to keep linear; not to be trusted for parsing. */
export function hdrLen(view: DataView, at: number): number {
  return view.getUint16(at + HDR_LEN, LITTLE_ENDIAN);
}

export function gsoSize(view: DataView, at: number): number {
  return view.getUint16(at + GSO_SIZE, LITTLE_ENDIAN);
}

export function csumStart(view: DataView, at: number): number {
  return view.getUint16(at + CSUM_START, LITTLE_ENDIAN);
}

export function csumOffset(view: DataView, at: number): number {
  return view.getUint16(at + CSUM_OFFSET, LITTLE_ENDIAN);
}

/** All 12 bytes; csumStart 0 = no checksum to complete. */
export function write(
  view: DataView,
  at: number,
  gsoType: number,
  gsoSize: number,
  hdrLen: number,
  csumStart: number,
  csumOffset: number,
): void {
  view.setUint8(at, csumStart === 0 ? 0 : NEEDS_CSUM);
  view.setUint8(at + GSO_TYPE, gsoType);
  view.setUint16(at + HDR_LEN, hdrLen, LITTLE_ENDIAN);
  view.setUint16(at + GSO_SIZE, gsoSize, LITTLE_ENDIAN);
  view.setUint16(at + CSUM_START, csumStart, LITTLE_ENDIAN);
  view.setUint16(at + CSUM_OFFSET, csumOffset, LITTLE_ENDIAN);
  view.setUint16(at + NUM_BUFFERS, 0, LITTLE_ENDIAN);
}

/** All zero: nothing is left to do. */
export function writeNone(view: DataView, at: number): void {
  view.setInt32(at, 0);
  view.setInt32(at + 4, 0);
  view.setInt32(at + 8, 0);
}

/**
 * What follows the first 12 bytes of a TUNNEL_HEADER_LEN header: where the outer UDP header and the inner IP header begin,
 * 0 unless gso_type says that there is a tunnel.
 */
export function writeTunnel(view: DataView, at: number, outerTransport: number, innerNetwork: number): void {
  view.setInt32(at + HASH_VALUE, 0);
  view.setInt32(at + HASH_REPORT, 0);
  view.setUint16(at + OUTER_TH_OFFSET, outerTransport, LITTLE_ENDIAN);
  view.setUint16(at + INNER_NH_OFFSET, innerNetwork, LITTLE_ENDIAN);
}
