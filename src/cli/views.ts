// What the client prints, as text: pure functions of the daemon's answers, for terminals of 80 columns and more.

import type { BridgeStatus, FdbEntry, PortStatus } from '../api.ts';
import type { BridgeConfig, LocalConfig, PortConfig, SwitchConfig, VlanConfig } from '../config/schema.ts';
import type { DropRow, SwitchSummary } from '../control/client.ts';
import { tooBigHelp } from '../control/too_big_help.ts';
import { OFFLOAD } from '../wire/virtio_net.ts';
import { mirrorText } from './mirror_view.ts';
import { table } from './table.ts';

export function summaryText(summary: SwitchSummary, config: SwitchConfig, width: number): string {
  const { version, pid, uptimeSeconds, bridges, ports } = summary;
  const head = `taploomd ${version}, process ${pid}, up ${duration(uptimeSeconds)}\n`;
  if (bridges.length === 0) return `${head}\nno bridges; \`taploom bridge add br0\` makes one\n`;
  const sections = bridges.map((bridge) => {
    const own = ports.filter((port) => port.bridge === bridge.name);
    return `\n${bridgeLine(bridge)}\n${indent(portsText(own, config, width - 2, false))}`;
  });
  return head + sections.join('');
}

function bridgeLine({ name, mac, vlanFiltering, ageingTime, learnedAddresses }: BridgeStatus): string {
  const parts = [mac, ...(vlanFiltering ? ['VLAN filtering'] : []), `ageing ${ageingTime} s`];
  return `${name}  ${parts.join(', ')}, ${learnedAddresses} learned`;
}

export function bridgesText(bridges: readonly BridgeStatus[], width: number): string {
  if (bridges.length === 0) return 'no bridges\n';
  const rows = bridges.map(({ name, mac, vlanFiltering, ageingTime, learnedAddresses, ports }) => [
    name,
    mac,
    vlanFiltering ? 'on' : 'off',
    ageingTime,
    learnedAddresses,
    ports.join(' '),
  ]);
  return `${table(['BRIDGE', 'MAC', 'VLANS', 'AGEING', 'LEARNED', 'PORTS'], rows, { right: [3, 4], width })}\n`;
}

export function bridgeText(status: BridgeStatus, config: BridgeConfig): string {
  const { ports, static: entries, mirrors, ...settings } = config;
  const counts = [
    ['mac', status.mac],
    ['learned addresses', String(status.learnedAddresses)],
    ['static entries', String(entries.length)],
    ['ports', Object.keys(ports).join(' ') || 'none'],
  ];
  const watching = Object.entries(mirrors).map(([name, mirror]) => [`mirror ${name}`, mirrorText(mirror)]);
  return fields(`bridge ${status.name}`, [...counts, ...settingRows(settings), ...watching]);
}

export function portsText(
  ports: readonly PortStatus[],
  config: SwitchConfig,
  width: number,
  withBridge = true,
): string {
  if (ports.length === 0) return 'no ports\n';
  const hasLost = ports.some(({ queueDropped = 0 }) => queueDropped > 0);
  const head = ['PORT', 'TYPE', 'STATE', 'MTU', 'LEARNED', ...(hasLost ? ['LOST'] : []), 'DETAILS'];
  const rows = ports.map((status) => {
    const { bridge, name, type, state, mtu, learnedAddresses, queueDropped = '-' } = status;
    const lost = hasLost ? [queueDropped] : [];
    const row = [name, type, state, mtu, learnedAddresses, ...lost, details(status, config)];
    return withBridge ? [bridge, ...row] : row;
  });
  const right = (hasLost ? [3, 4, 5] : [3, 4]).map((column) => (withBridge ? column + 1 : column));
  const list = table(withBridge ? ['BRIDGE', ...head] : head, rows, { right, width });
  return `${list}\n${reasonsText(ports, config)}`;
}

/** Why ports are not up, and what does not fit a tunnel, a line each. */
function reasonsText(ports: readonly PortStatus[], { bridges }: SwitchConfig): string {
  const lines = ports.flatMap((status) => {
    const { bridge, name, type, state, reason, counters } = status;
    const words = reason === undefined ? [] : [`${name} ${WORDS[state]}: ${reason}\n`];
    const { too_big: tooBig = 0 } = counters.transmitDropped;
    if (tooBig === 0 || (type !== 'vxlan' && status.underlay === undefined)) return words;
    const isConfigured = bridges[bridge]?.ports[name]?.mtu === status.mtu;
    return [...words, `${name} dropped ${tooBig} as too_big: ${tooBigHelp(status, isConfigured)}\n`];
  });
  return lines.length === 0 ? '' : `\n${lines.join('')}`;
}

const WORDS: Record<PortStatus['state'], string> = {
  up: 'is up',
  down: 'is down',
  waiting: 'waits',
  gone: 'is gone and is taken again',
  failed: 'failed and is tried again',
};

export function portText(status: PortStatus, config: PortConfig | undefined): string {
  const { counters, bridge, name, ...state } = status;
  const { receiveDropped, transmitDropped, ...counts } = counters;
  const { offloads } = status;
  const shown = { ...state, ...(offloads !== undefined && { offloads: offloadsText(offloads) }) };
  const dropped = (side: string, drops: Record<string, number>) =>
    Object.entries(drops).map(([reason, frames]) => [`${side} dropped ${reason}`, String(frames)]);
  return [
    fields(`port ${name} of bridge ${bridge}`, settingRows(shown)),
    config ? fields('settings', settingRows(config)) : '',
    fields('counters', [
      ...settingRows(counts),
      ...dropped('receive', receiveDropped),
      ...dropped('transmit', transmitDropped),
    ]),
  ].join('');
}

/** `checksum, TSO IPv4`: what the kernel may leave to whoever receives. */
function offloadsText(bits: number): string {
  const names: [bit: number, name: string][] = [
    [OFFLOAD.csum, 'checksum'],
    [OFFLOAD.tso4, 'TSO IPv4'],
    [OFFLOAD.tso6, 'TSO IPv6'],
    [OFFLOAD.ecn, 'TSO with ECN'],
    [OFFLOAD.uso, 'USO'],
  ];
  return names.flatMap(([bit, name]) => ((bits & bit) !== 0 ? [name] : [])).join(', ') || 'none';
}

type Settings = PortConfig | ({ type: 'local' } & LocalConfig);

function settingsOf(config: SwitchConfig, { bridge, name, type }: PortStatus): Settings | undefined {
  const owner = config.bridges[bridge];
  if (type !== 'local') return owner?.ports[name];
  return owner?.local ? { type: 'local', ...owner.local } : undefined;
}

/** `access 10`, or `trunk 10,20,100-199 native 1`. */
export function vlanText(vlan: VlanConfig | undefined): string {
  if (vlan === undefined) return 'access 1';
  if ('access' in vlan) return `access ${vlan.access}`;
  const trunk = `trunk ${vlan.trunk.join(',')}`;
  return vlan.native === undefined ? trunk : `${trunk} native ${vlan.native}`;
}

function details(status: PortStatus, config: SwitchConfig): string {
  const settings = settingsOf(config, status);
  const parts: string[] = [];
  if (config.bridges[status.bridge]?.vlan_filtering) parts.push(vlanText(settings?.vlan));
  if (status.interface !== undefined) parts.push(`interface ${status.interface}`);
  if (status.netns !== undefined) parts.push(`netns ${status.netns}`);
  if (settings?.type === 'vxlan') {
    const { vni, local, remotes } = settings;
    parts.push(`vni ${vni}`, `${local} -> ${remotes.length > 0 ? remotes.join(' ') : 'learned'}`);
  }
  if (settings && 'hairpin' in settings) {
    for (const flag of ['hairpin', 'isolated'] as const) if (settings[flag]) parts.push(flag);
    for (const flag of ['learning', 'flood'] as const) if (!settings[flag]) parts.push(`no ${flag}`);
    if (settings.fault) parts.push('faults');
  }
  if (status.offloads === 0) parts.push('no offloads');
  return parts.join(', ');
}

// A forwarding database may have a million rows and is printed page by page: fixed widths, and no table library, which
// would take minutes.
const FDB_HEAD = fdbLine('BRIDGE', 'VLAN', 'MAC', 'PORT', 'TYPE', 'AGE', 'REMOTE');

export function fdbText(entries: readonly FdbEntry[], first: boolean): string {
  if (entries.length === 0) return first ? 'no entries\n' : '';
  let text = first ? FDB_HEAD : '';
  for (const { bridge, mac, vlan, port, remote = '', type, age } of entries) {
    const shownAge = type === 'learned' ? age.toFixed(1) : '-';
    text += fdbLine(bridge, vlan === 0 ? '-' : String(vlan), mac, port, type, shownAge, remote);
  }
  return text;
}

function fdbLine(
  bridge: string,
  vlan: string,
  mac: string,
  port: string,
  type: string,
  age: string,
  remote: string,
) {
  const named = `${bridge.padEnd(8)}  ${vlan.padStart(4)}  ${mac.padEnd(17)}  ${port.padEnd(15)}  ${type.padEnd(7)}`;
  return `${`${named}  ${age.padStart(7)}  ${remote}`.trimEnd()}\n`;
}

export function dropsText(rows: readonly DropRow[], width: number): string {
  if (rows.length === 0) return 'nothing was dropped\n';
  const cells = rows.map(({ bridge, port, side, reason, frames, help }) => [
    bridge,
    port,
    side,
    reason,
    frames,
    help,
  ]);
  return `${table(['BRIDGE', 'PORT', 'SIDE', 'REASON', 'FRAMES', 'MEANING'], cells, { right: [4], width })}\n`;
}

export function fields(title: string, rows: string[][]): string {
  const wide = Math.max(...rows.map(([key]) => key.length));
  return `${title}\n${rows.map(([key, value]) => `  ${key.padEnd(wide)}  ${value}\n`).join('')}`;
}

export function settingRows(settings: object): string[][] {
  return Object.entries(settings)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => [words(key), typeof value === 'object' ? JSON.stringify(value) : String(value)]);
}

/** Keys of the configuration stay as they are; the API's become words: `receivedFrames` is `received frames`. */
function words(key: string): string {
  return key.replaceAll(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
}

function indent(text: string): string {
  return text.replaceAll(/^(?=.)/gm, '  ');
}

export function duration(seconds: number): string {
  const whole = Math.floor(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  if (whole < 86_400) return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
  return `${Math.floor(whole / 86_400)} d ${Math.floor((whole % 86_400) / 3600)} h`;
}
