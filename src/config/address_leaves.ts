// Leaves that are IPv4 addresses and subnets.

import { z } from 'zod';
import type { IpPrefix } from '../wire/ip_prefix.ts';
import { isHost } from '../wire/ipv4.ts';
import { expecting, text } from './leaves.ts';
import {
  parseAddressRange,
  parseHostAddress,
  parseHostAddress6,
  parseSubnet,
  parseSubnet6,
} from './subnet.ts';

export const address = text('the IPv4 address of a host', (value) => parseHostAddress(value) !== undefined);
export const addresses = z.array(address, expecting('a list of IPv4 addresses'));

// A host has some addresses beside the first and the last of its subnet.
const SUBNET = 'an IPv4 subnet of 8 to 29 bits, with no bit behind them, such as 192.168.122.0/24';
export const subnet = text(SUBNET, isOfGuests);
function isOfGuests(value: string): boolean {
  const { network = 0, prefix = 0 } = parseSubnet(value) ?? {};
  return prefix >= 8 && prefix <= 29 && isHost(network + 1);
}

// Addresses that hosts make take 64 bits (RFC 4291, 2.5.1).
export const SUBNETS =
  'a subnet, with no bit behind it: of IPv4 with 8 to 29 bits, such as 192.168.122.0/24, or of IPv6 with 64, such as fd00:122::/64';
export const anySubnetOfGuests = text(
  SUBNETS,
  (value) => isOfGuests(value) || isOfGuests6(parseSubnet6(value)),
);
function isOfGuests6(subnet: IpPrefix | undefined): boolean {
  const [first = 0xff] = subnet?.address ?? [];
  return subnet?.bits === 64 && first >= 0x20 && first < 0xfe;
}
export const anyAddress = text('the IPv4 or IPv6 address of a host', (value) => {
  return parseHostAddress(value) !== undefined || parseHostAddress6(value) !== undefined;
});
export const prefix6 = text(
  'an IPv6 prefix, with no bit behind it, such as fd00:200::/48',
  (value) => parseSubnet6(value) !== undefined,
);
export const address6 = text('the IPv6 address of a host', (value) => parseHostAddress6(value) !== undefined);
export const anySubnet = text(
  'an IPv4 subnet, such as 10.0.0.0/8',
  (value) => parseSubnet(value) !== undefined,
);

export const range = text(
  'a range of addresses, such as 192.168.122.100-192.168.122.199',
  (value) => parseAddressRange(value) !== undefined,
);
