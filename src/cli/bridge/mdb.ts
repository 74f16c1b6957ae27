// `bridge mdb`: groups by port. As the kernel it tells a group twice where sources are named: as (*, G) with a list of them,
// and as (S, G) for each. What hosts, or `add` without `permanent`, have joined is temporary; the rest is configuration.

import type { MdbEntry } from '../../api.ts';
import { canonicalIp, parseIp } from '../../wire/ip_address.ts';
import { BridgeFailure, explained, refused } from './failure.ts';
import { jsonText } from './json.ts';
import { type Context, type Device, isPort, readLinks, Scene } from './scene.ts';
import { integer, type Words } from './words.ts';

interface Row {
  readonly index: number;
  readonly dev: string;
  readonly port: string;
  readonly grp: string;
  readonly src?: string;
  readonly state: 'permanent' | 'temp';
  readonly filter_mode?: string;
  readonly source_list?: { address: string; timer: string }[];
  readonly protocol?: string;
  readonly flags: string[];
  readonly vid?: number;
  readonly timer?: string;
}

interface Router {
  readonly port: string;
  readonly timer?: string;
  readonly type?: string;
}

export async function mdbShow(context: Context, words: Words): Promise<void> {
  const { client, options, out } = context;
  let name: string | undefined;
  let vid = 0;
  while (words.left) {
    const word = words.next();
    if (word === 'dev') name = words.next();
    else if (word === 'vid') vid = integer(words.next());
  }
  const scene = await Scene.look(client);
  if (name !== undefined && !scene.knows(name)) throw new BridgeFailure(`Cannot find device "${name}"`);
  const link = await readLinks(client);
  const rows: Row[] = [];
  const routers: Record<string, Router[]> = {};
  for (const device of scene.devices()) {
    if (isPort(device) || (name ?? device.name) !== device.name) continue;
    rows.push(...(await rowsOf(context, device.name, link(device).ifindex, vid)));
    const ofBridge = options.details ? await routersOf(context, device.name) : [];
    if (ofBridge.length > 0) routers[device.name] = ofBridge;
  }
  if (options.json) return void out(jsonText([{ mdb: rows, router: routers }], options.pretty));
  const lines = [...rows.map(rowText), ...routerLines(routers)];
  out(lines.map((line) => `${line}${options.oneline ? '\\' : '\n'}`).join(''));
}

async function rowsOf({ client, options }: Context, bridge: string, index: number, vid: number) {
  const entries: MdbEntry[] = [];
  const filter = { bridge, ...(vid !== 0 && { vlan: vid }) };
  for await (const page of client.mdb(filter)) for (const entry of page) entries.push(entry);
  return [...grouped(entries).values()].flatMap((members) => {
    const sources = new Set(members.flatMap((member) => member.sources.map(({ address }) => address)));
    return members.flatMap((member) => memberRows(member, sources, index, options));
  });
}

function grouped(entries: readonly MdbEntry[]): Map<string, MdbEntry[]> {
  const groups = new Map<string, MdbEntry[]>();
  for (const entry of entries) {
    const key = `${entry.vlan} ${entry.group}`;
    const members = groups.get(key);
    if (members === undefined) groups.set(key, [entry]);
    else members.push(entry);
  }
  return groups;
}

/** Rows of a port in a group. @param named sources that any port of the group names */
function memberRows(
  { bridge, vlan, group, port, mode, sources, expiresIn }: MdbEntry,
  named: ReadonlySet<string>,
  index: number,
  { details, statistics }: Context['options'],
): Row[] {
  const isHost = port === bridge;
  const row = (more: Pick<Row, 'state' | 'src' | 'source_list' | 'flags'>, timer: number): Row => ({
    index,
    dev: bridge,
    port,
    grp: group,
    ...(more.src !== undefined && { src: more.src }),
    state: more.state,
    ...(details && !isHost && { filter_mode: more.src === undefined ? mode : 'include' }),
    ...(details && !isHost && more.source_list !== undefined && { source_list: more.source_list }),
    ...(details && !isHost && { protocol: more.state === 'permanent' ? 'static' : 'kernel' }),
    flags: more.flags,
    ...(vlan !== 0 && { vid: vlan }),
    ...(statistics && { timer: seconds(timer).padStart(7) }),
  });
  const isFixed = ({ isBlocked, expiresIn: until }: MdbEntry['sources'][number]) =>
    !isBlocked && until === undefined;
  const rows = sources.map((source) => {
    const flags = source.isBlocked ? ['blocked'] : [];
    return row({ src: source.address, state: isFixed(source) ? 'permanent' : 'temp', flags }, 0);
  });
  // an exclude member gets what others name, too
  const others = [...named].filter((source) => sources.every(({ address }) => address !== source));
  if (mode === 'exclude' && !isHost)
    rows.push(...others.map((src) => row({ src, state: 'temp', flags: ['added_by_star_ex'] }, 0)));
  const heard = sources.filter((source) => !isFixed(source));
  if (mode === 'include' && heard.length === 0) return rows;
  const list = heard.map(({ address, expiresIn: until = 0 }) => ({ address, timer: seconds(until) }));
  const state = mode === 'exclude' && expiresIn === undefined ? 'permanent' : 'temp';
  const source_list = list.length === 0 ? undefined : list;
  return [...rows, row({ state, flags: [], source_list }, mode === 'exclude' ? (expiresIn ?? 0) : 0)];
}

function seconds(time: number): string {
  return time.toFixed(2);
}

function rowText(row: Row): string {
  const { dev, port, grp, src, state, filter_mode, source_list, protocol, flags, vid, timer } = row;
  const list = source_list?.map(({ address, timer: left }) => `${address}/${left}`).join(',');
  return [
    `dev ${dev} port ${port} grp ${grp}`,
    ...(src === undefined ? [] : [` src ${src}`]),
    ` ${state}`,
    ...(filter_mode === undefined ? [] : [` filter_mode ${filter_mode}`]),
    ...(list === undefined ? [] : [` source_list ${list}`]),
    ...(protocol === undefined ? [] : [` proto ${protocol} `]),
    ...flags.map((flag) => ` ${flag}`),
    ...(vid === undefined ? [] : [` vid ${vid}`]),
    ...(timer === undefined ? [] : [` ${timer}`]),
  ].join('');
}

/** Over all VLANs and both families: the kernel has one list. */
async function routersOf({ client, options }: Context, bridge: string): Promise<Router[]> {
  const { vlans } = await client.multicast(bridge);
  const ports = new Map<string, number | undefined>();
  for (const { port, expiresIn } of vlans.flatMap(({ routers }) => routers)) {
    const known = ports.has(port) ? ports.get(port) : 0;
    ports.set(port, known === undefined || expiresIn === undefined ? undefined : Math.max(known, expiresIn));
  }
  return [...ports].map(([port, left]) => ({
    port,
    ...(options.statistics && {
      timer: seconds(left ?? 0).padStart(7),
      type: left === undefined ? 'permanent' : 'temp',
    }),
  }));
}

function routerLines(routers: Record<string, Router[]>): string[] {
  return Object.entries(routers).flatMap(([bridge, ports]) => {
    const head = `router ports on ${bridge}: `;
    if (ports[0].timer === undefined) return [`${head}${ports.map(({ port }) => `${port} `).join('')}`];
    return ports.map(({ port, timer, type }) => `${head}${port} ${timer} ${type}`);
  });
}

/** What `add`, `replace` and `del` name. */
interface Named {
  readonly bridge: Device;
  readonly port: string;
  readonly group: string;
  readonly source?: string;
  readonly vlan?: number;
  readonly isPermanent: boolean;
  readonly mode?: 'include' | 'exclude';
  readonly sources: string[];
}

const NO_COUNTERPART = ['proto', 'dst', 'dst_port', 'vni', 'src_vni', 'via', 'nhid'];

async function named({ client }: Context, words: Words, isAdded: boolean): Promise<Named> {
  const said = new Map<string, string>();
  let isPermanent = false;
  while (words.left) {
    const word = words.next();
    if (['dev', 'port', 'grp', 'src', 'vid', 'filter_mode', 'source_list'].includes(word)) {
      said.set(word, words.next());
    } else if (NO_COUNTERPART.includes(word)) throw new BridgeFailure(`Groups of Taploom have no "${word}".`);
    else if (word === 'permanent' || word === 'temp') isPermanent = word === 'permanent';
    // as iproute2, which does not look at words that it does not know
  }
  const [dev, port, grp] = ['dev', 'port', 'grp'].map((word) => said.get(word));
  if (dev === undefined || port === undefined || grp === undefined)
    throw new BridgeFailure('Device, group address and port name are required arguments.');
  const scene = await Scene.look(client);
  for (const name of [dev, port]) {
    if (!scene.knows(name)) throw new BridgeFailure(`Cannot find device "${name}"`);
  }
  const group = parseIp(grp);
  if (group === undefined && !/^([0-9a-f]{1,2}:){5}[0-9a-f]{1,2}$/i.test(grp))
    throw new BridgeFailure(`Invalid address "${grp}"`);
  const source = said.get('src');
  if (source !== undefined && parseIp(source) === undefined)
    throw new BridgeFailure(`Invalid source address "${source}"`);
  const mode = said.get('filter_mode');
  if (mode !== undefined && mode !== 'include' && mode !== 'exclude')
    throw new BridgeFailure(`Invalid filter mode "${mode}"`);
  const vid = integer(said.get('vid') ?? '0');
  if (vid > 4094) throw new BridgeFailure('Error: Invalid entry VLAN id.');
  const bridge = scene.device(dev);
  if (bridge === undefined || isPort(bridge))
    throw new BridgeFailure('Error: Device does not support MDB operations.');
  const device = scene.device(port);
  if (device?.bridge !== dev || (!isPort(device) && bridge.bridgeConfig.local === false))
    throw new BridgeFailure('Error: bridge: Net device is not a bridge port.');
  if (bridge.bridgeConfig.multicast?.snooping !== true)
    throw new BridgeFailure("Error: bridge: Bridge's multicast processing is disabled.");
  if (isAdded && !isPermanent && isPort(device) && device.status?.state !== 'up')
    throw new BridgeFailure('Error: bridge: Port is in disabled state and entry is not permanent.');
  if (group === undefined) throw new BridgeFailure('Error: Groups of Taploom are of IP.');
  if (!isPort(device) && isPermanent)
    throw new BridgeFailure('Error: bridge: Flags are not allowed for host groups.');
  if (!isPort(device) && source !== undefined)
    throw new BridgeFailure('Error: bridge: Groups with sources cannot be manually host joined.');
  return {
    bridge,
    port,
    group: grp,
    source,
    ...(vid > 0 && { vlan: vid }),
    isPermanent,
    mode,
    sources: said.get('source_list')?.split(',') ?? [],
  };
}

export function mdbChange(how: 'add' | 'replace'): (context: Context, words: Words) => Promise<void> {
  return async (context, words) => {
    const wanted = await named(context, words, true);
    const known = await membersOf(context, wanted);
    if (known !== undefined) {
      if (how === 'add') throw new BridgeFailure(`Error: bridge: ${joinedText(wanted)}.`);
      await forget(context, wanted, known);
    }
    await join(context, wanted).catch((error) => Promise.reject(explained(error)));
  };
}

function joinedText({ bridge, port, source }: Named): string {
  if (port === bridge.name) return 'Group is already joined by host';
  return `${source === undefined ? '(*, G)' : '(S, G)'} group is already joined by port`;
}

async function join({ client }: Context, wanted: Named): Promise<void> {
  const { bridge, port, group, source, vlan, isPermanent, mode = 'exclude' } = wanted;
  const place = { bridge: bridge.name, port, group, vlan };
  const sources = source === undefined ? wanted.sources : [source];
  const isInclude = source !== undefined || mode === 'include';
  if (!isPermanent) return client.joinGroup({ ...place, mode: isInclude ? 'include' : 'exclude', sources });
  if (!isInclude && sources.length > 0)
    throw new BridgeFailure('A permanent group of Taploom has no sources to exclude: say temp.');
  for (const one of isInclude ? sources : [undefined]) await client.putGroup({ ...place, source: one });
}

export async function mdbDelete(context: Context, words: Words): Promise<void> {
  const wanted = await named(context, words, false);
  const known = await membersOf(context, wanted);
  if (known === undefined) throw refused('Invalid argument');
  await forget(context, wanted, known);
}

/** The entry that has what is named: the group for all sources, or the source. */
async function membersOf({ client }: Context, { bridge, port, group, source, vlan }: Named) {
  const filter = { bridge: bridge.name, port, group: canonicalIp(group), vlan };
  for await (const [entry] of client.mdb(filter, 1)) {
    if (entry === undefined) continue;
    if (source === undefined) return entry.mode === 'exclude' || entry.type === 'dynamic' ? entry : undefined;
    if (entry.sources.some(({ address, isBlocked }) => address === canonicalIp(source) && !isBlocked))
      return entry;
  }
  return undefined;
}

async function forget({ client }: Context, wanted: Named, known: MdbEntry): Promise<void> {
  const { bridge, port, vlan } = wanted;
  const source = wanted.source && canonicalIp(wanted.source);
  const place = { bridge: bridge.name, port, group: known.group, vlan };
  await client.flushGroups({ ...place, source });
  const statics = bridge.bridgeConfig.multicast?.static ?? [];
  for (const entry of statics) {
    const isMeant = entry.source === source && entry.port === port && entry.group === known.group;
    if (isMeant && entry.vlan === vlan) await client.deleteGroup({ bridge: bridge.name, ...entry });
  }
}

export async function mdbFlush({ client }: Context, words: Words): Promise<void> {
  let name: string | undefined;
  let port: string | undefined;
  let vlan: number | undefined;
  const kinds = new Set<string>();
  while (words.left) {
    const word = words.next();
    if (word === 'dev') name = words.next();
    else if (word === 'port') port = words.next();
    else if (word === 'vid') vlan = integer(words.next());
    else if (['permanent', 'nopermanent'].includes(word)) kinds.add(word);
    else throw new BridgeFailure(`Groups of Taploom have no "${word}".`);
  }
  if (name === undefined) throw new BridgeFailure('Device is a required argument.');
  const scene = await Scene.look(client);
  for (const one of [name, port ?? name]) {
    if (!scene.knows(one)) throw new BridgeFailure(`Cannot find device "${one}"`);
  }
  const bridge = scene.device(name);
  if (bridge === undefined || isPort(bridge))
    throw new BridgeFailure('Error: Device does not support MDB operations.');
  if (!kinds.has('permanent')) await client.flushGroups({ bridge: name, port, vlan });
  if (kinds.has('nopermanent')) return;
  for (const entry of bridge.bridgeConfig.multicast?.static ?? []) {
    if ((port ?? entry.port) === entry.port && (vlan ?? entry.vlan) === entry.vlan)
      await client.deleteGroup({ bridge: name, ...entry });
  }
}
