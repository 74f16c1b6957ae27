// The configuration that is in force after some actions of a plan were carried out and others failed.

import type { AclRuleConfig } from './acl_shape.ts';
import type { Action } from './action.ts';
import { assembled } from './assembled.ts';
import { interfacePath, staticPath } from './diff.ts';
import type { GroupConfig } from './group_shape.ts';
import { memberPath, membersOf } from './members.ts';
import { formatPath } from './path.ts';
import type { RouterConfig } from './router_shape.ts';
import type { BridgeConfig, MemberConfig, PortConfig, SwitchConfig } from './schema.ts';
import type { TenantsConfig } from './tenant_shape.ts';
import { withWhatFits } from './without_ports.ts';

/**
 * `old` with `done` carried out; `done` are actions of `diff(old, next)`. With all of them the outcome is `next`.
 * What would belong to a bridge or a port that is not there is left out.
 */
export function inForce(old: SwitchConfig, next: SwitchConfig, done: readonly Action[]): SwitchConfig {
  const actions = new Map<string, Map<Action['op'], Action>>();
  for (const action of done) {
    const ofPath = actions.get(action.path) ?? new Map<Action['op'], Action>();
    actions.set(action.path, ofPath.set(action.op, action));
  }

  /** The value at `path`: the new one if it was added, the old one with its changes unless it was deleted. */
  function settle<T extends object>(path: string, from: T | undefined, to: T | undefined): T | undefined {
    const ofPath = actions.get(path);
    if (ofPath?.has('add')) return to;
    if (from === undefined || ofPath?.has('delete')) return undefined;
    const changes = Object.entries(ofPath?.get('set')?.changes ?? {});
    if (changes.length === 0) return from;
    const changed: Record<string, unknown> = Object.fromEntries(Object.entries(from));
    for (const [key, change] of changes) {
      if (change.to === undefined) delete changed[key];
      else changed[key] = change.to;
    }
    return changed as T;
  }

  function withMembers(value: PortConfig, bridge: string, port: string, from?: PortConfig, to?: PortConfig) {
    if (value.type !== 'aggregate') return value;
    const [before, after] = [membersOf(from), membersOf(to)];
    const members: Record<string, MemberConfig> = {};
    for (const name of namesOf(after, before)) {
      const member = settle(memberPath(bridge, port, name), own(before, name), own(after, name));
      if (member) members[name] = member;
    }
    return { ...value, members };
  }

  const bridges: Record<string, BridgeConfig> = {};
  for (const name of namesOf(next.bridges, old.bridges)) {
    const from = own(old.bridges, name);
    const to = own(next.bridges, name);
    const bridge = settle(formatPath(['bridges', name]), from, to);
    if (!bridge) continue;

    const local = settle(
      formatPath(['bridges', name, 'local']),
      from?.local || undefined,
      to?.local || undefined,
    );
    const ports: BridgeConfig['ports'] = {};
    for (const port of namesOf(to?.ports ?? {}, from?.ports ?? {})) {
      const path = formatPath(['bridges', name, 'ports', port]);
      const [before, after] = [from && own(from.ports, port), to && own(to.ports, port)];
      const value = settle(path, before, after);
      if (value) ports[port] = withMembers(value, name, port, before, after);
    }

    const oldEntries = new Map(from?.static.map((entry) => [staticPath(name, entry), entry]));
    const newEntries = new Map(to?.static.map((entry) => [staticPath(name, entry), entry]));
    const entries = [...new Set([...newEntries.keys(), ...oldEntries.keys()])]
      .map((path) => settle(path, oldEntries.get(path), newEntries.get(path)))
      .filter((entry) => entry !== undefined);
    bridges[name] = withWhatFits({ ...bridge, local: local ?? false, static: entries, ports }, name);
  }
  const routers: Record<string, RouterConfig> = {};
  for (const name of namesOf(next.routers ?? {}, old.routers ?? {})) {
    const [from, to] = [own(old.routers ?? {}, name), own(next.routers ?? {}, name)];
    const router = settle(formatPath(['routers', name]), from, to);
    if (!router) continue;
    const interfaces: RouterConfig['interfaces'] = {};
    for (const port of namesOf(to?.interfaces ?? {}, from?.interfaces ?? {})) {
      const [before, after] = [from && own(from.interfaces, port), to && own(to.interfaces, port)];
      const value = settle(interfacePath(name, port), before, after);
      if (value) interfaces[port] = value;
    }
    routers[name] = { ...router, interfaces };
  }
  const groups: Record<string, GroupConfig> = {};
  for (const name of namesOf(next.groups ?? {}, old.groups ?? {})) {
    const path = formatPath(['groups', name]);
    const group = settle(path, own(old.groups ?? {}, name), own(next.groups ?? {}, name));
    if (group) groups[name] = group;
  }
  const acls: Record<string, AclRuleConfig[]> = {};
  for (const name of namesOf(next.acls ?? {}, old.acls ?? {})) {
    const path = formatPath(['acls', name]);
    const [from, to] = [own(old.acls ?? {}, name), own(next.acls ?? {}, name)];
    const list = settle(path, from && { rules: from }, to && { rules: to });
    if (list) acls[name] = list.rules;
  }
  const connections = settle('connections', old.connections, next.connections);
  const tenants: TenantsConfig = {};
  for (const name of namesOf(next.tenants ?? {}, old.tenants ?? {})) {
    const path = formatPath(['tenants', name]);
    const tenant = settle(path, own(old.tenants ?? {}, name), own(next.tenants ?? {}, name));
    if (tenant) tenants[name] = tenant;
  }
  return assembled(bridges, { routers, groups, acls, connections, tenants });
}

function own<T>(record: Readonly<Record<string, T>>, key: string): T | undefined {
  return Object.hasOwn(record, key) ? record[key] : undefined;
}

function namesOf(...records: object[]): Set<string> {
  return new Set(records.flatMap(Object.keys));
}
