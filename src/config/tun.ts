// What a TUN port must satisfy: its gateways are stations here, and what goes through it has no tags.

import { type IpBytes, parseIp } from '../wire/ip_address.ts';
import { parsePrefix, prefixContains } from '../wire/ip_prefix.ts';
import type { Problem } from './config_error.ts';
import type { Path } from './path.ts';
import type { TunPortConfig } from './port_shape.ts';

export function checkTun(path: Path, port: TunPortConfig, problems: Problem[]): void {
  for (const key of ['trunk', 'native', 'tunnel', 'translate', 'protocol', 'promiscuous'] as const) {
    if (port.vlan === undefined || !(key in port.vlan)) continue;
    const message = 'a TUN carries packets, which have no tags: give it access: VLAN';
    problems.push({ path: [...path, 'vlan', key], message });
  }
  const families = new Set<number>();
  for (const [index, gateway] of port.gateway.entries()) {
    const message = gatewayProblem(gateway, port, families);
    if (message !== undefined) problems.push({ path: [...path, 'gateway', index], message });
  }
}

function gatewayProblem(
  gateway: string,
  { address }: TunPortConfig,
  families: Set<number>,
): string | undefined {
  const bytes = parseIp(gateway) as IpBytes;
  if (families.has(bytes.length)) return 'one gateway for IPv4 and one for IPv6 are possible';
  families.add(bytes.length);
  if (address.some((own) => own.split('/')[0] === gateway))
    return `${gateway} is the address of the TUN itself: the gateway is a station of this bridge`;
  const prefixes = address
    .map((own) => parsePrefix(own))
    .filter((prefix) => prefix?.address.length === bytes.length);
  const isOnLink = prefixes.some((prefix) => prefix !== undefined && prefixContains(prefix, bytes));
  if (prefixes.length > 0 && !isOnLink)
    return `${gateway} is in the subnet of none of the addresses of the TUN`;
  return undefined;
}
