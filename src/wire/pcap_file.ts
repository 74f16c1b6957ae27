// The frames of a capture file: classic pcap of either byte order, with micro- or nanoseconds, or pcapng.
//
//   pcap:    | magic version ... link type, 24 bytes |, then for each frame | 16 bytes: time, length kept, length | frame |
//   pcapng:  blocks | type | total length | body, padded to 4 | total length |: section, interface, (simple) packet
//
// Files come from anywhere: every length is checked against what is there, and what is not there is told: RangeError.

export const ETHERNET = 1;
/** No snapshot length is longer. */
const WHOLE = 0x7fff_ffff;
const PCAP_HEADER = 24;
const RECORD_HEADER = 16;
const NANOSECONDS = 1_000_000_000n;

const SECTION = 0x0a0d_0d0a;
const INTERFACE = 1;
const SIMPLE_PACKET = 3;
const PACKET = 6;
const BYTE_ORDER = 0x1a2b_3c4d;

const OPTION_NAME = 2;
const OPTION_RESOLUTION = 9;

export interface CapturedFrame {
  linkType: number;
  bytes: Uint8Array;
  /** Bytes that the frame had. */
  original: number;
  /** Nanoseconds since 1970; 0 if the file does not say. */
  time: bigint;
  /** Name of its interface; empty if the file does not say. */
  interface: string;
}

interface Interface {
  linkType: number;
  snap: number;
  name: string;
  /** Units of time in a second. */
  resolution: bigint;
}

/** `name`: of the file, for what is said of it. @throws RangeError while it is read */
export function framesIn(bytes: Uint8Array, name: string): Generator<CapturedFrame> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return bytes.length >= 4 && view.getUint32(0) === SECTION ? blocks(view, name) : records(view, name);
}

function* records(view: DataView, name: string): Generator<CapturedFrame> {
  const magic = view.byteLength < PCAP_HEADER ? 0 : view.getUint32(0);
  const isBig = magic === 0xa1b2_c3d4 || magic === 0xa1b2_3c4d;
  const isLittle = magic === 0xd4c3_b2a1 || magic === 0x4d3c_b2a1;
  if (!isBig && !isLittle) throw new RangeError(`${name} is neither a pcap nor a pcapng file`);
  const resolution = magic === 0xa1b2_3c4d || magic === 0x4d3c_b2a1 ? NANOSECONDS : 1_000_000n;
  const linkType = view.getUint32(20, isLittle) & 0xffff; // the upper bits tell of an FCS
  for (let at = PCAP_HEADER; at < view.byteLength; ) {
    const kept = at + RECORD_HEADER <= view.byteLength ? view.getUint32(at + 8, isLittle) : -1;
    if (kept < 0 || at + RECORD_HEADER + kept > view.byteLength)
      throw new RangeError(`${name} ends within a frame`);
    const original = view.getUint32(at + 12, isLittle);
    const seconds = BigInt(view.getUint32(at, isLittle));
    const part = BigInt(view.getUint32(at + 4, isLittle));
    const time = seconds * NANOSECONDS + (part * NANOSECONDS) / resolution;
    yield { linkType, bytes: slice(view, at + RECORD_HEADER, kept), original, time, interface: '' };
    at += RECORD_HEADER + kept;
  }
}

function* blocks(view: DataView, name: string): Generator<CapturedFrame> {
  let isLittle = false;
  let interfaces: Interface[] = [];
  for (let at = 0; at < view.byteLength; ) {
    const room = view.byteLength - at;
    if (room < 12) throw new RangeError(`${name} ends within a block`);
    if (view.getUint32(at) === SECTION) {
      isLittle = view.getUint32(at + 8, true) === BYTE_ORDER;
      interfaces = [];
    }
    const type = view.getUint32(at, isLittle);
    const length = view.getUint32(at + 4, isLittle);
    if (length < 12 || length % 4 !== 0 || length > room) throw new RangeError(`${name} ends within a block`);
    const body = length - 12;
    if (type === INTERFACE && body >= 8) interfaces.push(interfaceAt(view, at, length, isLittle));
    else if (type === PACKET && body >= 20) {
      const from = interfaces[view.getUint32(at + 8, isLittle)];
      const kept = view.getUint32(at + 20, isLittle);
      if (from === undefined || kept > body - 20)
        throw new RangeError(`${name} has a block that contradicts itself`);
      const { linkType, resolution } = from;
      const units =
        (BigInt(view.getUint32(at + 12, isLittle)) << 32n) | BigInt(view.getUint32(at + 16, isLittle));
      const original = view.getUint32(at + 24, isLittle);
      const time = (units * NANOSECONDS) / resolution;
      yield { linkType, bytes: slice(view, at + 28, kept), original, time, interface: from.name };
    } else if (type === SIMPLE_PACKET && body >= 4) {
      const original = view.getUint32(at + 8, isLittle);
      if (interfaces.length === 0) throw new RangeError(`${name} has a block that contradicts itself`);
      const { linkType, snap, name: from } = interfaces[0];
      const kept = Math.min(original, snap, body - 4);
      yield { linkType, bytes: slice(view, at + 12, kept), original, time: 0n, interface: from };
    }
    at += length;
  }
}

function interfaceAt(view: DataView, at: number, length: number, isLittle: boolean): Interface {
  const snap = view.getUint32(at + 12, isLittle);
  const found: Interface = {
    linkType: view.getUint16(at + 8, isLittle),
    snap: snap === 0 ? WHOLE : snap,
    name: '',
    resolution: 1_000_000n,
  };
  const end = at + length - 4;
  for (let option = at + 16; option + 4 <= end; ) {
    const code = view.getUint16(option, isLittle);
    const size = view.getUint16(option + 2, isLittle);
    if (code === 0 || option + 4 + size > end) break;
    if (code === OPTION_NAME) found.name = new TextDecoder().decode(slice(view, option + 4, size));
    if (code === OPTION_RESOLUTION && size === 1) found.resolution = resolutionOf(view.getUint8(option + 4));
    option += 4 + ((size + 3) & ~3);
  }
  return found;
}

/** Of if_tsresol: a power of ten, or with the highest bit one of two. */
function resolutionOf(value: number): bigint {
  const exponent = BigInt(value & 0x7f);
  return value & 0x80 ? 2n ** exponent : 10n ** exponent;
}

function slice(view: DataView, at: number, length: number): Uint8Array {
  return new Uint8Array(view.buffer, view.byteOffset + at, length);
}
