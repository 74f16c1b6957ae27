// Policers of ports in the configuration -> the engine's table.

import { parseRate, parseSize } from '../config/amounts.ts';
import type { PolicerConfig } from '../config/qos_shape.ts';
import type { SwitchConfig } from '../config/schema.ts';
import { MAX_PORTS } from '../frame/hop.ts';
import { METER, METER_FLAG, METER_WORDS } from '../table/meter.ts';
import { DIRECTION, PolicerState, type PolicerTable } from '../table/policer_table.ts';
import { MatchedPolicers } from './matched_policers.ts';
import type { Names } from './names.ts';
import { type PolicedPort, policedPorts } from './policed_ports.ts';
import { portsByGroup } from './qos_matches.ts';
import { shared } from './shared.ts';
import { bandwidths } from './tenants.ts';

/** What fills the burst where nobody says: so many ms of the rate, which TCP needs, and at least two super-frames. A policer drops them whole. */
const BURST = 200;
const MIN_BURST = 150_000;
const MIN_FRAMES = 100;
/** Tenants with a bandwidth have a port at least, so there are no more than ports. */
const MAX_SLOTS = MAX_PORTS;
/** Policers with a match. */
export const MAX_MATCHED = MAX_PORTS;

export class PolicerNumbers {
  /** Made for the first policer. */
  private state: PolicerState | null = null;
  /** Those that there were: who comes anew begins with full buckets. */
  private known = new Set<string>();
  /** By tenant with a bandwidth. */
  private readonly slots = new Map<string, number>();
  private readonly matched = new MatchedPolicers();

  /** Null if no port has any. */
  compile(config: SwitchConfig, ports: Names): PolicerTable | null {
    const said = policedPorts(config, ports);
    const all = said.filter(({ place }) => place === undefined);
    const matched = said.filter(({ place }) => place !== undefined);
    const tenants = bandwidths(config, ports);
    const isNeeded = said.length + tenants.length > 0;
    const keys = all.map(({ name, port, direction }) => `${direction} ${port} ${name}`);
    if (isNeeded) this.state ??= PolicerState.allocate(MAX_PORTS + MAX_SLOTS + MAX_MATCHED);
    const { state, known } = this;
    this.known = new Set(keys);
    if (!isNeeded || state === null) return null;
    this.number(
      tenants.map(({ tenant }) => tenant),
      state,
    );
    const table = shared({
      settings: [Float64Array, (1 + said.length + tenants.length) * METER_WORDS],
      tenants: [Uint16Array, ports.length],
      slots: [Uint16Array, 1 + Math.max(0, ...this.slots.values())],
      in: [Uint16Array, ports.length],
      out: [Uint16Array, ports.length],
    });
    all.forEach(({ port, direction, policer }, n) => {
      if (!known.has(keys[n])) state.clear(port, DIRECTION[direction]);
      table[direction][port] = n + 1;
      policerSettings(table.settings.subarray((n + 1) * METER_WORDS), policer);
    });
    tenants.forEach(({ tenant, rate, ports: own }, k) => {
      const n = 1 + all.length + k;
      const slot = this.slots.get(tenant) as number;
      policerSettings(table.settings.subarray(n * METER_WORDS), { rate, exceed: 'pass' });
      table.slots[slot] = n;
      for (const port of own) table.tenants[port] = slot;
    });
    const first = 1 + all.length + tenants.length;
    matched.forEach(({ policer }, k) => {
      policerSettings(table.settings.subarray((first + k) * METER_WORDS), policer);
    });
    const groups = portsByGroup(config, ports);
    const lists = this.matched.compile(matched, first, 2 * MAX_PORTS, state, ports.length, groups);
    const hasOut = tenants.length > 0 || said.some(({ direction }) => direction === 'out');
    const { memory } = state;
    return {
      ...table,
      tenants: tenants.length > 0 ? table.tenants : null,
      firstTenant: MAX_PORTS,
      lists,
      hasOut,
      memory,
    };
  }

  /** Slots stay while their tenants do: a meter goes on where it was. */
  private number(tenants: readonly string[], state: PolicerState): void {
    const { slots } = this;
    for (const tenant of slots.keys()) if (!tenants.includes(tenant)) slots.delete(tenant);
    const taken = new Set(slots.values());
    for (const tenant of tenants) {
      if (slots.has(tenant)) continue;
      let slot = 1;
      while (taken.has(slot)) slot++;
      taken.add(slot);
      slots.set(tenant, slot);
      for (const direction of Object.values(DIRECTION)) state.clear(MAX_PORTS + slot, direction);
    }
  }

  /** Where the meter of a tenant is. */
  ownerOf(tenant: string): number | undefined {
    const slot = this.slots.get(tenant);
    return slot === undefined ? undefined : MAX_PORTS + slot;
  }

  /** Of a policer in a list. */
  ownerOfMatched(policed: PolicedPort): number | undefined {
    return this.matched.ownerOf(policed);
  }

  get floats(): Float64Array | null {
    return this.state?.floats ?? null;
  }
}

/** Fills METER_WORDS words. */
export function policerSettings(
  settings: Float64Array,
  { rate, burst, peak, peak_burst, exceed }: PolicerConfig,
): void {
  const committed = bucket(rate, burst);
  settings[METER.cost] = committed.cost;
  settings[METER.burst] = committed.burst;
  if (peak !== undefined) {
    const most = bucket(peak, peak_burst ?? burst);
    settings[METER.peakCost] = most.cost;
    settings[METER.peakBurst] = most.burst;
  }
  settings[METER.flags] =
    (parseRate(rate)?.unit === 'frames' ? METER_FLAG.frames : 0) |
    (exceed === 'drop' ? METER_FLAG.dropYellow : 0) |
    (exceed === 'dei' ? METER_FLAG.deiYellow : 0);
}

/** ms that a byte or frame takes, and that the burst does. */
function bucket(rate: string, burst: string | number | undefined): { cost: number; burst: number } {
  const { unit, amount } = parseRate(rate) as { unit: 'bits' | 'frames'; amount: number };
  const cost = (unit === 'bits' ? 8000 : 1000) / amount;
  const least = unit === 'bits' ? MIN_BURST : MIN_FRAMES;
  const size = typeof burst === 'string' ? (parseSize(burst) as number) : burst;
  return { cost, burst: size === undefined ? Math.max(BURST, least * cost) : size * cost };
}
