// Interfaces of routers as the configuration says them, and what is behind them.

import type { IpBytes } from '../wire/ip_address.ts';
import { prefixContains, prefixMask } from '../wire/ip_prefix.ts';
import { type InterfaceAddress, isLinkLocal, parseAddress } from './router_address.ts';
import type { RouterInterfaceConfig } from './router_shape.ts';
import type { SwitchConfig } from './shape.ts';

/** An interface in all of a switch. */
export interface RouterInterface {
  router: string;
  name: string;
  /** Of its port: `r1.web`. */
  port: string;
  config: RouterInterfaceConfig;
  addresses: InterfaceAddress[];
}

/** No router has a dot in its name. */
export function interfacePort(router: string, name: string): string {
  return `${router}.${name}`;
}

/** All interfaces, router by router. */
export function* interfacesIn({ routers = {} }: Pick<SwitchConfig, 'routers'>): Generator<RouterInterface> {
  for (const [router, { interfaces }] of Object.entries(routers))
    for (const [name, config] of Object.entries(interfaces))
      yield { router, name, config, port: interfacePort(router, name), addresses: addressesOf(config) };
}

export function addressesOf({ address }: Pick<RouterInterfaceConfig, 'address'>): InterfaceAddress[] {
  return address.flatMap((text) => parseAddress(text) ?? []);
}

/** Whether hosts of this address are behind an interface with these. */
export function isOnLink(addresses: readonly InterfaceAddress[], bytes: IpBytes): boolean {
  const has6 = addresses.some((own) => own.bytes.length === 16);
  return (isLinkLocal(bytes) && has6) || addresses.some(({ subnet }) => prefixContains(subnet, bytes));
}

/** Finds by which interface an address is reached without a route; not by link-local subnets. */
export function interfaceFinder(
  interfaces: readonly RouterInterface[],
): (bytes: IpBytes) => RouterInterface | undefined {
  // One look-up for each length of a prefix that occurs, and these are few.
  const lengths = new Map<number, Map<string, RouterInterface>>();
  for (const one of interfaces) {
    for (const { subnet, isLinkLocal: isOfLink } of one.addresses) {
      if (isOfLink) continue;
      const key = subnet.address.length * 1000 + subnet.bits;
      const known = lengths.get(key) ?? new Map<string, RouterInterface>();
      lengths.set(key, known.set(keyOf(subnet.address), one));
    }
  }
  const longest = [...lengths].sort(([a], [b]) => b - a);
  return (bytes) => {
    for (const [key, known] of longest) {
      if (Math.floor(key / 1000) !== bytes.length) continue;
      const mask = prefixMask(bytes.length, key % 1000);
      const found = known.get(keyOf(bytes.map((byte, i) => byte & mask[i])));
      if (found !== undefined) return found;
    }
    return undefined;
  };
}

const keyOf = (bytes: IpBytes) => Buffer.from(bytes).toString('latin1');
