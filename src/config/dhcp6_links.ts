// Hosts of a network's DHCPv6 server, and the links that are reached by relay agents: shapes, and the rules that span keys.

import { z } from 'zod';
import { formatIp, type IpBytes } from '../wire/ip_address.ts';
import { formatPrefix, type IpPrefix, prefixContains } from '../wire/ip_prefix.ts';
import { address6, prefix6 } from './address_leaves.ts';
import { expecting, mapping, text } from './leaves.ts';
import { mac } from './mac_leaf.ts';
import { parseAddressRange6, parseHostAddress6, parseSubnet6 } from './subnet.ts';

/** All are looked through for each message. */
const MAX_LINKS = 256;

const DUID = 'a DUID: hexadecimal bytes, such as 00:03:00:01:02:00:00:00:00:01';
const port = text('the name of a port of this bridge', () => true);
export const dhcp6Host = mapping({
  mac: mac.optional(),
  duid: text(DUID, (value) => /^[\da-f]{2}(:[\da-f]{2}){2,129}$/i.test(value)).optional(),
  port: port.optional(),
  address: address6,
}).refine(({ mac, duid, port: own }) => [mac, duid, own].filter((key) => key !== undefined).length === 1, {
  error: 'expected one of mac, duid and port: by what the host is known',
});

const RANGE = 'a range of IPv6 addresses, such as fd00:122::1000-fd00:122::1fff';
export const range6 = text(RANGE, (value) => parseAddressRange6(value) !== undefined);

export const relay6 = mapping({
  ports: z
    .array(port, expecting('a list of ports'))
    .min(1, { error: 'expected at least one port: relay agents are heard there alone' }),
  subnets: z
    .record(
      prefix6,
      mapping({ range: range6.optional() }),
      expecting('a mapping of IPv6 prefixes to { range }'),
    )
    .refine((subnets) => Object.keys(subnets).length <= MAX_LINKS, {
      error: `expected at most ${MAX_LINKS} prefixes`,
    })
    .default({}),
});

export interface Dhcp6Links {
  readonly range?: string | undefined;
  readonly hosts: Readonly<Record<string, z.output<typeof dhcp6Host>>>;
  readonly relay?: z.output<typeof relay6> | undefined;
}

type Report = (path: (string | number)[], message: string) => void;

/** `own`: the network's prefix. `hasPort`: whether there may be such a port. */
export function checkLinks6(
  config: Dhcp6Links,
  own: IpPrefix,
  gateway: IpBytes,
  hasPort: (name: string) => boolean,
  report: Report,
): void {
  const links = [own];
  for (const [index, name] of (config.relay?.ports ?? []).entries())
    if (!hasPort(name)) report(['relay', 'ports', index], `this bridge has no port ${name}`);
  for (const [prefix, { range }] of Object.entries(config.relay?.subnets ?? {})) {
    const subnet = parseSubnet6(prefix) as IpPrefix;
    const path = ['relay', 'subnets', prefix];
    const other = links.find((one) => overlaps(one, subnet));
    links.push(subnet);
    if (other !== undefined) report(path, `overlaps with ${formatPrefix(other)}: whose address would it be?`);
    const given = parseAddressRange6(range ?? '');
    if (given !== undefined && ![given.first, given.last].every((end) => prefixContains(subnet, end)))
      report([...path, 'range'], `${range} leaves ${prefix}`);
  }
  checkHosts(config.hosts, links, gateway, hasPort, report);
}

function checkHosts(
  hosts: Dhcp6Links['hosts'],
  links: readonly IpPrefix[],
  gateway: IpBytes,
  hasPort: (name: string) => boolean,
  report: Report,
): void {
  const owners = new Map([[`address ${formatIp(gateway)}`, 'the gateway']]);
  for (const [name, { mac, duid, port: own, address }] of Object.entries(hosts)) {
    const bytes = parseHostAddress6(address) as IpBytes;
    if (own !== undefined && !hasPort(own)) report(['hosts', name, 'port'], `this bridge has no port ${own}`);
    if (!links.some((link) => prefixContains(link, bytes)))
      report(['hosts', name, 'address'], `${address} is not in ${links.map(formatPrefix).join(', ')}`);
    for (const [key, value] of Object.entries({
      mac,
      duid: duid?.toLowerCase(),
      port: own,
      address: formatIp(bytes),
    })) {
      if (value === undefined) continue;
      const owner = owners.get(`${key} ${value}`);
      if (owner !== undefined) report(['hosts', name, key], `${value} is of ${owner} already`);
      owners.set(`${key} ${value}`, `host ${name}`);
    }
  }
}

function overlaps(one: IpPrefix, other: IpPrefix): boolean {
  return prefixContains(one, other.address) || prefixContains(other, one.address);
}
