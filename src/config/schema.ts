// The configuration: what a switch should be, as one plain value. shape.ts has the keys, check.ts the rules that span
// several of them; this file joins both and is what others import.
//
//   input --shape--> defaults filled in --check--> SwitchConfig        all problems of both, at once

import { check } from './check.ts';
import { ConfigError, type Problem } from './config_error.ts';
import { explain } from './explain.ts';
import type { Path } from './path.ts';
import { type BridgeConfig, configShape, type SwitchConfig } from './shape.ts';

export { ConfigError } from './config_error.ts';
export type {
  BridgeConfig,
  FaultConfig,
  LocalConfig,
  MemoryPortConfig,
  PortConfig,
  StaticEntryConfig,
  SwitchConfig,
  SwitchConfigInput,
  TapPortConfig,
  VlanConfig,
  VxlanPortConfig,
} from './shape.ts';
export { configShape } from './shape.ts';
export { carriesVlan, type VlanSet, vlanSet } from './vlan_set.ts';

/** The configuration of a switch without bridges. */
export const EMPTY_CONFIG: SwitchConfig = Object.freeze({ version: 1, bridges: Object.freeze({}) });

export interface ParseOptions {
  /** Whether TAP ports may name an open file descriptor of this process. Default true; false for files and requests. */
  allowFd?: boolean;
}

/** Validates and fills in defaults. Throws `ConfigError` with all problems. Does not change or keep `input`. */
export function parseConfig(input: unknown, options: ParseOptions = {}): SwitchConfig {
  const { config, problems } = validate(input, options);
  if (problems.length > 0) throw new ConfigError(problems);
  return config;
}

/** As `parseConfig`, with the problems as a value. `config` holds what is valid in itself, if there are any. */
export function validate(
  input: unknown,
  { allowFd = true }: ParseOptions = {},
): { config: SwitchConfig; problems: Problem[] } {
  const result = configShape.safeParse(input);
  const problems = result.success ? [] : explain(result.error.issues, input);
  // One mistake should not hide the others: the rules judge whatever has the right shape.
  const sound = result.success ? result.data : configShape.safeParse(without(input, problems)).data;
  const config = finish(sound);
  problems.push(...check(config, (bridge, port) => hasPort(input, bridge, port)));
  if (!allowFd) problems.push(...openFds(config));
  return { config, problems };
}

/** Fills in the defaults that depend on other values. */
function finish(sound: ReturnType<typeof configShape.parse> | undefined): SwitchConfig {
  const bridges: Record<string, BridgeConfig> = {};
  for (const [name, bridge] of Object.entries(sound?.bridges ?? {})) {
    const ports: BridgeConfig['ports'] = {};
    for (const [portName, port] of Object.entries(bridge.ports)) {
      // RFC 7348, 5: zero on IPv4. On IPv6 only receivers that were told so accept zero (RFC 6936).
      ports[portName] =
        port.type === 'vxlan'
          ? { ...port, udp_checksum: port.udp_checksum ?? port.local.includes(':') }
          : port;
    }
    bridges[name] = { ...bridge, ports };
  }
  return { version: 1, bridges };
}

function openFds({ bridges }: SwitchConfig): Problem[] {
  return Object.entries(bridges).flatMap(([name, { ports }]) =>
    Object.entries(ports)
      .filter(([, port]) => port.type === 'tap' && port.fd !== undefined)
      .map(([port]) => ({
        path: ['bridges', name, 'ports', port, 'fd'],
        message: 'only a program that embeds the switch can hand over an open file descriptor',
      })),
  );
}

type Mapping = Record<string, unknown>;

/**
 * A copy of `input` without its broken parts: a port or the `static` list as a whole, other keys of a bridge with their
 * bridge, since its ports and entries are judged by them.
 */
function without(input: unknown, problems: readonly Problem[]): unknown {
  const bridges: Mapping = { ...child(input, ['bridges']) };
  for (const { path } of problems) {
    const [top, name, key, port] = path;
    if (top !== 'bridges' || name === undefined || !Object.hasOwn(bridges, name)) continue;
    if (key === 'ports' && port !== undefined) {
      const ports = { ...child(bridges, [name, 'ports']) };
      delete ports[port];
      bridges[name] = { ...child(bridges, [name]), ports };
    } else if (key === 'static' || key === 'local') {
      const { [key]: _, ...rest } = child(bridges, [name]) ?? {};
      bridges[name] = rest;
    } else {
      delete bridges[name];
    }
  }
  return { version: 1, bridges };
}

function hasPort(input: unknown, bridge: string, port: string): boolean {
  const ports = child(input, ['bridges', bridge, 'ports']);
  return ports !== undefined && Object.hasOwn(ports, port);
}

/** The mapping at `path`, if there is one. */
function child(input: unknown, path: Path): Mapping | undefined {
  let value = input;
  for (const key of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined;
    value = (value as Mapping)[key];
  }
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Mapping)
    : undefined;
}
