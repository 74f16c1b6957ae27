// `bridge mdb show` and `get`: groups by port, and router ports. What hosts, or `add` without `permanent`, have joined is
// temporary; the rest is configuration.

import type { MdbEntry } from '../../api.ts';
import { canonicalIp } from '../../wire/ip_address.ts';
import { BridgeFailure } from './failure.ts';
import { jsonText } from './json.ts';
import { checkGroup, checkSource } from './mdb_named.ts';
import { type GroupRow, groupRows, groupText, timerText } from './mdb_rows.ts';
import { byIndex, type Context, isPort, readLinks, Scene } from './scene.ts';
import { usage } from './usage.ts';
import { begins, integer, type Words } from './words.ts';

/** -ENOENT as a byte. */
const NOT_FOUND = 254;

interface Router {
  readonly port: string;
  readonly timer?: string;
  readonly type?: string;
}

export async function mdbShow(context: Context, words: Words): Promise<void> {
  let name: string | undefined;
  let vid: string | undefined;
  while (words.left) {
    const word = words.next();
    if (word === 'dev') name = words.once('dev', name);
    else if (word === 'vid') vid = words.once('vid', vid);
  }
  const scene = await Scene.look(context);
  if (name !== undefined) scene.need(name);
  const link = await readLinks(context);
  const bridges = [...scene.devices()]
    .filter((device) => !isPort(device) && (name ?? device.name) === device.name)
    .sort(byIndex(link));
  const rows: GroupRow[] = [];
  const routers: Record<string, Router[]> = {};
  for (const device of bridges) {
    rows.push(...(await rowsOf(context, device.name, link(device).ifindex, integer(vid ?? ''))));
    const ofBridge = context.options.details ? await routersOf(context, device.name) : [];
    if (ofBridge.length > 0) routers[device.name] = ofBridge;
  }
  const { json, pretty } = context.options;
  if (json) return void context.out(jsonText([{ mdb: rows, router: routers }], pretty));
  print(context, [...rows.map(groupText), ...routerLines(routers)]);
}

function print({ options, out }: Context, lines: readonly string[]): void {
  out(lines.map((line) => `${line}${options.oneline ? '\\' : '\n'}`).join(''));
}

async function rowsOf({ client, options }: Context, bridge: string, index: number, vid: number) {
  const entries: MdbEntry[] = [];
  const filter = { bridge, ...(vid !== 0 && { vlan: vid }) };
  for await (const page of client.mdb(filter)) for (const entry of page) entries.push(entry);
  return groupRows(entries, index, options);
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
      timer: timerText(left ?? 0),
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

interface Sought {
  name?: string;
  group?: string;
  source?: string;
  vid?: string;
}

function parseGet(words: Words): Sought {
  const sought: Sought = {};
  while (words.left) {
    const word = words.next();
    if (word === 'dev') sought.name = words.next();
    else if (word === 'grp') sought.group = words.next();
    else if (word === 'src') sought.source = words.next();
    else if (word === 'vid') sought.vid = words.next();
    else if (begins(word, ['help'])) throw usage('mdb');
  }
  return sought;
}

/** Of iproute2 6.8. */
export async function mdbGet(context: Context, words: Words): Promise<void> {
  const { name, group, source, vid = '' } = parseGet(words);
  if (name === undefined || group === undefined)
    throw new BridgeFailure('Device and group address are required arguments.');
  const scene = await Scene.look(context);
  scene.need(name);
  checkGroup(group);
  checkSource(group, source);
  const bridge = scene.device(name);
  if (bridge === undefined || isPort(bridge))
    throw new BridgeFailure('Error: Device does not support MDB operations.', NOT_FOUND);
  const { ifindex } = (await readLinks(context))(bridge);
  const address = source && canonicalIp(source);
  const rows = (await rowsOf(context, name, ifindex, integer(vid))).filter(
    ({ grp, src }) => grp === canonicalIp(group) && src === address,
  );
  if (rows.length === 0) throw new BridgeFailure('Error: bridge: MDB entry not found.', NOT_FOUND);
  const { json, pretty } = context.options;
  if (json) return void context.out(jsonText(rows, pretty));
  print(context, rows.map(groupText));
}
