// `bridge vlan add` and `del`: of the VLANs of a port one at most is untagged, in both directions. What cannot be said with
// that is refused.

import { type Range, rangesOf } from '../../config/range.ts';
import type { VlanConfig } from '../../config/schema.ts';
import { vlanSet } from '../../config/vlan_set.ts';
import { BridgeFailure, explained, lacking, NOT_SUPPORTED, refused, senseless } from './failure.ts';
import { type Context, Scene, vlanKey } from './scene.ts';
import { begins, integer, type Words } from './words.ts';

const MAX_VID = 4094;
const MAX_VNI = 0xff_ffff;

export function vlanAdd(context: Context, words: Words): Promise<void> {
  return change(context, words, 'add');
}

export function vlanDelete(context: Context, words: Words): Promise<void> {
  return change(context, words, 'del');
}

interface Said {
  name?: string;
  vids?: string;
  readonly flags: Set<string>;
}

function parse(words: Words): Said {
  const said: Said = { flags: new Set() };
  while (words.left) {
    const word = words.next();
    if (word === 'dev') said.name = words.next();
    else if (word === 'vid') said.vids = words.next();
    else if (word === 'tunnel_info') said.flags.add(tunnelInfo(words));
    else if (begins(word, ['help'])) words.next();
    // as iproute2, which does not look at words that it does not know
    else said.flags.add(word);
  }
  return said;
}

function tunnelInfo(words: Words): string {
  const word = words.next();
  if (!begins(word, ['id'])) throw senseless(`Error: argument "${word}" is wrong: tunnel id expected`);
  const id = words.next();
  const isRange = /^\d+(-\d+)?$/.test(id) && id.split('-').every((part) => Number(part) <= MAX_VNI);
  if (!isRange) throw senseless(`Error: argument "${id}" is wrong: invalid tun id`);
  return 'tunnel_info';
}

async function change(context: Context, words: Words, how: 'add' | 'del'): Promise<void> {
  const { client, error } = context;
  const { name, vids, flags } = parse(words);
  if (name === undefined || vids === undefined) {
    throw new BridgeFailure('Device and VLAN ID are required arguments.');
  }
  const scene = await Scene.look(context);
  scene.need(name, 'bridge device');
  const range = rangeOf(vids, flags.has('pvid'));
  const device = scene.device(name);
  const isBridge = device?.config === undefined && device?.bridgeConfig.local !== false;
  // of a bridge's own interface `self`, of a port `master`, which need not be said
  const isMeant = isBridge ? flags.has('self') : device?.config !== undefined && !flags.has('self');
  if (device === undefined || !isMeant) throw refused(NOT_SUPPORTED);
  if (flags.has('tunnel_info'))
    throw lacking(
      'A VXLAN port carries one VNI: add one for each, with its VLAN as --access of taploom port add',
    );
  if (range.from < 1 || range.to > MAX_VID) throw new BridgeFailure('Error: bridge: Vlan id is invalid.');
  const key = vlanKey(device);
  if (key !== undefined && 'tunnel' in key)
    throw lacking(`${name} is the end of a customer's tunnel: change its vlan with taploom port set`);
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

export function rangeOf(vids: string, isPvid: boolean): Range {
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
  if (flags.has('pvid') !== isUntagged)
    throw lacking(
      'The VLAN of untagged frames is the one that leaves untagged: say "pvid untagged", or neither of them',
    );
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
