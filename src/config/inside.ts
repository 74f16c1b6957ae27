// What a TAP port has at its other end, in a namespace of somebody's: name, addresses, gateways.

import { z } from 'zod';
import { type IpBytes, parseIp } from '../wire/ip_address.ts';
import { parsePrefix, prefixContains } from '../wire/ip_prefix.ts';
import type { Problem } from './config_error.ts';
import { parseInterfaceAddress } from './interface_address.ts';
import { expecting, text } from './leaves.ts';
import type { Path } from './path.ts';

/** More than any container has; each takes the kernel some 0.1 ms. */
const MAX_ADDRESSES = 64;

const INTERFACE_ADDRESS = 'an address with the length of its prefix, such as 10.0.0.1/24 or fd00::1/64';
export const interfaceAddresses = (max: number) =>
  z
    .array(
      text(INTERFACE_ADDRESS, (value) => parseInterfaceAddress(value) !== undefined).overwrite(
        (value) => parseInterfaceAddress(value) ?? value,
      ),
      expecting('a list of addresses with the lengths of their prefixes'),
    )
    .max(max);

/** @param name a leaf for names of interfaces @param gateway one for addresses of hosts */
export function insideShape<Name extends z.ZodType, Gateway extends z.ZodType>(name: Name, gateway: Gateway) {
  return {
    ifname: name.optional(),
    address: interfaceAddresses(MAX_ADDRESSES).optional(),
    gateway: z.array(gateway, expecting('a list of IP addresses')).max(2).optional(),
  };
}

interface Inside {
  netns?: string;
  fd?: number;
  ifname?: unknown;
  address?: readonly string[];
  gateway?: readonly string[];
}

export function checkInside(path: Path, port: Inside, problems: Problem[]): void {
  const report = (key: (string | number)[], message: string) =>
    problems.push({ path: [...path, ...key], message });
  const { address = [], gateway: gateways = [] } = port;
  if (port.netns === undefined) {
    const message = 'is for an interface in a namespace of its own: give it netns';
    if (port.ifname !== undefined) report(['ifname'], message);
    if (address.length > 0) report(['address'], message);
    if (gateways.length > 0) report(['gateway'], message);
    return;
  }
  const prefixes = address.flatMap((own) => parsePrefix(own) ?? []);
  const seen = new Set<string>();
  for (const [n, own] of address.entries()) {
    if (seen.has(own)) report(['address', n], `${own} is listed twice`);
    seen.add(own);
  }
  const families = new Set<number>();
  for (const [n, gateway] of gateways.entries()) {
    const bytes = parseIp(gateway) as IpBytes;
    if (families.has(bytes.length))
      report(['gateway', n], 'one gateway for IPv4 and one for IPv6 are possible');
    families.add(bytes.length);
    if (address.some((own) => own.split('/')[0] === gateway))
      report(['gateway', n], `${gateway} is the address of the interface itself`);
    else if (
      !prefixes.some((prefix) => prefix.address.length === bytes.length && prefixContains(prefix, bytes))
    )
      report(
        ['gateway', n],
        `${gateway} is in the subnet of none of the addresses: how should it be reached?`,
      );
  }
}
