// What Prometheus hears of networks of bridges.

import type { DhcpStatus, NetworkStatus } from '../api.ts';
import { DNS_METRICS } from './dns_metrics.ts';
import type { Sample } from './live_metric.ts';

interface NetworkMetric {
  readonly type: 'gauge' | 'counter';
  readonly name: string;
  readonly help: string;
  read(networks: readonly NetworkStatus[]): Sample[];
}

export const NETWORK_METRICS: readonly NetworkMetric[] = [
  {
    type: 'gauge',
    name: 'taploom_network_ready',
    help: '1 if a network is as the configuration says, 0 if something stands in its way.',
    read: (networks) =>
      networks.map(({ network, problems }) => ({
        value: Number(problems.length === 0),
        labels: { network },
      })),
  },
  gauge('leases', 'Addresses that guests have from DHCP.', ({ leases }) => leases),
  gauge('free_addresses', 'Addresses that DHCP can still give.', ({ free }) => free),
  counts('received', 'type', 'DHCP messages of guests, by type.', ({ received }) => received),
  counts('sent', 'type', 'DHCP messages to guests, by type.', ({ sent }) => sent),
  counts('ignored', 'reason', 'DHCP messages without an answer, by reason.', ({ ignored }) => ignored),
  ...DNS_METRICS.map((metric) => ({ type: 'counter' as const, ...metric })),
];

function gauge(name: string, help: string, read: (dhcp: DhcpStatus) => number): NetworkMetric {
  return {
    type: 'gauge',
    name: `taploom_dhcp_${name}`,
    help,
    read: (networks) =>
      networks.flatMap(({ network, dhcp }) =>
        dhcp === undefined ? [] : [{ value: read(dhcp), labels: { network } }],
      ),
  };
}

/** A series exists from its first message on. */
function counts(
  name: string,
  label: string,
  help: string,
  read: (dhcp: DhcpStatus) => Record<string, number>,
): NetworkMetric {
  return {
    type: 'counter',
    name: `taploom_dhcp_${name}_total`,
    help,
    read: (networks) =>
      networks.flatMap(({ network, dhcp }) =>
        Object.entries(dhcp === undefined ? {} : read(dhcp)).map(([word, value]) => ({
          value,
          labels: { [label]: word, network },
        })),
      ),
  };
}
