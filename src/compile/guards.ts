// Guards of ports in the configuration -> the engine's table. Bindings are in another one, which changes while frames flow.

import { hasAddresses } from '../config/check_guards.ts';
import type { GuardConfig } from '../config/guard_shape.ts';
import type { SwitchConfig } from '../config/schema.ts';
import { GUARD, type PortGuards } from '../table/port_guards.ts';
import type { Names } from './names.ts';
import { shared } from './shared.ts';

/** Null if no port has any: then nobody looks. */
export function compileGuards({ bridges }: SwitchConfig, ports: Names): PortGuards | null {
  const all = Object.values(bridges).flatMap((bridge) => Object.entries(bridge.ports));
  if (!all.some(([, { guard }]) => guard !== undefined)) return null;
  const table = shared({ flags: [Uint16Array, ports.length] });
  for (const [bridgeName, bridge] of Object.entries(bridges)) {
    const isSnooped = Object.values(bridge.ports).some(({ guard }) => guard?.trusted === true);
    const learns = isSnooped || hasAddresses(bridgeName, bridge);
    for (const [name, { guard }] of Object.entries(bridge.ports))
      if (guard !== undefined)
        table.flags[ports.number(name)] =
          flagsOf(guard, isSnooped) | (bridge.vlan_filtering ? vlanFlagOf(guard, learns) : 0);
  }
  return table;
}

/** Where there is no binding of one VLAN, nobody asks for any: it is a second look into the table. */
function vlanFlagOf({ source, bindings, trusted }: GuardConfig, learns: boolean): number {
  if (trusted || source === undefined) return 0;
  const mayLearn = source === 'first' || (source === 'strict' && learns);
  return mayLearn || bindings.some(({ vlan }) => vlan !== undefined) ? GUARD.byVlan : 0;
}

function flagsOf(guard: GuardConfig, isSnooped: boolean): number {
  const { source, bindings, dhcp_server, ra, double_tag, tiny_fragments } = guard;
  if (guard.trusted) return GUARD.trusted;
  const asksForAddresses = source === 'strict' || source === 'first';
  return (
    (source === undefined ? 0 : GUARD.mac) |
    (asksForAddresses ? GUARD.address : 0) |
    (asksForAddresses && isSnooped ? GUARD.snooped : 0) |
    (source === 'first' ? GUARD.first : 0) |
    (bindings.length === 0 ? GUARD.anyMac : 0) |
    (dhcp_server ? 0 : GUARD.servers) |
    (ra ? 0 : GUARD.routers) |
    (double_tag ? 0 : GUARD.doubleTag) |
    (tiny_fragments ? 0 : GUARD.fragments)
  );
}
