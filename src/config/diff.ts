// What has to be done to turn one configuration into another: a pure function, so that `--dry-run` prints the plan that
// `apply` carries out.
//
//   delete static entries, routers, groups, ports, bridges, tenants | tenants, groups, access lists | add bridges, ports | set bridges,
//   ports | add static entries, routers | delete access lists
//
// Deletions come first, so that a name, a VNI or a table entry is free before somebody else takes it. Static entries
// come late: they need their port to exist and to carry their VLAN. An interface of a router is a thing of its own.

import type { Action } from './action.ts';
import { equal } from './equal.ts';
import { memberPath, membersIn } from './members.ts';
import { formatPath } from './path.ts';
import type { BridgeConfig, PortConfig, StaticEntryConfig, SwitchConfig } from './schema.ts';

/** What makes a device the device it is. A change of these is another device: delete and add. */
const IDENTITY: ReadonlySet<string> = new Set([
  'type',
  'fd',
  'interface',
  'netns',
  'host_stack',
  'stacked_tags',
  'owner',
  'group',
  'mac',
  'persist',
  'offloads',
  'vni',
  'local',
  'dst_port',
  'source_ports',
  'ttl',
  'tos',
  'udp_checksum',
  'underlay_tap',
  'remote_learning',
  'max_remotes',
  'capacity',
  'address',
  'gateway',
  'queues',
  'ifname',
  'path',
  'remote',
  'framing',
  'socket_mode',
  'fault',
]);

/** What a TAP that Taploom opened, or a pair that it made, can change while frames flow. */
const OF_TAP: ReadonlySet<string> = new Set([
  'mac',
  'owner',
  'group',
  'persist',
  'offloads',
  'netns',
  'address',
  'gateway',
]);

/** Changes of these keys of a bridge are changes of its own; the others are lists of things with actions. */
const BRIDGE_KEYS = [
  'vlan_filtering',
  'vlan_protocol',
  'ageing_time',
  'fdb_limit',
  'group_fwd_mask',
  'tunnel_mac',
  'stp',
  'vlans',
  'mirrors',
  'hooks',
  'acls',
  'multicast',
  'network',
  'bridge_helper',
] as const;

export function diff(old: SwitchConfig, next: SwitchConfig): Action[] {
  const before = items(old);
  const after = items(next);
  const plan: Record<'delete' | 'add' | 'set', Record<Action['kind'], Action[]>> = {
    delete: { bridge: [], port: [], fdb: [], router: [], group: [], acl: [], tenant: [] },
    add: { bridge: [], port: [], fdb: [], router: [], group: [], acl: [], tenant: [] },
    set: { bridge: [], port: [], fdb: [], router: [], group: [], acl: [], tenant: [] },
  };
  for (const [path, { kind, value }] of after) {
    const predecessor = before.get(path);
    const changes = predecessor && changesBetween(predecessor.value, value);
    if (changes && !isReplaced(kind, predecessor.value, changes)) {
      before.delete(path);
      if (Object.keys(changes).length > 0) plan.set[kind].push({ op: 'set', kind, path, changes });
    } else plan.add[kind].push({ op: 'add', kind, path });
  }
  // What is left has no successor.
  for (const [path, { kind }] of before) plan.delete[kind].push({ op: 'delete', kind, path });
  return [
    ...plan.delete.fdb,
    ...plan.delete.router.reverse(),
    ...plan.delete.group,
    ...plan.delete.port,
    ...plan.delete.bridge,
    ...plan.delete.tenant,
    ...plan.add.tenant,
    ...plan.set.tenant,
    ...plan.add.group,
    ...plan.set.group,
    ...plan.add.acl,
    ...plan.set.acl,
    ...plan.add.bridge,
    ...plan.add.port,
    ...plan.set.bridge,
    ...plan.set.port,
    ...plan.add.fdb,
    ...plan.add.router,
    ...plan.set.router,
    ...plan.delete.acl,
  ];
}

/** Path of a static entry. There is one for each MAC address and VLAN; its place in the list means nothing. */
export function staticPath(bridge: string, { mac, vlan }: Pick<StaticEntryConfig, 'mac' | 'vlan'>): string {
  return formatPath(['bridges', bridge, 'static', vlan === undefined ? mac : `${mac} vlan ${vlan}`]);
}

export function interfacePath(router: string, name: string): string {
  return formatPath(['routers', router, 'interfaces', name]);
}

type Value = Readonly<Record<string, unknown>>;
type Changes = NonNullable<Action['changes']>;

interface Item {
  kind: Action['kind'];
  /** Without the things that are items themselves. */
  value: Value;
}

/** All things of a configuration that come and go by themselves, by path. */
function items({
  bridges,
  routers = {},
  groups = {},
  acls = {},
  connections,
  tenants = {},
}: SwitchConfig): Map<string, Item> {
  const found = new Map<string, Item>();
  const add = (kind: Action['kind'], path: string, value: object) =>
    found.set(path, { kind, value: value as Value });
  for (const [name, bridge] of Object.entries(bridges)) {
    add('bridge', formatPath(['bridges', name]), ownValue(bridge));
    if (bridge.local) add('port', formatPath(['bridges', name, 'local']), bridge.local);
    for (const [port, value] of Object.entries(bridge.ports)) {
      add('port', formatPath(['bridges', name, 'ports', port]), portValue(value));
    }
    for (const { aggregate, name: port, member } of membersIn(bridge))
      add('port', memberPath(name, aggregate, port), member);
    for (const entry of bridge.static) add('fdb', staticPath(name, entry), entry);
  }
  for (const [name, { interfaces, ...router }] of Object.entries(routers)) {
    add('router', formatPath(['routers', name]), router);
    for (const [own, value] of Object.entries(interfaces)) add('router', interfacePath(name, own), value);
  }
  for (const [name, group] of Object.entries(groups)) add('group', formatPath(['groups', name]), group);
  // A list as a thing with one key: its rules.
  for (const [name, rules] of Object.entries(acls)) add('acl', formatPath(['acls', name]), { rules });
  if (connections !== undefined) add('group', 'connections', connections);
  for (const [name, tenant] of Object.entries(tenants)) add('tenant', formatPath(['tenants', name]), tenant);
  return found;
}

function ownValue(bridge: BridgeConfig): object {
  return Object.fromEntries(BRIDGE_KEYS.map((key) => [key, bridge[key]]));
}

/** Members come and go by themselves. */
function portValue(port: PortConfig): object {
  return port.type === 'aggregate' ? { ...port, members: undefined } : port;
}

function isReplaced(kind: Action['kind'], value: Value, changes: Changes): boolean {
  const keys = Object.keys(changes);
  if (kind !== 'port') return kind === 'fdb' && keys.length > 0;
  // A bridge's own interface has no type, and is a TAP.
  const { type = 'tap', fd } = value;
  const isTap = (type === 'tap' || type === 'veth') && fd === undefined;
  // Of a socket; that of an aggregate changes while frames flow.
  if (keys.includes('mode') && value.type !== 'aggregate') return true;
  return keys.some((key) => IDENTITY.has(key) && !(isTap && OF_TAP.has(key) && canChange(key, changes[key])));
}

/** The kernel cannot take back an owner. */
function canChange(key: string, { to }: Changes[string]): boolean {
  return to !== undefined || (key !== 'owner' && key !== 'group');
}

function changesBetween(from: Value, to: Value): Changes {
  const changes: Changes = {};
  const compare = (key: string) => {
    if (!equal(from[key], to[key])) changes[key] = { from: from[key], to: to[key] };
  };
  for (const key in from) compare(key);
  for (const key in to) if (!(key in from)) compare(key);
  return changes;
}
