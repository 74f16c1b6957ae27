// Who wants which multicast groups: what IGMP (RFC 1112, 2236, 3376) and MLD (RFC 2710, 3810) say, in one form for both,
// and PIM's hello, by which a router tells that it is there.

import { formatIp, type IpBytes, isMulticastIp } from './ip_address.ts';

export type Family = 4 | 6;

/** RFC 3376 section 4.2.12. Older reports are `is_ex` and `to_in` of no sources. */
export type RecordType = 'is_in' | 'is_ex' | 'to_in' | 'to_ex' | 'allow' | 'block';

/** What a host says of one group. */
export interface GroupRecord {
  type: RecordType;
  group: string;
  sources: string[];
}

export interface MembershipReport {
  kind: 'report';
  /** By IGMP's count: MLDv1 is 2, MLDv2 is 3. */
  version: 1 | 2 | 3;
  records: GroupRecord[];
}

export interface MembershipQuery {
  kind: 'query';
  version: 1 | 2 | 3;
  /** Undefined: all groups. */
  group?: string;
  sources: string[];
  /** ms */
  maxResponse: number;
  /** Other routers lower no timers (RFC 3376 section 4.1.5). */
  suppress: boolean;
  /** Robustness and query interval in seconds, of version 3; 0 = not said. */
  robustness: number;
  interval: number;
}

export interface RouterHello {
  kind: 'hello';
  /** ms; Infinity = for ever. */
  holdTime: number;
}

/** Why a message is of no use. */
export const MALFORMED = [
  'ip_header',
  'fragment',
  'hop_limit',
  'source',
  'too_short',
  'checksum',
  'group',
  'records',
  'type',
] as const;
export type Malformed = (typeof MALFORMED)[number];

export type Membership = MembershipReport | MembershipQuery | RouterHello;

/** A message and who sent it, or why it is none. */
export type Heard = { family: Family; from: string; message: Membership | Malformed };

/** IANA protocol numbers. */
export const PROTOCOL_IGMP = 2;
export const PROTOCOL_PIM = 103;

/** The address of 4 or 16 bytes at `at`, as text. */
export function addressAt(view: DataView, at: number, length: number): string {
  return formatIp(new Uint8Array(view.buffer, view.byteOffset + at, length));
}

/** `count` addresses in a row. */
export function addressesAt(view: DataView, at: number, count: number, length: number): string[] {
  return Array.from({ length: count }, (_, n) => addressAt(view, at + n * length, length));
}

/** RFC 3376 section 4.1.1 and 4.1.7: from 128 on a small floating-point number. */
export function fromCode8(code: number): number {
  return code < 0x80 ? code : ((code & 0x0f) | 0x10) << (((code >> 4) & 7) + 3);
}

export function toCode8(value: number): number {
  return toCode(Math.min(value, 0x1f << 10), 4);
}

/** RFC 3810 section 5.1.3: the same with 16 bits. */
export function fromCode16(code: number): number {
  return code < 0x8000 ? code : ((code & 0x0fff) | 0x1000) << (((code >> 12) & 7) + 3);
}

export function toCode16(value: number): number {
  return toCode(Math.min(value, 0x1fff << 10), 12);
}

/** `bits` of mantissa; rounds down. */
function toCode(value: number, bits: number): number {
  if (value < 1 << (bits + 3)) return value;
  const exponent = 31 - Math.clz32(value) - bits;
  return (1 << (bits + 3)) | ((exponent - 3) << bits) | ((value >>> exponent) & ((1 << bits) - 1));
}

/** Whether a group is asked for one by one. Link-local ones are for all (RFC 4541 section 2.1.2, RFC 4291 section 2.7). */
export function isSnoopedGroup(bytes: IpBytes): boolean {
  if (!isMulticastIp(bytes)) return false;
  return bytes.length === 4 ? bytes[0] !== 224 || bytes[1] !== 0 || bytes[2] !== 0 : (bytes[1] & 0xf) > 2;
}
