// Frames with an offload request as a guest's kernel makes them, built field by field without the code under test, and
// the checks that a receiver would make on what comes out.

/** What a super-frame is to be like. */
export interface Shape {
  version: 4 | 6;
  protocol: 'tcp' | 'udp';
  payload: Uint8Array;
  gsoSize: number;
  /** Tags that stay in the frame, TPID and TCI. */
  tags?: number[];
  /** IPv4 or TCP options, a multiple of four bytes. */
  ipOptions?: number[];
  tcpOptions?: number[];
  /** IPv6 extension headers: type and contents, whose first byte (next header) is filled in here. */
  extensions?: [number, number[]][];
  /** The destination that the pseudo-header names, if it is not the header's. */
  finalDst?: number[];
  flags?: number;
  seq?: number;
  id?: number;
  /** Ethernet padding behind the packet. */
  padding?: number;
  /** Byte by which the frame asks for completion (default), or arrives with a finished checksum. */
  finished?: boolean;
}

/** A super-frame, and where its headers are. */
export interface OffloadFrame {
  shape: Shape;
  bytes: Uint8Array;
  l3: number;
  l4: number;
  headerLength: number;
  gsoType: number;
  csumStart: number;
  csumOffset: number;
}

const SRC6 = [0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
const DST6 = [0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xab, 2];

const be16 = (value: number) => [(value >>> 8) & 0xff, value & 0xff];
const be32 = (value: number) => [...be16(value >>> 16), ...be16(value)];

/** Ones' complement sum, the slow way. */
export function sumWords(bytes: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < bytes.length; i += 2) {
    sum += bytes[i] * 256 + (bytes[i + 1] ?? 0);
    if (sum > 0xffff) sum -= 0xffff;
  }
  return sum;
}

/** Makes a super-frame. */
export function build(shape: Shape): OffloadFrame {
  const { version, protocol, payload, tags = [], flags = 0x10, seq = 1, id = 1 } = shape;
  const ipOptions = version === 4 ? (shape.ipOptions ?? []) : [];
  const extensions = version === 6 ? (shape.extensions ?? []) : [];
  const tcpOptions = shape.tcpOptions ?? [];
  const number = protocol === 'tcp' ? 6 : 17;
  const l4Header = protocol === 'tcp' ? 20 + tcpOptions.length : 8;
  const l4Length = l4Header + payload.length;

  const macs = [2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1];
  const tagBytes = tags.flatMap(be32);
  const l3 = 14 + tagBytes.length;
  const src = version === 4 ? [10, 0, 0, 1] : SRC6;
  const dst = version === 4 ? [10, 0, 0, 2] : DST6;
  let ip: number[];
  if (version === 4) {
    const length = 20 + ipOptions.length + l4Length;
    const head = [0x40 | (5 + ipOptions.length / 4), 0x02, ...be16(length), ...be16(id), 0x40, 0, 64, number];
    const sum = sumWords([...head, 0, 0, ...src, ...dst, ...ipOptions]);
    ip = [...head, ...be16(~sum), ...src, ...dst, ...ipOptions];
  } else {
    const chain = extensions.flatMap(([, content], k) => [
      extensions[k + 1]?.[0] ?? number,
      ...content.slice(1),
    ]);
    const next = extensions[0]?.[0] ?? number;
    ip = [0x60, 0x21, 0x23, 0x45, ...be16(chain.length + l4Length), next, 64, ...src, ...dst, ...chain];
  }
  const pseudo = sumWords([...src, ...(shape.finalDst ?? dst), ...be32(l4Length), ...be32(number)]);
  const ports = [...be16(40_001), ...be16(40_002)];
  const l4Bytes =
    protocol === 'tcp'
      ? [
          ...ports,
          ...be32(seq),
          ...be32(99),
          (5 + tcpOptions.length / 4) << 4,
          flags,
          2,
          0,
          ...be16(pseudo),
          0,
          0,
          ...tcpOptions,
        ]
      : [...ports, ...be16(l4Length), ...be16(pseudo)];
  const l4 = l3 + ip.length;
  const csumOffset = protocol === 'tcp' ? 16 : 6;
  const bytes = Uint8Array.from([
    ...macs,
    ...tagBytes,
    ...be16(version === 4 ? 0x0800 : 0x86dd),
    ...ip,
    ...l4Bytes,
    ...payload,
    ...new Array(shape.padding ?? 0).fill(0x5a),
  ]);
  if (shape.finished) {
    const end = l4 + l4Length;
    bytes.set(be16(~sumWords(bytes.subarray(l4, end)) & 0xffff || 0xffff), l4 + csumOffset);
  }
  return {
    shape,
    bytes,
    l3,
    l4,
    headerLength: l4 + l4Header,
    gsoType: protocol === 'udp' ? 5 : version === 4 ? 1 : 4,
    csumStart: shape.finished ? 0 : l4,
    csumOffset: shape.finished ? 0 : csumOffset,
  };
}

/** Whether a frame with the same header layout as `frame` would pass a receiver's checksums; `finalDst` as in Shape. */
export function verifies(bytes: Uint8Array, frame: OffloadFrame): boolean {
  const { version, protocol, finalDst } = frame.shape;
  const { l3, l4 } = frame;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (version === 4 && sumWords(bytes.subarray(l3, l3 + (bytes[l3] & 15) * 4)) !== 0xffff) return false;
  const packet = version === 4 ? view.getUint16(l3 + 2) : 40 + view.getUint16(l3 + 4);
  const end = l3 + packet;
  if (end > bytes.length) return false;
  const length = end - l4;
  if (protocol === 'udp' && (view.getUint16(l4 + 4) !== length || view.getUint16(l4 + 6) === 0)) return false;
  const addresses = version === 4 ? bytes.subarray(l3 + 12, l3 + 20) : bytes.subarray(l3 + 8, l3 + 40);
  const src = addresses.subarray(0, addresses.length / 2);
  const dst = finalDst ?? addresses.subarray(addresses.length / 2);
  const pseudo = [...src, ...dst, ...be32(length), ...be32(protocol === 'tcp' ? 6 : 17)];
  return sumWords([...pseudo, ...bytes.subarray(l4, end)]) === 0xffff;
}

/** Bytes without a short period, so that no two segments are alike. */
export function payloadOf(length: number, seed = 7): Uint8Array {
  let state = seed + 1;
  return Uint8Array.from({ length }, () => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) | 0;
    return (state >>> 16) & 0xff;
  });
}
