// A switch's counters for Prometheus, from the same numbers as `taploom stats`.
//
// Names follow node_exporter: `_total`, base units, one label for each dimension. *Receive* is what the switch receives
// from a port, the opposite of what `ip -s link` counts on the TAP's other side; the help texts say so.
//
// Nothing is stored here: a scrape takes one snapshot of the switch, and all series come from it. Ports that are gone
// are gone from the next scrape, and there are no timers. Each instance has a registry of its own.

import { type OpenMetricsContentType, Registry, type RegistryContentType } from 'prom-client';
import { aclMetrics } from './acl_metrics.ts';
import { bridgeMetrics } from './bridge_metrics.ts';
import { guardMetrics } from './guard_metrics.ts';
import type { LastLoad } from './last_load.ts';
import { liveMetric } from './live_metric.ts';
import { type AddMetric, type MetricsApi, Snapshots } from './metric_snapshot.ts';
import { NETWORK_METRICS } from './network_metrics.ts';
import { policyMetrics } from './policy_metrics.ts';
import { portMetrics } from './port_metrics.ts';
import { processMetrics } from './process_metrics.ts';
import { protocolMetrics } from './protocol_metrics.ts';
import { qosMetrics } from './qos_metrics.ts';
import { routerMetrics } from './router_metrics.ts';
import { loadMetrics, switchMetrics } from './switch_metrics.ts';
import { tenantMetrics, withTenants } from './tenant_metrics.ts';

export type { MetricsApi } from './metric_snapshot.ts';
export { type MetricsServer, metricsServer } from './metrics_server.ts';

export interface MetricsOptions {
  /** Also export `process_*` and `nodejs_*`. Default true; an embedder that exports them already says false. */
  process?: boolean;
  /** How reading the configuration went; without it there are no series of that. */
  lastLoad?: Readonly<LastLoad>;
}

export class Metrics {
  /** To merge with others: `Registry.merge([...])`. */
  readonly registry = new Registry();
  /** The same once more: in this format prom-client takes `_total` off the names of the metrics that it was given. */
  private readonly openMetrics = new Registry<OpenMetricsContentType>();

  constructor(api: MetricsApi, { process = true, lastLoad }: MetricsOptions = {}) {
    this.openMetrics.setContentType(Registry.OPENMETRICS_CONTENT_TYPE);
    const registries = [this.registry, this.openMetrics];
    const snapshots = new Snapshots(api);
    const add: AddMetric = (type, name, help, read) => {
      for (const registry of registries)
        liveMetric(registry, { name, help, type }, () => withTenants(read(snapshots.get()), api.config));
    };
    portMetrics(add);
    bridgeMetrics(add);
    protocolMetrics(add);
    for (const { type, name, help, read } of NETWORK_METRICS)
      add(type, name, help, ({ networks }) => read(networks));
    qosMetrics(add);
    tenantMetrics(add);
    guardMetrics(add);
    routerMetrics(add);
    policyMetrics(add);
    aclMetrics(add);
    switchMetrics(add, api);
    if (lastLoad) loadMetrics(add, lastLoad);
    if (process) for (const registry of registries) processMetrics(registry);
  }

  /** The exposition. Less than 20 ms of this thread for 512 ports. */
  text(type: RegistryContentType = Registry.PROMETHEUS_CONTENT_TYPE): Promise<string> {
    return (type === Registry.OPENMETRICS_CONTENT_TYPE ? this.openMetrics : this.registry).metrics();
  }
}
