// `bridge vlan`: a port's VLANs, seen and changed as Linux does: a set of VLANs, some of which leave untagged, and one that
// takes untagged frames. Of ours one VLAN at most is both; what cannot be said with that is refused.

import { portVlans, privateVlans } from '../../config/private_vlans.ts';
import { type Range, rangesOf } from '../../config/range.ts';
import type { VlanConfig } from '../../config/schema.ts';
import { vlanSet } from '../../config/vlan_set.ts';
import { BridgeFailure, explained, NOT_SUPPORTED, refused } from './failure.ts';
import { jsonText } from './json.ts';
import { byIndex, type Context, type Device, readLinks, Scene, vlanKey } from './scene.ts';
import { integer, type Words } from './words.ts';

const NAME_WIDTH = 18;
const MAX_VID = 4094;

interface Row {
  readonly from: number;
  readonly to: number;
  readonly isPvid: boolean;
  readonly isUntagged: boolean;
  /** Of which Linux has no word: its VID on the wire, or the customer's VLANs in it. */
  readonly own: { readonly wire_vid?: number; readonly customer_vlans?: string };
}

export async function vlanShow(context: Context, words: Words): Promise<void> {
  let only: string | undefined;
  let vid = 0;
  while (words.left) {
    const word = words.next();
    if (word === 'dev') only = words.next();
    else if (word === 'vid') vid = integer(words.next());
  }
  const scene = await Scene.look(context.client);
  if (only !== undefined && !scene.knows(only)) throw new BridgeFailure(`Cannot find device "${only}"`);
  if (context.options.statistics) throw new BridgeFailure('Taploom keeps no statistics of VLANs.');
  const link = await readLinks(context.client);
  const devices = [...scene.devices()].filter(({ name }) => (only ?? name) === name);
  context.out(vlanText(context, devices.sort(byIndex(link)), vid));
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
    return `${'port'.padEnd(NAME_WIDTH)}vlan-id  \n${lines.join('')}`;
  }
  const told = rows.map(({ ifname, vlans }) => ({
    ifname,
    vlans: vlans.map((row) => rowJson(row, details)),
  }));
  return jsonText(told, pretty);
}

/** In a private VLAN and in a tunnel more leave untagged than the one that untagged frames come in as. */
function rowsOf(device: Device, ranges: boolean): Row[] {
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
    own: own.get(one.from) ?? {},
  });
  return [...tagged.flatMap(split).map(row(false)), ...untagged.flatMap(split).map(row(true))].sort(
    (a, b) => a.from - b.from,
  );
}

function ownOf(vlan: VlanConfig | undefined): Map<number, Row['own']> {
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

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, i) => from + i);
}

function flagsOf({ isPvid, isUntagged }: Row): string[] {
  return [...(isPvid ? ['PVID'] : []), ...(isUntagged ? ['Egress Untagged'] : [])];
}

function rowText(row: Row, details: boolean): string {
  const { from, to, own } = row;
  const vids = from === to ? from : `${from}-${to}`;
  const told = Object.entries(own).map(([key, value]) => `${key} ${value} `);
  const more = details
    ? `${' '.repeat(NAME_WIDTH + 2)}state forwarding mcast_router 1 ${told.join('')}\n`
    : '';
  return `${[vids, ...flagsOf(row)].join(' ')}\n${more}`;
}

function rowJson(row: Row, details: boolean): object {
  const { from, to, own } = row;
  const flags = flagsOf(row);
  return {
    vlan: from,
    ...(from !== to && { vlanEnd: to }),
    // iproute2 begins the list of flags for a range, too, unless it tells the details
    ...((flags.length > 0 || (from !== to && !details)) && { flags }),
    ...(details && { state: 'forwarding', mcast_router: 1, ...own }),
  };
}

export function vlanAdd(context: Context, words: Words): Promise<void> {
  return change(context, words, 'add');
}

export function vlanDelete(context: Context, words: Words): Promise<void> {
  return change(context, words, 'del');
}

async function change({ client, error }: Context, words: Words, how: 'add' | 'del'): Promise<void> {
  let name: string | undefined;
  let vids: string | undefined;
  const flags = new Set<string>();
  while (words.left) {
    const word = words.next();
    if (word === 'dev') name = words.next();
    else if (word === 'vid') vids = words.next();
    // as iproute2, which does not look at words that it does not know
    else flags.add(word);
  }
  if (name === undefined || vids === undefined) {
    throw new BridgeFailure('Device and VLAN ID are required arguments.');
  }
  const scene = await Scene.look(client);
  if (!scene.knows(name)) throw new BridgeFailure(`Cannot find bridge device "${name}"`);
  const range = rangeOf(vids, flags.has('pvid'));
  const device = scene.device(name);
  const isBridge = device?.config === undefined && device?.bridgeConfig.local !== false;
  // of a bridge's own interface `self`, of a port `master`, which need not be said
  const isMeant = isBridge ? flags.has('self') : device?.config !== undefined && !flags.has('self');
  if (device === undefined || !isMeant || flags.has('tunnel_info')) throw refused(NOT_SUPPORTED);
  if (range.from < 1 || range.to > MAX_VID) throw new BridgeFailure('Error: bridge: Vlan id is invalid.');
  const key = vlanKey(device);
  if (key !== undefined && 'tunnel' in key)
    throw new BridgeFailure(
      `${name} is the end of a customer's tunnel: change its vlan with taploom port set`,
    );
  const before = membership(key);
  const after = how === 'add' ? added(before, range, flags) : removed(before, range);
  if (how === 'add' && after.native !== before.native && before.native !== 0 && after.native !== 0) {
    error(`taploom-bridge: ${name} leaves VLAN ${before.native}: one VLAN of a port is untagged\n`);
  }
  const vlan = {
    access: null,
    native: after.native === 0 ? null : after.native,
    trunk: trunkOf(after.tagged),
  };
  // a port of one untagged VLAN is an access port
  const keys =
    after.tagged.size === 0 && after.native !== 0
      ? { access: after.native, trunk: null, native: null }
      : vlan;
  const sent = isBridge
    ? client.setBridge(name, { local: { vlan: keys } })
    : client.setPort(device.bridge, name, { vlan: keys });
  await sent.catch((failed) => Promise.reject(explained(failed)));
}

function rangeOf(vids: string, isPvid: boolean): Range {
  const [first, last] = vids.split(/-(.*)/, 2);
  const from = integer(first);
  const to = last === undefined ? from : integer(last);
  if (from >= 4096) throw new BridgeFailure(`Invalid VLAN ID "${from}"`);
  if (last !== undefined && (to >= 4096 || from >= to)) {
    throw new BridgeFailure(`Invalid VLAN range "${from}-${to}"`);
  }
  if (last !== undefined && isPvid) throw new BridgeFailure('pvid cannot be configured for a vlan range');
  return { from, to };
}

interface Members {
  readonly tagged: ReadonlySet<number>;
  /** 0 = untagged frames are dropped. */
  readonly native: number;
}

function membership(vlan: VlanConfig | undefined): Members {
  const { pvid, tagged } = vlanSet(vlan);
  return { tagged: new Set(tagged.flatMap((range) => [...each(range)])), native: pvid };
}

function* each({ from, to }: Range): Generator<number> {
  for (let vid = from; vid <= to; vid++) yield vid;
}

/** A VLAN that is there already becomes what it is added as. */
function added({ tagged, native }: Members, range: Range, flags: ReadonlySet<string>): Members {
  const left = new Set(tagged);
  const isUntagged = flags.has('untagged');
  // only both together, or neither
  if (flags.has('pvid') !== isUntagged) throw refused(NOT_SUPPORTED);
  if (isUntagged) {
    left.delete(range.from);
    return { tagged: left, native: range.from };
  }
  for (const vid of each(range)) left.add(vid);
  return { tagged: left, native: left.has(native) ? 0 : native };
}

function removed({ tagged, native }: Members, range: Range): Members {
  const isIn = (vid: number) => range.from <= vid && vid <= range.to;
  return { tagged: new Set([...tagged].filter((vid) => !isIn(vid))), native: isIn(native) ? 0 : native };
}

function trunkOf(tagged: ReadonlySet<number>): (number | string)[] {
  return rangesOf([...tagged]).map(({ from, to }) => (from === to ? from : `${from}-${to}`));
}
