// `bridge mdb add`, `replace`, `del` and `flush`: who is in a group for ever is configuration; the others join as a host would.

import type { MdbEntry } from '../../api.ts';
import { canonicalIp } from '../../wire/ip_address.ts';
import { BridgeFailure, explained, lacking, refused } from './failure.ts';
import { bridgeOf, checkProtocol, type Named, named, OF_TUNNELS, ofTunnels } from './mdb_named.ts';
import { type Context, Scene } from './scene.ts';
import { usage } from './usage.ts';
import { vlansOf } from './vlan.ts';
import { integer, type Words } from './words.ts';

export function mdbChange(how: 'add' | 'replace'): (context: Context, words: Words) => Promise<void> {
  return async (context, words) => {
    for (const wanted of inVlans(await named(context, words, true))) {
      const known = await membersOf(context, wanted);
      if (known !== undefined) {
        if (how === 'add') throw new BridgeFailure(`Error: bridge: ${joinedText(wanted)}.`);
        await forget(context, wanted, known);
      }
      await join(context, wanted).catch((error) => Promise.reject(explained(error)));
    }
  };
}

/** Without a VLAN in a bridge that filters them: in all of the port. */
function inVlans(wanted: Named): Named[] {
  const { bridge, device, vlan } = wanted;
  if (vlan !== undefined || !bridge.bridgeConfig.vlan_filtering) return [wanted];
  return [...vlansOf(device)].map((one) => ({ ...wanted, vlan: one }));
}

function joinedText({ bridge, port, source }: Named): string {
  if (port === bridge.name) return 'Group is already joined by host';
  return `${source === undefined ? '(*, G)' : '(S, G)'} group is already joined by port`;
}

async function join({ client }: Context, wanted: Named): Promise<void> {
  const { bridge, port, group, source, vlan, isPermanent, mode = 'exclude' } = wanted;
  const place = { bridge: bridge.name, port, group, vlan };
  const sources = source === undefined ? [...wanted.sources] : [source];
  const isInclude = source !== undefined || mode === 'include';
  if (!isPermanent) return client.joinGroup({ ...place, mode: isInclude ? 'include' : 'exclude', sources });
  if (!isInclude && sources.length > 0)
    throw lacking('A permanent group of Taploom has no sources to exclude: say temp');
  for (const one of isInclude ? sources : [undefined]) await client.putGroup({ ...place, source: one });
}

export async function mdbDelete(context: Context, words: Words): Promise<void> {
  let isKnown = false;
  for (const wanted of inVlans(await named(context, words, false))) {
    const known = await membersOf(context, wanted);
    if (known === undefined) continue;
    isKnown = true;
    await forget(context, wanted, known);
  }
  if (!isKnown) throw refused('Invalid argument');
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

interface Flush {
  name?: string;
  port?: string;
  vlan?: number;
  isPermanent?: boolean;
  protocol?: string;
}

function parseFlush(words: Words): Flush {
  const flush: Flush = {};
  while (words.left) {
    const word = words.next();
    if (word === 'dev') flush.name = words.next();
    else if (word === 'port') flush.port = words.next();
    else if (word === 'vid') flush.vlan = integer(words.next());
    else if (word === 'permanent' || word === 'nopermanent') flush.isPermanent = word === 'permanent';
    else if (word === 'proto') flush.protocol = words.next();
    else if (OF_TUNNELS.includes(word)) throw ofTunnels(word);
    // iproute2 passes over what it does not know, and flushes more than was meant
    else throw usage('mdb');
  }
  return flush;
}

/** Of iproute2 6.8. */
export async function mdbFlush(context: Context, words: Words): Promise<void> {
  const { name, port, vlan, isPermanent, protocol } = parseFlush(words);
  if (name === undefined) throw new BridgeFailure('Device is a required argument.');
  checkProtocol(protocol);
  const scene = await Scene.look(context);
  scene.need(name);
  if (port !== undefined) scene.need(port);
  const bridge = bridgeOf(scene, name);
  const { client } = context;
  if (isPermanent !== true && protocol !== 'static') await client.flushGroups({ bridge: name, port, vlan });
  if (isPermanent === false || protocol === 'kernel') return;
  for (const entry of bridge.bridgeConfig.multicast?.static ?? []) {
    if ((port ?? entry.port) === entry.port && (vlan ?? entry.vlan) === entry.vlan)
      await client.deleteGroup({ bridge: name, ...entry });
  }
}
