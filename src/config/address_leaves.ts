// Leaves that are IPv4 addresses and subnets.

import { z } from 'zod';
import { expecting, text } from './leaves.ts';
import { parseAddressRange, parseHostAddress, parseSubnet } from './subnet.ts';

export const address = text('the IPv4 address of a host', (value) => parseHostAddress(value) !== undefined);
export const addresses = z.array(address, expecting('a list of IPv4 addresses'));

// A host has some addresses beside the first and the last of its subnet.
const SUBNET = 'an IPv4 subnet of 8 to 29 bits, such as 192.168.122.0/24';
export const subnet = text(SUBNET, (value) => {
  const prefix = parseSubnet(value)?.prefix ?? 0;
  return prefix >= 8 && prefix <= 29;
});
export const anySubnet = text(
  'an IPv4 subnet, such as 10.0.0.0/8',
  (value) => parseSubnet(value) !== undefined,
);

export const range = text(
  'a range of addresses, such as 192.168.122.100-192.168.122.199',
  (value) => parseAddressRange(value) !== undefined,
);
