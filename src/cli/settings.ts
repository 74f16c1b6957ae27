// Command-line options that set configuration keys. One row names the option and the key, so that `port add`,
// `port set` and their help cannot disagree. Ranges are not checked here: the daemon does, and names the key.

import { type Command, InvalidArgumentError, Option } from 'commander';

export interface Setting {
  /** Commander's notation: `--vni <number>`. */
  readonly flags: string;
  readonly key: string;
  readonly help: string;
  readonly parse: (text: string, before: unknown) => unknown;
}

export type Values = Record<string, unknown>;

export const onOff = (text: string): boolean => {
  if (text === 'on') return true;
  if (text === 'off') return false;
  throw new InvalidArgumentError('Expected on or off.');
};

const onOffReceive = (text: string): boolean | 'receive' => {
  if (text === 'on' || text === 'off') return text === 'on';
  if (text === 'receive') return text;
  throw new InvalidArgumentError('Expected on, off or receive.');
};

/** Decimal or 0x; fractions pass, for the daemon to judge. */
export const number = (text: string): number => {
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value)) throw new InvalidArgumentError('Expected a number.');
  return value;
};

const word = (text: string): string => text;

/** A user or group, by name or number. */
const account = (text: string): string | number => (/^\d+$/.test(text) ? Number(text) : text);

/** `a,b` and repetition of the option add up. */
const list = (text: string, before: unknown): string[] => [
  ...((before as string[] | undefined) ?? []),
  ...text.split(',').filter((item) => item !== ''),
];

/** The same, or `none` for an empty list. */
const listOrNone = (text: string, before: unknown): string[] => (text === 'none' ? [] : list(text, before));

/** `10,20,100-199` */
const vlans = (text: string): (number | string)[] =>
  list(text, []).map((item) => (/^\d+$/.test(item) ? Number(item) : item));

/** `--fault drop=0.1,delay=5` */
const pairs = (text: string): Values =>
  Object.fromEntries(
    list(text, []).map((pair) => {
      const [key, value, ...rest] = pair.split('=');
      if (value === undefined || rest.length > 0) throw new InvalidArgumentError('Expected KEY=NUMBER,...');
      return [key, number(value)];
    }),
  );

/** `snooping=on,querier=on,query_interval=60`; the lists in it are the configuration file's. */
const mixedPairs = (text: string): Values =>
  Object.fromEntries(
    list(text, []).map((pair) => {
      const [key, value, ...rest] = pair.split('=');
      if (value === undefined || rest.length > 0) throw new InvalidArgumentError('Expected KEY=VALUE,...');
      if (value === 'on' || value === 'off') return [key, value === 'on'];
      return [key, Number.isNaN(Number(value)) ? value : Number(value)];
    }),
  );

/** Of a bridge: `on`, `off`, `stp`, or `protocol=rstp,priority=4096`. */
function bridgeStp(text: string): boolean | Values {
  if (text === 'on' || text === 'off') return text === 'on';
  return text === 'rstp' || text === 'stp' ? { protocol: text } : mixedPairs(text);
}

/** `--storm-control broadcast=100,multicast=1000000bit,action=shutdown` */
function stormControl(text: string): Values | 'none' {
  if (text === 'none') return text;
  return Object.fromEntries(
    list(text, []).map((pair) => {
      const [key, value, ...rest] = pair.split('=');
      if (value === undefined || rest.length > 0) throw new InvalidArgumentError('Expected KIND=RATE,...');
      if (key === 'action') return [key, value];
      const isBits = value.endsWith('bit');
      return [key, { [isBits ? 'bits' : 'frames']: number(isBits ? value.slice(0, -3) : value) }];
    }),
  );
}

const orInherit = (text: string): number | string => (text === 'inherit' ? text : number(text));
const vidPairs = (text: string): Record<string, number> =>
  Object.fromEntries(
    text.split(',').map((pair) => {
      const [wire, vlan = ''] = pair.split(':');
      return [wire.trim(), number(vlan)] as const;
    }),
  );
const orNone = (text: string): number | 'none' => (text === 'none' ? text : number(text));

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
    help: "end of a customer's tunnel: all frames, with their tags, in this VLAN",
    parse: number,
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
];

const INTERFACE: Setting[] = [
  { flags: '--mac <address>', key: 'mac', help: "address of the interface on the host's side", parse: word },
  { flags: '--mtu <bytes>', key: 'mtu', help: 'largest layer-3 packet', parse: number },
  {
    flags: '--netns <netns>',
    key: 'netns',
    help: 'network namespace of the interface',
    parse: word,
  },
  { flags: '--owner <user>', key: 'owner', help: 'user who may open the TAP', parse: account },
  { flags: '--group <group>', key: 'group', help: 'group whose members may open the TAP', parse: account },
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
  help: 'tap: leave the interface when taploomd ends',
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
  PERSIST,
  {
    flags: '--offloads <on|off>',
    key: 'offloads',
    help: 'tap: take GSO and checksum offloads',
    parse: onOff,
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

const FAULT: Setting = {
  flags: '--fault <key=value,...>',
  key: 'fault',
  help: 'for tests: drop, duplicate, corrupt (0-1), delay (ms), seed',
  parse: pairs,
};

const PORT_STP: Setting = {
  flags: '--stp <key=value,...>',
  key: 'stp',
  help: 'spanning tree: cost, priority, edge (on|off|auto), guard (bpdu|root|loop|filter|tcn)',
  parse: mixedPairs,
};

export const PORT_SETTINGS: readonly Setting[] = [
  ...VLAN,
  ...PROTOCOL_TUNNEL,
  ...FLAGS,
  ...CONTROLS,
  ...INTERFACE,
  ...TAP,
  ...AF_PACKET,
  ...VXLAN,
  LLDP,
  ...MULTICAST,
  PORT_STP,
  FAULT,
];

const BRIDGE_KEYS: readonly Setting[] = [
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
    flags: '--local <on|off>',
    key: 'local',
    help: 'whether the bridge has an interface of its name',
    parse: onOff,
  },
];
/** Of the bridge's own interface. */
const LOCAL_KEYS: readonly Setting[] = [
  ...INTERFACE,
  { ...PERSIST, help: 'leave its interface, with addresses and routes, when taploomd ends (on)' },
  ...VLAN,
];
export const BRIDGE_SETTINGS: readonly Setting[] = [...BRIDGE_KEYS, ...LOCAL_KEYS];

/** `to` is made of three options: see `mirrorValues`. */
const MIRROR_TO: readonly Setting[] = [
  { flags: '--to <port>', key: 'port', help: 'a port, the bridge itself, or a VXLAN port', parse: word },
  { flags: '--remote <address>', key: 'remote', help: 'the remote behind a VXLAN port', parse: word },
  { flags: '--to-vlan <vid>', key: 'vlan', help: 'a VLAN of the bridge, in place of --to', parse: number },
];
const MIRROR_KEYS: readonly Setting[] = [
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

/** Keys that were given, in the configuration's words. VLAN keys go into `vlan`; with `replace` they push others out. */
export function portValues(options: Values, replace: boolean): Values {
  return withVlan(withTunnel(withStorm(pick(options, PORT_SETTINGS), replace), replace), replace);
}

export function bridgeValues(options: Values, replace: boolean): Values {
  const { local, ...own } = pick(options, BRIDGE_KEYS);
  const inner = withVlan(pick(options, LOCAL_KEYS), replace);
  if (local === false) return { ...own, local: false };
  if (Object.keys(inner).length > 0 || local === true) return { ...own, local: inner };
  return own;
}

/** Of a bridge that is made by hand: unless told otherwise its interface stays, with the addresses that it is given by hand. */
export function newBridgeValues(options: Values): Values {
  const { local, ...own } = bridgeValues(options, false);
  return local === false ? { ...own, local } : { ...own, local: { persist: true, ...(local as Values) } };
}

/** A merge patch that makes a mirror of what was given, and of nothing that was there before. */
export function mirrorValues(options: Values): Values {
  const { port, remote, vlan } = pick(options, MIRROR_TO);
  const isOnlyPort = port !== undefined && remote === undefined && vlan === undefined;
  const none = Object.fromEntries(MIRROR_KEYS.map(({ key }) => [key, null]));
  return {
    ...none,
    ...pick(options, MIRROR_KEYS),
    to: isOnlyPort ? port : { port: port ?? null, remote: remote ?? null, vlan: vlan ?? null },
  };
}

function pick(options: Values, settings: readonly Setting[]): Values {
  const values: Values = {};
  for (const { flags, key } of settings) {
    const value = options[new Option(flags).attributeName()];
    if (value !== undefined) values[key] = value;
  }
  return values;
}

const NO_STORM = { broadcast: null, multicast: null, unknown_unicast: null, action: null };

/** What is set takes the place of all that was before. */
function withStorm({ storm_control: storm, ...rest }: Values, replace: boolean): Values {
  if (storm === undefined || (storm === 'none' && !replace)) return rest;
  if (storm === 'none') return { ...rest, storm_control: null };
  const rates = storm as Values;
  if (!replace) return { ...rest, storm_control: rates };
  const whole = Object.entries(rates).map(([kind, rate]) => [
    kind,
    kind === 'action' ? rate : { frames: null, bits: null, ...(rate as Values) },
  ]);
  return { ...rest, storm_control: { ...NO_STORM, ...Object.fromEntries(whole) } };
}

const NO_TUNNEL = {
  tunnel_protocols: null,
  tunnel_protocols_limit: null,
  tunnel_protocols_action: null,
};

/** Without protocols nothing else is to say of them. */
function withTunnel({ tunnel_protocols: protocols, ...rest }: Values, replace: boolean): Values {
  if (protocols === undefined) return rest;
  if ((protocols as string[]).length > 0) return { ...rest, tunnel_protocols: protocols };
  return replace ? { ...rest, ...NO_TUNNEL } : rest;
}

const NO_TRUNK = { trunk: null, native: null, protocol: null, translate: null };

function withVlan(
  { access, trunk, native, tunnel, protocol, translate, ...rest }: Values,
  replace: boolean,
): Values {
  const vlan: Values = {};
  if (access !== undefined) Object.assign(vlan, replace && { ...NO_TRUNK, tunnel: null }, { access });
  if (tunnel !== undefined) Object.assign(vlan, replace && { ...NO_TRUNK, access: null }, { tunnel });
  if (trunk !== undefined) Object.assign(vlan, replace && { access: null, tunnel: null }, { trunk });
  if (protocol !== undefined) vlan.protocol = protocol;
  if (translate !== undefined) vlan.translate = translate;
  // commander turns null into an empty text, so null is made here
  if (native !== undefined) vlan.native = native === 'none' ? null : native;
  return Object.keys(vlan).length > 0 ? { ...rest, vlan } : rest;
}
