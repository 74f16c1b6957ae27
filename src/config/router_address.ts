// Addresses of a router's interfaces: `10.0.1.1/24` is an address and the subnet around it.

import { formatIp, type IpBytes, ipv4Number, isMulticastIp, parseIp } from '../wire/ip_address.ts';
import { type IpPrefix, parsePrefix, prefixMask } from '../wire/ip_prefix.ts';
import { isHost as isHost4 } from '../wire/ipv4.ts';
import { show } from './show.ts';

export interface InterfaceAddress {
  /** Canonical. */
  text: string;
  /** 4 or 16. */
  bytes: IpBytes;
  subnet: IpPrefix;
  isLinkLocal: boolean;
}

/** Undefined if it is not written so. */
export function parseAddress(text: string): InterfaceAddress | undefined {
  const subnet = parsePrefix(text);
  if (subnet === undefined) return undefined;
  const bytes = parseIp(text.slice(0, text.indexOf('/'))) as IpBytes;
  return { text: `${formatIp(bytes)}/${subnet.bits}`, bytes, subnet, isLinkLocal: isLinkLocal(bytes) };
}

/** fe80::/10, RFC 4291 section 2.5.6: known on one link only. */
export function isLinkLocal(bytes: IpBytes): boolean {
  return bytes.length === 16 && bytes[0] === 0xfe && (bytes[1] & 0xc0) === 0x80;
}

/** The last address of an IPv4 subnet; undefined if it has none (RFC 3021), or is IPv6. */
export function broadcastAddress({ address, bits }: IpPrefix): IpBytes | undefined {
  if (address.length !== 4 || bits > 30) return undefined;
  const mask = prefixMask(4, bits);
  return address.map((byte, i) => byte | (~mask[i] & 0xff));
}

/** Why an interface cannot have it; `what` says how it is written. */
export function addressProblem(value: string, what: string): string | undefined {
  const parsed = parseAddress(value);
  if (parsed === undefined) {
    const bytes = parseIp(value);
    const bits = bytes?.length === 16 ? 64 : 24;
    return `${show(value)} is not ${what}${bytes === undefined ? '' : `: ${value}/${bits}?`}`;
  }
  const { bytes, subnet, text } = parsed;
  if (isMulticastIp(bytes)) return `${text} is a multicast group`;
  if (!isHost(bytes)) return `${text} is no host's address`;
  const isWide = subnet.bits < bytes.length * 8 - 1;
  if (isWide && same(bytes, subnet.address))
    return bytes.length === 4
      ? `${text} is the subnet itself: give one of its addresses`
      : `${text} is the address of any router of its subnet (RFC 4291, 2.6.1): give another one of it`;
  const broadcast = broadcastAddress(subnet);
  return broadcast !== undefined && same(bytes, broadcast)
    ? `${text} is the broadcast address of its subnet`
    : undefined;
}

function isHost(bytes: IpBytes): boolean {
  if (bytes.length === 4) return isHost4(ipv4Number(bytes));
  return bytes.subarray(0, 15).some((byte) => byte !== 0) || bytes[15] > 1;
}

export function same(one: IpBytes, other: IpBytes): boolean {
  return one.length === other.length && one.every((byte, i) => byte === other[i]);
}
