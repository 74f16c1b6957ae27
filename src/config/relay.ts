// Relay agents of a network's DHCP server: the ports where they are, and the subnets that their guests are in.

import { z } from 'zod';
import { address, range, subnet } from './address_leaves.ts';
import { expecting, mapping, text } from './leaves.ts';
import {
  type AddressRange,
  broadcastOf,
  formatSubnet,
  isHostOf,
  overlaps,
  parseAddressRange,
  parseHostAddress,
  parseSubnet,
  type Subnet,
} from './subnet.ts';

/** All are looked through for each message. */
const MAX_SUBNETS = 256;

export const relay = mapping({
  ports: z
    .array(
      text('the name of a port of this bridge', () => true),
      expecting('a list of ports'),
    )
    .min(1, { error: 'expected at least one port: relay agents are heard there alone' }),
  subnets: z
    .record(
      subnet,
      mapping({ gateway: address.optional(), range: range.optional() }),
      expecting('a mapping of subnets to { gateway, range }'),
    )
    .refine((subnets) => Object.keys(subnets).length <= MAX_SUBNETS, {
      error: `expected at most ${MAX_SUBNETS} subnets`,
    })
    .default({}),
});

export type RelayConfig = z.output<typeof relay>;

/** A subnet that is reached by a relay agent, with what the configuration leaves open decided. */
export interface RelayedSubnet {
  /** As the configuration has it. */
  readonly text: string;
  readonly subnet: Subnet;
  readonly gateway: number;
  readonly range: AddressRange;
}

export function relayedSubnets(config: RelayConfig | undefined): RelayedSubnet[] {
  return Object.entries(config?.subnets ?? {}).map(([text, { gateway, range }]) => {
    const subnet = parseSubnet(text) as Subnet;
    return {
      text,
      subnet,
      gateway: parseHostAddress(gateway ?? '') ?? subnet.network + 1,
      range: parseAddressRange(range ?? '') ?? {
        first: subnet.network + 1,
        last: broadcastOf(subnet) - 1,
      },
    };
  });
}

type Report = (path: (string | number)[], message: string) => void;

/** `own`: the network's subnet. `hasPort`: whether there may be such a port. */
export function checkRelay(
  config: RelayConfig | undefined,
  own: Subnet,
  hasPort: (name: string) => boolean,
  report: Report,
): void {
  if (config === undefined) return;
  for (const [index, port] of config.ports.entries())
    if (!hasPort(port)) report(['ports', index], `this bridge has no port ${port}`);
  const known = [own];
  for (const { text, subnet, gateway, range } of relayedSubnets(config)) {
    const path = ['subnets', text];
    const { gateway: at, range: from } = config.subnets[text];
    const other = known.find((one) => overlaps(one, subnet));
    known.push(subnet);
    if (other !== undefined) report(path, `overlaps with ${formatSubnet(other)}: whose address would it be?`);
    if (!isHostOf(subnet, gateway)) report([...path, 'gateway'], `${at} is not a host's address in ${text}`);
    if (!isHostOf(subnet, range.first) || !isHostOf(subnet, range.last))
      report([...path, 'range'], `${from} leaves ${text}`);
  }
}
