// The texts of a rule of an access list, and what they mean.

import { formatMac, type Mac, parseMac } from '../wire/mac.ts';
import * as tcp from '../wire/tcp.ts';
import { parseRange, type Range } from './range.ts';

export const ETHERTYPES = { arp: 0x0806, ipv4: 0x0800, ipv6: 0x86dd } as const;
/** Below it the field is a length (IEEE 802.3, clause 3.2.6). */
export const FIRST_ETHERTYPE = 0x0600;

/** By name, bits of the byte of flags. */
export const TCP_FLAGS = {
  fin: tcp.FIN,
  syn: tcp.SYN,
  rst: tcp.RST,
  psh: tcp.PSH,
  ack: tcp.ACK,
  urg: tcp.URG,
  ece: tcp.ECE,
  cwr: tcp.CWR,
} as const;

export const FRAGMENTS = ['none', 'any', 'first', 'later'] as const;

export interface MaskedMac {
  readonly mac: Mac;
  readonly mask: Mac;
}

const ALL: Mac = { hi: 0xffff, lo: -1 };

/** `02:00:00:00:00:01`, or with a mask `02:00:00:00:00:00/ff:ff:ff:00:00:00`. Undefined also if it has anything beyond its mask. */
export function parseMaskedMac(text: string): MaskedMac | undefined {
  const [head, tail, more] = text.split('/');
  const mac = parseMac(head);
  const mask = tail === undefined ? ALL : parseMac(tail);
  if (mac === undefined || mask === undefined || more !== undefined) return undefined;
  if ((mac.hi & ~mask.hi) !== 0 || (mac.lo & ~mask.lo) !== 0) return undefined;
  return { mac, mask };
}

export function maskText({ mask }: MaskedMac): string {
  return formatMac(mask.hi, mask.lo);
}

/** `syn,!ack`: which bits are looked at, and which of them are set. */
export function parseTcpFlags(text: string): { mask: number; set: number } | undefined {
  let mask = 0;
  let set = 0;
  for (const word of text.split(',')) {
    const [, not, name] = /^\s*(!?)([a-z]{3})\s*$/.exec(word) ?? [];
    const bit = Object.hasOwn(TCP_FLAGS, name ?? '') ? TCP_FLAGS[name as keyof typeof TCP_FLAGS] : 0;
    if (bit === 0 || (mask & bit) !== 0) return undefined;
    mask |= bit;
    if (not === '') set |= bit;
  }
  return { mask, set };
}

/** `10` or `100-199`, from `least` to `most`. */
export function parseSpan(value: string | number, least: number, most: number): Range | undefined {
  const range = typeof value === 'number' ? { from: value, to: value } : parseRange(value);
  if (range === undefined || range.from < least || range.to > most || range.from > range.to) return undefined;
  return range;
}

export function etherTypeOf(value: string | number): number {
  return typeof value === 'number' ? value : ETHERTYPES[value as keyof typeof ETHERTYPES];
}

/** What may be one or many, as many. */
export function all<T>(value: T | readonly T[] | undefined): readonly T[] {
  if (value === undefined) return [];
  return Array.isArray(value) ? (value as readonly T[]) : [value as T];
}
