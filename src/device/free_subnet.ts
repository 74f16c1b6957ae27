// A network of guests must not have the subnet of a LAN that the host is in: the host would look for that LAN's stations
// among the guests, its own router included.

import { TaploomError } from '../error.ts';
import type { LinkSocket } from '../sys/link.ts';
import { addressesRequest, type InterfaceAddress, parseAddresses } from '../wire/address_listing.ts';
import { formatIp, ipFamily } from '../wire/ip_address.ts';
import { type IpPrefix, parsePrefix, prefixContains } from '../wire/ip_prefix.ts';

const LINK_LOCAL = parsePrefix('fe80::/10') as IpPrefix;

/** Throws TaploomError if another interface than `name` has an address in the subnet of `cidr`, or in one around it. */
export function requireFreeSubnet(links: LinkSocket, name: string, cidr: string): void {
  const own = parsePrefix(cidr);
  // Every interface has link-local ones.
  if (own === undefined || prefixContains(LINK_LOCAL, own.address)) return;
  const { index } = links.get(name);
  const other = addressesOf(links, own).find((one) => one.index !== index && overlaps(own, one));
  const rival = other && links.at(other.index)?.name;
  if (rival === undefined) return;
  const its = `${formatIp(other?.address as Uint8Array)}/${other?.bits}`;
  throw new TaploomError(
    'subnet_taken',
    `${name} does not get ${cidr}: ${rival} has ${its}, and the host would look for who is there among the guests; take another subnet`,
  );
}

function addressesOf(links: LinkSocket, { address }: IpPrefix): InterfaceAddress[] {
  return [...links.list(addressesRequest(ipFamily(address)))].flatMap((part) => [...parseAddresses(part)]);
}

function overlaps(own: IpPrefix, { address, bits }: InterfaceAddress): boolean {
  return prefixContains(own, address) || prefixContains({ address, bits }, own.address);
}
