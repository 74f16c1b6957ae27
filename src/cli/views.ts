// What the client prints, as text: pure functions of the daemon's answers, for terminals of 80 columns and more.

import type { BridgeStatus, FdbEntry, PortStatus, StpStatus } from '../api.ts';
import { mirrorEnd } from '../config/mirrors.ts';
import type { BridgeConfig, SwitchConfig } from '../config/schema.ts';
import type { SwitchSummary } from '../control/client.ts';
import { tooBigHelp } from '../control/too_big_help.ts';
import { FDB_COLUMNS, portColumns } from './columns.ts';
import { hookText } from './hook_text.ts';
import { textOf } from './list.ts';
import { listText } from './list_text.ts';
import { mirrorText } from './mirror_view.ts';

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

function bridgeLine({ name, mac, vlanFiltering, ageingTime, learnedAddresses, stp }: BridgeStatus): string {
  const parts = [
    mac,
    ...(vlanFiltering ? ['VLAN filtering'] : []),
    ...(stp === undefined ? [] : [`spanning tree ${stpText(stp)}`]),
    `ageing ${ageingTime} s`,
  ];
  return `${name}  ${parts.join(', ')}, ${learnedAddresses} learned`;
}

export function bridgeText(status: BridgeStatus, config: BridgeConfig): string {
  const { ports, static: entries, mirrors, vlans, ...settings } = config;
  const { stp } = status;
  const counts = [
    ['mac', status.mac],
    ...(stp === undefined ? [] : [['spanning tree', stpText(stp)]]),
    ['learned addresses', String(status.learnedAddresses)],
    ['static entries', String(entries.length)],
    ['ports', Object.keys(ports).join(' ') || 'none'],
  ];
  const watching = Object.entries(mirrors).map(([name, mirror]) => [`mirror ${name}`, mirrorText(mirror)]);
  const special = Object.entries(vlans).map(([vid, vlan]) => [`VLAN ${vid}`, vlanSettings(vlan)]);
  return fields(`bridge ${status.name}`, [...counts, ...settingRows(settings), ...special, ...watching]);
}

/** `private: isolated 101, communities 102 103; no flood` */
function vlanSettings({ private: secondaries, learning, flood }: BridgeConfig['vlans'][string]): string {
  const { isolated, communities = [] } = secondaries ?? {};
  const kinds = [
    ...(isolated === undefined ? [] : [`isolated ${isolated}`]),
    ...(communities.length === 0 ? [] : [`communities ${communities.join(' ')}`]),
  ];
  const parts = [
    ...(kinds.length === 0 ? [] : [`private: ${kinds.join(', ')}`]),
    ...(learning ? [] : ['no learning']),
    ...(flood ? [] : ['no flood']),
  ];
  return parts.join('; ') || 'as installed';
}

/** `rstp, root 8000.02005e100001 behind eth0, cost 2000` */
function stpText({ protocol, root, rootPort, rootPathCost }: StpStatus): string {
  const where = rootPort === undefined ? 'the bridge itself' : `behind ${rootPort}, cost ${rootPathCost}`;
  return `${protocol}, root ${root}, ${where}`;
}

export function portsText(
  ports: readonly PortStatus[],
  config: SwitchConfig,
  width: number,
  withBridge = true,
): string {
  const { bridge, stp, lost, details, ...always } = portColumns(config);
  const hasTree = ports.some((port) => port.stp !== undefined);
  const hasLost = ports.some(({ queueDropped = 0 }) => queueDropped > 0);
  const columns = {
    ...(withBridge && { bridge }),
    ...always,
    ...(hasTree && { stp }),
    ...(hasLost && { lost }),
    details,
  };
  return listText(ports, columns, width, 'no ports') + reasonsText(ports, config);
}

/** Why ports are not up or do not forward, and what does not fit a tunnel, a line each. */
function reasonsText(ports: readonly PortStatus[], { bridges }: SwitchConfig): string {
  const lines = ports.flatMap((status) => {
    const { bridge, name, type, state, reason, counters, stp } = status;
    const words = reason === undefined ? [] : [`${name} ${WORDS[state]}: ${reason}\n`];
    // One that is not up has said so.
    const held = stp?.reason ?? watcherText(bridge, bridges[bridge], name);
    if (reason === undefined && held !== undefined) words.push(`${name} does not forward: ${held}\n`);
    for (const hook of status.hooks ?? [])
      if (hook.state === 'off') words.push(`${name} has a hook ${hook.hook} that is ${hookText(hook)}\n`);
    const { too_big: tooBig = 0 } = counters.transmitDropped;
    if (tooBig === 0 || (type !== 'vxlan' && status.underlay === undefined)) return words;
    const isConfigured = bridges[bridge]?.ports[name]?.mtu === status.mtu;
    return [...words, `${name} dropped ${tooBig} as too_big: ${tooBigHelp(status, isConfigured)}\n`];
  });
  return lines.length === 0 ? '' : `\n${lines.join('')}`;
}

/** Of the end of a mirror. */
function watcherText(bridge: string, config: BridgeConfig | undefined, port: string): string | undefined {
  const mirrors = Object.entries(config?.mirrors ?? {});
  const [name] = mirrors.find(([, mirror]) => mirrorEnd(bridge, mirror) === port) ?? [];
  return name === undefined ? undefined : `it is the end of mirror ${name}`;
}

const WORDS: Record<PortStatus['state'], string> = {
  up: 'is up',
  down: 'is down',
  disabled: 'is disabled',
  waiting: 'waits',
  gone: 'is gone and is taken again',
  failed: 'failed and is tried again',
  broken: 'is broken',
};

// A forwarding database may have a million rows and is printed page by page: fixed widths, and no table library, which
// would take minutes.
const FDB_TEXTS = Object.values(FDB_COLUMNS);
const FDB_HEAD = fdbLine(...FDB_TEXTS.map(({ title }) => title));

export function fdbText(entries: readonly FdbEntry[], first: boolean): string {
  let text = first ? FDB_HEAD : '';
  for (const entry of entries) text += fdbLine(...FDB_TEXTS.map((column) => textOf(column, entry)));
  return text;
}

function fdbLine(...[bridge, vlan, mac, port, type, age, remote]: string[]): string {
  const named = `${bridge.padEnd(8)}  ${vlan.padStart(4)}  ${mac.padEnd(17)}  ${port.padEnd(15)}  ${type.padEnd(7)}`;
  return `${`${named}  ${age.padStart(7)}  ${remote}`.trimEnd()}\n`;
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
