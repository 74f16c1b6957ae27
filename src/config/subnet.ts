// Subnets and ranges of their addresses between text and numbers, of IPv6 bytes.

import { formatIp, type IpBytes, ipv4Bytes, ipv4Number, parseIp } from '../wire/ip_address.ts';
import { type IpPrefix, parseExactPrefix } from '../wire/ip_prefix.ts';
import { isHost } from '../wire/ipv4.ts';
import { isHost as isHost6 } from '../wire/ipv6.ts';

/** An IPv4 subnet; addresses are unsigned numbers. */
export interface Subnet {
  /** All host bits are 0. */
  network: number;
  /** Bits of the network, 0 to 32. */
  prefix: number;
}

/** Both are in it. */
export interface AddressRange {
  first: number;
  last: number;
}

/** `10.0.0.0/24`; undefined if it is not written so, or has bits behind its prefix. */
export function parseSubnet(text: string): Subnet | undefined {
  const prefix = parseExactPrefix(text);
  if (prefix?.address.length !== 4) return undefined;
  return { network: ipv4Number(prefix.address), prefix: prefix.bits };
}

/** `fd00:122::/64`; undefined if it is not written so, or has bits behind its prefix. */
export function parseSubnet6(text: string): IpPrefix | undefined {
  const prefix = parseExactPrefix(text);
  return prefix?.address.length === 16 ? prefix : undefined;
}

/** An IPv6 address that one host may have. */
export function parseHostAddress6(text: string): IpBytes | undefined {
  const bytes = parseIp(text);
  return bytes?.length === 16 && isHost6(viewOf(bytes), 0) ? bytes : undefined;
}

/** An IPv4 address as an unsigned number. */
export function parseAddress(text: string): number | undefined {
  const bytes = parseIp(text);
  return bytes?.length === 4 ? ipv4Number(bytes) : undefined;
}

/** That of a host: `isHost`. */
export function parseHostAddress(text: string): number | undefined {
  const address = parseAddress(text);
  return address !== undefined && isHost(address) ? address : undefined;
}

/** `10.0.0.10-10.0.0.20`; undefined if it is not written so, or runs backwards. */
export function parseAddressRange(text: string): AddressRange | undefined {
  const [from, to, ...more] = text.split('-').map((part) => parseHostAddress(part.trim()));
  if (from === undefined || to === undefined || more.length > 0 || from > to) return undefined;
  return { first: from, last: to };
}

/** Of IPv6: both are in it, and differ in their last 32 bits alone. */
export interface AddressRange6 {
  readonly first: IpBytes;
  readonly last: IpBytes;
}

/** `fd00::1000-fd00::1fff`; undefined if it is not written so, runs backwards, or has 2^32 addresses or more. */
export function parseAddressRange6(text: string): AddressRange6 | undefined {
  const [first, last, ...more] = text.split('-').map((part) => parseHostAddress6(part.trim()));
  if (first === undefined || last === undefined || more.length > 0) return undefined;
  const isNear = first.subarray(0, 12).every((byte, i) => byte === last[i]);
  return isNear && viewOf(first).getUint32(12) <= viewOf(last).getUint32(12) ? { first, last } : undefined;
}

export function formatAddress(address: number): string {
  return formatIp(ipv4Bytes(address));
}

export function formatSubnet({ network, prefix }: Subnet): string {
  return `${formatAddress(network)}/${prefix}`;
}

/** The netmask, as an unsigned number. */
export function maskOf({ prefix }: Pick<Subnet, 'prefix'>): number {
  return prefix === 0 ? 0 : (-1 << (32 - prefix)) >>> 0;
}

export function broadcastOf(subnet: Subnet): number {
  return (subnet.network | ~maskOf(subnet)) >>> 0;
}

/** Whether a host may have the address: in the subnet, and neither its first nor its last. */
export function isHostOf(subnet: Subnet, address: number): boolean {
  return address > subnet.network && address < broadcastOf(subnet);
}

export function overlaps(one: Subnet, other: Subnet): boolean {
  const mask = maskOf({ prefix: Math.min(one.prefix, other.prefix) });
  return ((one.network ^ other.network) & mask) === 0;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
