// The configuration: what a switch should be, as one plain value. shape.ts has the keys, check.ts the rules that span
// several of them; this file joins both and is what others import.
//
//   input --shape--> defaults filled in --check--> SwitchConfig        all problems of both, at once

import { atOnce, breathing, type Parts } from '../parts.ts';
import { assembled } from './assembled.ts';
import { check } from './check.ts';
import { ConfigError, type Problem } from './config_error.ts';
import type { Doubts } from './doubts.ts';
import { explain } from './explain.ts';
import { devicesIn } from './members.ts';
import { type Path, valueAt } from './path.ts';
import { nameProblem } from './port_shape.ts';
import type { SwitchConfig } from './shape.ts';
import { shaped } from './shape_parts.ts';
import { tooLarge } from './size.ts';
import { suggest } from './suggest.ts';

export type { AclMatchConfig, AclRuleConfig, PlacedAclsConfig } from './acl_shape.ts';
export { type BridgeHelperConfig, guestPort } from './bridge_helper.ts';
export { ConfigError } from './config_error.ts';
export type { GroupConfig, GroupConnectionsConfig, GroupRuleConfig } from './group_shape.ts';
export type {
  AfPacketDeviceConfig,
  AfPacketPortConfig,
  AggregatePortConfig,
  DgramPortConfig,
  FaultConfig,
  MemberConfig,
  MemoryDeviceConfig,
  MemoryPortConfig,
  PortConfig,
  SocketPortConfig,
  StormControl,
  StreamPortConfig,
  TapDeviceConfig,
  TapPortConfig,
  TunPortConfig,
  VethPortConfig,
  VxlanPortConfig,
} from './port_shape.ts';
export { nameProblem } from './port_shape.ts';
export {
  type PortVlans,
  type PrivateVlans,
  portRole,
  portVlans,
  primaryOf,
  privateVlans,
} from './private_vlans.ts';
export type { RouteConfig, RouterConfig, RouterInterfaceConfig } from './router_shape.ts';
export type {
  BridgeConfig,
  LocalConfig,
  MirrorConfig,
  MulticastConfig,
  StaticEntryConfig,
  SwitchConfig,
  SwitchConfigInput,
} from './shape.ts';
export { configShape } from './shape.ts';
export type { TrunkVlans, TunnelVlans, VlanConfig } from './vlan_config.ts';
export { carriesVlan, type VlanSet, vlanSet } from './vlan_set.ts';

/** The configuration of a switch without bridges. */
export const EMPTY_CONFIG: SwitchConfig = Object.freeze({ version: 1, bridges: Object.freeze({}) });

export interface ParseOptions {
  /** Whether TAP ports may name an open file descriptor of this process. Default true; false for files and requests. */
  allowFd?: boolean;
}

/** Validates and fills in defaults. Throws `ConfigError` with all problems. Does not change or keep `input`. */
export function parseConfig(input: unknown, options: ParseOptions = {}): SwitchConfig {
  return sound(validate(input, options));
}

/** The same, with breaths in between. */
export async function parseConfigBreathing(input: unknown): Promise<SwitchConfig> {
  return sound(await breathing(judge(input, {})));
}

/** As `parseConfig`, with the problems as a value. `config` holds what is valid in itself, if there are any. */
export function validate(input: unknown, options: ParseOptions = {}): Judged {
  return atOnce(judge(input, options));
}

interface Judged {
  config: SwitchConfig;
  problems: Problem[];
}

function sound({ config, problems }: Judged): SwitchConfig {
  if (problems.length > 0) throw new ConfigError(problems);
  return config;
}

function* judge(input: unknown, { allowFd = true }: ParseOptions): Parts<Judged> {
  const excess = tooLarge(input);
  // Whoever looks at each of a million things keeps everybody else waiting.
  if (excess.length > 0) return { config: EMPTY_CONFIG, problems: excess };
  const result = yield* shaped(input);
  const problems = explain(result.issues, input);
  for (const problem of skippedNames(input)) problems.push(problem);
  yield;
  // One mistake should not hide the others: the rules judge whatever has the right shape.
  const { bridges, routers, groups, acls, connections, tenants } =
    result.issues.length === 0 ? result : yield* shaped(without(input, problems));
  const config = assembled(bridges, { routers, groups, acls, connections, tenants });
  yield;
  // Not push(...): an argument for each is more than the stack takes.
  const wrong = [...check(config, doubts(input, problems)), ...(allowFd ? [] : openFds(config))];
  yield;
  return { config, problems: problems.concat(wrong) };
}

function openFds({ bridges }: SwitchConfig): Problem[] {
  return Object.entries(bridges).flatMap(([name, bridge]) =>
    devicesIn(bridge)
      .filter(([, port]) => port.type === 'tap' && port.fd !== undefined)
      .map(([, , place]) => ({
        path: ['bridges', name, ...place, 'fd'],
        message: 'only a program that embeds the switch can hand over an open file descriptor',
      })),
  );
}

/** zod leaves this one name out of records, without an error. */
function skippedNames(input: unknown): Problem[] {
  const bridges = child(input, ['bridges']) ?? {};
  const routers = child(input, ['routers']) ?? {};
  const places = [
    ['bridges'],
    ['groups'],
    ['tenants'],
    ['acls'],
    ...Object.keys(bridges).map((name) => ['bridges', name, 'ports']),
    ['routers'],
    ...Object.keys(routers).map((name) => ['routers', name, 'interfaces']),
  ];
  return places
    .filter((path) => Object.hasOwn(child(input, path) ?? {}, '__proto__'))
    .map((path) => ({ path: [...path, '__proto__'], message: `"__proto__" ${nameProblem('__proto__')}` }));
}

type Mapping = Record<string, unknown>;
const BESIDE_BRIDGES: ReadonlySet<unknown> = new Set(['routers', 'groups', 'acls', 'connections', 'tenants']);
const NONE: ReadonlySet<string> = new Set();

/**
 * A copy of `input` without its broken parts: a port, the list of static entries, or a key of a bridge each; the routes of a
 * router, or all of it.
 */
function without(input: unknown, problems: readonly Problem[]): unknown {
  const broken = new Map<
    string | number,
    { keys: Set<string | number>; ports: Set<string | number> } | null
  >();
  const routers = new Map(Object.entries(child(input, ['routers']) ?? {}));
  const groups = new Map(Object.entries(child(input, ['groups']) ?? {}));
  const tenants = new Map(Object.entries(child(input, ['tenants']) ?? {}));
  const acls = new Map(Object.entries(child(input, ['acls']) ?? {}));
  for (const { path } of problems) {
    const [top, name, key, port] = path;
    if (top === 'routers') dropFrom(routers, String(name), key);
    if (top === 'groups') groups.delete(String(name));
    if (top === 'tenants') tenants.delete(String(name));
    if (top === 'acls') acls.delete(String(name));
    if (name === undefined || BESIDE_BRIDGES.has(top)) continue;
    if (top !== 'bridges' || key === undefined) broken.set(name, null);
    const parts = broken.get(name) ?? { keys: new Set(), ports: new Set() };
    if (broken.get(name) === null || key === undefined) continue;
    broken.set(name, parts);
    if (key === 'ports' && port !== undefined) parts.ports.add(port);
    else parts.keys.add(key);
  }
  const bridges = { ...child(input, ['bridges']) };
  for (const [name, parts] of broken) {
    const bridge = child(bridges, [name]);
    if (parts === null || bridge === undefined) delete bridges[name];
    else {
      const ports = omit(child(bridge, ['ports']), parts.ports);
      bridges[name] = omit(parts.ports.size === 0 ? bridge : { ...bridge, ports }, parts.keys);
    }
  }
  return {
    version: 1,
    bridges,
    routers: Object.fromEntries(routers),
    groups: Object.fromEntries(groups),
    tenants: Object.fromEntries(tenants),
    acls: Object.fromEntries(acls),
  };
}

/** Routes say nothing of interfaces; what is wrong elsewhere leaves nothing to judge of a router. */
function dropFrom(routers: Map<string, unknown>, name: string, key: string | number | undefined): void {
  const router = routers.get(name) as Mapping | undefined;
  if (key !== 'routes' || router === undefined) routers.delete(name);
  else routers.set(name, omit(router, new Set([key])));
}

function omit(mapping: Mapping | undefined, keys: ReadonlySet<string | number>): Mapping {
  return Object.fromEntries(Object.entries(mapping ?? {}).filter(([key]) => !keys.has(key)));
}

/** What the parts that are left cannot answer. */
function doubts(input: unknown, problems: readonly Problem[]): Doubts {
  const filtering = new Set<unknown>();
  const ports = new Map<unknown, Set<string>>();
  for (const { path } of problems) {
    const [top, bridge, key, port] = path;
    if (top !== 'bridges') continue;
    // `vlanFiltering: true` is an unknown key, but what was meant is clear enough.
    if (path.length === 3 && suggest(String(key), ['vlan_filtering']) !== undefined) filtering.add(bridge);
    if (key === 'ports' && port !== undefined && child(input, path.slice(0, 3))) {
      ports.set(bridge, (ports.get(bridge) ?? new Set()).add(String(port)));
    }
  }
  return {
    bridge: (name) => Object.hasOwn(child(input, ['bridges']) ?? {}, name),
    filtering: (bridge) => filtering.has(bridge),
    ports: (bridge) => ports.get(bridge) ?? NONE,
    group: (name) => Object.hasOwn(child(input, ['groups']) ?? {}, name),
    acl: (name) => Object.hasOwn(child(input, ['acls']) ?? {}, name),
  };
}

/** The mapping at `path`, if there is one. */
function child(input: unknown, path: Path): Mapping | undefined {
  const value = valueAt(input, path);
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Mapping)
    : undefined;
}
