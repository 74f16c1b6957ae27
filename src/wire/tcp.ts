// TCP header, RFC 9293 section 3.1. The caller has checked that HEADER_LEN bytes are present at `at`.
//
//   0                              16                            31
//   |        source port           |      destination port        |
//   |                     sequence number                         |
//   |                  acknowledgment number                      |
//   | offset| 0 |A|C E U A P R S F |           window             |
//   |          checksum            |       urgent pointer         |
//   | options ...

export const HEADER_LEN = 20;
/** Offset of the checksum field: csum_offset of a virtio-net header. */
export const CHECKSUM = 16;

/** Flags of the byte at offset 13. */
export const FIN = 0x01;
export const SYN = 0x02;
export const RST = 0x04;
export const PSH = 0x08;
export const ACK = 0x10;
export const URG = 0x20;
export const ECE = 0x40;
export const CWR = 0x80;

const DST_PORT = 2;
const SEQ = 4;
const DATA_OFFSET = 12;
const FLAGS = 13;
const WINDOW = 14;

export function srcPort(view: DataView, at: number): number {
  return view.getUint16(at);
}

export function dstPort(view: DataView, at: number): number {
  return view.getUint16(at + DST_PORT);
}

export function seq(view: DataView, at: number): number {
  return view.getUint32(at + SEQ);
}

/** In bytes, options included: 20 to 60 if valid. */
export function headerLength(view: DataView, at: number): number {
  return (view.getUint8(at + DATA_OFFSET) >>> 4) << 2;
}

export function flags(view: DataView, at: number): number {
  return view.getUint8(at + FLAGS);
}

/** As it stands there: it may be in units of a scale. */
export function window(view: DataView, at: number): number {
  return view.getUint16(at + WINDOW);
}

export function checksum(view: DataView, at: number): number {
  return view.getUint16(at + CHECKSUM);
}

/** Modulo 2^32. */
export function setSeq(view: DataView, at: number, value: number): void {
  view.setUint32(at + SEQ, value);
}

export function setFlags(view: DataView, at: number, value: number): void {
  view.setUint8(at + FLAGS, value);
}

export function setChecksum(view: DataView, at: number, value: number): void {
  view.setUint16(at + CHECKSUM, value);
}
