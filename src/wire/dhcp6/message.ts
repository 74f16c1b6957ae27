// DHCPv6 messages between clients and servers, RFC 8415 section 8 and 21.
//
//   type 1 | transaction 3 | options ...          option: code 2 | length 2 | data
//   IA_NA: IAID 4 | T1 4 | T2 4 | options ...     IA address: address 16 | preferred 4 | valid 4 | options ...
//   IA_PD: the same                               IA prefix: preferred 4 | valid 4 | bits 1 | prefix 16 | options ...

import type { IpBytes } from '../ip_address.ts';
import { MESSAGE_TYPES, type MessageType6, OPTION6 } from './codes.ts';
import { buildOptions, parseOptions } from './options.ts';

const HEADER_LEN = 4;
const IA_LEN = 12;
const ADDRESS_LEN = 24;
const PREFIX_LEN = 25;
/** RFC 8415 section 11.1. */
const MAX_DUID = 130;
/** No client has more, and each costs an answer. */
const MAX_IAS = 8;

export interface Message6 {
  readonly type: MessageType6;
  /** 24 bits. */
  readonly transaction: number;
  /** The first of each code. */
  readonly options: ReadonlyMap<number, Uint8Array>;
  /** Addresses and prefixes that the client wants or has, by identity association. */
  readonly associations: readonly Association[];
}

/** A client has one for each interface, or for each use. */
export interface Association {
  readonly kind: 'address' | 'prefix';
  readonly iaid: number;
  readonly items: readonly Item6[];
}

export interface Item6 {
  readonly address: IpBytes;
  /** Of an address 128. */
  readonly bits: number;
}

export type BadMessage6 = 'too_short' | 'type' | 'options' | 'client_id';

export function parseMessage6(bytes: Uint8Array): Message6 | BadMessage6 {
  if (bytes.length < HEADER_LEN) return 'too_short';
  const type = MESSAGE_TYPES[bytes[0]];
  if (type === undefined) return 'type';
  const list = parseOptions(bytes.subarray(HEADER_LEN));
  if (list === undefined) return 'options';
  const options = new Map<number, Uint8Array>();
  const associations: Association[] = [];
  for (const [code, data] of list) {
    if (code === OPTION6.iaNa || code === OPTION6.iaPd) {
      const one = parseAssociation(code, data);
      if (one === undefined || associations.length >= MAX_IAS) return 'options';
      associations.push(one);
    } else if (!options.has(code)) options.set(code, data);
  }
  const { length: clientId = 1 } = options.get(OPTION6.clientId) ?? {};
  if (clientId < 1 || clientId > MAX_DUID) return 'client_id';
  const transaction = (bytes[1] << 16) | (bytes[2] << 8) | bytes[3];
  return { type, transaction, options, associations };
}

function parseAssociation(code: number, data: Uint8Array): Association | undefined {
  const inner = data.length < IA_LEN ? undefined : parseOptions(data.subarray(IA_LEN));
  if (inner === undefined) return undefined;
  const kind = code === OPTION6.iaNa ? 'address' : 'prefix';
  const items = inner.flatMap(([item, value]) => parseItem(kind, item, value));
  return { kind, iaid: viewOf(data).getUint32(0), items };
}

function parseItem(kind: Association['kind'], code: number, value: Uint8Array): Item6[] {
  if (kind === 'address')
    return code === OPTION6.address && value.length >= ADDRESS_LEN
      ? [{ address: value.slice(0, 16), bits: 128 }]
      : [];
  if (code !== OPTION6.prefix || value.length < PREFIX_LEN || value[8] > 128) return [];
  return [{ address: value.slice(9, 25), bits: value[8] }];
}

export function buildMessage6(
  type: MessageType6,
  transaction: number,
  options: readonly (readonly [number, Uint8Array])[],
): Uint8Array {
  const head = [
    MESSAGE_TYPES.indexOf(type),
    transaction >>> 16,
    (transaction >>> 8) & 0xff,
    transaction & 0xff,
  ];
  return Buffer.concat([Uint8Array.from(head), buildOptions(options)]);
}

/** Times in seconds; 2^32 - 1 is for ever. */
export interface Given6 extends Item6 {
  readonly preferred: number;
  readonly valid: number;
}

/** An identity association of an answer: what the client has, or a status that says why not. */
export function associationOption(
  { kind, iaid }: Association,
  { given, t1, t2, status }: { given: readonly Given6[]; t1: number; t2: number; status?: Uint8Array },
): [number, Uint8Array] {
  const head = Buffer.alloc(IA_LEN);
  head.writeUInt32BE(iaid, 0);
  head.writeUInt32BE(t1, 4);
  head.writeUInt32BE(t2, 8);
  const items = given.map((one): [number, Uint8Array] =>
    kind === 'address' ? [OPTION6.address, addressData(one)] : [OPTION6.prefix, prefixData(one)],
  );
  const inner = buildOptions(status === undefined ? items : [...items, [OPTION6.statusCode, status]]);
  return [kind === 'address' ? OPTION6.iaNa : OPTION6.iaPd, Buffer.concat([head, inner])];
}

function addressData({ address, preferred, valid }: Given6): Uint8Array {
  return Buffer.concat([address, uint32(preferred), uint32(valid)]);
}

function prefixData({ address, bits, preferred, valid }: Given6): Uint8Array {
  return Buffer.concat([uint32(preferred), uint32(valid), Uint8Array.of(bits), address]);
}

/** Section 21.13; `why` is for whoever reads the client's log. */
export function statusData(code: number, why: string): Uint8Array {
  return Buffer.concat([Uint8Array.of(code >>> 8, code & 0xff), Buffer.from(why, 'utf8')]);
}

/** The first label of what a client calls itself, RFC 4704 section 4.1: flags 1 | name in DNS wire format. */
export function fqdnLabel(value: Uint8Array | undefined): string {
  const length = value?.[1] ?? 0;
  if (value === undefined || length === 0 || length > 63 || 2 + length > value.length) return '';
  return Buffer.from(value.subarray(2, 2 + length))
    .toString('latin1')
    .toLowerCase();
}

function uint32(value: number): Uint8Array {
  return Uint8Array.of(value >>> 24, value >>> 16, value >>> 8, value);
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
