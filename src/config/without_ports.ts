// A configuration without some of its ports, and without what would belong to them.

import type { BridgeConfig, LocalConfig, MirrorConfig, PortConfig, SwitchConfig } from './schema.ts';

/** `ports` by name; the bridge's own is its local interface. */
export function withoutPorts(config: SwitchConfig, ports: ReadonlySet<string>): SwitchConfig {
  if (ports.size === 0) return config;
  const bridges = Object.entries(config.bridges).map(([name, bridge]): [string, BridgeConfig] => {
    const isHere = (port: string) => port === name || Object.hasOwn(bridge.ports, port);
    if (![...ports].some(isHere)) return [name, bridge];
    const local = ports.has(name) ? false : bridge.local;
    const kept = Object.fromEntries(Object.entries(bridge.ports).filter(([port]) => !ports.has(port)));
    return [name, withWhatFits({ ...bridge, local, ports: kept }, name)];
  });
  return { version: 1, bridges: Object.fromEntries(bridges) };
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

/** Names of all ports; a bridge's own is its local interface. */
export function portNamesOf({ bridges }: SwitchConfig): Set<string> {
  const names = new Set<string>();
  for (const [name, { local, ports }] of Object.entries(bridges)) {
    if (local !== false) names.add(name);
    for (const port of Object.keys(ports)) names.add(port);
  }
  return names;
}

/** The bridge of a port; a bridge's own interface has its name. */
export function bridgeOf({ bridges }: SwitchConfig, port: string): string | undefined {
  if (Object.hasOwn(bridges, port)) return port;
  return Object.keys(bridges).find((name) => Object.hasOwn(bridges[name].ports, port));
}

/** Of a port, or of the local interface of the bridge of that name. */
export function deviceConfig(
  { bridges }: SwitchConfig,
  name: string,
): PortConfig | ({ type: 'local' } & LocalConfig) {
  const local = Object.hasOwn(bridges, name) && bridges[name].local;
  if (local) return { type: 'local', ...local };
  const bridge = Object.values(bridges).find(({ ports }) => Object.hasOwn(ports, name));
  return (bridge as BridgeConfig).ports[name];
}
