// Members of aggregates: devices like those of ports, with names among those of all ports of the switch.

import type { Problem } from './config_error.ts';
import { formatPath } from './path.ts';
import { type AggregatePortConfig, MAX_MEMBERS, type MemberConfig, type PortConfig } from './port_shape.ts';
import type { BridgeConfig, SwitchConfig } from './shape.ts';

export type Members = Readonly<Record<string, MemberConfig>>;

const NONE: Members = Object.freeze({});

/** Of a port that is no aggregate: none. */
export function membersOf(port: PortConfig | undefined): Members {
  return port?.type === 'aggregate' ? port.members : NONE;
}

/** All members in a bridge, with the name of their aggregate. */
export function* membersIn({ ports }: Pick<BridgeConfig, 'ports'>): Generator<{
  aggregate: string;
  name: string;
  member: MemberConfig;
  config: AggregatePortConfig;
}> {
  for (const [aggregate, config] of Object.entries(ports)) {
    if (config.type !== 'aggregate') continue;
    for (const [name, member] of Object.entries(config.members)) yield { aggregate, name, member, config };
  }
}

/** The aggregate of a member. */
export function aggregateOf(bridge: Pick<BridgeConfig, 'ports'>, name: string): string | undefined {
  if (Object.hasOwn(bridge.ports, name)) return undefined;
  for (const member of membersIn(bridge)) if (member.name === name) return member.aggregate;
  return undefined;
}

/** Everything with a device of its own, ports and members: its name, what is said of it, and where in the bridge. */
export function devicesIn(
  bridge: Pick<BridgeConfig, 'ports'>,
): [name: string, device: PortConfig | MemberConfig, place: string[]][] {
  const found: ReturnType<typeof devicesIn> = [];
  for (const [name, port] of Object.entries(bridge.ports)) found.push([name, port, ['ports', name]]);
  for (const { name, member, aggregate } of membersIn(bridge))
    found.push([name, member, ['ports', aggregate, 'members', name]]);
  return found;
}

export function memberPath(bridge: string, aggregate: string, name: string): string {
  return formatPath(['bridges', bridge, 'ports', aggregate, 'members', name]);
}

export function checkAggregates({ bridges }: SwitchConfig, problems: Problem[]): void {
  for (const [name, bridge] of Object.entries(bridges)) {
    for (const [portName, port] of Object.entries(bridge.ports)) {
      if (port.type !== 'aggregate') continue;
      const report = (key: string, message: string) =>
        problems.push({ path: ['bridges', name, 'ports', portName, key], message });
      const count = Object.keys(port.members).length;
      if (count > MAX_MEMBERS) report('members', `${count} members; at most ${MAX_MEMBERS} are possible`);
      if (count > 0 && port.min_links > count)
        report('min_links', `${port.min_links} is more than the ${count} members that there are`);
      if (port.lacp !== 'off' && port.mode === 'active_backup') {
        const message = 'LACP balances over all members: set lacp to off, or mode to balance';
        report('mode', message);
      }
    }
  }
}
