// `bridge fdb`: stations. As the kernel has one for each, a station behind a tunnel is told twice: as an entry of the bridge
// (`master`), and with its remote as an entry of the tunnel (`self`), where the address of zeros is all the remotes.

import type { FdbEntry } from '../../api.ts';
import { portVlans, primaryOf, privateVlans } from '../../config/private_vlans.ts';
import { isGroupMac, parseMac } from '../../wire/mac.ts';
import { BridgeFailure, explained, NOT_SUPPORTED, refused } from './failure.ts';
import { jsonText } from './json.ts';
import { type Context, type Device, isPort, type Port, Scene } from './scene.ts';
import { usage } from './usage.ts';
import { integer, type Words } from './words.ts';

const ZERO = '00:00:00:00:00:00';
const PAGE = 10_000;
const TYPES = { learned: '', static: 'static', local: 'permanent' } as const;

interface Row {
  readonly mac: string;
  readonly ifname: string;
  readonly dst?: string;
  readonly vlan?: number;
  readonly used?: number;
  readonly updated?: number;
  readonly flags: readonly string[];
  readonly master?: string;
  readonly state: string;
}

export async function fdbShow(context: Context, words: Words): Promise<void> {
  const { client } = context;
  let bridge: string | undefined;
  let port: string | undefined;
  let vlan: number | undefined;
  let state: string | undefined;
  let isDynamic = false;
  while (words.left) {
    const word = words.next();
    if (word === 'br') bridge = words.next();
    else if (word === 'brport' || word === 'dev') port = words.next();
    else if (word === 'vlan') vlan = integer(words.next());
    else if (word === 'state') state = words.next();
    else if (word === 'dynamic') isDynamic = true;
  }
  const scene = await Scene.look(client);
  if (bridge !== undefined && !scene.knows(bridge)) {
    throw new BridgeFailure(`Cannot find bridge device "${bridge}"`);
  }
  if (port !== undefined && !scene.knows(port)) throw new BridgeFailure(`Cannot find device "${port}"`);
  const isWanted = (row: Row) =>
    (port ?? row.ifname) === row.ifname &&
    (vlan === undefined || vlan === row.vlan) &&
    // iproute2 counts all that is not permanent
    !(isDynamic && row.state === 'permanent') &&
    (state === undefined || state === 'all' || state === (row.state || 'reachable'));
  const rows: Row[] = [];
  for (const device of scene.devices()) {
    if ((bridge ?? device.bridge) === device.bridge) rows.push(...floods(device).filter(isWanted));
  }
  if (port === undefined || scene.device(port) !== undefined) {
    for await (const page of client.fdb({ bridge, port, vlan }, PAGE)) {
      rows.push(...page.flatMap((entry) => rowsOf(entry, context.options.statistics)).filter(isWanted));
    }
  }
  print(context, rows, port === undefined);
}

/** The remotes that a tunnel floods to. */
function floods({ name, config }: Device): Row[] {
  if (config?.type !== 'vxlan') return [];
  return config.remotes.map((dst) => ({ mac: ZERO, ifname: name, dst, flags: ['self'], state: 'permanent' }));
}

function rowsOf({ mac, port, bridge, vlan, type, age, remote }: FdbEntry, statistics: boolean): Row[] {
  const used = Math.floor(age);
  const row = {
    mac,
    ifname: port,
    ...(vlan !== 0 && { vlan }),
    ...(statistics && { used, updated: used }),
    flags: [],
    master: bridge,
    state: TYPES[type],
  };
  if (remote === undefined) return [row];
  const { vlan: _, master: __, ...self } = row;
  const state = type === 'static' ? 'permanent' : '';
  return [row, { ...self, dst: remote, flags: ['self'], state }];
}

function print({ out, options }: Context, rows: readonly Row[], withName: boolean): void {
  out(stationText({ options }, rows, withName));
}

export function stationText(
  { options }: Pick<Context, 'options'>,
  rows: readonly Row[],
  withName = true,
): string {
  if (!options.json) return rows.map((row) => rowText(row, withName)).join('');
  const told = rows.map(({ mac, ifname, dst, vlan, ...rest }) => ({
    mac,
    ...(withName && { ifname }),
    ...(dst !== undefined && { dst }),
    ...(vlan !== undefined && { vlan }),
    ...rest,
  }));
  return jsonText(told, options.pretty);
}

function rowText({ mac, ifname, dst, vlan, used, updated, flags, master, state }: Row, withName: boolean) {
  return `${[
    mac,
    ...(withName ? ['dev', ifname] : []),
    ...(dst === undefined ? [] : ['dst', dst]),
    ...(vlan === undefined ? [] : ['vlan', vlan]),
    ...(used === undefined ? [] : ['used', `${used}/${updated}`]),
    ...flags,
    ...(master === undefined ? [] : ['master', master]),
    state,
  ].join(' ')}\n`;
}

/** What `add`, `append`, `replace` and `del` name. */
interface Named {
  readonly mac: string;
  readonly device: Device;
  readonly vlan?: number;
  readonly dst?: string;
  readonly flags: ReadonlySet<string>;
}

const ENTRY_FLAGS = [
  'self',
  'master',
  'local',
  'permanent',
  'static',
  'dynamic',
  'use',
  'sticky',
  'router',
  'extern_learn',
];

async function named({ client }: Context, words: Words): Promise<Named> {
  let mac: string | undefined;
  let name: string | undefined;
  let vlan: number | undefined;
  let dst: string | undefined;
  const flags = new Set<string>();
  while (words.left) {
    let word = words.next();
    if (word === 'dev') name = words.next();
    else if (word === 'vlan') vlan = integer(words.next());
    else if (word === 'dst') dst = words.next();
    else if (['port', 'vni', 'src_vni', 'via', 'nhid'].includes(word)) {
      words.next();
      flags.add(word);
    } else if (ENTRY_FLAGS.includes(word)) flags.add(word);
    else {
      if (word === 'to') word = words.next();
      if (mac !== undefined) {
        throw new BridgeFailure(`Error: either "to" is duplicate, or "${word}" is a garbage.`);
      }
      mac = word;
    }
  }
  if (mac === undefined || name === undefined) {
    throw new BridgeFailure('Device and address are required arguments.');
  }
  const parsed = parseMac(mac);
  if (parsed === undefined) throw new BridgeFailure(`Invalid mac address ${mac}`);
  const scene = await Scene.look(client);
  if (!scene.knows(name)) throw new BridgeFailure(`Cannot find device "${name}"`);
  const device = scene.device(name);
  const others = ['use', 'sticky', 'router', 'extern_learn', 'port', 'vni', 'src_vni', 'via', 'nhid'];
  // static entries are for single stations
  if (!isPort(device) || isGroupMac(parsed.hi) || others.some((flag) => flags.has(flag))) {
    throw refused(NOT_SUPPORTED);
  }
  return { mac: mac.toLowerCase().replaceAll('-', ':'), device, vlan, dst, flags };
}

/** Whether an entry is one of the tunnel. */
function isSelf({ flags, device }: Named): boolean {
  if (!flags.has('self') && flags.has('master')) return false;
  // an interface's own filter is not ours
  if (device.config?.type !== 'vxlan') throw refused(NOT_SUPPORTED);
  return true;
}

export function fdbChange(
  how: 'add' | 'append' | 'replace',
): (context: Context, words: Words) => Promise<void> {
  return async (context, words) => {
    const entry = await named(context, words);
    const { mac, device, dst, flags } = entry;
    const self = isSelf(entry);
    if (mac === ZERO) {
      if (!self || dst === undefined) throw refused('Invalid argument');
      return setRemotes(context, device as Port, dst, how);
    }
    // an entry of the bridge is static, or one of the host's own, which is not ours to make
    if (!self && !flags.has('static')) throw refused(NOT_SUPPORTED);
    if (self && dst === undefined) throw refused('Invalid argument');
    const { bridge, name } = device;
    const vlans = vlansOf(entry);
    const known = await entries(context, { bridge, mac });
    for (const vlan of vlans) {
      const isThere = known.some((other) => other.vlan === (vlan ?? 0));
      if (how === 'add' && isThere) throw refused('File exists');
    }
    for (const vlan of vlans) {
      const added = context.client.putStatic({ bridge, mac, port: name, vlan, remote: dst });
      await added.catch((error) => Promise.reject(explained(error)));
    }
  };
}

/** Without one in a bridge that filters VLANs: all of the port. */
function vlansOf({ device, vlan }: Named): (number | undefined)[] {
  const { bridgeConfig, config } = device;
  if (!bridgeConfig.vlan_filtering) {
    if (vlan !== undefined) throw refused('Invalid argument');
    return [undefined];
  }
  const vlans = privateVlans(bridgeConfig);
  const { tagged, untagged } = portVlans(vlans, config?.vlan);
  const ranges = [...untagged, ...tagged];
  if (vlan === undefined) {
    const all = ranges.flatMap(({ from, to }) => Array.from({ length: to - from + 1 }, (_, i) => from + i));
    // Addresses of a private VLAN are its primary's.
    return vlans.size === 0 ? all : [...new Set(all.map((vid) => primaryOf(vlans, vid)))];
  }
  if (!ranges.some(({ from, to }) => from <= vlan && vlan <= to)) throw refused('Invalid argument');
  return [vlan];
}

async function setRemotes({ client }: Context, device: Port, dst: string, how: string): Promise<void> {
  const { config, bridge, name } = device;
  const remotes = config.type === 'vxlan' ? config.remotes : [];
  if (how === 'del' && !remotes.includes(dst)) throw refused('No such file or directory');
  if (how === 'add' && remotes.length > 0) throw refused('File exists');
  const others = remotes.filter((remote) => remote !== dst);
  const next = how === 'replace' ? [dst] : how === 'del' ? others : [...others, dst];
  await client.setPort(bridge, name, { remotes: next }).catch((error) => Promise.reject(explained(error)));
}

export async function fdbDelete(context: Context, words: Words): Promise<void> {
  const { client } = context;
  const entry = await named(context, words);
  const { mac, device, vlan, dst } = entry;
  const { bridge, name } = device;
  const self = isSelf(entry);
  if (self && mac === ZERO) {
    if (dst === undefined) throw refused('Invalid argument');
    return setRemotes(context, device as Port, dst, 'del');
  }
  const known = await entries(context, { bridge, mac, port: name, vlan });
  if (known.length === 0) throw refused('No such file or directory');
  await remove(context, known);
  if (known.some(({ type }) => type === 'learned')) await client.flush({ bridge, mac, port: name, vlan });
}

async function entries(
  { client }: Context,
  filter: { bridge: string; mac?: string; port?: string; vlan?: number },
): Promise<FdbEntry[]> {
  const found: FdbEntry[] = [];
  for await (const page of client.fdb(filter, PAGE)) found.push(...page);
  return found.filter(({ type }) => type !== 'local');
}

/** The static ones among them. */
async function remove({ client }: Context, known: readonly FdbEntry[]): Promise<void> {
  for (const { bridge, mac, vlan, type } of known) {
    if (type === 'static') await client.deleteStatic({ bridge, mac, ...(vlan !== 0 && { vlan }) });
  }
}

export async function fdbGet(context: Context, words: Words): Promise<void> {
  const { client, options } = context;
  let mac: string | undefined;
  let bridge: string | undefined;
  let port: string | undefined;
  let vlan = 0;
  while (words.left) {
    const word = words.next();
    if (word === 'br') bridge = words.next();
    else if (word === 'dev' || word === 'brport') port = words.next();
    else if (word === 'vlan') vlan = integer(words.next());
    else if (!['self', 'master', 'dynamic', 'to'].includes(word)) mac = word;
  }
  if (mac === undefined || (bridge === undefined && port === undefined)) {
    throw new BridgeFailure('Device or master and address are required arguments.');
  }
  if (parseMac(mac) === undefined) throw new BridgeFailure(`Invalid mac address ${mac}`);
  const scene = await Scene.look(client);
  for (const name of [bridge, port]) {
    if (name !== undefined && !scene.knows(name)) throw new BridgeFailure(`Cannot find device "${name}"`);
  }
  const ours = [bridge, port].every((name) => name === undefined || scene.device(name) !== undefined);
  for await (const page of ours ? client.fdb({ bridge, port, mac }, PAGE) : []) {
    const entry = page.find((other) => other.vlan === vlan);
    if (entry !== undefined) return print(context, rowsOf(entry, options.statistics).slice(0, 1), true);
  }
  // -ENOENT as a byte
  throw new BridgeFailure('Error: Fdb entry not found.', 254);
}

export async function fdbFlush(context: Context, words: Words): Promise<void> {
  const { client } = context;
  let name: string | undefined;
  let vlan: number | undefined;
  const flags = new Set<string>();
  while (words.left) {
    const word = words.next();
    if (word === 'dev' || word === 'brport') name = words.next();
    else if (word === 'vlan') vlan = integer(words.next());
    else if (['self', 'master', 'static', 'nostatic', 'dynamic', 'nodynamic', 'nopermanent'].includes(word)) {
      flags.add(word);
    } else throw usage('fdb');
  }
  if (name === undefined) throw new BridgeFailure('Device is a required argument.');
  const scene = await Scene.look(client);
  if (!scene.knows(name)) throw new BridgeFailure(`Cannot find bridge device "${name}"`);
  const device = scene.device(name);
  // a port is flushed by its master, a bridge by itself
  if (device === undefined || isPort(device) !== flags.has('master')) throw refused(NOT_SUPPORTED);
  const filter = { bridge: device.bridge, ...(isPort(device) && { port: name }), vlan };
  const statics = !flags.has('dynamic') && !flags.has('nostatic');
  const learned = !flags.has('static') && !flags.has('nodynamic');
  if (statics) await remove(context, await entries(context, filter));
  if (learned) await client.flush(filter);
}
