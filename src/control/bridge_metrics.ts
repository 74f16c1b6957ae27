// What Prometheus hears of bridges.

import type { PortStatus } from '../api.ts';
import { samples } from './metric_samples.ts';
import type { AddMetric } from './metric_snapshot.ts';

const STATES = [
  'up',
  'down',
  'disabled',
  'waiting',
  'gone',
  'failed',
  'broken',
] as const satisfies readonly PortStatus['state'][];

export function bridgeMetrics(add: AddMetric): void {
  add('gauge', 'taploom_fdb_entries', 'Addresses learned in the bridge now.', ({ bridges }) =>
    samples(bridges, ({ status }) => status.learnedAddresses),
  );
  add('gauge', 'taploom_fdb_limit', 'Most addresses that the bridge learns.', ({ bridges }) =>
    samples(bridges, ({ fdbLimit }) => fdbLimit),
  );
  add('gauge', 'taploom_ports', 'Ports that are wanted, by state.', ({ ports, bridges }) => {
    const counts = new Map<string, number>();
    for (const { status } of ports) {
      const key = `${status.bridge}/${status.state}`;
      counts.set(key, (counts.get(key) ?? 0) + 1);
    }
    return bridges.flatMap(({ status, labels }) =>
      STATES.map((state) => ({
        value: counts.get(`${status.name}/${state}`) ?? 0,
        labels: { state },
        shared: labels,
      })),
    );
  });
}
