// The addresses outside that routers answer for because NAT has them: pools, published and one-to-one ones.

import { TO_INTERFACE } from '../config/nat.ts';
import { parseDestination, parsePool } from '../config/nat_rule.ts';
import type { RouterConfig } from '../config/router_shape.ts';
import type { AddressRange } from '../config/subnet.ts';
import { ipv4Bytes } from '../wire/ip_address.ts';
import type { IpPrefix } from '../wire/ip_prefix.ts';

/** Prefixes of addresses outside that a router answers for, because NAT has them. */
export function natAddresses(nat: RouterConfig['nat']): IpPrefix[] {
  return nat.flatMap((rule) => {
    if (rule.destination !== undefined) {
      const { address } = parseDestination(rule.destination) ?? {};
      return address === undefined ? [] : prefixesOf({ first: address, last: address });
    }
    const pool = rule.to === TO_INTERFACE ? undefined : parsePool(rule.to);
    return pool === undefined ? [] : prefixesOf(pool);
  });
}

/** The fewest prefixes that make up a range. */
function prefixesOf({ first, last }: AddressRange): IpPrefix[] {
  const prefixes: IpPrefix[] = [];
  let at = first;
  while (at <= last) {
    let bits = 32;
    while (bits > 0 && at % 2 ** (33 - bits) === 0 && at + 2 ** (33 - bits) - 1 <= last) bits--;
    prefixes.push({ address: ipv4Bytes(at), bits });
    at += 2 ** (32 - bits);
  }
  return prefixes;
}
