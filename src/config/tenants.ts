// Tenants: who has what, and whether that is more than a quota. What can be counted beforehand is refused; the rest is shared out, so that
// the limits of ports keep it while frames flow.

import type { Problem } from './config_error.ts';
import { isListener } from './guest_ports.ts';
import type { Path } from './path.ts';
import type { PortConfig } from './port_shape.ts';
import type { BridgeConfig, SwitchConfig } from './shape.ts';
import { suggest } from './suggest.ts';
import type { TenantConfig } from './tenant_shape.ts';

/** What a tenant has, by name; networks are those of bridges or of VLANs, `br0` or `br0.10`. */
export interface Holdings {
  ports: { bridge: string; name: string; config: PortConfig }[];
  groups: string[];
  networks: string[];
}

/** Of every tenant that is configured. */
export function holdings({ tenants = {}, bridges, groups = {} }: SwitchConfig): Map<string, Holdings> {
  const found = new Map<string, Holdings>();
  for (const name of Object.keys(tenants)) found.set(name, { ports: [], groups: [], networks: [] });
  for (const [bridge, config] of Object.entries(bridges)) {
    for (const [name, port] of Object.entries(config.ports))
      if (port.tenant !== undefined) found.get(port.tenant)?.ports.push({ bridge, name, config: port });
    for (const { tenant, place } of networksOf(bridge, config)) found.get(tenant)?.networks.push(place);
  }
  for (const [name, { tenant }] of Object.entries(groups))
    if (tenant !== undefined) found.get(tenant)?.groups.push(name);
  return found;
}

/** The tenant of a port, and how much of its quota of something the port may have; undefined = as much as it likes. */
export function shareOf(
  { tenants = {} }: SwitchConfig,
  all: ReadonlyMap<string, Holdings>,
  port: PortConfig,
  quota: 'addresses' | 'connections',
): number | undefined {
  if (port.tenant === undefined || !takesShare(port, quota)) return undefined;
  const most = tenants[port.tenant]?.[quota];
  const held = all.get(port.tenant);
  if (most === undefined || held === undefined) return undefined;
  const sharing = held.ports.filter(({ config }) => takesShare(config, quota));
  const given = quota === 'addresses' ? addressesSaid(held) : 0;
  return Math.max(1, Math.floor((most - given) / Math.max(1, sharing.length)));
}

/** Rules of a group, in and out; `any` is one. */
export function rulesOf(config: SwitchConfig, { groups }: Holdings): number {
  return groups.reduce((sum, name) => {
    const group = config.groups?.[name];
    return (
      sum +
      [group?.in ?? [], group?.out ?? []].reduce((all, one) => all + (one === 'any' ? 1 : one.length), 0)
    );
  }, 0);
}

export function checkTenants(config: SwitchConfig, problems: Problem[]): void {
  const { tenants = {}, bridges, groups = {} } = config;
  const names = Object.keys(tenants);
  const known = (path: Path, tenant: string | undefined) => {
    if (tenant === undefined || Object.hasOwn(tenants, tenant)) return;
    const meant = suggest(tenant, names);
    const help = meant === undefined ? ': add it to tenants' : `, did you mean ${meant}?`;
    problems.push({ path: [...path, 'tenant'], message: `there is no tenant ${tenant}${help}` });
  };
  for (const [bridge, { ports, network, vlans }] of Object.entries(bridges)) {
    const path = ['bridges', bridge];
    for (const [name, port] of Object.entries(ports)) {
      known([...path, 'ports', name], port.tenant);
      if (port.type !== 'stream') continue;
      known([...path, 'ports', name, 'template'], port.template?.tenant);
      for (const [uid, guest] of Object.entries(port.users ?? {}))
        known([...path, 'ports', name, 'users', uid], guest.tenant);
    }
    known([...path, 'network'], network?.tenant);
    for (const [vid, vlan] of Object.entries(vlans))
      known([...path, 'vlans', vid, 'network'], vlan.network?.tenant);
  }
  for (const [name, { tenant }] of Object.entries(groups)) known(['groups', name], tenant);
  const all = holdings(config);
  for (const [name, tenant] of Object.entries(tenants)) {
    for (const [quota, message] of excess(config, tenant, all.get(name) as Holdings))
      problems.push({ path: ['tenants', name, quota], message });
  }
}

/** What is more than a quota, in sentences. */
function* excess(
  config: SwitchConfig,
  { ports, addresses, rules, connections, shape }: TenantConfig,
  held: Holdings,
): Generator<[quota: keyof TenantConfig, message: string]> {
  const count = portsOf(held);
  if (ports !== undefined && count > ports)
    yield ['ports', `it has ${count} ports, and its quota is ${ports}: remove some, or raise it`];
  const written = rulesOf(config, held);
  if (rules !== undefined && written > rules)
    yield ['rules', `its groups have ${written} rules, and its quota is ${rules}: remove some, or raise it`];
  const said = addressesSaid(held);
  const sharing = held.ports.filter((one) => takesShare(one.config, 'addresses')).length;
  if (addresses !== undefined && said + sharing > addresses)
    yield [
      'addresses',
      `the fdb_limit of its ports is ${said} together, ${sharing} have none, and its quota is ${addresses}: lower some, or raise it`,
    ];
  const unshaped = held.ports.find(({ config: port }) => !isListener(port) && !isShaped(port));
  if (shape !== undefined && unshaped !== undefined)
    yield [
      'shape',
      `${unshaped.name} of ${unshaped.bridge} has no queues in which frames wait for it: give it qos.shape, ${shape} for instance`,
    ];
  const filtered = held.ports.filter((one) => takesShare(one.config, 'connections')).length;
  if (connections !== undefined && filtered > connections)
    yield [
      'connections',
      `it has ${filtered} ports in groups, and its quota is ${connections}: each needs one at least`,
    ];
}

/** A listening socket has as many as it may have guests, and itself none. */
export function portsOf({ ports }: Holdings): number {
  return ports.reduce((sum, { config }) => sum + (isListener(config) ? config.max_guests : 1), 0);
}

function addressesSaid({ ports }: Holdings): number {
  return ports.reduce((sum, { config }) => sum + (config.fdb_limit ?? 0), 0);
}

function isShaped(config: PortConfig): boolean {
  return 'qos' in config && config.qos?.shape !== undefined;
}

function takesShare(config: PortConfig, quota: 'addresses' | 'connections'): boolean {
  return quota === 'addresses' ? config.fdb_limit === undefined : (config.groups ?? []).length > 0;
}

function* networksOf(
  bridge: string,
  { network, vlans }: BridgeConfig,
): Generator<{ tenant: string; place: string }> {
  if (network?.tenant !== undefined) yield { tenant: network.tenant, place: bridge };
  for (const [vid, { network: own }] of Object.entries(vlans))
    if (own?.tenant !== undefined) yield { tenant: own.tenant, place: `${bridge}.${vid}` };
}
