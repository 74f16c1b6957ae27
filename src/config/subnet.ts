// IPv4 subnets and ranges of their addresses between text and numbers.

import { formatIp, ipv4Bytes, ipv4Number, parseIp } from '../wire/ip_address.ts';
import { isHost } from '../wire/ipv4.ts';

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
  const [address, bits, ...more] = text.split('/');
  const number = parseAddress(address);
  if (number === undefined || more.length > 0 || !/^(\d|[12]\d|3[0-2])$/.test(bits ?? '')) return undefined;
  const subnet = { network: number, prefix: Number(bits) };
  return (number & ~maskOf(subnet)) === 0 ? subnet : undefined;
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
