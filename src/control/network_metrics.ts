// What Prometheus hears of networks of bridges.

import type { Dhcp6Status, DhcpStatus, Ipv6Status, NetworkStatus } from '../api.ts';
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
  ipv6(
    'gauge',
    'taploom_dhcp6_leases',
    'Addresses and prefixes that guests have from DHCPv6.',
    ({ dhcp }) => dhcp?.leases,
  ),
  counts6('received', 'type', 'DHCPv6 messages of guests, by type.', ({ received }) => received),
  counts6('sent', 'type', 'DHCPv6 messages to guests, by type.', ({ sent }) => sent),
  counts6('ignored', 'reason', 'DHCPv6 messages without effect, by reason.', ({ ignored }) => ignored),
  ipv6(
    'counter',
    'taploom_router_advertisements_total',
    'Router advertisements sent.',
    (one) => one.advertisements,
  ),
  ipv6(
    'counter',
    'taploom_router_solicitations_total',
    'Router solicitations heard.',
    (one) => one.solicitations,
  ),
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

function ipv6(
  type: NetworkMetric['type'],
  name: string,
  help: string,
  read: (ipv6: Ipv6Status) => number | undefined,
): NetworkMetric {
  return {
    type,
    name,
    help,
    read: (networks) =>
      networks.flatMap(({ network, ipv6: one }) => {
        const value = one === undefined ? undefined : read(one);
        return value === undefined ? [] : [{ value, labels: { network } }];
      }),
  };
}

type Counts = Record<string, number>;

function counts(name: string, label: string, help: string, read: (dhcp: DhcpStatus) => Counts) {
  return series(`taploom_dhcp_${name}_total`, label, help, ({ dhcp }) =>
    dhcp === undefined ? {} : read(dhcp),
  );
}

function counts6(name: string, label: string, help: string, read: (dhcp: Dhcp6Status) => Counts) {
  return series(`taploom_dhcp6_${name}_total`, label, help, ({ ipv6: one }) =>
    one?.dhcp === undefined ? {} : read(one.dhcp),
  );
}

/** A series exists from its first message on. */
function series(
  name: string,
  label: string,
  help: string,
  read: (network: NetworkStatus) => Counts,
): NetworkMetric {
  return {
    type: 'counter',
    name,
    help,
    read: (networks) =>
      networks.flatMap((one) =>
        Object.entries(read(one)).map(([word, value]) => ({
          value,
          labels: { [label]: word, network: one.network },
        })),
      ),
  };
}
