// The n-th frame of a capture: classic pcap of either byte order, with micro- or nanoseconds, or pcapng.
//
//   pcap:    | magic version ... link type, 24 bytes |, then for each frame | 16 bytes: time, length kept, length | frame |
//   pcapng:  blocks | type | total length | body, padded to 4 | total length |: section, interface, (simple) packet
//
// Files come from anywhere: every length is checked against what is there, and what is not there is told.

import { open, stat } from 'node:fs/promises';
import { ControlError } from '../../control/client.ts';

/** Enough for a thousand super-frames, and no way to fill the memory. */
const MAX_FILE = 64 << 20;
const ETHERNET = 1;
const PCAP_HEADER = 24;
const RECORD_HEADER = 16;

const SECTION = 0x0a0d_0d0a;
const INTERFACE = 1;
const SIMPLE_PACKET = 3;
const PACKET = 6;
const BYTE_ORDER = 0x1a2b_3c4d;

interface Captured {
  linkType: number;
  bytes: Uint8Array;
  /** Bytes that the frame had. */
  original: number;
}

/** In hexadecimal. @throws ControlError `file_unreadable`, `invalid_pcap` */
export async function readPcapFrame(file: string, number: number): Promise<string> {
  const bytes = await read(file);
  return frameIn(bytes, number, file === '-' ? 'standard input' : file);
}

export function frameIn(bytes: Uint8Array, number: number, name: string): string {
  if (number < 1) throw invalid(`-n ${number}: frames are counted from 1`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const frames =
    bytes.length >= 4 && view.getUint32(0) === SECTION ? blocks(view, name) : records(view, name);
  let count = 0;
  for (const { linkType, bytes: frame, original } of frames) {
    if (++count < number) continue;
    if (linkType !== ETHERNET)
      throw invalid(`Frame ${number} of ${name} is no Ethernet frame, its link type is ${linkType}`);
    if (frame.length < original)
      throw invalid(
        `Frame ${number} of ${name} was cut to ${frame.length} of ${original} bytes: capture it whole`,
      );
    return Buffer.from(frame).toString('hex');
  }
  throw invalid(`${name} has ${count} ${count === 1 ? 'frame' : 'frames'}, there is no frame ${number}`);
}

function* records(view: DataView, name: string): Generator<Captured> {
  const magic = view.byteLength < PCAP_HEADER ? 0 : view.getUint32(0);
  const isBig = magic === 0xa1b2_c3d4 || magic === 0xa1b2_3c4d;
  const isLittle = magic === 0xd4c3_b2a1 || magic === 0x4d3c_b2a1;
  if (!isBig && !isLittle) throw invalid(`${name} is neither a pcap nor a pcapng file`);
  const linkType = view.getUint32(20, isLittle) & 0xffff; // the upper bits tell of an FCS
  for (let at = PCAP_HEADER; at < view.byteLength; ) {
    const kept = at + RECORD_HEADER <= view.byteLength ? view.getUint32(at + 8, isLittle) : -1;
    if (kept < 0 || at + RECORD_HEADER + kept > view.byteLength) throw invalid(`${name} ends within a frame`);
    const original = view.getUint32(at + 12, isLittle);
    yield { linkType, bytes: part(view, at + RECORD_HEADER, kept), original };
    at += RECORD_HEADER + kept;
  }
}

function* blocks(view: DataView, name: string): Generator<Captured> {
  let isLittle = false;
  let interfaces: { linkType: number; snap: number }[] = [];
  for (let at = 0; at < view.byteLength; ) {
    const room = view.byteLength - at;
    if (room < 12) throw invalid(`${name} ends within a block`);
    if (view.getUint32(at) === SECTION) {
      isLittle = view.getUint32(at + 8, true) === BYTE_ORDER;
      interfaces = [];
    }
    const type = view.getUint32(at, isLittle);
    const length = view.getUint32(at + 4, isLittle);
    if (length < 12 || length % 4 !== 0 || length > room) throw invalid(`${name} ends within a block`);
    const body = length - 12;
    if (type === INTERFACE && body >= 8) {
      const snap = view.getUint32(at + 12, isLittle);
      interfaces.push({ linkType: view.getUint16(at + 8, isLittle), snap: snap === 0 ? MAX_FILE : snap });
    } else if (type === PACKET && body >= 20) {
      const from = interfaces[view.getUint32(at + 8, isLittle)];
      const kept = view.getUint32(at + 20, isLittle);
      if (from === undefined || kept > body - 20)
        throw invalid(`${name} has a block that contradicts itself`);
      const original = view.getUint32(at + 24, isLittle);
      yield { linkType: from.linkType, bytes: part(view, at + 28, kept), original };
    } else if (type === SIMPLE_PACKET && body >= 4) {
      const original = view.getUint32(at + 8, isLittle);
      if (interfaces.length === 0) throw invalid(`${name} has a block that contradicts itself`);
      const { linkType, snap } = interfaces[0];
      yield { linkType, bytes: part(view, at + 12, Math.min(original, snap, body - 4)), original };
    }
    at += length;
  }
}

function part(view: DataView, at: number, length: number): Uint8Array {
  return new Uint8Array(view.buffer, view.byteOffset + at, length);
}

async function read(file: string): Promise<Uint8Array> {
  try {
    if (file === '-') return await readBounded(process.stdin, 'standard input');
    const { size } = await stat(file);
    if (size > MAX_FILE) throw tooLarge(file);
    const handle = await open(file);
    try {
      return await readBounded(handle.createReadStream({ autoClose: false }), file);
    } finally {
      await handle.close();
    }
  } catch (error) {
    if (error instanceof ControlError) throw error;
    throw new ControlError('file_unreadable', `Cannot read ${file}: ${(error as Error).message}`);
  }
}

/** A pipe has no size that could be asked. */
async function readBounded(stream: AsyncIterable<Uint8Array>, name: string): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of stream) {
    size += chunk.length;
    if (size > MAX_FILE) throw tooLarge(name);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function tooLarge(name: string): ControlError {
  return invalid(`${name} is larger than ${MAX_FILE >> 20} MiB: cut the frame out, as with editcap`);
}

function invalid(message: string): ControlError {
  return new ControlError('invalid_pcap', message);
}
