// `bridge link set`: flags of a port, its cost and priority in the spanning tree, its state.

import { BridgeFailure, explained, lacking, NOT_SUPPORTED, refused, senseless } from './failure.ts';
import { type FlagValue, LINK_FLAGS, NEWER_FLAGS } from './link_flags.ts';
import { parseState, setState } from './link_state.ts';
import { type Context, isPort, type Port, Scene } from './scene.ts';
import { usage } from './usage.ts';
import { integer, onOff, type Words } from './words.ts';

const FLAGS = new Map([...LINK_FLAGS, ...NEWER_FLAGS].map((flag) => [flag.name, flag]));
/** Of Linux' ranges, which are 16 and 6 bits wide. */
const MAX_COST = 65_535;
const MAX_PRIORITY = 63;

interface Wanted {
  name?: string;
  isSelf: boolean;
  state?: number;
  cost?: number;
  priority?: number;
  hwmode?: string;
  backup?: string;
  readonly flags: Map<string, FlagValue>;
}

function parse(words: Words): Wanted {
  const wanted: Wanted = { isSelf: false, flags: new Map() };
  while (words.left) {
    const word = words.next();
    const flag = FLAGS.get(word);
    if (flag?.isNumber) wanted.flags.set(word, integer(words.next()));
    else if (flag !== undefined) wanted.flags.set(word, onOff(word, words.next()));
    else if (word === 'dev') wanted.name = words.next();
    else if (word === 'self') wanted.isSelf = true;
    else if (word === 'state') wanted.state = parseState(words.next());
    else if (word === 'cost' || word === 'priority') wanted[word] = integer(words.next());
    else if (word === 'hwmode') wanted.hwmode = hwmode(words.next());
    else if (word === 'backup_port' || word === 'backup_nhid') wanted.backup = words.next();
    // the kernel's bridge does nothing with it
    else if (word === 'learning_sync') onOff(word, words.next());
    else if (word !== 'master' && word !== 'nobackup_port') throw usage('link');
  }
  return wanted;
}

function hwmode(word: string): string {
  if (word === 'vepa' || word === 'veb') return word;
  throw senseless('Mode argument must be "vepa" or "veb".');
}

export async function linkSet(context: Context, words: Words): Promise<void> {
  const wanted = parse(words);
  const { name, isSelf, state } = wanted;
  if (name === undefined) throw new BridgeFailure('Device is a required argument.');
  const scene = await Scene.look(context);
  scene.need(name, 'bridge device');
  const port = scene.device(name);
  if (!isPort(port) || isSelf || wanted.hwmode !== undefined) throw refused(NOT_SUPPORTED);
  if (wanted.backup !== undefined)
    throw lacking('A port of Taploom has no backup: an aggregate with mode active_backup has one');
  const patch = patchOf(wanted, port);
  if (state !== undefined) await setState(context, port, state);
  if (Object.keys(patch).length === 0) return;
  const set = context.client.setPort(port.bridge, name, patch);
  await set.catch((error) => Promise.reject(explained(error)));
}

function patchOf({ cost = 0, priority = -1, flags }: Wanted, { config }: Port): object {
  if (cost < 0 || cost > MAX_COST || priority > MAX_PRIORITY) throw refused('Numerical result out of range');
  // a cost of 0 is none
  const stp: Record<string, unknown> = { ...(cost > 0 && { cost }), ...(priority >= 0 && { priority }) };
  const patch: Record<string, unknown> = {};
  let next = config;
  for (const [word, value] of flags) {
    const { stp: guards, ...keys } = FLAGS.get(word)?.patch(value, next) ?? {};
    Object.assign(patch, keys);
    Object.assign(stp, guards);
    // guards are a list: the next one is added to it
    next = { ...next, stp: { ...next.stp, ...stp } } as Port['config'];
  }
  return Object.keys(stp).length === 0 ? patch : { ...patch, stp };
}
