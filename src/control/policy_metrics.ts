// What Prometheus hears of security groups.

import type { AddMetric } from './metric_snapshot.ts';

export function policyMetrics(add: AddMetric): void {
  add(
    'gauge',
    'taploom_connections',
    'Connections that security groups have let in.',
    ({ policy, groups }) => (groups.length === 0 ? [] : [{ value: policy.connections, labels: {} }]),
  );
  add(
    'gauge',
    'taploom_connection_limit',
    'Connections that ports in security groups may have in all.',
    ({ policy, groups }) => (groups.length === 0 ? [] : [{ value: policy.limit, labels: {} }]),
  );
  add('gauge', 'taploom_group_ports', 'Ports in a security group.', ({ groups }) =>
    groups.map(({ name, ports }) => ({ value: ports.length, labels: { group: name } })),
  );
  add('gauge', 'taploom_group_connections', 'Connections of ports in a security group.', ({ groups }) =>
    groups.map(({ name, connections }) => ({ value: connections, labels: { group: name } })),
  );
}
