// What a DHCPv6 server says beside addresses: resolvers and domains, to those who ask for them, and how long that holds.

import { isDomain, searchList } from '../../wire/dhcp4/values.ts';
import { OPTION6 } from '../../wire/dhcp6/codes.ts';
import type { Message6 } from '../../wire/dhcp6/message.ts';
import type { Dhcp6Settings, Link6 } from './outcome.ts';

/** s, IRT_DEFAULT is a day: a network that has another resolver should be heard of sooner. RFC 8415 section 21.23 wants 600. */
const REFRESH_TIME = 3600;

export function settingOptions(
  { resolvers }: Link6,
  { search }: Pick<Dhcp6Settings, 'search'>,
  { type, options }: Message6,
): [number, Uint8Array][] {
  const told: [number, Uint8Array][] = [];
  const asked = requested(options.get(OPTION6.optionRequest));
  const domains = search.filter(isDomain);
  if (asked.has(OPTION6.dnsServers) && resolvers.length > 0)
    told.push([OPTION6.dnsServers, Buffer.concat(resolvers)]);
  if (asked.has(OPTION6.domainList) && domains.length > 0)
    told.push([OPTION6.domainList, searchList(domains)]);
  if (type === 'information_request') {
    const time = Buffer.alloc(4);
    time.writeUInt32BE(REFRESH_TIME);
    told.push([OPTION6.refreshTime, time]);
  }
  return told;
}

/** Codes of option 6. */
function requested(value: Uint8Array | undefined): Set<number> {
  const codes = new Set<number>();
  for (let at = 0; value !== undefined && at + 2 <= value.length; at += 2)
    codes.add((value[at] << 8) | value[at + 1]);
  return codes;
}
