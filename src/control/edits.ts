// Edits of a configuration, each a pure function: the configuration in force goes in, the wanted one comes out. What
// comes out is not validated here; the switch does that, with paths that its user knows from the file.

import type { PortStatus } from '../api.ts';
import { isListener } from '../config/guest_ports.ts';
import type { Path } from '../config/path.ts';
import type {
  BridgeConfig,
  MemberConfig,
  MulticastConfig,
  PortConfig,
  StaticEntryConfig,
  SwitchConfig,
} from '../config/schema.ts';
import { portIn } from '../config/without_ports.ts';
import { TaploomError } from '../error.ts';
import { canonicalIp } from '../wire/ip_address.ts';

export function requireBridge(config: SwitchConfig, bridge: string): BridgeConfig {
  if (!Object.hasOwn(config.bridges, bridge)) {
    throw new TaploomError('no_such_bridge', `There is no bridge ${bridge}`);
  }
  return config.bridges[bridge];
}

/** A port, or a member of an aggregate. */
export function requirePort(config: SwitchConfig, bridge: string, port: string): PortConfig | MemberConfig {
  const found = portIn(requireBridge(config, bridge), port);
  if (found === undefined) {
    const listener = Object.keys(config.bridges[bridge].ports).find((one) => port.startsWith(`${one}.`));
    const isGuest = listener !== undefined && isListener(config.bridges[bridge].ports[listener]);
    const help = isGuest
      ? `: ${port} is a guest of ${listener}, which has the settings and goes by itself`
      : '';
    throw new TaploomError('no_such_port', `Bridge ${bridge} has no port ${port}${help}`);
  }
  return found;
}

/**
 * The port of this name, or the one whose interface is called so since somebody renamed it. `ports` asks the kernel, so it
 * is called for a name that no port has.
 */
export function portNamed(
  config: SwitchConfig,
  ports: () => readonly Pick<PortStatus, 'bridge' | 'name' | 'interface'>[],
  bridge: string,
  name: string,
): string {
  if (Object.hasOwn(requireBridge(config, bridge).ports, name)) return name;
  return ports().find((port) => port.bridge === bridge && port.interface === name)?.name ?? name;
}

export function putBridge(config: SwitchConfig, bridge: string, value: unknown, exclusive = false): unknown {
  if (exclusive && Object.hasOwn(config.bridges, bridge)) {
    throw new TaploomError('bridge_exists', `Cannot create bridge ${bridge}: there is one already`);
  }
  return { ...config, bridges: { ...config.bridges, [bridge]: value } };
}

export function dropBridge(config: SwitchConfig, bridge: string): unknown {
  requireBridge(config, bridge);
  return { ...config, bridges: without(config.bridges, bridge) };
}

export function putPort(
  config: SwitchConfig,
  bridge: string,
  port: string,
  value: unknown,
  exclusive = false,
): unknown {
  const owner = requireBridge(config, bridge);
  if (exclusive) {
    const taken = Object.entries(config.bridges).find(([, { ports }]) => Object.hasOwn(ports, port));
    if (taken !== undefined) {
      throw new TaploomError(
        'port_exists',
        `Cannot create port ${port}: it is in bridge ${taken[0]} already`,
      );
    }
  }
  return putBridge(config, bridge, { ...owner, ports: { ...owner.ports, [port]: value } });
}

/** Static entries of the port go with it: they would name a port that is no more. */
export function dropPort(config: SwitchConfig, bridge: string, port: string): unknown {
  const owner = requireBridge(config, bridge);
  requirePort(config, bridge, port);
  const rest = owner.static.filter((entry) => entry.port !== port);
  return putBridge(config, bridge, { ...owner, static: rest, ports: without(owner.ports, port) });
}

type StaticKey = Pick<StaticEntryConfig, 'mac' | 'vlan'> & { bridge: string };

export function putStatic(
  config: SwitchConfig,
  { bridge, ...entry }: StaticEntryConfig & { bridge: string },
): unknown {
  const owner = requireBridge(config, bridge);
  const rest = owner.static.filter((other) => !sameStation(other, entry));
  return putBridge(config, bridge, { ...owner, static: [...rest, entry] });
}

export function dropStatic(config: SwitchConfig, { bridge, ...key }: StaticKey): unknown {
  const owner = requireBridge(config, bridge);
  const rest = owner.static.filter((entry) => !sameStation(entry, key));
  if (rest.length === owner.static.length) {
    const vlan = key.vlan === undefined ? '' : ` in VLAN ${key.vlan}`;
    throw new TaploomError('no_such_entry', `Bridge ${bridge} has no static entry for ${key.mac}${vlan}`);
  }
  return putBridge(config, bridge, { ...owner, static: rest });
}

type Station = Pick<StaticEntryConfig, 'mac' | 'vlan'>;

function sameStation(a: Station, b: Station): boolean {
  return a.mac.toLowerCase() === b.mac.toLowerCase() && (a.vlan ?? 0) === (b.vlan ?? 0);
}

type GroupEntry = MulticastConfig['static'][number];

/** A bridge that does not snoop yet begins to. */
export function putGroup(
  config: SwitchConfig,
  { bridge, ...entry }: GroupEntry & { bridge: string },
): unknown {
  const owner = requireBridge(config, bridge);
  const rest = (owner.multicast?.static ?? []).filter((other) => !sameGroup(other, entry));
  return putBridge(config, bridge, { ...owner, multicast: { ...owner.multicast, static: [...rest, entry] } });
}

export function dropGroup(
  config: SwitchConfig,
  { bridge, ...key }: GroupEntry & { bridge: string },
): unknown {
  const owner = requireBridge(config, bridge);
  const before = owner.multicast?.static ?? [];
  const rest = before.filter((entry) => !sameGroup(entry, key));
  if (rest.length === before.length)
    throw new TaploomError(
      'no_such_entry',
      `Bridge ${bridge} has no static group ${key.group} at ${key.port}`,
    );
  return putBridge(config, bridge, { ...owner, multicast: { ...owner.multicast, static: rest } });
}

function sameGroup(a: GroupEntry, b: GroupEntry): boolean {
  const text = ({ group, source = '', port, vlan = 0 }: GroupEntry) =>
    [canonicalIp(group), source && canonicalIp(source), port, vlan].join(' ');
  return text(a) === text(b);
}

function without<T>(record: Record<string, T>, key: string): Record<string, T> {
  return Object.fromEntries(Object.entries(record).filter(([name]) => name !== key));
}

/**
 * Ports of `next` that name a file descriptor which `config` does not have: numbers from outside mean nothing in this
 * process, or worse, something else. A port that the embedding program made keeps its own.
 */
export function strangeFds(config: SwitchConfig, next: unknown): { path: Path; message: string }[] {
  const problems: { path: Path; message: string }[] = [];
  for (const [bridge, value] of entriesOf(next, 'bridges')) {
    for (const [port, { fd }] of entriesOf(value, 'ports') as [string, { fd?: unknown }][]) {
      if (fd === undefined) continue;
      const now = config.bridges[bridge]?.ports[port];
      if (now?.type === 'tap' && now.fd === fd) continue;
      const message = 'only a program that embeds the switch can hand over an open file descriptor';
      problems.push({ path: ['bridges', bridge, 'ports', port, 'fd'], message });
    }
  }
  return problems;
}

/** The mappings inside the mapping `value[key]`; of anything that is not one, nothing. */
function entriesOf(value: unknown, key: string): [string, object][] {
  const inner = isObject(value) ? value[key] : undefined;
  return isObject(inner)
    ? (Object.entries(inner).filter(([, item]) => isObject(item)) as [string, object][])
    : [];
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
