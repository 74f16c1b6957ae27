// Rates of tenants that their shaped ports share. A tenant's clock stays with it.

import { parseRate } from '../config/amounts.ts';
import type { SwitchConfig } from '../config/schema.ts';
import { holdings } from '../config/tenants.ts';
import { MAX_PORTS } from '../frame/hop.ts';
import { TenantClocks, type TenantShapes } from '../table/tenant_clocks.ts';
import { shared } from './shared.ts';

export class TenantShapeSlots {
  /** Slot 0 is none. */
  private readonly slots = new Map<string, number>();
  private memory: SharedArrayBuffer | null = null;

  /** Null if no tenant has a rate. @param names of shaped ports, in the order of the table's rows */
  compile(config: SwitchConfig, names: readonly string[]): TenantShapes | null {
    const { slots } = this;
    if (config.tenants === undefined) return null;
    const all = holdings(config);
    const rowsOf = (tenant: string) =>
      (all.get(tenant)?.ports ?? []).map(({ name }) => names.indexOf(name)).filter((row) => row >= 0);
    // Each has a port, so there are no more than ports.
    const shaped = Object.entries(config.tenants).filter(
      ([name, { shape }]) => shape !== undefined && rowsOf(name).length > 0,
    );
    for (const tenant of slots.keys()) if (!shaped.some(([name]) => name === tenant)) slots.delete(tenant);
    if (shaped.length === 0) return null;
    this.memory ??= TenantClocks.allocate(MAX_PORTS);
    const taken = new Set(slots.values());
    for (const [tenant] of shaped) {
      if (slots.has(tenant)) continue;
      let slot = 1;
      while (taken.has(slot)) slot++;
      taken.add(slot);
      slots.set(tenant, slot);
    }
    const table = shared({
      costs: [Float64Array, 1 + Math.max(...slots.values())],
      slots: [Uint16Array, names.length],
    });
    for (const [tenant, { shape }] of shaped) {
      const slot = slots.get(tenant) as number;
      table.costs[slot] = 8000 / (parseRate(shape as string)?.amount ?? 0);
      for (const row of rowsOf(tenant)) table.slots[row] = slot;
    }
    return { ...table, memory: this.memory };
  }
}
