// `bridge vlan set`: what a port does in one VLAN. Ours do the same in all their VLANs: what is said must be so already.

import { BridgeFailure, lacking, refused } from './failure.ts';
import { mcastRouter } from './link_flags.ts';
import { parseState } from './link_state.ts';
import { type Context, type Device, Scene } from './scene.ts';
import { vlansOf } from './vlan.ts';
import { rangeOf } from './vlan_change.ts';
import { begins, integer, type Words } from './words.ts';

const FORWARDING = 3;
const STATES = 5;

interface Said {
  name?: string;
  vids?: string;
  state?: number;
  router?: number;
}

function parse(words: Words): Said {
  const said: Said = {};
  while (words.left) {
    const word = words.next();
    if (word === 'dev') said.name = words.next();
    else if (word === 'vid') said.vids = words.next();
    else if (word === 'state') said.state = stateOf(words.next());
    else if (word === 'mcast_router') said.router = integer(words.next());
    else if (begins(word, ['help'])) words.next();
    // as iproute2, which does not look at words that it does not know
  }
  return said;
}

function stateOf(word: string): number {
  const wrong = 'Error: invalid STP state';
  const state = parseState(word, wrong);
  if (state === undefined) throw new BridgeFailure(wrong);
  return state;
}

export async function vlanSet(context: Context, words: Words): Promise<void> {
  const { name, vids, state, router } = parse(words);
  if (name === undefined || vids === undefined) {
    throw new BridgeFailure('Device and VLAN ID are required arguments.');
  }
  const scene = await Scene.look(context);
  scene.need(name, 'network device');
  const { from, to } = rangeOf(vids, false);
  const device = scene.device(name);
  if (device === undefined) throw refused('Operation not supported');
  const known = vlansOf(device);
  for (const [end, vid] of [
    ['start', from],
    ['end', to],
  ] as const) {
    if (!known.has(vid))
      throw new BridgeFailure(`Error: bridge: Vlan range ${end} doesn't exist, can't process options.`);
  }
  checkState(name, state);
  checkRouter(device, router);
}

function checkState(name: string, state = FORWARDING): void {
  if (state >= STATES) throw new BridgeFailure('Error: bridge: Invalid vlan state.');
  if (state !== FORWARDING)
    throw lacking(`${name} has one state for all its VLANs: bridge vlan del takes one of them from it`);
}

function checkRouter({ name, config }: Device, router: number | undefined): void {
  if (router === undefined) return;
  if (router < 0 || router > 3) throw refused('Invalid argument');
  const now = config === undefined ? 1 : mcastRouter(config);
  if (router === now) return;
  throw lacking(
    config === undefined
      ? `${name} itself leads to no router: its mcast_router stays 1`
      : `${name} is a router port in all its VLANs or in none: bridge link set dev ${name} mcast_router ${router}`,
  );
}
