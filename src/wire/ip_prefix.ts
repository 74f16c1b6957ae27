// Prefixes of addresses, RFC 4632 and RFC 4291 section 2.3: `10.0.0.0/8`, `2001:db8::/32`.

import { formatIp, type IpBytes, parseIp } from './ip_address.ts';

export interface IpPrefix {
  /** 4 or 16 bytes, 0 beyond the prefix. */
  readonly address: IpBytes;
  readonly bits: number;
}

/** Undefined if it is none; what it has beyond its bits is left out: `10.0.0.1/8` is `10.0.0.0/8`. */
export function parsePrefix(text: string): IpPrefix | undefined {
  const [, head, tail] = /^([^/]+)\/(0|[1-9]\d{0,2})$/.exec(text) ?? [];
  const address = head === undefined ? undefined : parseIp(head);
  const bits = Number(tail);
  if (address === undefined || bits > address.length * 8) return undefined;
  const mask = prefixMask(address.length, bits);
  return { address: address.map((byte, i) => byte & mask[i]), bits };
}

/** The same, and undefined if it has anything beyond its bits: `10.0.0.1/8` is an address, and no prefix. */
export function parseExactPrefix(text: string): IpPrefix | undefined {
  const prefix = parsePrefix(text);
  const address = prefix && parseIp(text.slice(0, text.indexOf('/')));
  return address?.every((byte, i) => byte === prefix?.address[i]) ? prefix : undefined;
}

export function formatPrefix({ address, bits }: IpPrefix): string {
  return `${formatIp(address)}/${bits}`;
}

/** `length` bytes, of which so many bits are set. */
export function prefixMask(length: number, bits: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => 0xff00 >> Math.min(8, Math.max(0, bits - 8 * i)));
}

export function prefixContains({ address, bits }: IpPrefix, other: IpBytes): boolean {
  if (other.length !== address.length) return false;
  const mask = prefixMask(address.length, bits);
  return address.every((byte, i) => byte === (other[i] & mask[i]));
}
