// Counters of the DNS servers of networks, of those that have one.

import type { DnsStatus, NetworkStatus } from '../api.ts';
import type { Sample } from './live_metric.ts';

export interface DnsMetric {
  readonly name: string;
  readonly help: string;
  read(networks: readonly NetworkStatus[]): Sample[];
}

export const DNS_METRICS: readonly DnsMetric[] = [
  one('queries', 'Questions of guests, by DNS.', ({ queries }) => queries),
  many('answered', 'source', 'DNS answers, by where they came from.', ({ answered }) => answered),
  many('refused', 'reason', 'DNS questions refused or dropped, by reason.', ({ refused }) => refused),
  one('failed', 'DNS questions that no resolver answered.', ({ failed }) => failed),
  many('malformed', 'reason', 'DNS messages without use, by reason.', ({ malformed }) => malformed),
];

function one(name: string, help: string, read: (dns: DnsStatus) => number): DnsMetric {
  return {
    name: `taploom_dns_${name}_total`,
    help,
    read: (networks) =>
      networks.flatMap(({ network, dns }) =>
        dns === undefined ? [] : [{ value: read(dns), labels: { network } }],
      ),
  };
}

/** A series exists from its first event on. */
function many(
  name: string,
  label: string,
  help: string,
  read: (dns: DnsStatus) => Record<string, number>,
): DnsMetric {
  return {
    name: `taploom_dns_${name}_total`,
    help,
    read: (networks) =>
      networks.flatMap(({ network, dns }) =>
        Object.entries(dns === undefined ? {} : read(dns))
          .filter(([, value]) => value > 0)
          .map(([key, value]) => ({ value, labels: { [label]: key, network } })),
      ),
  };
}
