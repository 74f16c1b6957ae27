// The shape of a configuration: keys, types, ranges, defaults. What needs more than one value to judge is in check.ts.
//
// Every leaf says in words what it accepts; the error texts are made of these words: `5000 is not a VLAN id (1-4094)`.
// No transforms, so that `z.toJSONSchema` can describe the input. MAC and IP addresses come out in canonical form.

import { z } from 'zod';
import { TaploomError } from '../error.ts';
import { canonicalIp, isMulticastIp, parseIp } from '../wire/ip_address.ts';
import { isSnoopedGroup } from '../wire/membership.ts';
import { type AclsConfig, acls, placedAcls } from './acl_shape.ts';
import { bridgeHelper } from './bridge_helper.ts';
import { compileSubset } from './filter/compile_subset.ts';
import {
  type GroupConnectionsConfig,
  type GroupsConfig,
  groupConnections,
  groupNames,
  groups,
} from './group_shape.ts';
import { hooks } from './hook_shape.ts';
import { unicastIp } from './ip_leaf.ts';
import { boolean, expecting, integer, mapping, number, text } from './leaves.ts';
import { mac } from './mac_leaf.ts';
import { network } from './network_shape.ts';
import {
  account,
  fdbLimit,
  groupFwdMask,
  mtu,
  name,
  netns,
  type PortConfig,
  port,
  tunnelMac,
  vid,
  vidKey,
  vlan,
} from './port_shape.ts';
import { qosOfLocal } from './qos_shape.ts';
import { type RoutersConfig, routers } from './router_shape.ts';
import { show } from './show.ts';
import { BRIDGE_STP, STP_PROTOCOLS } from './stp.ts';
import { type TenantsConfig, tenants } from './tenant_shape.ts';

const local = mapping({
  qos: qosOfLocal,
  vlan: vlan.optional(),
  mtu: mtu.optional(),
  mac: mac.optional(),
  netns: netns.optional(),
  owner: account('a user').optional(),
  group: account('a group').optional(),
  persist: boolean().optional(),
  groups: groupNames.optional(),
  acls: placedAcls.optional(),
});

const staticEntry = mapping({
  mac,
  vlan: vid.optional(),
  port: text('the name of a port of this bridge', () => true),
  remote: unicastIp.optional(),
});

const filter = z.string(expecting("a filter in tcpdump's language")).superRefine((value, context) => {
  const problem = filterProblem(value);
  if (problem !== undefined) context.addIssue({ code: 'custom', message: problem, input: value });
});

const mirror = mapping({
  from: z
    .array(
      text('the name of a port of this bridge', () => true),
      expecting('a list of ports'),
    )
    .optional(),
  vlans: z.array(vid, expecting('a list of VLAN ids (1-4094)')).optional(),
  direction: z.enum(['both', 'in', 'out'], expecting('both, in or out')).default('both'),
  filter: filter.optional(),
  sample: integer('a number: one frame of so many (1-1000000)', 1, 1_000_000).default(1),
  snaplen: integer('a number of bytes (14-65557)', 14, 65_557).default(65_557),
  to: z.union(
    [
      text('the name of a port of this bridge, or of the bridge', () => true),
      mapping({ vlan: vid }),
      mapping({ port: text('the name of a VXLAN port', () => true), remote: unicastIp }),
    ],
    expecting('a port, the bridge, { vlan: VLAN } or { port: VXLAN_PORT, remote: ADDRESS }'),
  ),
});

const STP = expecting('true, false or a mapping with protocol: rstp, stp or off');
const GROUP_TEXT = 'a multicast group that is not link-local, such as 239.1.1.1 or ff15::1';
export const staticGroup = mapping({
  group: text(GROUP_TEXT, (value) => {
    const bytes = parseIp(value);
    return bytes !== undefined && isSnoopedGroup(bytes);
  }).overwrite((value) => canonicalIp(value) ?? value),
  source: unicastIp.optional(),
  vlan: vid.optional(),
  port: text('the name of a port of this bridge', () => true),
});

const seconds = (least: number, most: number) => number(`a time (${least}-${most} seconds)`, least, most);
// Defaults of Linux' br_multicast_ctx_init(), but the versions: only 3 and 2 know sources.
const multicast = mapping({
  snooping: boolean().default(true),
  querier: boolean().default(false),
  querier_address: text('the IPv4 address of a host', (value) => {
    const bytes = parseIp(value);
    return bytes?.length === 4 && !isMulticastIp(bytes);
  }).default('0.0.0.0'),
  igmp_version: z.literal([2, 3], expecting('2 or 3')).default(3),
  mld_version: z.literal([1, 2], expecting('1 or 2')).default(2),
  unknown: z.enum(['flood', 'drop', 'routers'], expecting('flood, drop or routers')).default('flood'),
  max_groups: integer('a number of groups (1-16384)', 1, 16_384).default(4096),
  // RFC 3376, 8.2: the code of an interval ends there.
  query_interval: seconds(1, 31_744).default(125),
  query_response_interval: seconds(0.1, 3174).default(10),
  last_member_interval: seconds(0.1, 3174).default(1),
  last_member_count: integer('a number of queries (1-7)', 1, 7).default(2),
  startup_query_count: integer('a number of queries (1-10)', 1, 10).default(2),
  startup_query_interval: seconds(0.1, 31_744).optional(),
  membership_interval: seconds(1, 1_000_000).optional(),
  querier_interval: seconds(1, 1_000_000).optional(),
  static: z.array(staticGroup, expecting('a list of { group, source, vlan, port }')).default([]),
});

// Ranges of Linux' br_set_hello_time() and br_set_max_age(). A forward delay has none while the protocol is off.
const bridgeStp = mapping({
  protocol: z.enum(STP_PROTOCOLS, expecting('rstp, stp or off')).default('rstp'),
  priority: integer('a bridge priority (0-65535)', 0, 65_535).default(BRIDGE_STP.priority),
  hello_time: number('a hello time (1-10 seconds)', 1, 10).default(BRIDGE_STP.hello_time),
  max_age: number('a max age (6-40 seconds)', 6, 40).default(BRIDGE_STP.max_age),
  forward_delay: number('a forward delay (0-1000000 seconds)', 0, 1_000_000).default(
    BRIDGE_STP.forward_delay,
  ),
});

const privateVlan = mapping({
  isolated: vid.optional(),
  communities: z.array(vid, expecting('a list of VLAN ids (1-4094)')).default([]),
}).refine(({ isolated, communities }) => isolated !== undefined || communities.length > 0, {
  error: 'expected isolated: VLAN, communities: [VLAN, ...], or both',
});
const bridgeVlan = mapping({
  private: privateVlan.optional(),
  learning: boolean().default(true),
  flood: boolean().default(true),
  network: network.optional(),
  acls: placedAcls.optional(),
});

const bridge = mapping({
  vlan_filtering: boolean().default(false),
  vlan_protocol: z.enum(['802.1Q', '802.1ad'], expecting('802.1Q or 802.1ad')).default('802.1Q'),
  ageing_time: number('an ageing time (0-1000000 seconds)', 0, 1_000_000).default(300),
  fdb_limit: fdbLimit.default(8192),
  // BR_GROUPFWD_RESTRICTED
  group_fwd_mask: groupFwdMask(7, '0 (STP), 1 (PAUSE) and 2 (LACP) are restricted'),
  tunnel_mac: tunnelMac.optional(),
  stp: z.union([z.boolean(), bridgeStp], STP).default(false),
  vlans: z.record(vidKey, bridgeVlan, expecting('a mapping of VLAN ids to their settings')).default({}),
  multicast: multicast.optional(),
  network: network.optional(),
  bridge_helper: bridgeHelper.optional(),
  local: z.union([z.literal(false), local], expecting('false or a mapping')).default({}),
  hooks: hooks.optional(),
  acls: placedAcls.optional(),
  static: z.array(staticEntry, expecting('a list of { mac, vlan, port, remote }')).default([]),
  mirrors: z
    .record(
      text('a name of 1 to 32 letters, digits, - and _', (value) => /^[\w-]{1,32}$/.test(value)),
      mirror,
      expecting('a mapping of names to mirrors'),
    )
    .default({}),
  ports: z.record(name, port, expecting('a mapping of names to ports')).default({}),
});

/** The schema of the input, for `z.toJSONSchema(configShape, { io: 'input' })`. To validate, call `parseConfig`. */
export const configShape = mapping({
  version: z.literal(1, expecting('1, the version of this format')),
  bridges: z.record(name, bridge, expecting('a mapping of names to bridges')).default({}),
  routers: routers.optional(),
  groups: groups.optional(),
  acls: acls.optional(),
  connections: groupConnections.optional(),
  tenants: tenants.optional(),
});

function filterProblem(value: string): string | undefined {
  try {
    compileSubset(value);
    return undefined;
  } catch (error) {
    if (!(error instanceof TaploomError)) throw error;
    return `${show(value)} is not a filter: ${error.message}; docs/capture.md lists the part of tcpdump's language that a mirror takes`;
  }
}

/** A configuration as it is written: what has a default may be left out. See docs/configuration.md. */
export type SwitchConfigInput = z.input<typeof configShape>;
export type LocalConfig = Omit<z.output<typeof local>, 'qos'>;
export type MirrorConfig = z.output<typeof mirror>;
export type MulticastConfig = z.output<typeof multicast>;
export type StaticEntryConfig = z.output<typeof staticEntry>;
export type BridgeConfig = Omit<z.output<typeof bridge>, 'ports'> & { ports: Record<string, PortConfig> };
/** A valid configuration with the defaults filled in. */
export interface SwitchConfig {
  version: 1;
  bridges: Record<string, BridgeConfig>;
  routers?: RoutersConfig;
  groups?: GroupsConfig;
  acls?: AclsConfig;
  connections?: GroupConnectionsConfig;
  tenants?: TenantsConfig;
}
