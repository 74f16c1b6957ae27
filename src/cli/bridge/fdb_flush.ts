// `bridge fdb flush`: which entries go. Ours are learned or static; addresses of the host stay.

import { BridgeFailure, lacking, NOT_SUPPORTED, refused } from './failure.ts';
import { entries, removeStatic } from './fdb_change.ts';
import { type Context, isPort, Scene } from './scene.ts';
import { usage } from './usage.ts';
import type { Words } from './words.ts';

/** What an entry is or, with `no` before it, is not. */
const KINDS = ['permanent', 'static', 'dynamic', 'added_by_user', 'extern_learn', 'offloaded', 'sticky'];

interface Flush {
  name?: string;
  brport?: string;
  vlan?: number;
  isSelf: boolean;
  isMaster: boolean;
  readonly kinds: Map<string, boolean>;
}

function parse(words: Words): Flush {
  const flush: Flush = { isSelf: false, isMaster: false, kinds: new Map() };
  while (words.left) {
    const word = words.next();
    const kind = word.replace(/^no/, '');
    if (word === 'dev') flush.name = words.once('dev', flush.name);
    else if (word === 'brport') flush.brport = words.once('brport', flush.brport);
    else if (word === 'vlan') flush.vlan = vlanOf(words.once('vlan', flush.vlan));
    else if (word === 'self') flush.isSelf = true;
    else if (word === 'master') flush.isMaster = true;
    else if (KINDS.includes(kind)) flush.kinds.set(kind, kind === word);
    // iproute2 passes over what it does not know, and flushes more than was meant
    else throw usage('fdb');
  }
  return flush;
}

function vlanOf(word: string): number {
  if (!/^\d+$/.test(word)) throw new BridgeFailure('Error: integer out of range.');
  if (Number(word) > 4095) throw new BridgeFailure(`Invalid VLAN ID "${word}"`);
  return Number(word);
}

export async function fdbFlush(context: Context, words: Words): Promise<void> {
  const { name, brport, vlan, isSelf, isMaster, kinds } = parse(words);
  if (name === undefined) throw new BridgeFailure('Device is a required argument.');
  const scene = await Scene.look(context);
  scene.need(name, 'bridge device');
  if (brport !== undefined) scene.need(brport, 'bridge port device');
  const device = scene.device(name);
  if (device?.config?.type === 'vxlan' && !isMaster)
    throw lacking(`Stations behind ${name} are entries of ${device.bridge}: say "master"`);
  // a port is flushed by its master, a bridge by itself
  if (device === undefined || isPort(device) !== isMaster || (isPort(device) && isSelf))
    throw refused(NOT_SUPPORTED);
  const place = brport === undefined ? device : scene.device(brport);
  if (place?.bridge !== device.bridge)
    throw new BridgeFailure('Error: bridge: Flush device is not a bridge or bridge port.');
  const { isStaticMeant, isLearnedMeant } = meant(kinds);
  const isWhole = brport === undefined && !isPort(device);
  const filter = { bridge: device.bridge, ...(!isWhole && { port: place.name }), vlan };
  if (isStaticMeant) await removeStatic(context, await entries(context, filter));
  if (isLearnedMeant) await context.client.flush(filter);
}

/** As the kernel: what is said of a kind must hold of an entry. */
function meant(kinds: ReadonlyMap<string, boolean>) {
  if (kinds.has('sticky'))
    throw lacking('No entry of Taploom is told to be sticky, as all static ones are: flush static ones');
  if (kinds.get('permanent') === true)
    throw lacking('The switch keeps the addresses of the host: static and learned ones can be flushed');
  const fits = (is: Readonly<Record<string, boolean>>) =>
    [...kinds].every(([kind, wanted]) => (is[kind] ?? false) === wanted);
  return {
    isStaticMeant: fits({ static: true, added_by_user: true }),
    isLearnedMeant: fits({ dynamic: true }),
  };
}
