// What a host reads out of a router advertisement: RFC 4861 section 4.2, RFC 4191 section 2.2, RFC 8106 section 5.1.
//
//   134 | 0 | checksum | hop limit | M O H Prf 2 ... | router lifetime 2 | reachable time 4 | retrans timer 4 | options ...
//   prefix:    3 | 4 | bits 1 | L A ... | valid 4 | preferred 4 | reserved 4 | prefix 16
//   resolvers: 25 | 1 + 2n | reserved 2 | lifetime 4 | n addresses

import * as icmpv6 from './icmpv6.ts';
import type { IpBytes } from './ip_address.ts';
import { isLinkLocal } from './ipv6.ts';
import { parseIpv6Frame } from './ipv6_frame.ts';

const HOP_LIMIT = 255;
const HEADER_LEN = 16;
const UNIT = 8;
const OPTION = { prefix: 3, resolvers: 25 } as const;
const PREFIX_LEN = 32;
const AUTONOMOUS = 0x40;
/** A host has no use for more, and a stranger might send them. */
const MOST = 8;

/** Times in seconds; 2^32 - 1 is for ever. */
export interface HeardPrefix {
  /** 16 bytes; hosts make addresses of their own in it. */
  readonly prefix: IpBytes;
  readonly bits: number;
  readonly valid: number;
  readonly preferred: number;
}

export interface HeardAdvertisement {
  /** Link-local. */
  readonly source: IpBytes;
  /** 0: it is no default router. */
  readonly lifetime: number;
  /** -1, 0 or 1. */
  readonly preference: number;
  /** With the A flag. */
  readonly prefixes: readonly HeardPrefix[];
  readonly resolvers: readonly IpBytes[];
}

/** Undefined: it is none, or one that must not be heard (RFC 4861 section 6.1.2). */
export function parseAdvertisement(frame: Uint8Array): HeardAdvertisement | undefined {
  const packet = parseIpv6Frame(frame);
  if (typeof packet === 'string' || packet.protocol !== icmpv6.NEXT_HEADER_ICMPV6) return undefined;
  const { view, at, end, hopLimit, src } = packet;
  if (hopLimit !== HOP_LIMIT || end - at < HEADER_LEN || !isOfLink(src)) return undefined;
  if (view.getUint8(at) !== icmpv6.ROUTER_ADVERTISEMENT || view.getUint8(at + 1) !== 0) return undefined;
  const prefixes: HeardPrefix[] = [];
  const resolvers: IpBytes[] = [];
  for (let option = at + HEADER_LEN; option < end; ) {
    const length = option + 2 > end ? 0 : view.getUint8(option + 1) * UNIT;
    if (length === 0 || option + length > end) return undefined;
    const type = view.getUint8(option);
    if (type === OPTION.prefix && length === PREFIX_LEN) prefixes.push(...prefixAt(frame, view, option));
    if (type === OPTION.resolvers) resolvers.push(...resolversAt(frame, view, option, length));
    option += length;
  }
  return {
    source: src,
    lifetime: view.getUint16(at + 6),
    preference: preferenceOf(view.getUint8(at + 5)),
    prefixes: prefixes.slice(0, MOST),
    resolvers: resolvers.slice(0, MOST),
  };
}

/** Two bits with a sign; what is reserved is medium. */
function preferenceOf(flags: number): number {
  const bits = (flags >>> 3) & 3;
  return bits === 3 ? -1 : bits === 1 ? 1 : 0;
}

/** Nothing if hosts make no addresses in it, or it is not of this world (section 6.3.4). */
function prefixAt(frame: Uint8Array, view: DataView, at: number): HeardPrefix[] {
  const prefix = frame.slice(at + 16, at + 32);
  const [valid, preferred] = [view.getUint32(at + 4), view.getUint32(at + 8)];
  const isWanted = (view.getUint8(at + 3) & AUTONOMOUS) !== 0;
  if (!isWanted || preferred > valid || isOfLink(prefix) || prefix[0] === 0xff) return [];
  return [{ prefix, bits: view.getUint8(at + 2), valid, preferred }];
}

function resolversAt(frame: Uint8Array, view: DataView, at: number, length: number): IpBytes[] {
  const isOver = view.getUint32(at + 4) === 0;
  const found: IpBytes[] = [];
  for (let one = at + UNIT; !isOver && one + 16 <= at + length && found.length < MOST; one += 16)
    found.push(frame.slice(one, one + 16));
  return found;
}

function isOfLink(address: IpBytes): boolean {
  return isLinkLocal(new DataView(address.buffer, address.byteOffset, address.byteLength), 0);
}
