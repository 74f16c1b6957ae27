// Tenants as the API tells them: of the configuration, and of what ports and groups count anyway.

import type { PolicyStatus, PortStatus, TenantStatus } from '../api.ts';
import type { SwitchConfig } from '../config/schema.ts';
import { holdings, portsOf, rulesOf } from '../config/tenants.ts';

export function tenantStatuses(
  config: SwitchConfig,
  ports: readonly PortStatus[],
  { ports: connected }: Pick<PolicyStatus, 'ports'>,
): TenantStatus[] {
  const connections = new Map(connected.map(({ port, connections }) => [port, connections]));
  const statuses = new Map(ports.map((status) => [status.name, status]));
  return [...holdings(config)].map(([name, held]): TenantStatus => {
    const names = held.ports.map((port) => port.name);
    const own = names.flatMap((port) => statuses.get(port) ?? []);
    const sum = (read: (status: PortStatus) => number) =>
      own.reduce((total, status) => total + read(status), 0);
    return {
      name,
      ports: names,
      groups: held.groups,
      networks: held.networks,
      used: {
        ports: portsOf(held),
        addresses: sum(({ learnedAddresses }) => learnedAddresses),
        rules: rulesOf(config, held),
        connections: names.reduce((total, port) => total + (connections.get(port) ?? 0), 0),
      },
      quotas: config.tenants?.[name] ?? {},
      dropped: {
        in: sum(({ counters }) => counters.receiveDropped.tenant_bandwidth_receive ?? 0),
        out: sum(({ counters }) => counters.transmitDropped.tenant_bandwidth ?? 0),
      },
    };
  });
}
