// UDP header, RFC 768. The caller has checked that HEADER_LEN bytes are present at `at`.
//
//   0                              16                            31
//   |        source port           |      destination port        |
//   |          length              |          checksum            |

export const HEADER_LEN = 8;
/** Offset of the checksum field: csum_offset of a virtio-net header. */
export const CHECKSUM = 6;

const DST_PORT = 2;
const LENGTH = 4;

export function srcPort(view: DataView, at: number): number {
  return view.getUint16(at);
}

export function dstPort(view: DataView, at: number): number {
  return view.getUint16(at + DST_PORT);
}

/** Header and data. */
export function length(view: DataView, at: number): number {
  return view.getUint16(at + LENGTH);
}

/** 0 = the sender computed none. */
export function checksum(view: DataView, at: number): number {
  return view.getUint16(at + CHECKSUM);
}

/** A whole header without a checksum. `length` counts the header. */
export function write(view: DataView, at: number, srcPort: number, dstPort: number, length: number): void {
  view.setUint16(at, srcPort);
  view.setUint16(at + DST_PORT, dstPort);
  view.setUint16(at + LENGTH, length);
  view.setUint16(at + CHECKSUM, 0);
}

export function setLength(view: DataView, at: number, value: number): void {
  view.setUint16(at + LENGTH, value);
}

export function setChecksum(view: DataView, at: number, value: number): void {
  view.setUint16(at + CHECKSUM, value);
}
