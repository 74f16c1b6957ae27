// Writes a configuration as YAML, the inverse of `loadConfig`: only what differs from the defaults, in the order of the
// schema. A mapping that fits on a line stands on one: `vm1: { type: tap, netns: h1 }`.

import { Document, isCollection, isMap, isScalar, type Node, stringify, visit } from 'yaml';
import { type BridgeHelperConfig, bridgeHelper } from './bridge_helper.ts';
import { equal } from './equal.ts';
import { GROUP_CONNECTIONS_DEFAULTS, type GroupConfig } from './group_shape.ts';
import { defaultsOf, ONCE } from './leaves.ts';
import { membersOf } from './members.ts';
import { type RouterConfig, router } from './router_shape.ts';
import {
  type AggregatePortConfig,
  type BridgeConfig,
  type MemberConfig,
  type PortConfig,
  parseConfig,
  type StreamPortConfig,
  type SwitchConfig,
} from './schema.ts';
import { BRIDGE_STP } from './stp.ts';

const LINE_WIDTH = 110;
// What a level shifts its keys, with room for the key in front of a mapping.
const INDENT = 4;

export function formatConfig(config: SwitchConfig): string {
  const document = new Document(minimal(config));
  visit(document, {
    Map(_, node, path) {
      // The levels `version`, `bridges` or `routers`, and each of these read better as blocks.
      const depth = path.filter(isMap).length;
      if (depth >= 3) node.flow = flowText(node).length + INDENT * depth < LINE_WIDTH;
    },
    Seq(_, node) {
      // Lists of scalars; the list of static entries has one entry a line.
      node.flow = node.items.every(isScalar);
    },
    Pair(_, pair) {
      // Bit masks are read in hexadecimal.
      if (isScalar(pair.key) && pair.key.value === 'group_fwd_mask' && isScalar(pair.value)) {
        pair.value.format = 'HEX';
      }
      // VLANs are numbers, also as keys.
      if (isScalar(pair.key) && pair.key.value === 'vlans' && isMap(pair.value)) {
        for (const { key } of pair.value.items) if (isScalar(key)) key.value = Number(key.value);
      }
      if (isCollection(pair.value) && pair.value.items.length === 0) pair.value.flow = true;
    },
  });
  return document.toString({ lineWidth: 0, flowCollectionPadding: true });
}

function flowText(node: Node): string {
  return stringify(node, { collectionStyle: 'flow', lineWidth: 0 });
}

/** The least input that `parseConfig` turns into `config`. */
function minimal({
  bridges,
  routers = {},
  groups = {},
  acls = {},
  connections,
  tenants = {},
}: SwitchConfig): unknown {
  const entries = Object.entries(bridges).map(([name, bridge]) => {
    const ports = Object.entries(bridge.ports).map(([port, value]) => [port, minimalPort(value)]);
    const { stp, multicast, vlans, bridge_helper } = bridge;
    const rest = {
      ...differences(bridge, BRIDGE_DEFAULTS, new Set(['ports'])),
      ...(typeof stp === 'object' && { stp: differences(stp, BRIDGE_STP) }),
      ...(Object.keys(vlans).length > 0 && { vlans: minimalVlans(vlans) }),
      ...(multicast && {
        multicast: { snooping: multicast.snooping, ...differences(multicast, MULTICAST_DEFAULTS) },
      }),
      ...(bridge_helper && { bridge_helper: minimalHelper(bridge_helper) }),
    };
    return [name, ports.length === 0 ? rest : { ...rest, ports: Object.fromEntries(ports) }];
  });
  const own = Object.entries(routers).map(([name, router]) => [name, minimalRouter(router)]);
  const ofGroups = Object.entries(groups).map(([name, group]) => [name, differences(group, GROUP_DEFAULTS)]);
  return {
    version: 1,
    bridges: Object.fromEntries(entries),
    ...(own.length > 0 && { routers: Object.fromEntries(own) }),
    ...(ofGroups.length > 0 && { groups: Object.fromEntries(ofGroups) }),
    ...(Object.keys(acls).length > 0 && { acls }),
    ...(connections && { connections: differences(connections, GROUP_CONNECTIONS_DEFAULTS) }),
    ...(Object.keys(tenants).length > 0 && { tenants }),
  };
}

function minimalRouter({ interfaces, ...router }: RouterConfig): object {
  const own = Object.entries(interfaces).map(([name, value]) => [
    name,
    { bridge: value.bridge, ...differences(value, INTERFACE_DEFAULTS) },
  ]);
  return { interfaces: Object.fromEntries(own), ...differences(router, ROUTER_DEFAULTS) };
}

function minimalVlans(vlans: BridgeConfig['vlans']): object {
  const entries = Object.entries(vlans).map(([vid, { private: secondaries, ...rest }]) => [
    vid,
    {
      ...(secondaries && { private: differences(secondaries, { communities: [] }) }),
      ...differences(rest, VLAN_DEFAULTS),
    },
  ]);
  return Object.fromEntries(entries);
}

function minimalHelper({ template, ...rest }: BridgeHelperConfig): object {
  const own = differences(template, HELPER_DEFAULTS.template);
  const different = differences(rest, HELPER_DEFAULTS);
  return Object.keys(own).length === 0 ? different : { ...different, template: own };
}

function minimalPort(port: PortConfig): object {
  if (port.type === 'aggregate') return minimalAggregate(port);
  if (port.type === 'stream') return minimalStream(port);
  if (port.type !== 'vxlan') return { type: port.type, ...differences(port, PORT_DEFAULTS[port.type]) };
  const { type, vni, local, ...rest } = port;
  const defaults = local.includes(':') ? PORT_DEFAULTS.vxlan6 : PORT_DEFAULTS.vxlan;
  return { type, vni, local, ...differences(rest, { ...defaults, remote_learning: false }) };
}

function minimalAggregate({ type, members, ...rest }: AggregatePortConfig): object {
  const own = Object.entries(members).map(([name, member]) => [name, minimalMember(member)]);
  return { type, ...differences(rest, PORT_DEFAULTS.aggregate), members: Object.fromEntries(own) };
}

function minimalStream({ type, path, template, users, ...rest }: StreamPortConfig): object {
  const own = Object.entries(users ?? {}).map(([uid, guest]) => [uid, differences(guest, GUEST_DEFAULTS)]);
  return {
    type,
    ...(path !== undefined && { path }),
    ...differences(rest, PORT_DEFAULTS.stream),
    ...(template && { template: differences(template, GUEST_DEFAULTS) }),
    ...(users && { users: Object.fromEntries(own) }),
  };
}

function minimalMember(member: MemberConfig): object {
  return { type: member.type, ...differences(member, MEMBER_DEFAULTS[member.type]) };
}

function differences(value: object, defaults: object, except: ReadonlySet<string> = new Set()): object {
  const standard = defaults as Record<string, unknown>;
  return Object.fromEntries(
    Object.entries(value).filter(
      ([key, item]) => item !== undefined && !except.has(key) && !equal(item, standard[key]),
    ),
  );
}

const GROUP_DEFAULTS: GroupConfig = { in: [], out: 'any', members: [] };
const BRIDGE_DEFAULTS: BridgeConfig = parseConfig({ version: 1, bridges: { b: {} } }).bridges.b;

const VLAN_DEFAULTS = parseConfig({
  version: 1,
  bridges: { b: { vlan_filtering: true, vlans: { 1: {} } } },
}).bridges.b.vlans[1];

const MULTICAST_DEFAULTS =
  parseConfig({ version: 1, bridges: { b: { multicast: {} } } }).bridges.b.multicast ?? {};

const HELPER_DEFAULTS = defaultsOf(bridgeHelper);

const PORT_DEFAULTS = parseConfig({
  version: 1,
  bridges: {
    b: {
      ports: {
        tap: { type: 'tap' },
        af_packet: { type: 'af_packet' },
        tun: { type: 'tun' },
        veth: { type: 'veth', netns: '/dev/null/netns' },
        memory: { type: 'memory' },
        vhost_user: { type: 'vhost_user', path: '/' },
        // Paths that nobody has.
        stream: { type: 'stream', path: '/dev/null/s', template: {} },
        dgram: { type: 'dgram', path: '/dev/null/d' },
        aggregate: { type: 'aggregate' },
        vxlan: { type: 'vxlan', vni: 0, local: '192.0.2.1', remote_learning: true },
        vxlan6: { type: 'vxlan', vni: 0, local: '2001:db8::1', remote_learning: true },
      },
    },
  },
}).bridges.b.ports;

const { template: GUEST_DEFAULTS = {} } = PORT_DEFAULTS.stream as StreamPortConfig;

const { interfaces: ROUTER_INTERFACES, ...ROUTER_DEFAULTS } = router.parse(
  { interfaces: { i: { bridge: '' } } },
  ONCE,
);
const INTERFACE_DEFAULTS = ROUTER_INTERFACES.i;

const MEMBER_TYPES: MemberConfig['type'][] = ['tap', 'af_packet', 'memory'];
const MEMBER_DEFAULTS = membersOf(
  parseConfig({
    version: 1,
    bridges: {
      b: {
        ports: {
          aggregate: {
            type: 'aggregate',
            members: Object.fromEntries(MEMBER_TYPES.map((type) => [type, { type }])),
          },
        },
      },
    },
  }).bridges.b.ports.aggregate,
);
