// Quotas of tenants that ports share -> limits of ports, and meters that they have in common.

import type { BridgeConfig, SwitchConfig } from '../config/schema.ts';
import { type Holdings, holdings, shareOf } from '../config/tenants.ts';
import type { Names } from './names.ts';

/** Most addresses of a port by the quota of its tenant; Infinity = there is none. */
export function addressShares(config: SwitchConfig): (port: string, bridge: BridgeConfig) => number {
  if (config.tenants === undefined) return () => Number.POSITIVE_INFINITY;
  const all = holdings(config);
  return (name, { ports }) => {
    const port = Object.hasOwn(ports, name) ? ports[name] : undefined;
    if (port === undefined || port.fdb_limit !== undefined) return Number.POSITIVE_INFINITY;
    return shareOf(config, all, port, 'addresses') ?? Number.POSITIVE_INFINITY;
  };
}

/** By number of a port in groups whose tenant has a quota of connections: the most that it may have. */
export function connectionShares(config: SwitchConfig, ports: Names, most: number): Map<number, number> {
  const shares = new Map<number, number>();
  const all: ReadonlyMap<string, Holdings> = config.tenants === undefined ? new Map() : holdings(config);
  for (const held of all.values()) {
    for (const { name, config: port } of held.ports) {
      const number = ports.find(name);
      const share = shareOf(config, all, port, 'connections');
      if (number !== undefined && share !== undefined) shares.set(number, Math.min(share, most));
    }
  }
  return shares;
}

/** A tenant whose ports share a bandwidth, with their numbers. */
export interface Bandwidth {
  tenant: string;
  rate: string;
  ports: number[];
}

export function bandwidths(config: SwitchConfig, ports: Names): Bandwidth[] {
  if (config.tenants === undefined) return [];
  return [...holdings(config)].flatMap(([tenant, held]) => {
    const rate = config.tenants?.[tenant]?.bandwidth;
    const numbers = held.ports.flatMap(({ name }) => ports.find(name) ?? []);
    return rate === undefined || numbers.length === 0 ? [] : [{ tenant, rate, ports: numbers }];
  });
}
