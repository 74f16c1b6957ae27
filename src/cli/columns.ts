// The columns of every list. The program's options name them, so this loads without tables and client.

import { amount, si } from '../amount.ts';
import type {
  AggregateStatus,
  BridgeStatus,
  FdbEntry,
  GuestPortStatus,
  LeaseStatus,
  LldpNeighbor,
  MdbEntry,
  MulticastVlan,
  NetworkStatus,
  PortStatus,
} from '../api.ts';
import { guestOf, isListener } from '../config/guest_ports.ts';
import { portRole, privateVlans } from '../config/private_vlans.ts';
import { carriedProtocols } from '../config/protocol_tunnels.ts';
import type {
  BridgeConfig,
  LocalConfig,
  MemberConfig,
  MirrorConfig,
  PortConfig,
  SwitchConfig,
  VlanConfig,
} from '../config/schema.ts';
import { portIn } from '../config/without_ports.ts';
import type { DropRow } from '../control/client.ts';
import { type PortRates, total } from '../rates.ts';
import type { Column, Columns } from './list.ts';

export const BRIDGE_COLUMNS = {
  bridge: { title: 'BRIDGE', value: ({ name }) => name },
  mac: { title: 'MAC', value: ({ mac }) => mac },
  vlans: { title: 'VLANS', value: ({ vlanFiltering }) => (vlanFiltering ? 'on' : 'off') },
  ageing: { title: 'AGEING', value: ({ ageingTime }) => ageingTime, right: true },
  learned: { title: 'LEARNED', value: ({ learnedAddresses }) => learnedAddresses, right: true },
  ports: { title: 'PORTS', value: ({ ports }) => ports.join(' ') },
} satisfies Columns<BridgeStatus>;

/** `config` tells the details. */
export const portColumns = (config?: SwitchConfig) =>
  ({
    bridge: { title: 'BRIDGE', value: ({ bridge }) => bridge },
    port: { title: 'PORT', value: ({ name }) => name },
    type: { title: 'TYPE', value: ({ type }) => type },
    state: { title: 'STATE', value: ({ state }) => state },
    mtu: {
      title: 'MTU',
      value: ({ mtu }) => mtu,
      text: ({ mtu }) => (mtu === 0 ? '-' : String(mtu)),
      right: true,
    },
    learned: { title: 'LEARNED', value: ({ learnedAddresses }) => learnedAddresses, right: true },
    stp: { title: 'STP', value: ({ stp }) => stp && `${stp.role} ${stp.state}` },
    lost: { title: 'LOST', value: ({ queueDropped }) => queueDropped, text: lostText, right: true },
    details: { title: 'DETAILS', value: (status) => config && details(status, config) },
  }) satisfies Columns<PortStatus>;

const counter = (title: string, value: (port: PortStatus) => number): Column<PortStatus> => ({
  title,
  value,
  text: (port) => amount(value(port)),
  right: true,
});

export const STATS_COLUMNS: Columns<PortStatus> = {
  bridge: { title: 'BRIDGE', value: ({ bridge }) => bridge },
  port: { title: 'PORT', value: ({ name }) => name },
  state: { title: 'STATE', value: ({ state }) => state },
  rx: counter('RX', ({ counters }) => counters.receivedFrames),
  rx_bytes: counter('RX BYTES', ({ counters }) => counters.receivedBytes),
  rx_drops: counter('RX DROP', ({ counters }) => total(counters.receiveDropped)),
  lost: { title: 'LOST', value: ({ queueDropped }) => queueDropped, text: lostText, right: true },
  tx: counter('TX', ({ counters }) => counters.transmittedFrames),
  tx_bytes: counter('TX BYTES', ({ counters }) => counters.transmittedBytes),
  tx_drops: counter('TX DROP', ({ counters }) => total(counters.transmitDropped)),
};

function lostText({ queueDropped }: PortStatus): string {
  return queueDropped === undefined ? '-' : amount(queueDropped);
}

const rate = (title: string, value: (port: PortRates) => number | undefined): Column<PortRates> => ({
  title,
  value,
  text: (port) => {
    const known = value(port);
    return known === undefined ? '-' : si(known);
  },
  right: true,
});

const RATE_NAMES = {
  bridge: { title: 'BRIDGE', value: ({ status }) => status.bridge },
  port: { title: 'PORT', value: ({ status }) => status.name },
  state: { title: 'STATE', value: ({ status }) => status.state },
} satisfies Columns<PortRates>;

/** `stats --watch`: the names are those of `stats`. */
export const RATE_COLUMNS: Columns<PortRates> = {
  ...RATE_NAMES,
  rx: rate('RX f/s', ({ rx }) => rx),
  rx_bytes: rate('RX bit/s', ({ rxBits }) => rxBits),
  rx_drops: rate('DROP/s', ({ rxDrops }) => rxDrops),
  lost: rate('LOST/s', ({ lost }) => lost),
  tx: rate('TX f/s', ({ tx }) => tx),
  tx_bytes: rate('TX bit/s', ({ txBits }) => txBits),
  tx_drops: rate('DROP/s', ({ txDrops }) => txDrops),
};

export const TOP_COLUMNS = {
  port: RATE_NAMES.port,
  bridge: RATE_NAMES.bridge,
  state: RATE_NAMES.state,
  rx: rate('RX f/s', ({ rx }) => rx),
  rx_bits: rate('RX bps', ({ rxBits }) => rxBits),
  tx: rate('TX f/s', ({ tx }) => tx),
  tx_bits: rate('TX bps', ({ txBits }) => txBits),
  drops: rate('DROP/s', ({ rxDrops, txDrops }) =>
    rxDrops === undefined || txDrops === undefined ? undefined : rxDrops + txDrops,
  ),
  lost: rate('LOST/s', ({ lost }) => lost),
  traffic: rate('TRAFFIC', ({ history }) => history.at(-1)),
} satisfies Columns<PortRates>;

export type TopColumn = keyof typeof TOP_COLUMNS;

export const FDB_COLUMNS: Columns<FdbEntry> = {
  bridge: { title: 'BRIDGE', value: ({ bridge }) => bridge },
  vlan: { title: 'VLAN', value: ({ vlan }) => vlan, text: ({ vlan }) => (vlan === 0 ? '-' : String(vlan)) },
  mac: { title: 'MAC', value: ({ mac }) => mac },
  port: { title: 'PORT', value: ({ port }) => port },
  type: { title: 'TYPE', value: ({ type, locked }) => (locked ? 'locked' : type) },
  age: {
    title: 'AGE',
    value: ({ age }) => age,
    text: ({ type, age }) => (type === 'learned' ? age.toFixed(1) : '-'),
  },
  remote: { title: 'REMOTE', value: ({ remote }) => remote },
};

export const DROP_COLUMNS: Columns<DropRow> = {
  bridge: { title: 'BRIDGE', value: ({ bridge }) => bridge },
  port: { title: 'PORT', value: ({ port }) => port },
  side: { title: 'SIDE', value: ({ side }) => side },
  reason: { title: 'REASON', value: ({ reason }) => reason },
  frames: { title: 'FRAMES', value: ({ frames }) => frames, right: true },
  meaning: { title: 'MEANING', value: ({ help }) => help },
};

export type NamedMirror = MirrorConfig & { bridge: string; name: string };

export const MIRROR_COLUMNS: Columns<NamedMirror> = {
  bridge: { title: 'BRIDGE', value: ({ bridge }) => bridge },
  mirror: { title: 'MIRROR', value: ({ name }) => name },
  from: { title: 'FROM', value: ({ from }) => from?.join(' ') ?? 'all ports' },
  direction: { title: 'DIRECTION', value: ({ direction }) => direction },
  to: { title: 'TO', value: ({ to }) => mirrorEnd(to) },
  only: { title: 'ONLY', value: (mirror) => mirrorConditions(mirror).join(', ') },
};

export function mirrorEnd(to: MirrorConfig['to']): string {
  if (typeof to === 'string') return to;
  return 'vlan' in to ? `vlan ${to.vlan}` : `${to.port} -> ${to.remote}`;
}

/** More than any frame has: the default. */
const WHOLE = 65_557;

export function mirrorConditions({ vlans, filter, sample, snaplen }: MirrorConfig): string[] {
  return [
    ...(vlans === undefined ? [] : [`vlans ${vlans.join(' ')}`]),
    ...(filter === undefined ? [] : [filter]),
    ...(sample === 1 ? [] : [`one of ${sample}`]),
    ...(snaplen >= WHOLE ? [] : [`${snaplen} bytes`]),
  ];
}

export const LLDP_COLUMNS: Columns<LldpNeighbor> = {
  bridge: { title: 'BRIDGE', value: ({ bridge }) => bridge },
  port: { title: 'PORT', value: ({ port }) => port },
  neighbour: {
    title: 'NEIGHBOUR',
    value: ({ systemName, chassisId }) => systemName || chassisId,
    text: ({ systemName, chassisId }) => short(systemName || chassisId),
  },
  its_port: { title: 'ITS PORT', value: ({ portId }) => portId, text: ({ portId }) => short(portId) },
  expires: { title: 'EXPIRES', value: ({ expiresIn }) => Math.round(expiresIn), right: true },
  what: {
    title: 'WHAT IT IS',
    value: ({ enabledCapabilities = [], systemDescription }) =>
      [enabledCapabilities.join(' '), systemDescription].filter((text) => text).join(', '),
  },
};

export const MDB_COLUMNS: Columns<MdbEntry> = {
  bridge: { title: 'BRIDGE', value: ({ bridge }) => bridge },
  vlan: { title: 'VLAN', value: ({ vlan }) => vlan, text: ({ vlan }) => (vlan === 0 ? '-' : String(vlan)) },
  group: { title: 'GROUP', value: ({ group }) => group },
  port: { title: 'PORT', value: ({ port }) => port },
  type: { title: 'TYPE', value: ({ type }) => type },
  mode: { title: 'MODE', value: ({ mode }) => mode },
  sources: {
    title: 'SOURCES',
    value: ({ sources }) =>
      sources.map(({ address, isBlocked }) => (isBlocked ? `not ${address}` : address)).join(' '),
  },
  expires: {
    title: 'EXPIRES',
    value: ({ expiresIn, sources }) => {
      const ofSources = sources.reduce<number | undefined>(
        (most, one) => later(most, one.expiresIn),
        undefined,
      );
      const seconds = expiresIn ?? ofSources;
      return seconds === undefined ? undefined : Math.round(seconds);
    },
    right: true,
  },
  hosts: { title: 'HOSTS', value: ({ hosts = [] }) => hosts.join(' ') },
};

function later(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined || b === undefined ? (a ?? b) : Math.max(a, b);
}

export const MULTICAST_VLAN_COLUMNS: Columns<MulticastVlan> = {
  bridge: { title: 'BRIDGE', value: ({ bridge }) => bridge },
  vlan: { title: 'VLAN', value: ({ vlan }) => vlan, text: ({ vlan }) => (vlan === 0 ? '-' : String(vlan)) },
  protocol: { title: 'PROTOCOL', value: ({ protocol }) => protocol },
  groups: { title: 'GROUPS', value: ({ groups }) => groups, right: true },
  querier: {
    title: 'QUERIER',
    value: ({ querier }) => querier && `${querier.address} (${querier.port ?? 'this switch'})`,
    text: ({ querier }) =>
      querier === undefined
        ? 'none: groups are flooded'
        : `${querier.address} (${querier.port ?? 'this switch'})`,
  },
  routers: { title: 'ROUTER PORTS', value: ({ routers }) => routers.map(({ port }) => port).join(' ') },
};

export const NETWORK_COLUMNS: Columns<NetworkStatus> = {
  network: { title: 'NETWORK', value: ({ network }) => network },
  mode: { title: 'MODE', value: ({ mode }) => mode },
  subnet: { title: 'SUBNET', value: ({ subnet, ipv6 }) => both(subnet, ipv6?.subnet) },
  gateway: { title: 'GATEWAY', value: ({ gateway, ipv6 }) => both(gateway, ipv6?.gateway) },
  uplink: { title: 'UPLINK', value: ({ uplink }) => uplink },
  leases: {
    title: 'LEASES',
    value: ({ dhcp, ipv6 }) => dhcp && dhcp.leases + (ipv6?.dhcp?.leases ?? 0),
    right: true,
  },
  free: { title: 'FREE', value: ({ dhcp }) => dhcp?.free, right: true },
  domain: { title: 'DOMAIN', value: ({ dns }) => dns?.domain },
  state: {
    title: 'STATE',
    value: ({ problems }) => (problems.length === 0 ? 'ready' : problems.join('; ')),
    // Sentences with commands to be copied stand below the table.
    text: ({ problems }) => (problems.length === 0 ? 'ready' : 'not ready'),
  },
};

export const LEASE_COLUMNS: Columns<LeaseStatus> = {
  network: { title: 'NETWORK', value: ({ network }) => network },
  address: { title: 'ADDRESS', value: ({ address }) => address },
  mac: { title: 'MAC', value: ({ mac }) => mac || undefined },
  name: { title: 'NAME', value: ({ name }) => name, text: ({ name = '-' }) => short(name) },
  port: { title: 'PORT', value: ({ port }) => port || undefined },
  state: { title: 'STATE', value: ({ state, isFixed }) => (isFixed ? `${state}, fixed` : state) },
  expires: {
    title: 'EXPIRES',
    value: ({ expiresIn }) => expiresIn && Math.round(expiresIn),
    text: ({ expiresIn }) => (expiresIn === undefined ? 'never' : String(Math.round(expiresIn))),
    right: true,
  },
};

function both(ipv4: string | undefined, ipv6: string | undefined): string | undefined {
  return ipv6 === undefined ? ipv4 : `${ipv4} ${ipv6}`;
}

/** A name may have 255 bytes; `--json` has all of it. */
const MAX_CELL = 24;

function short(text: string): string {
  return text.length <= MAX_CELL ? text : `${text.slice(0, MAX_CELL - 3)}...`;
}

type Settings = PortConfig | MemberConfig | ({ type: 'local' } & LocalConfig);

function settingsOf(config: SwitchConfig, { bridge, name, type }: PortStatus): Settings | undefined {
  const owner = config.bridges[bridge];
  if (type !== 'local') return owner && portIn(owner, name);
  return owner?.local ? { type: 'local', ...owner.local } : undefined;
}

/** `access 10`, `trunk 10,20,100-199 native 1`, `trunk 110 translate 10:110`, `tunnel 100` or `tunnel 100:10-20,15 200:30`. */
export function vlanText(vlan: VlanConfig | undefined): string {
  if (vlan === undefined) return 'access 1';
  if ('access' in vlan) return `access ${vlan.access}`;
  const native = vlan.native === undefined ? '' : ` native ${vlan.native}`;
  if ('tunnel' in vlan) {
    const { tunnel } = vlan;
    if (typeof tunnel === 'number') return `tunnel ${tunnel}`;
    return `tunnel ${Object.entries(tunnel)
      .map(([vid, list]) => `${vid}:${list.join(',')}`)
      .join(' ')}${native}`;
  }
  const protocol = vlan.protocol === undefined ? '' : ` protocol ${vlan.protocol}`;
  const pairs = Object.entries(vlan.translate ?? {}).map(([wire, vid]) => `${wire}:${vid}`);
  const translate = pairs.length === 0 ? '' : ` translate ${pairs.join(',')}`;
  const promiscuous = vlan.promiscuous ? ' promiscuous' : '';
  return `trunk ${vlan.trunk.join(',')}${native}${protocol}${translate}${promiscuous}`;
}

/** `LACP active, partner 02:00:00:00:00:02, carries eth1 eth2`. */
function aggregateText({ lacp, mode, partner, members }: AggregateStatus): string {
  const carriers = members.flatMap(({ port, state }) => (state === 'carries' ? [port] : []));
  return [
    lacp === 'off' ? (mode === 'balance' ? 'static' : 'active-backup') : `LACP ${lacp}`,
    ...(partner === undefined ? [] : [`partner ${partner.system}`]),
    carriers.length === 0 ? 'carries nothing' : `carries ${carriers.join(' ')}`,
  ].join(', ');
}

/** `access 101 (isolated, primary 100)` */
function roleText(config: BridgeConfig, vlan: VlanConfig | undefined): string {
  const own = portRole(privateVlans(config), vlan);
  if (own === undefined) return '';
  return own.role === 'primary' ? ' (promiscuous)' : ` (${own.role}, primary ${own.primary})`;
}

/** `member of bond0, waits: no LACP partner answers`. */
function memberText(aggregate: string, member: PortStatus['member']): string {
  const { state, reason } = member ?? {};
  const does = state === undefined || state === 'carries' ? [] : [`${state}: ${reason}`];
  return [`member of ${aggregate}`, ...does].join(', ');
}

/** Of a guest at a socket for many, or what that socket makes of its guests. */
function guestSettings(owner: BridgeConfig | undefined, { name, socket }: PortStatus): Settings | undefined {
  const listener = owner?.ports[socket?.guestOf ?? name];
  return isListener(listener) ? guestOf(listener, socket?.peer) : undefined;
}

/** `server at /run/vm1.sock, process 4711 of user 64055` */
function socketText({ mode, place, peer, guests, guestOf }: NonNullable<PortStatus['socket']>): string {
  if (guestOf !== undefined)
    return `guest of ${guestOf}${peer === undefined ? '' : `, ${processText(peer)}`}`;
  if (guests !== undefined) return `listens at ${place}, ${guests === 1 ? '1 guest' : `${guests} guests`}`;
  return `${mode} at ${place}${peer === undefined ? '' : `, ${processText(peer)}`}`;
}

function processText({ pid, uid }: { pid: number; uid: number }): string {
  return `process ${pid} of user ${uid}`;
}

function guestText({ path, rings, queues }: GuestPortStatus): string {
  return rings === 'none' ? path : `${path}, ${rings} rings${queues > 1 ? `, ${queues} queues` : ''}`;
}

function details(status: PortStatus, config: SwitchConfig): string {
  const owner = config.bridges[status.bridge];
  const settings = guestSettings(owner, status) ?? settingsOf(config, status);
  const parts: string[] = [];
  const { memberOf, member, aggregate } = status;
  if (memberOf !== undefined) parts.push(memberText(memberOf, member));
  else if (owner?.vlan_filtering) {
    const vlan = settings && 'vlan' in settings ? settings.vlan : undefined;
    parts.push(vlanText(vlan) + roleText(owner, vlan));
  }
  if (aggregate !== undefined) parts.push(aggregateText(aggregate));
  if (status.interface !== undefined) parts.push(`interface ${status.interface}`);
  if (status.netns !== undefined) parts.push(`netns ${status.netns}`);
  if (settings?.type === 'vxlan') {
    const { vni, local, remotes } = settings;
    parts.push(`vni ${vni}`, `${local} -> ${remotes.length > 0 ? remotes.join(' ') : 'learned'}`);
  }
  if (status.socket !== undefined) parts.push(socketText(status.socket));
  if (status.guest !== undefined) parts.push(guestText(status.guest));
  if (settings && 'ifname' in settings && settings.ifname) parts.push(`as ${settings.ifname}`);
  if (settings?.type === 'tap' || settings?.type === 'veth' || settings?.type === 'tun')
    parts.push(...('address' in settings ? (settings.address ?? []) : []));
  if (settings && 'hairpin' in settings) {
    for (const flag of ['hairpin', 'isolated', 'locked', 'mab', 'sticky'] as const)
      if (settings[flag]) parts.push(flag);
    for (const flag of ['learning', 'flood', 'bcast_flood', 'mcast_flood'] as const)
      if (!settings[flag]) parts.push(`no ${flag}`);
    if (settings.storm_control) parts.push('storm control');
    if ('qos' in settings && settings.qos?.shape !== undefined)
      parts.push(`shaped to ${rateOf(settings.qos.shape)}`);
    if (settings.guard) parts.push('guard');
    if (settings.tenant) parts.push(`of ${settings.tenant}`);
    if (settings.loop_detection) parts.push('loop detection');
    const carried = carriedProtocols(settings);
    if (carried.length > 0) parts.push(`carries ${carried.join(' ')}`);
  }
  if (settings && 'fault' in settings && settings.fault) parts.push('faults');
  if (status.offloads === 0) parts.push('no offloads');
  return parts.join(', ');
}

function rateOf(shape: string | { rate: string }): string {
  return typeof shape === 'string' ? shape : shape.rate;
}
