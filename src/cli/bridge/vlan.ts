// `bridge vlan show`: the VLANs of ports as Linux has them, a set of which some leave untagged, and one takes untagged frames.

import { portVlans, privateVlans } from '../../config/private_vlans.ts';
import type { Range } from '../../config/range.ts';
import type { VlanConfig } from '../../config/schema.ts';
import { type BridgeFailure, lacking } from './failure.ts';
import { jsonText } from './json.ts';
import { mcastRouter } from './link_flags.ts';
import { byIndex, type Context, type Device, readLinks, Scene, vlanKey } from './scene.ts';
import { integer, type Words } from './words.ts';

export const NAME_WIDTH = 18;

export interface VlanRow {
  readonly from: number;
  readonly to: number;
  readonly isPvid: boolean;
  readonly isUntagged: boolean;
  readonly mcastRouter: number;
  /** Of which Linux has no word: its VID on the wire, or the customer's VLANs in it. */
  readonly own: { readonly wire_vid?: number; readonly customer_vlans?: string };
}

export interface Asked {
  only?: string;
  /** 0 = all. */
  vid: number;
}

/** What `show`, `tunnelshow` and `global show` take. */
export function parseShow(words: Words): Asked {
  let only: string | undefined;
  let vid: string | undefined;
  while (words.left) {
    const word = words.next();
    if (word === 'dev') only = words.once('dev', only);
    else if (word === 'vid') vid = words.once('vid', vid);
  }
  return { only, vid: integer(vid ?? '') };
}

export async function vlanShow(context: Context, words: Words): Promise<void> {
  const { only, vid } = parseShow(words);
  const scene = await Scene.look(context);
  if (only !== undefined) scene.need(only);
  if (context.options.statistics) throw noStatistics();
  const link = await readLinks(context);
  const devices = [...scene.devices()].filter(({ name }) => (only ?? name) === name);
  context.out(vlanText(context, devices.sort(byIndex(link)), vid));
}

function noStatistics(): BridgeFailure {
  return lacking('Taploom counts by port, not by VLAN: taploom stats tells what it has');
}

/** A VXLAN port has one VNI for all that it carries: there is no table of VLANs and tunnels. */
export async function vlanTunnelShow(context: Context, words: Words): Promise<void> {
  const { only } = parseShow(words);
  if (only !== undefined) (await Scene.look(context)).need(only);
  const { json, pretty, statistics } = context.options;
  if (statistics) throw noStatistics();
  context.out(json ? jsonText([], pretty) : `${'port'.padEnd(NAME_WIDTH)}vlan-id    tunnel-id\n`);
}

/** VLANs that a port or a bridge is in. */
export function vlansOf(device: Device): Set<number> {
  if (!device.bridgeConfig.vlan_filtering) return new Set();
  return new Set(rowsOf(device, true).flatMap(({ from, to }) => range(from, to)));
}

/** VLANs of these devices; with a `vid` only that. */
export function vlanText({ options }: Pick<Context, 'options'>, devices: readonly Device[], vid = 0): string {
  const { json, pretty, details } = options;
  const ranges = options.compressVlans || details;
  const rows = devices
    .filter(({ bridgeConfig }) => bridgeConfig.vlan_filtering)
    .map((device) => ({
      ifname: device.name,
      vlans: rowsOf(device, ranges).filter(({ from, to }) => vid === 0 || (from <= vid && vid <= to)),
    }))
    .filter(({ vlans }) => vlans.length > 0);
  if (!json) {
    const lines = rows.flatMap(({ ifname, vlans }) =>
      vlans.map((row, i) => `${(i === 0 ? ifname : '').padEnd(NAME_WIDTH)}${rowText(row, details)}`),
    );
    return tableText(lines, options);
  }
  const told = rows.map(({ ifname, vlans }) => ({
    ifname,
    vlans: vlans.map((row) => rowJson(row, details)),
  }));
  return jsonText(told, pretty);
}

/** In a private VLAN and in a tunnel more leave untagged than the one that untagged frames come in as. */
export function rowsOf(device: Device, ranges: boolean): VlanRow[] {
  const vlan = vlanKey(device);
  const { pvid, tagged, untagged } = portVlans(privateVlans(device.bridgeConfig), vlan);
  const own = ownOf(vlan);
  const split = ({ from, to }: Range) =>
    ranges && !range(from, to).some((vid) => vid === pvid || own.has(vid))
      ? [{ from, to }]
      : range(from, to).map((vid) => ({ from: vid, to: vid }));
  const row = (isUntagged: boolean) => (one: Range) => ({
    ...one,
    isPvid: one.from === pvid,
    isUntagged,
    mcastRouter: device.config === undefined ? 1 : mcastRouter(device.config),
    own: own.get(one.from) ?? {},
  });
  return [...tagged.flatMap(split).map(row(false)), ...untagged.flatMap(split).map(row(true))].sort(
    (a, b) => a.from - b.from,
  );
}

function ownOf(vlan: VlanConfig | undefined): Map<number, VlanRow['own']> {
  if (vlan === undefined || 'access' in vlan) return new Map();
  if ('trunk' in vlan)
    return new Map(
      Object.entries(vlan.translate ?? {}).map(([wire, vid]) => [vid, { wire_vid: Number(wire) }]),
    );
  if (typeof vlan.tunnel === 'number') return new Map([[vlan.tunnel, { customer_vlans: 'all' }]]);
  return new Map(
    Object.entries(vlan.tunnel).map(([vid, list]) => [Number(vid), { customer_vlans: list.join(',') }]),
  );
}

export function range(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, i) => from + i);
}

function flagsOf({ isPvid, isUntagged }: VlanRow): string[] {
  return [...(isPvid ? ['PVID'] : []), ...(isUntagged ? ['Egress Untagged'] : [])];
}

/** Under the head that all tables of VLANs have. */
export function tableText(lines: readonly string[], options: Context['options']): string {
  return `${'port'.padEnd(NAME_WIDTH)}vlan-id  \n${inOneLine(lines.join(''), options)}`;
}

/** With `-oneline` a `\\` ends what is a line else. */
export function inOneLine(text: string, { oneline }: Context['options']): string {
  return oneline ? text.replaceAll('\n', '\\') : text;
}

export function rangeText({ from, to }: Range): string {
  return from === to ? `${from}` : `${from}-${to}`;
}

export function rowText(row: VlanRow, details: boolean): string {
  const told = Object.entries(row.own).map(([key, value]) => `${key} ${value} `);
  const more = details
    ? `${' '.repeat(NAME_WIDTH + 2)}state forwarding mcast_router ${row.mcastRouter} ${told.join('')}\n`
    : '';
  return `${[rangeText(row), ...flagsOf(row)].join(' ')}\n${more}`;
}

function rowJson(row: VlanRow, details: boolean): object {
  const { from, to, own } = row;
  const flags = flagsOf(row);
  return {
    vlan: from,
    ...(from !== to && { vlanEnd: to }),
    // iproute2 begins the list of flags for a range, too, unless it tells the details
    ...((flags.length > 0 || (from !== to && !details)) && { flags }),
    ...(details && { state: 'forwarding', mcast_router: row.mcastRouter, ...own }),
  };
}
