// The shape of a port, by its type, and of a member of an aggregate: see shape.ts.

import { z } from 'zod';
import { L2CP_NAMES } from '../wire/l2cp.ts';
import { formatMac, parseMac } from '../wire/mac.ts';
import { isFit } from '../wire/plain_text.ts';
import { TPID_9100 } from '../wire/vlan.ts';
import { hooks } from './hook_shape.ts';
import { insideShape, interfaceAddresses } from './inside.ts';
import { MAX_TUN_ADDRESSES } from './interface_address.ts';
import { unicastIp } from './ip_leaf.ts';
import { boolean, expecting, type Issue, integer, mapping, number, text, whole } from './leaves.ts';
import { mac } from './mac_leaf.ts';
import { controls, type stormControl } from './port_controls_shape.ts';
import { qos, qosOfAggregate } from './qos_shape.ts';
import { parseRange } from './range.ts';
import { show } from './show.ts';
import { dgramSocket, socketEnd, streamSocket } from './socket_shape.ts';
import { GUARDS, PORT_PRIORITY } from './stp.ts';
import { belongings } from './tenant_shape.ts';
import { isFreeGroup } from './tunnel_mac.ts';
import type { VlanConfig } from './vlan_config.ts';
import { TPIDS, type VlanProtocol } from './vlan_protocol.ts';
import { checkVlan } from './vlan_rules.ts';

// IEEE 802.1Q-2018, 9.6: 0 is the priority tag, 4095 is reserved.
const MAX_VID = 4094;
// RFC 791: every host must take datagrams of 68 bytes unfragmented. The top is the largest IP packet.
const MIN_MTU = 68;
const MAX_MTU = 65_535;
// IFNAMSIZ without the final NUL.
const MAX_NAME_BYTES = 15;
/** Members of an aggregate. More than any switch bundles; buckets of flows would be too few for many more. */
export const MAX_MEMBERS = 64;
// The kernel refuses these two (their sysctl directories exist already) ...
const KERNEL_NAMES = new Set(['all', 'default']);

/** `1-4094` and the like, ascending, from 1 up to at most `max`. */
function isRange(value: string, max: number): boolean {
  const range = parseRange(value);
  return range !== undefined && range.from >= 1 && range.from <= range.to && range.to <= max;
}

const TUNNEL_MAC_TEXT = 'a group address that no protocol has, such as 01:00:0c:cd:cd:d0';
export const tunnelMac = text(TUNNEL_MAC_TEXT, (value) => {
  const address = parseMac(value);
  return address !== undefined && isFreeGroup(address);
}).overwrite((value) => {
  const address = parseMac(value);
  return address ? formatMac(address.hi, address.lo) : value;
});

const VID_TEXT = `a VLAN id (1-${MAX_VID})`;
export const vid = integer(VID_TEXT, 1, MAX_VID);

const vidOrRangeError = {
  error: ({ input }: Issue) => {
    const range = typeof input === 'string' ? parseRange(input) : undefined;
    if (range && range.from > range.to)
      return `${show(input)} runs backwards, write ${range.to}-${range.from}`;
    return `${show(input)} is not ${VID_TEXT} or a range such as 100-199`;
  },
};
const vidOrRange = z.union(
  [
    whole(vidOrRangeError, 1, MAX_VID),
    z.string().refine((value) => isRange(value, MAX_VID), vidOrRangeError),
  ],
  vidOrRangeError,
);

export const vidKey = text(VID_TEXT, (value) => /^[1-9]\d{0,3}$/.test(value) && Number(value) <= MAX_VID);
const PROTOCOL_TEXT = '802.1Q, 802.1ad or "0x9100"';
const vlanList = (what: string) => z.array(vidOrRange, expecting(what));

// One mapping instead of a union: a union's errors tell about the branch that was not meant, too.
export const vlan = mapping({
  access: vid.optional(),
  // An empty list is a member of no VLAN: what a port is between `bridge vlan del` and `bridge vlan add`.
  trunk: vlanList('a list of VLAN ids and ranges').optional(),
  native: vid.optional(),
  protocol: z
    .enum(Object.keys(TPIDS) as VlanProtocol[], {
      // YAML makes a number of it.
      error: ({ input }) =>
        input === TPID_9100
          ? '0x9100 is a number here: put it in quotes'
          : `${show(input)} is not ${PROTOCOL_TEXT}`,
    })
    .optional(),
  translate: z.record(vidKey, vid, expecting('a mapping of VIDs on the wire to VLANs')).optional(),
  promiscuous: boolean().optional(),
  tunnel: z
    .union(
      [vid, z.record(vidKey, vlanList('a list of VLAN ids and ranges of the customer').min(1))],
      expecting("a VLAN id, or a mapping of VLAN ids to lists of the customer's"),
    )
    .optional(),
}).superRefine((keys, context) => {
  checkVlan(keys, (message, path = []) => context.addIssue({ code: 'custom', message, path: [...path] }));
}) as z.ZodType<unknown> as z.ZodType<VlanConfig, VlanConfig>;

export const mtu = integer(`an MTU (${MIN_MTU}-${MAX_MTU} bytes)`, MIN_MTU, MAX_MTU);
export const fdbLimit = integer('a number of addresses (1-4000000)', 1, 4_000_000);
export const netns = text('a network namespace: a name in /var/run/netns, or an absolute path', (value) =>
  isFit(value) && value.length > 1 && value.startsWith('/')
    ? true
    : isFit(value) && /^[^/\s]+$/.test(value) && value !== '.' && value !== '..',
);
export function account(what: string) {
  const error = expecting(`${what} name or number (0-2147483647)`);
  // Numbers cross to C as int; (uid_t)-1 and its kind mean "nobody in particular" to the kernel.
  return z.union(
    [
      whole(error, 0, 0x7fff_ffff),
      z.string().refine((value) => isFit(value) && /^[^\s:]+$/.test(value), error),
    ],
    error,
  );
}
const probability = number('a probability (0-1)', 0, 1);

const fault = mapping({
  drop: probability.optional(),
  duplicate: probability.optional(),
  corrupt: probability.optional(),
  delay: number('a delay (0-60000 ms)', 0, 60_000).optional(),
  seed: integer('a seed (0-4294967295)', 0, 0xffff_ffff).optional(),
});

const LLDP = expecting('true, false or receive');
const lldp = z.union([z.boolean(), z.literal('receive')], LLDP);

export const name = z.string(expecting('the name of an interface')).superRefine((value, context) => {
  const problem = nameProblem(value);
  if (problem) context.addIssue({ code: 'custom', message: `${show(value)} ${problem}`, input: value });
});

/** The bits are those of Linux' group_fwd_mask; net/bridge says which are `restricted`. */
export function groupFwdMask(restricted: number, what: string) {
  return integer('a 16-bit mask', 0, 0xffff)
    .refine((mask) => (mask & restricted) === 0, {
      error: ({ input }) => `0x${Number(input).toString(16)} has a bit that cannot be forwarded: ${what}`,
    })
    .default(0);
}

const GUARD = expecting(`${GUARDS.join(', ')}, or a list of these`);
const EDGE = expecting('true, false or auto');
// IEEE 802.1D-2004, table 17-3; BR_PORT_BITS of net/bridge/br_private.h.
const portStp = mapping({
  cost: integer('a path cost (1-200000000)', 1, 200_000_000).optional(),
  priority: integer('a port priority (0-63)', 0, 63).default(PORT_PRIORITY),
  edge: z.union([z.boolean(), z.literal('auto')], EDGE).optional(),
  point_to_point: boolean().optional(),
  guard: z.union([z.enum(GUARDS, GUARD), z.array(z.enum(GUARDS, GUARD), GUARD)], GUARD).optional(),
});

const mcastRouter = z.enum(['auto', 'permanent', 'off'], expecting('auto, permanent or off'));
const PROTOCOLS_TEXT = `${L2CP_NAMES.slice(0, -1).join(', ')} or ${L2CP_NAMES.at(-1)}`;
/** Of a customer's tunnel. */
const protocolTunnel = {
  tunnel_protocols: z
    .array(z.enum(L2CP_NAMES, expecting(PROTOCOLS_TEXT)), expecting(`a list of ${PROTOCOLS_TEXT}`))
    .optional(),
  tunnel_protocols_limit: integer('a number of frames a second (1-10000)', 1, 10_000).optional(),
  tunnel_protocols_action: z.enum(['drop', 'shutdown'], expecting('drop or shutdown')).optional(),
};

const common = {
  vlan: vlan.optional(),
  mcast_router: mcastRouter.optional(),
  mcast_fast_leave: boolean().optional(),
  mcast_max_groups: integer('a number of groups (1-16384)', 1, 16_384).optional(),
  stp: portStp.optional(),
  // BR_GROUPFWD_MACPAUSE
  group_fwd_mask: groupFwdMask(2, '1 (PAUSE) is restricted'),
  hairpin: boolean().default(false),
  isolated: boolean().default(false),
  learning: boolean().default(true),
  flood: boolean().default(true),
  ...controls,
  ...protocolTunnel,
  fdb_limit: fdbLimit.optional(),
  mtu: mtu.optional(),
  fault: fault.optional(),
  hooks: hooks.optional(),
  ...belongings,
  qos: qos.optional(),
};
/** Of ports that come by themselves. */
export const portTemplate = mapping(common);

/** What becomes of a port whose interface is deleted while the switch runs. A kernel bridge forgets it. */
const whenDeleted = z.enum(['wait', 'forget'], expecting('wait or forget')).default('wait');

const tapDevice = {
  type: z.literal('tap'),
  mac: mac.optional(),
  netns: netns.optional(),
  owner: account('a user').optional(),
  group: account('a group').optional(),
  persist: boolean().default(false),
  offloads: boolean().default(true),
  fd: integer('an open file descriptor', 0, 0x7fff_ffff).optional(),
  when_deleted: whenDeleted,
  lldp: lldp.default(false),
};
const tap = mapping({ ...tapDevice, ...insideShape(name, unicastIp), ...common });

// A pair does not end with the process, so it stays unless somebody says otherwise.
const veth = mapping({
  type: z.literal('veth'),
  netns,
  ...insideShape(name, unicastIp),
  mac: mac.optional(),
  persist: boolean().default(true),
  when_deleted: whenDeleted,
  lldp: lldp.default(false),
  ...common,
});

const tun = mapping({
  type: z.literal('tun'),
  address: interfaceAddresses(MAX_TUN_ADDRESSES).default([]),
  gateway: z.array(unicastIp, expecting('a list of IP addresses')).max(2).default([]),
  // MAX_TAP_QUEUES of drivers/net/tun.c is 256; more queues than workers are of no use.
  queues: integer('a number of queues (1-16)', 1, 16).default(1),
  mac: mac.optional(),
  netns: netns.optional(),
  owner: account('a user').optional(),
  group: account('a group').optional(),
  persist: boolean().default(false),
  offloads: boolean().default(true),
  when_deleted: whenDeleted,
  ...common,
});

const afPacketDevice = {
  type: z.literal('af_packet'),
  interface: name.optional(),
  netns: netns.optional(),
  host_stack: boolean().default(false),
  stacked_tags: boolean().default(false),
  when_deleted: whenDeleted,
  // Listening tells nobody anything; at the other end of a cable is often somebody who speaks.
  lldp: lldp.default('receive'),
};
const afPacket = mapping({ ...afPacketDevice, ...common });

const TOS = expecting('a type of service (0-255) or inherit');
const PORT_RANGE_TEXT = 'a range of UDP ports (1-65535), such as 49152-65535';
const vxlan = mapping({
  type: z.literal('vxlan'),
  vni: integer('a VXLAN network identifier (0-16777215)', 0, 0xff_ffff),
  local: unicastIp,
  remotes: z.array(unicastIp, expecting('a list of IP addresses')).default([]),
  // IANA's; the Linux default without dstport is 8472.
  dst_port: integer('a UDP port (1-65535)', 1, 65_535).default(4789),
  // RFC 7348, 5: "the dynamic/private port range".
  source_ports: text(PORT_RANGE_TEXT, (value) => isRange(value, 65_535)).default('49152-65535'),
  // Anybody can send to a tunnel: it hears those whom somebody named, unless it is told otherwise.
  remote_learning: boolean().default(false),
  max_remotes: integer('a number of remotes (1-100000)', 1, 100_000).default(1024),
  ttl: integer('a TTL (1-255)', 1, 255).default(64),
  tos: z.union([whole(TOS, 0, 255), z.literal('inherit')], TOS).default(0),
  // RFC 7348, 5: SHOULD be zero. But the kernel segments (UDP_SEGMENT) only what has a checksum, IPv6 receivers may refuse
  // zero (RFC 6936), and Linux' own vxlan sends one by default.
  udp_checksum: boolean().default(true),
  underlay_tap: name.optional(),
  ...common,
});

// sun_path of unix(7) has 108 bytes, the last of them NUL.
const SOCKET_PATH_MAX = 107;
const SOCKET_PATH = `an absolute path of a socket, at most ${SOCKET_PATH_MAX} bytes`;
const vhostUser = mapping({
  type: z.literal('vhost_user'),
  path: text(
    SOCKET_PATH,
    (value) => isFit(value) && value.startsWith('/') && Buffer.byteLength(value) <= SOCKET_PATH_MAX,
  ),
  ...socketEnd(account),
  queues: integer('a number of queues (1-16)', 1, 16).default(1),
  offloads: boolean().default(true),
  lldp: lldp.default(false),
  ...common,
});

const memoryDevice = {
  type: z.literal('memory'),
  offloads: boolean().default(true),
  capacity: integer('a number of frames (1-65536)', 1, 65_536).default(1024),
  lldp: lldp.default(false),
};
const memory = mapping({ ...memoryDevice, ...common });

const ofGuest = mapping(common);
const stream = mapping({
  ...streamSocket(account),
  template: ofGuest.optional(),
  users: z
    .record(
      text('the number of a user', (value) => /^\d{1,10}$/.test(value)),
      ofGuest,
      expecting('a mapping of numbers of users to settings'),
    )
    .optional(),
  lldp: lldp.default(false),
  ...common,
});
const dgram = mapping({ ...dgramSocket(account), lldp: lldp.default(false), ...common });

// A member has what its device needs; all that concerns forwarding is the aggregate's.
const ofMember = {
  // Of LACP, IEEE 802.1AX-2014 clause 6.4.2.3 k: the lower the better. Also says which one active-backup prefers.
  priority: integer('a priority (1-65535)', 1, 65_535).default(32_768),
  fault: fault.optional(),
  qos: qos.optional(),
};
const member = z.discriminatedUnion(
  'type',
  [
    mapping({ ...tapDevice, ...ofMember }),
    mapping({ ...afPacketDevice, ...ofMember }),
    mapping({ ...memoryDevice, ...ofMember }),
  ],
  expecting('a mapping with type: tap, af_packet or memory'),
);

const { fault: _fault, ...ofAggregate } = { ...common, qos: qosOfAggregate };
const aggregate = mapping({
  type: z.literal('aggregate'),
  lacp: z.enum(['active', 'passive', 'off'], expecting('active, passive or off')).default('active'),
  mode: z.enum(['balance', 'active_backup'], expecting('balance or active_backup')).default('balance'),
  rate: z.enum(['slow', 'fast'], expecting('slow or fast')).default('slow'),
  hash: z.enum(['l2', 'l3', 'l4'], expecting('l2, l3 or l4')).default('l4'),
  min_links: integer('a number of members (1-64)', 1, MAX_MEMBERS).default(1),
  system_priority: integer('a system priority (1-65535)', 1, 65_535).default(32_768),
  system: mac.optional(),
  members: z.record(name, member, expecting('a mapping of names to members')).default({}),
  ...ofAggregate,
});

export const port = z.discriminatedUnion(
  'type',
  [tap, veth, afPacket, tun, vxlan, stream, dgram, vhostUser, memory, aggregate],
  expecting(
    'a mapping with type: tap, veth, af_packet, tun, vxlan, stream, dgram, vhost_user, memory or aggregate',
  ),
);

/** Why Linux or Taploom would refuse an interface of this name. */
export function nameProblem(value: string): string | undefined {
  const bytes = Buffer.byteLength(value);
  if (bytes === 0 || bytes > MAX_NAME_BYTES)
    return `is not an interface name: it must have 1 to ${MAX_NAME_BYTES} bytes`;
  // dev_valid_name() in Linux' net/core/dev.c; `%` makes the kernel pick a number.
  if (/[/:%\s\p{Cc}]/u.test(value))
    return 'is not an interface name: no slash, colon, percent sign or white space';
  if (!isFit(value)) return 'is not an interface name here: it has characters that nobody sees';
  if (value === '.' || value === '..' || KERNEL_NAMES.has(value))
    return 'is not an interface name: the kernel refuses it';
  // ... and objects keyed by name would find these.
  if (value in Object.prototype) return 'is not an interface name here: it is reserved';
  return undefined;
}

export type FaultConfig = z.output<typeof fault>;
export type StormControl = z.output<typeof stormControl>;
export type TapPortConfig = z.output<typeof tap>;
export type VethPortConfig = z.output<typeof veth>;
export type AfPacketPortConfig = z.output<typeof afPacket>;
export type MemoryPortConfig = z.output<typeof memory>;
export type TunPortConfig = z.output<typeof tun>;
export type VhostUserPortConfig = z.output<typeof vhostUser>;
export type VxlanPortConfig = z.output<typeof vxlan>;
export type StreamPortConfig = z.output<typeof stream>;
export type DgramPortConfig = z.output<typeof dgram>;
export type SocketPortConfig = StreamPortConfig | DgramPortConfig;
/** What a guest of a listening socket is. */
export type GuestConfig = z.output<typeof ofGuest>;
export type AggregatePortConfig = z.output<typeof aggregate>;
/** A member of an aggregate: a device, and nothing of forwarding. */
export type MemberConfig = z.output<typeof member>;
/** What a device has to know, of a port or a member. */
export type TapDeviceConfig = Omit<Extract<MemberConfig, { type: 'tap' }>, 'priority'>;
export type AfPacketDeviceConfig = Omit<Extract<MemberConfig, { type: 'af_packet' }>, 'priority'>;
export type MemoryDeviceConfig = Omit<Extract<MemberConfig, { type: 'memory' }>, 'priority'>;
export type PortConfig =
  | TapPortConfig
  | VethPortConfig
  | AfPacketPortConfig
  | TunPortConfig
  | VxlanPortConfig
  | StreamPortConfig
  | DgramPortConfig
  | VhostUserPortConfig
  | MemoryPortConfig
  | AggregatePortConfig;
