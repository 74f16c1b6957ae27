// Messages of netlink(7): written, and taken apart. They come from the kernel, and still no length is trusted beyond the
// bytes that are there. Little-endian, as the machines that Taploom runs on.
//
//   nlmsghdr: length 4 | type 2 | flags 2 | sequence 4 | port 4, then a body, then attributes
//   attribute: length 2 | type 2 | value, padded to 4

export const HEADER_LEN = 16;
const ATTRIBUTE_HEADER_LEN = 4;

// linux/netlink.h
export const NLM_F_REQUEST = 0x1;
export const NLM_F_ACK = 0x4;
export const NLM_F_DUMP = 0x300;
export const NLM_F_CREATE = 0x400;
export const NLM_F_EXCL = 0x200;
export const NLM_F_REPLACE = 0x100;
export const NLM_F_APPEND = 0x800;
const NLA_F_NESTED = 0x8000;
const NLA_TYPE_MASK = 0x3fff;

export interface Message {
  type: number;
  /** What follows the header. */
  body: Buffer;
}

/** `parts` are the body and its attributes. */
export function message(type: number, flags: number, sequence: number, parts: readonly Buffer[]): Buffer {
  const header = Buffer.alloc(HEADER_LEN);
  const length = parts.reduce((sum, part) => sum + part.length, HEADER_LEN);
  header.writeUInt32LE(length);
  header.writeUInt16LE(type, 4);
  header.writeUInt16LE(flags | NLM_F_REQUEST, 6);
  header.writeUInt32LE(sequence, 8);
  return Buffer.concat([header, ...parts]);
}

export function attribute(type: number, value: Uint8Array): Buffer {
  return attributeOf(type, value.length, [value]);
}

function attributeOf(type: number, length: number, parts: readonly Uint8Array[]): Buffer {
  const bytes = Buffer.alloc((ATTRIBUTE_HEADER_LEN + length + 3) & ~3);
  bytes.writeUInt16LE(ATTRIBUTE_HEADER_LEN + length);
  bytes.writeUInt16LE(type, 2);
  let at = ATTRIBUTE_HEADER_LEN;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

export function textAttribute(type: number, text: string): Buffer {
  return attribute(type, Buffer.from(`${text}\0`));
}

/** In network order, as nf_tables has its numbers. */
export function numberAttribute(type: number, value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value | 0);
  return attribute(type, bytes);
}

export function nestedAttribute(type: number, parts: readonly Buffer[]): Buffer {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  return attributeOf(type | NLA_F_NESTED, length, parts);
}

export function* messagesIn(bytes: Buffer): Generator<Message> {
  for (let at = 0; at + HEADER_LEN <= bytes.length; ) {
    const length = bytes.readUInt32LE(at);
    if (length < HEADER_LEN || at + length > bytes.length) return;
    yield { type: bytes.readUInt16LE(at + 4), body: bytes.subarray(at + HEADER_LEN, at + length) };
    at += (length + 3) & ~3;
  }
}

/** One after the other: in a list all have one type. */
export function* eachAttribute(bytes: Buffer): Generator<[type: number, value: Buffer]> {
  for (let at = 0; at + ATTRIBUTE_HEADER_LEN <= bytes.length; ) {
    const length = bytes.readUInt16LE(at);
    if (length < ATTRIBUTE_HEADER_LEN || at + length > bytes.length) return;
    yield [
      bytes.readUInt16LE(at + 2) & NLA_TYPE_MASK,
      bytes.subarray(at + ATTRIBUTE_HEADER_LEN, at + length),
    ];
    at += (length + 3) & ~3;
  }
}

/** By type; of several of one type the last. */
export function attributesOf(bytes: Buffer | undefined): Map<number, Buffer> {
  return new Map(bytes === undefined ? [] : eachAttribute(bytes));
}

/** As rtnetlink has its numbers. */
export function littleEndian(bytes: Buffer | undefined): number | undefined {
  return bytes !== undefined && bytes.length >= 4 ? bytes.readUInt32LE(0) : undefined;
}

/** As nf_tables has them. */
export function bigEndian(bytes: Buffer | undefined): number | undefined {
  return bytes !== undefined && bytes.length >= 4 ? bytes.readInt32BE(0) : undefined;
}

/** '' if there is none. */
export function textOf(bytes: Buffer | undefined): string {
  if (bytes === undefined) return '';
  const end = bytes.indexOf(0);
  return bytes.toString('utf8', 0, end < 0 ? bytes.length : end);
}
