// Which key of the configuration made a decision, and what it says: `bridges.br0.ports.vm1.vlan.access: 10`. A key that
// nobody wrote has a value, too, and is `as installed`.

import { tpidOf } from '../compile/tags.ts';
import { mirrorEnd } from '../config/mirrors.ts';
import { formatPath, type Path } from '../config/path.ts';
import { primaryOf, privateVlans } from '../config/private_vlans.ts';
import { TUNNEL_MAC } from '../config/protocol_tunnels.ts';
import { type FileLine, lineText } from '../config/rule_lines.ts';
import type { BridgeConfig, SwitchConfig, VlanConfig } from '../config/schema.ts';

export interface Cause {
  path: string;
  value: unknown;
  /** Of a rule that came from a file. */
  file?: string;
  line?: number;
  /** As it stands in a sentence, without parentheses. */
  text: string;
}

type BridgeKey = 'vlan_filtering' | 'ageing_time' | 'fdb_limit' | 'group_fwd_mask' | 'tunnel_mac';
type PortKey =
  | 'group_fwd_mask'
  | 'hairpin'
  | 'isolated'
  | 'learning'
  | 'flood'
  | 'bcast_flood'
  | 'mcast_flood'
  | 'locked'
  | 'sticky'
  | 'fdb_limit'
  | 'fdb_limit_action'
  | 'storm_control'
  | 'guard'
  | 'tunnel_protocols'
  | 'mtu'
  | 'qos'
  | 'fault';

/** Values as installed; a key that is not here has none, or another one on a bridge and on a port. */
const INSTALLED: Record<string, unknown> = {
  vlan_filtering: false,
  ageing_time: 300,
  group_fwd_mask: 0,
  tunnel_mac: TUNNEL_MAC,
  hairpin: false,
  isolated: false,
  learning: true,
  flood: true,
  bcast_flood: true,
  mcast_flood: true,
  locked: false,
  sticky: false,
};

export function bridgeCause({ bridges }: SwitchConfig, bridge: string, key: BridgeKey): Cause {
  const installed = key === 'fdb_limit' ? 8192 : INSTALLED[key];
  const value = bridges[bridge]?.[key] ?? (key === 'tunnel_mac' ? installed : undefined);
  return causeOf(['bridges', bridge, key], value, value === installed);
}

/** Undefined for a bridge's own interface, which has no such keys. */
export function portCause(
  config: SwitchConfig,
  bridge: string,
  port: string,
  key: PortKey,
): Cause | undefined {
  const ports = config.bridges[bridge]?.ports ?? {};
  const settings = Object.hasOwn(ports, port) ? (ports[port] as Record<string, unknown>) : undefined;
  if (settings === undefined) return undefined;
  const value = settings?.[key] ?? INSTALLED[key];
  return causeOf([...portPath(config.bridges[bridge], bridge, port), key], value, value === INSTALLED[key]);
}

/** The mirror whose end a port is, if it is one: then nothing else passes it. */
export function mirrorCause(config: SwitchConfig, bridge: string, port: string): Cause | undefined {
  for (const [name, mirror] of Object.entries(config.bridges[bridge]?.mirrors ?? {})) {
    if (mirrorEnd(bridge, mirror) === port)
      return causeOf(['bridges', bridge, 'mirrors', name, 'to'], port, false);
  }
  return undefined;
}

/** What limits addresses: the port, if it is full and has a limit of its own, or else the bridge. */
export function limitCause(config: SwitchConfig, bridge: string, port: string, isPortFull: boolean): Cause {
  const own = isPortFull ? portCause(config, bridge, port, 'fdb_limit') : undefined;
  return own?.value === undefined ? bridgeCause(config, bridge, 'fdb_limit') : own;
}

/** What forwards frames to a reserved group, or does not: the ingress port, if it has the bit, or else the bridge. */
export function groupCause(config: SwitchConfig, bridge: string, port: string, group: number): Cause {
  const own = portCause(config, bridge, port, 'group_fwd_mask');
  const isOwn = own !== undefined && ((own.value as number) & (1 << group)) !== 0;
  return isOwn ? own : bridgeCause(config, bridge, 'group_fwd_mask');
}

/** `mtu` is the one in force, whether it is configured or follows from other things. */
export function mtuCause(config: SwitchConfig, bridge: string, port: string, mtu: number): Cause {
  const owner = config.bridges[bridge];
  const isLocal = port === bridge && !Object.hasOwn(owner?.ports ?? {}, port);
  const own = isLocal ? (owner?.local || undefined)?.mtu : owner?.ports[port]?.mtu;
  return causeOf([...portPath(owner, bridge, port), 'mtu'], mtu, own === undefined);
}

/** EtherType of the tags that a port looks at. */
export function tpidAt(config: SwitchConfig, bridge: string, port: string): number {
  const owner = config.bridges[bridge];
  return tpidOf({ vlan: vlanOf(owner, port), protocol: owner?.vlan_protocol ?? '802.1Q' });
}

export function vlanOf(config: BridgeConfig | undefined, port: string): VlanConfig | undefined {
  if (config === undefined) return undefined;
  if (Object.hasOwn(config.ports, port)) return config.ports[port].vlan;
  return config.local === false ? undefined : config.local.vlan;
}

/** What says whether the port is in VLAN `vid`, and how. */
export function vlanCause(config: SwitchConfig, bridge: string, port: string, vid: number): Cause {
  const owner = config.bridges[bridge];
  const vlan = vlanOf(owner, port);
  const path = [...portPath(owner, bridge, port), 'vlan'];
  if (vlan === undefined) return causeOf([...path, 'access'], 1, true);
  if ('access' in vlan) return causeOf([...path, 'access'], vlan.access, false);
  if ('tunnel' in vlan && (vid !== vlan.native || vid === 0))
    return causeOf([...path, 'tunnel'], vlan.tunnel, false);
  const isNative = vid === 0 || vid === vlan.native;
  if (!isNative && 'trunk' in vlan) return causeOf([...path, 'trunk'], vlan.trunk, false);
  return vlan.native === undefined
    ? causeOf([...path, 'native'], 'none', true)
    : causeOf([...path, 'native'], vlan.native, false);
}

/** A setting of a VLAN, or of the primary one that it belongs to; undefined = as installed. */
export function settingCause(
  { bridges }: SwitchConfig,
  bridge: string,
  vid: number,
  key: 'private' | 'learning' | 'flood',
): Cause | undefined {
  const owner = bridges[bridge];
  if (owner === undefined) return undefined;
  const own = primaryOf(privateVlans(owner), vid);
  const value = owner.vlans[own]?.[key];
  if (value === undefined || value === true) return undefined;
  return causeOf(['bridges', bridge, 'vlans', String(own), key], value, false);
}

/** `, isolated of the primary VLAN 100`, of an ordinary VLAN nothing. */
export function privateText({ bridges }: SwitchConfig, bridge: string, vid: number): string {
  const own = bridges[bridge] && privateVlans(bridges[bridge]).get(vid);
  if (own === undefined) return '';
  return own.role === 'primary' ? ', a primary one' : `, ${own.role} of the primary VLAN ${own.primary}`;
}

export function keyCause(
  config: SwitchConfig,
  bridge: string,
  port: string,
  key: string,
  value: unknown,
): Cause {
  return causeOf([...portPath(config.bridges[bridge], bridge, port), key], value, false);
}

export function staticCause(bridge: string, index: number, value: unknown): Cause {
  return causeOf(['bridges', bridge, 'static', index], value, false);
}

/** Where a port stands. */
export function portPath(config: BridgeConfig | undefined, bridge: string, port: string): Path {
  const isLocal = port === bridge && !Object.hasOwn(config?.ports ?? {}, port);
  return isLocal ? ['bridges', bridge, 'local'] : ['bridges', bridge, 'ports', port];
}

export function causeOf(path: Path, value: unknown, isInstalled: boolean): Cause {
  const where = formatPath(path);
  return { path: where, value, text: `${where}: ${show(value)}${isInstalled ? ', as installed' : ''}` };
}

/** Of a rule, with its line in the file that it came from. */
export function ruleCause(path: Path, value: unknown, at: FileLine | undefined): Cause {
  const cause = causeOf(path, value, false);
  if (at === undefined) return cause;
  return { ...cause, ...at, text: `${cause.path}, ${lineText(at)}: ${show(value)}` };
}

/** As in the YAML of a configuration, on one line. */
function show(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(show).join(', ')}]`;
  if (typeof value === 'object' && value !== null) {
    const inner = Object.entries(value).filter(([, item]) => item !== undefined);
    return `{ ${inner.map(([key, item]) => `${key}: ${show(item)}`).join(', ')} }`;
  }
  return String(value);
}
