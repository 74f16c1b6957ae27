// A configuration without some of its ports, and without what would belong to them.

import { assembled } from './assembled.ts';
import { aggregateOf, devicesIn, membersOf } from './members.ts';
import type {
  BridgeConfig,
  LocalConfig,
  MemberConfig,
  MirrorConfig,
  PortConfig,
  SwitchConfig,
} from './schema.ts';

/** `ports` by name; the bridge's own is its local interface. */
export function withoutPorts(config: SwitchConfig, ports: ReadonlySet<string>): SwitchConfig {
  if (ports.size === 0) return config;
  const bridges = Object.entries(config.bridges).map(([name, bridge]): [string, BridgeConfig] => {
    const here = new Set([name, ...devicesIn(bridge).map(([port]) => port)]);
    if (![...ports].some((port) => here.has(port))) return [name, bridge];
    const local = ports.has(name) ? false : bridge.local;
    const left = Object.entries(bridge.ports).filter(([port]) => !ports.has(port));
    const kept = Object.fromEntries(left.map(([port, value]) => [port, withoutMembers(value, ports)]));
    return [name, withWhatFits({ ...bridge, local, ports: kept }, name)];
  });
  return assembled(Object.fromEntries(bridges), config);
}

function withoutMembers(port: PortConfig, names: ReadonlySet<string>): PortConfig {
  if (port.type !== 'aggregate') return port;
  const left = Object.entries(port.members).filter(([member]) => !names.has(member));
  return { ...port, members: Object.fromEntries(left) };
}

/** Without static entries and mirrors of ports that the bridge does not have. */
export function withWhatFits(bridge: BridgeConfig, name: string): BridgeConfig {
  const isThere = (port: string) =>
    Object.hasOwn(bridge.ports, port) || (port === name && bridge.local !== false);
  return {
    ...bridge,
    static: bridge.static.filter(({ port }) => isThere(port)),
    mirrors: mirrorsOf(bridge.mirrors, isThere),
  };
}

/** Mirrors whose end is there, of ports that are. */
function mirrorsOf(
  mirrors: BridgeConfig['mirrors'],
  isThere: (port: string) => boolean,
): BridgeConfig['mirrors'] {
  const kept = Object.entries(mirrors).flatMap(([name, mirror]): [string, MirrorConfig][] => {
    const end = typeof mirror.to === 'string' ? mirror.to : 'port' in mirror.to ? mirror.to.port : undefined;
    const from = mirror.from?.filter(isThere);
    if ((end !== undefined && !isThere(end)) || (from?.length === 0 && mirror.from?.length !== 0)) return [];
    return [[name, from === undefined ? mirror : { ...mirror, from }]];
  });
  return Object.fromEntries(kept);
}

/** Names of all ports and members; a bridge's own is its local interface. */
export function portNamesOf({ bridges }: SwitchConfig): Set<string> {
  const names = new Set<string>();
  for (const [name, bridge] of Object.entries(bridges)) {
    if (bridge.local !== false) names.add(name);
    for (const [port] of devicesIn(bridge)) names.add(port);
  }
  return names;
}

/** The bridge of a port or member; a bridge's own interface has its name. */
export function bridgeOf({ bridges }: SwitchConfig, port: string): string | undefined {
  if (Object.hasOwn(bridges, port)) return port;
  const names = Object.keys(bridges);
  return (
    names.find((name) => Object.hasOwn(bridges[name].ports, port)) ??
    names.find((name) => aggregateOf(bridges[name], port) !== undefined)
  );
}

/** Of a port or member, or of the local interface of the bridge of that name. */
export function deviceConfig(
  { bridges }: SwitchConfig,
  name: string,
): PortConfig | MemberConfig | ({ type: 'local' } & LocalConfig) {
  const local = Object.hasOwn(bridges, name) && bridges[name].local;
  if (local) return { type: 'local', ...local };
  const bridge = bridgeOf({ version: 1, bridges }, name) as string;
  return portIn(bridges[bridge], name) as PortConfig | MemberConfig;
}

/** A port or member of a bridge. */
export function portIn(bridge: BridgeConfig, name: string): PortConfig | MemberConfig | undefined {
  if (Object.hasOwn(bridge.ports, name)) return bridge.ports[name];
  const aggregate = aggregateOf(bridge, name);
  return aggregate === undefined ? undefined : membersOf(bridge.ports[aggregate])[name];
}
