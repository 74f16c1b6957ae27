// Leaves that are IPv4 addresses and subnets.

import { z } from 'zod';
import { isHost } from '../wire/ipv4.ts';
import { expecting, text } from './leaves.ts';
import { parseAddressRange, parseHostAddress, parseSubnet } from './subnet.ts';

export const address = text('the IPv4 address of a host', (value) => parseHostAddress(value) !== undefined);
export const addresses = z.array(address, expecting('a list of IPv4 addresses'));

// A host has some addresses beside the first and the last of its subnet.
const SUBNET = 'an IPv4 subnet of 8 to 29 bits, with no bit behind them, such as 192.168.122.0/24';
export const subnet = text(SUBNET, (value) => {
  const { network = 0, prefix = 0 } = parseSubnet(value) ?? {};
  return prefix >= 8 && prefix <= 29 && isHost(network + 1);
});
export const anySubnet = text(
  'an IPv4 subnet, such as 10.0.0.0/8',
  (value) => parseSubnet(value) !== undefined,
);

export const range = text(
  'a range of addresses, such as 192.168.122.100-192.168.122.199',
  (value) => parseAddressRange(value) !== undefined,
);
