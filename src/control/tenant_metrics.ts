// What Prometheus hears of tenants, and the label that tells whose a port, a group or a network is.

import type { TenantStatus } from '../api.ts';
import type { SwitchConfig } from '../config/schema.ts';
import type { Sample } from './live_metric.ts';
import type { AddMetric } from './metric_snapshot.ts';

const QUOTAS = ['ports', 'addresses', 'rules', 'connections'] as const;

export function tenantMetrics(add: AddMetric): void {
  const byQuota = (
    name: string,
    help: string,
    read: (tenant: TenantStatus, quota: (typeof QUOTAS)[number]) => number | undefined,
  ) =>
    add('gauge', `taploom_tenant_${name}`, help, ({ tenants }) =>
      tenants.flatMap((tenant) =>
        QUOTAS.flatMap((quota) => {
          const value = read(tenant, quota);
          return value === undefined ? [] : [{ value, labels: { tenant: tenant.name, quota } }];
        }),
      ),
    );
  byQuota('used', 'What a tenant has of what quotas are of.', ({ used }, quota) => used[quota]);
  byQuota('quota', 'What a tenant may have.', ({ quotas }, quota) => quotas[quota]);
  add('counter', 'taploom_tenant_dropped_total', 'Frames beyond the bandwidth of a tenant.', ({ tenants }) =>
    tenants.flatMap(({ name: tenant, dropped }) =>
      (['in', 'out'] as const).map((direction) => ({
        value: dropped[direction],
        labels: { tenant, direction },
      })),
    ),
  );
}

/** Samples with the label `tenant`, where they are of a port, a group or a network of one. */
export function withTenants(samples: Sample[], { tenants, bridges, groups = {} }: SwitchConfig): Sample[] {
  if (tenants === undefined) return samples;
  const tenantOf = ({ bridge, port, group, network }: Record<string, string>): string | undefined => {
    if (port !== undefined) return own(own(bridges, bridge)?.ports, port)?.tenant;
    if (group !== undefined) return own(groups, group)?.tenant;
    if (network === undefined) return undefined;
    const [name, vid] = network.split('.');
    const found = own(bridges, name);
    return (vid === undefined ? found?.network : own(found?.vlans, vid)?.network)?.tenant;
  };
  return samples.map((sample) => {
    const tenant =
      sample.labels === undefined ? undefined : tenantOf(sample.labels as Record<string, string>);
    return tenant === undefined ? sample : { ...sample, labels: { ...sample.labels, tenant } };
  });
}

function own<One>(record: Readonly<Record<string, One>> | undefined, key: string): One | undefined {
  return record !== undefined && Object.hasOwn(record, key) ? record[key] : undefined;
}
