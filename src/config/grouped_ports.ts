// Who may be in security groups: ports, and the bridge's own interface, which bears the name of the bridge.

import type { SwitchConfig } from './shape.ts';

/** Names of all ports of a switch, and the groups of each. */
export function* groupedPorts({ bridges }: Pick<SwitchConfig, 'bridges'>): Generator<[string, string[]]> {
  for (const [name, { local, ports }] of Object.entries(bridges)) {
    if (local !== false) yield [name, local.groups ?? []];
    for (const [port, { groups = [] }] of Object.entries(ports)) yield [port, groups];
  }
}
