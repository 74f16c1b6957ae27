// What an interface of a router advertises, with what the configuration leaves open decided.

import { formatPrefix, type IpPrefix } from '../wire/ip_prefix.ts';
import { ADVERTISE_DEFAULTS, type AdvertiseConfig, MOST_ADVERTISED } from './advertise_shape.ts';
import type { RouterInterface } from './router_interfaces.ts';
import { parseSubnet6 } from './subnet.ts';

/** Undefined: the interface does not advertise. */
export function advertiseOf({ config: { advertise: value } }: RouterInterface): AdvertiseConfig | undefined {
  return value === true ? ADVERTISE_DEFAULTS : value || undefined;
}

/** Which subnets of the interface it tells of: those that are listed, or else all of IPv6. */
export function advertisedPrefixes({ addresses }: RouterInterface, config: AdvertiseConfig): IpPrefix[] {
  const own = addresses.filter(({ bytes, isLinkLocal }) => bytes.length === 16 && !isLinkLocal);
  const subnets = new Map(own.map(({ subnet }) => [formatPrefix(subnet), subnet]));
  if (config.prefixes === undefined) return [...subnets.values()];
  return config.prefixes.flatMap((text) => {
    const prefix = parseSubnet6(text);
    return (prefix && subnets.get(formatPrefix(prefix))) ?? [];
  });
}

type Report = (path: (string | number)[], message: string) => void;

export function checkAdvertise(one: RouterInterface, report: Report): void {
  const config = advertiseOf(one);
  if (config === undefined) return;
  if (!one.addresses.some(({ bytes }) => bytes.length === 16)) {
    report(['advertise'], 'there is nothing to advertise: give the interface an IPv6 address');
    return;
  }
  const told = advertisedPrefixes(one, { ...config, prefixes: undefined }).map(formatPrefix);
  for (const [index, text] of (config.prefixes ?? []).entries()) {
    const prefix = parseSubnet6(text) as IpPrefix;
    if (!told.includes(formatPrefix(prefix)))
      report(
        ['advertise', 'prefixes', index],
        `${text} is no subnet of this interface: give it an address there`,
      );
  }
  if (config.prefixes === undefined && told.length > MOST_ADVERTISED)
    report(
      ['advertise'],
      `${told.length} subnets do not fit into an advertisement: list up to ${MOST_ADVERTISED} in prefixes`,
    );
  if (config.preferred_lifetime > config.valid_lifetime)
    report(['advertise', 'preferred_lifetime'], 'an address is not preferred for longer than it is valid');
}
