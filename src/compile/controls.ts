// Controls of ports in the configuration -> the engine's table.

import type { PortConfig, SwitchConfig } from '../config/schema.ts';
import { NOBODY } from '../frame/hop.ts';
import { CONTROL, type PortControls, STORM, STORMS } from '../table/port_controls.ts';
import type { Names } from './names.ts';
import { shared } from './shared.ts';

/** Null if no port has any: then nobody looks. */
export function compileControls({ bridges }: SwitchConfig, ports: Names): PortControls | null {
  const all = Object.values(bridges).flatMap((bridge) => Object.entries(bridge.ports));
  if (!all.some(([, port]) => hasControls(port))) return null;
  const table = shared({ flags: [Uint16Array, ports.length], costs: [Float64Array, ports.length * STORMS] });
  // What the host says to a whole domain: a port that gets no unknown groups is asked all the same which ones it wants.
  table.flags[NOBODY] = CONTROL.local;
  for (const [name, bridge] of Object.entries(bridges)) {
    if (bridge.local !== false) table.flags[ports.number(name)] = CONTROL.local;
  }
  for (const [name, port] of all) {
    const number = ports.number(name);
    let flags = flagsOf(port);
    for (const [kind, index] of Object.entries(STORM)) {
      const rate = port.storm_control?.[kind as keyof typeof STORM];
      if (rate === undefined) continue;
      if (rate.bits !== undefined) flags |= CONTROL.bits << index;
      table.costs[number * STORMS + index] = 1000 / (rate.bits ?? (rate.frames as number));
    }
    table.flags[number] = flags;
  }
  return table;
}

function hasControls(port: PortConfig): boolean {
  const { bcast_flood, mcast_flood, locked, storm_control } = port;
  return !bcast_flood || !mcast_flood || locked || storm_control !== undefined || flagsOf(port) !== 0;
}

function flagsOf(port: PortConfig): number {
  const { locked, fdb_limit_action: action } = port;
  return (
    (locked && port.learning ? CONTROL.learns : 0) |
    (locked && port.mab ? CONTROL.mab : 0) |
    (port.sticky ? CONTROL.sticky : 0) |
    (action === 'ignore' ? 0 : CONTROL.limited) |
    (action === 'shutdown' ? CONTROL.limitAlarms : 0) |
    (port.storm_control?.action === 'shutdown' ? CONTROL.stormAlarms : 0)
  );
}
