// Command-line options that set configuration keys. One row names the option and the key, so that `port add`,
// `port set` and their help cannot disagree.

import { type Command, Option } from 'commander';
import { ACLS, QOS } from './policy_settings.ts';
import {
  account,
  bridgeHelper,
  bridgeStp,
  guard,
  list,
  listOrNone,
  members,
  mixedPairs,
  nestedPairs,
  number,
  onOff,
  onOffReceive,
  orInherit,
  orNone,
  pairs,
  portStp,
  stormControl,
  tunnel,
  vidPairs,
  vlans,
  word,
} from './setting_values.ts';
import { SOCKET_SETTINGS } from './socket_settings.ts';

export interface Setting {
  /** Commander's notation: `--vni <number>`. */
  readonly flags: string;
  readonly key: string;
  readonly help: string;
  readonly parse: (text: string, before: unknown) => unknown;
}

const VLAN: Setting[] = [
  { flags: '--access <vid>', key: 'access', help: 'untagged member of this VLAN', parse: number },
  {
    flags: '--trunk <list>',
    key: 'trunk',
    help: 'tagged member of these VLANs: 10,20,100-199',
    parse: vlans,
  },
  {
    flags: '--native <vid>',
    key: 'native',
    help: 'VLAN of untagged frames on a trunk, or none',
    parse: orNone,
  },
  {
    flags: '--tunnel <vid>',
    key: 'tunnel',
    help: "end of a customer's tunnel: his frames, with their tags, in this VLAN; or 200:10-20,30,210:40, by his VLANs",
    parse: tunnel,
  },
  {
    flags: '--protocol <protocol>',
    key: 'protocol',
    help: 'tags of a trunk, if they are not those of its bridge: 802.1Q, 802.1ad or 0x9100',
    parse: word,
  },
  {
    flags: '--translate <list>',
    key: 'translate',
    help: 'VIDs on the wire of a trunk and the VLANs that they mean: 10:110,20:120',
    parse: vidPairs,
  },
  {
    flags: '--promiscuous <on|off>',
    key: 'promiscuous',
    help: 'a trunk gives what is of a secondary VLAN the tag of its primary VLAN',
    parse: onOff,
  },
];

const INTERFACE: Setting[] = [
  { flags: '--mac <address>', key: 'mac', help: "address of the interface on the host's side", parse: word },
  { flags: '--mtu <bytes>', key: 'mtu', help: 'largest layer-3 packet', parse: number },
  {
    flags: '--netns <netns>',
    key: 'netns',
    help: 'network namespace of the interface: a name, a path, or the number of a process',
    parse: word,
  },
];

/** @param what of the bridge's or port's */
const owners = (what: string): Setting[] => [
  { flags: '--owner <user>', key: 'owner', help: `user who may open ${what}`, parse: account },
  { flags: '--group <group>', key: 'group', help: `group whose members may open ${what}`, parse: account },
];

const GROUP_FWD_MASK: Setting = {
  flags: '--group-fwd-mask <mask>',
  key: 'group_fwd_mask',
  help: 'forward 01:80:C2:00:00:0X: bit X',
  parse: number,
};

const FLAGS: Setting[] = [
  {
    flags: '--hairpin <on|off>',
    key: 'hairpin',
    help: 'transmit to the port that a frame was received from, too',
    parse: onOff,
  },
  {
    flags: '--isolated <on|off>',
    key: 'isolated',
    help: 'no traffic with other isolated ports',
    parse: onOff,
  },
  { flags: '--learning <on|off>', key: 'learning', help: 'learn source addresses', parse: onOff },
  { flags: '--flood <on|off>', key: 'flood', help: 'send frames for unknown stations here', parse: onOff },
  {
    flags: '--fdb-limit <number>',
    key: 'fdb_limit',
    help: 'most addresses learned on this port',
    parse: number,
  },
  GROUP_FWD_MASK,
];

const CONTROLS: Setting[] = [
  { flags: '--bcast-flood <on|off>', key: 'bcast_flood', help: 'send broadcasts here', parse: onOff },
  { flags: '--mcast-flood <on|off>', key: 'mcast_flood', help: 'send multicasts here', parse: onOff },
  {
    flags: '--locked <on|off>',
    key: 'locked',
    help: 'let in only stations with an entry here',
    parse: onOff,
  },
  {
    flags: '--mab <on|off>',
    key: 'mab',
    help: 'locked: take down who would like to come in',
    parse: onOff,
  },
  { flags: '--sticky <on|off>', key: 'sticky', help: 'stations do not move elsewhere', parse: onOff },
  {
    flags: '--fdb-limit-action <action>',
    key: 'fdb_limit_action',
    help: 'beyond --fdb-limit: ignore, drop or shutdown',
    parse: word,
  },
  {
    flags: '--storm-control <rates>',
    key: 'storm_control',
    help: 'broadcast=100,multicast=1000000bit, or none',
    parse: stormControl,
  },
  {
    flags: '--guard <settings>',
    key: 'guard',
    help: 'who may speak, as whom: source=strict,ra=off, or none; bindings are for the file',
    parse: guard,
  },
  {
    flags: '--loop-detection <on|off>',
    key: 'loop_detection',
    help: 'disable the port if a probe comes back',
    parse: onOff,
  },
  {
    flags: '--error-recovery <seconds>',
    key: 'error_recovery',
    help: 'a disabled port is tried again after this',
    parse: number,
  },
];

const PROTOCOL_TUNNEL: Setting[] = [
  {
    flags: '--tunnel-protocols <list>',
    key: 'tunnel_protocols',
    help: "a customer's control protocols that his --tunnel carries: stp,lldp, or none",
    parse: listOrNone,
  },
  {
    flags: '--tunnel-protocols-limit <number>',
    key: 'tunnel_protocols_limit',
    help: 'most frames a second of each of them',
    parse: number,
  },
  {
    flags: '--tunnel-protocols-action <action>',
    key: 'tunnel_protocols_action',
    help: 'beyond that, or for a loop through the tunnel: drop or shutdown',
    parse: word,
  },
];

const PERSIST: Setting = {
  flags: '--persist <on|off>',
  key: 'persist',
  help: 'tap, tun, veth: leave the interface when taploomd ends',
  parse: onOff,
};

const MULTICAST: Setting[] = [
  {
    flags: '--mcast-router <auto|permanent|off>',
    key: 'mcast_router',
    help: 'whether the port leads to a multicast router',
    parse: word,
  },
  {
    flags: '--mcast-fast-leave <on|off>',
    key: 'mcast_fast_leave',
    help: 'a group ends with its last host, unasked',
    parse: onOff,
  },
  {
    flags: '--mcast-max-groups <number>',
    key: 'mcast_max_groups',
    help: 'most groups joined on this port',
    parse: number,
  },
];

const TAP: Setting[] = [
  {
    flags: '--ifname <name>',
    key: 'ifname',
    help: 'tap, veth: what its interface is called in its namespace, if not like the port',
    parse: word,
  },
  PERSIST,
  {
    flags: '--offloads <on|off>',
    key: 'offloads',
    help: 'tap, tun: take GSO and checksum offloads',
    parse: onOff,
  },
];

const TUN: Setting[] = [
  {
    flags: '--address <address>',
    key: 'address',
    help: 'of the interface, 10.0.0.1/24; repeat for more. Of a tap or veth in its namespace',
    parse: list,
  },
  {
    flags: '--gateway <address>',
    key: 'gateway',
    help: 'tap, veth: default route of its namespace; tun: a station that gets what is for other subnets; repeat for IPv6',
    parse: list,
  },
  {
    flags: '--queues <number>',
    key: 'queues',
    help: 'tun: one for each worker; vhost_user: pairs of rings, at most',
    parse: number,
  },
];

const LLDP: Setting = {
  flags: '--lldp <on|off|receive>',
  key: 'lldp',
  help: 'LLDP: send and receive, or only receive',
  parse: onOffReceive,
};

const AF_PACKET: Setting[] = [
  {
    flags: '--interface <interface>',
    key: 'interface',
    help: 'af_packet: the interface, if not named like the port',
    parse: word,
  },
  {
    flags: '--host-stack <on|off>',
    key: 'host_stack',
    help: "af_packet: let the host's own stack receive, too",
    parse: onOff,
  },
  {
    flags: '--stacked-tags <on|off>',
    key: 'stacked_tags',
    help: 'af_packet: two tags, or one of 802.1ad, may exceed the MTU',
    parse: onOff,
  },
];

const VXLAN: Setting[] = [
  { flags: '--vni <number>', key: 'vni', help: 'vxlan: network identifier', parse: number },
  { flags: '--local <address>', key: 'local', help: 'vxlan: our address, IPv4 or IPv6', parse: word },
  { flags: '--remote <address>', key: 'remotes', help: 'vxlan: a remote; repeat for more', parse: list },
  { flags: '--dst-port <number>', key: 'dst_port', help: 'vxlan: UDP port (4789)', parse: number },
  { flags: '--source-ports <a-b>', key: 'source_ports', help: 'vxlan: UDP source ports', parse: word },
  {
    flags: '--remote-learning <on|off>',
    key: 'remote_learning',
    help: 'vxlan: answer to whoever sends (off)',
    parse: onOff,
  },
  { flags: '--max-remotes <number>', key: 'max_remotes', help: 'vxlan: most remotes', parse: number },
  { flags: '--ttl <number>', key: 'ttl', help: 'vxlan: TTL of outer packets', parse: number },
  { flags: '--tos <number>', key: 'tos', help: 'vxlan: TOS of outer packets, or inherit', parse: orInherit },
  { flags: '--udp-checksum <on|off>', key: 'udp_checksum', help: 'vxlan: outer UDP checksum', parse: onOff },
  {
    flags: '--underlay-tap <name>',
    key: 'underlay_tap',
    help: 'vxlan, an experiment: through a TAP, not sockets',
    parse: word,
  },
];

const AGGREGATE: Setting[] = [
  {
    flags: '--members <interfaces>',
    key: 'members',
    help: 'aggregate: the interfaces that it joins: eth1,eth2',
    parse: members,
  },
  { flags: '--lacp <active|passive|off>', key: 'lacp', help: 'aggregate: LACP (active)', parse: word },
  {
    flags: '--mode <mode>',
    key: 'mode',
    help: 'aggregate: balance or active_backup; stream, dgram, vhost_user: server or client of its socket',
    parse: word,
  },
  { flags: '--rate <slow|fast>', key: 'rate', help: 'aggregate: how often LACP is heard', parse: word },
  { flags: '--hash <l2|l3|l4>', key: 'hash', help: 'aggregate: what a flow is', parse: word },
  {
    flags: '--min-links <number>',
    key: 'min_links',
    help: 'aggregate: down with fewer members',
    parse: number,
  },
  {
    flags: '--system-priority <number>',
    key: 'system_priority',
    help: 'aggregate: priority of the system (32768)',
    parse: number,
  },
  { flags: '--system <address>', key: 'system', help: 'aggregate: MAC address of the system', parse: word },
];

const FAULT: Setting = {
  flags: '--fault <key=value,...>',
  key: 'fault',
  help: 'for tests: drop, duplicate, corrupt (0-1), delay (ms), seed',
  parse: pairs,
};

const PORT_STP: Setting = {
  flags: '--stp <key=value,...>',
  key: 'stp',
  help: 'spanning tree: cost, priority, edge (on|off|auto), point_to_point, guard (bpdu, root, loop, filter, tcn; root+tcn; none)',
  parse: portStp,
};

export const PORT_SETTINGS: readonly Setting[] = [
  ...VLAN,
  ...PROTOCOL_TUNNEL,
  ...FLAGS,
  ...CONTROLS,
  ...INTERFACE,
  ...owners('the TAP, or the socket'),
  ...TAP,
  ...TUN,
  ...AF_PACKET,
  ...VXLAN,
  ...SOCKET_SETTINGS,
  ...AGGREGATE,
  LLDP,
  ...MULTICAST,
  PORT_STP,
  FAULT,
  ACLS,
  QOS,
];

export const BRIDGE_KEYS: readonly Setting[] = [
  {
    flags: '--vlan-filtering [on|off]',
    key: 'vlan_filtering',
    help: 'forward by VLAN (IEEE 802.1Q)',
    parse: onOff,
  },
  {
    flags: '--vlan-protocol <protocol>',
    key: 'vlan_protocol',
    help: 'tags of the bridge: 802.1Q, or 802.1ad for service tags',
    parse: word,
  },
  {
    flags: '--ageing-time <seconds>',
    key: 'ageing_time',
    help: 'forget silent stations after this',
    parse: number,
  },
  {
    flags: '--fdb-limit <number>',
    key: 'fdb_limit',
    help: 'most addresses learned in the bridge',
    parse: number,
  },
  GROUP_FWD_MASK,
  ACLS,
  {
    flags: '--tunnel-mac <address>',
    key: 'tunnel_mac',
    help: "where customers' control frames go meanwhile (01:00:0c:cd:cd:d0)",
    parse: word,
  },
  {
    flags: '--stp <on|off|stp|key=value,...>',
    key: 'stp',
    help: 'spanning tree: on is RSTP; protocol (rstp|stp), priority, hello_time, max_age, forward_delay',
    parse: bridgeStp,
  },
  {
    flags: '--multicast <key=value,...>',
    key: 'multicast',
    help: 'multicast snooping: snooping, querier (on|off), unknown (flood|drop|routers), ...',
    parse: mixedPairs,
  },
  {
    flags: '--network <key=value,...>',
    key: 'network',
    help: 'addresses for guests, and how far they reach: mode (isolated|host-only|nat|routed|bridged), subnet, gateway, dhcp (on|off), dns (on|off), dhcp.lease_time, dhcp.boot.bios.file, dns.domain, ...',
    parse: nestedPairs,
  },
  {
    flags: '--bridge-helper <key=value,...>',
    key: 'bridge_helper',
    help: 'who may have TAPs by taploom-bridge-helper: users=alice+bob (or all), groups=kvm, limit, template.isolated (on|off), ...',
    parse: bridgeHelper,
  },
  {
    flags: '--local <on|off>',
    key: 'local',
    help: 'whether the bridge has an interface of its name',
    parse: onOff,
  },
];
/** Of the bridge's own interface. */
export const LOCAL_KEYS: readonly Setting[] = [
  ...INTERFACE,
  ...owners('the TAP'),
  { ...PERSIST, help: 'leave its interface, with addresses and routes, when taploomd ends (on)' },
  ...VLAN,
];
export const BRIDGE_SETTINGS: readonly Setting[] = [...BRIDGE_KEYS, ...LOCAL_KEYS];

/** `to` is made of three options: see `mirrorValues`. */
export const MIRROR_TO: readonly Setting[] = [
  { flags: '--to <port>', key: 'port', help: 'a port, the bridge itself, or a VXLAN port', parse: word },
  { flags: '--remote <address>', key: 'remote', help: 'the remote behind a VXLAN port', parse: word },
  { flags: '--to-vlan <vid>', key: 'vlan', help: 'a VLAN of the bridge, in place of --to', parse: number },
];
export const MIRROR_KEYS: readonly Setting[] = [
  { flags: '--from <ports>', key: 'from', help: 'only these ports: vm1,vm2', parse: list },
  { flags: '--vlans <list>', key: 'vlans', help: 'only these VLANs: 10,20', parse: vlans },
  {
    flags: '--direction <both|in|out>',
    key: 'direction',
    help: 'what ports send, get, or both',
    parse: word,
  },
  { flags: '--filter <expression>', key: 'filter', help: "only these frames: 'tcp port 80'", parse: word },
  { flags: '--sample <number>', key: 'sample', help: 'one frame of so many', parse: number },
  { flags: '--snaplen <bytes>', key: 'snaplen', help: 'most bytes of each frame', parse: number },
];
export const MIRROR_SETTINGS: readonly Setting[] = [...MIRROR_TO, ...MIRROR_KEYS];

export function addSettings(command: Command, settings: readonly Setting[]): Command {
  for (const { flags, help, parse } of settings) {
    const option = new Option(flags, help).argParser(parse);
    command.addOption(flags.includes('[') ? option.preset('on') : option);
  }
  return command;
}
