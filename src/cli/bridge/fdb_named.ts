// What `bridge fdb add`, `append`, `replace` and `del` name: a station, and where it is.

import { formatMac, isGroupMac, parseMac } from '../../wire/mac.ts';
import { BridgeFailure, lacking, NOT_SUPPORTED, refused, senseless } from './failure.ts';
import { type Context, isPort, type Port, Scene } from './scene.ts';
import { usage } from './usage.ts';
import { begins, integer, type Words } from './words.ts';

export interface Named {
  readonly mac: string;
  readonly device: Port;
  /** An entry of the tunnel, not of the bridge. */
  readonly isSelf: boolean;
  readonly vlan?: number;
  readonly dst?: string;
  readonly flags: ReadonlySet<Flag>;
}

const FLAGS = [
  'self',
  'master',
  'router',
  'local',
  'permanent',
  'temp',
  'static',
  'dynamic',
  'use',
  'extern_learn',
  'sticky',
] as const;
type Flag = (typeof FLAGS)[number];

const OF_TUNNELS = ['nhid', 'port', 'vni', 'src_vni', 'via'];

interface Said {
  mac?: string;
  name?: string;
  vlan?: number;
  dst?: string;
  ofTunnel?: string;
  readonly flags: Set<Flag>;
}

function parse(words: Words): Said {
  const said: Said = { flags: new Set() };
  while (words.left) {
    const word = words.next();
    const flag = begins(word, FLAGS);
    if (word === 'dev') said.name = words.next();
    else if (word === 'vlan') said.vlan = parseVlan(words, said.vlan);
    else if (word === 'dst') said.dst = words.next();
    else if (OF_TUNNELS.includes(word)) {
      words.next();
      said.ofTunnel = word;
    } else if (flag !== undefined) said.flags.add(flag);
    else said.mac = parseStation(words, word, said.mac);
  }
  return said;
}

/** The VLAN that comes next. */
export function parseVlan(words: Words, before: number | undefined): number {
  if (before !== undefined) throw garbage('vlan', 'vlan');
  return integer(words.next());
}

/** A MAC address, if no other word is meant. */
export function parseStation(words: Words, word: string, before: string | undefined): string {
  if (begins(word, ['help'])) throw usage('fdb');
  const address = word === 'to' ? words.next() : word;
  if (before !== undefined) throw garbage('to', address);
  return address;
}

function garbage(name: string, word: string): BridgeFailure {
  return senseless(`Error: either "${name}" is duplicate, or "${word}" is a garbage.`);
}

/** As usual, whatever it was written like: `2:0:0:0:0:1`. */
export function macOf(text: string): string {
  const bytes = /^(?:[0-9a-f]{1,2}:){5}[0-9a-f]{1,2}$/i.test(text) ? text.split(':') : [];
  const address = parseMac(bytes.map((byte) => byte.padStart(2, '0')).join(':'));
  if (address === undefined) throw new BridgeFailure(`Invalid mac address ${text}`);
  return formatMac(address.hi, address.lo);
}

/** @param isAdded what is taken away need not be possible */
export async function named(context: Context, words: Words, isAdded: boolean): Promise<Named> {
  const { mac: text, name, vlan, dst, ofTunnel, flags } = parse(words);
  if (text === undefined || name === undefined) {
    throw new BridgeFailure('Device and address are required arguments.');
  }
  const mac = macOf(text);
  const scene = await Scene.look(context);
  scene.need(name);
  if (vlan !== undefined && vlan > 4094) throw new BridgeFailure('Error: invalid vlan id.');
  const device = scene.device(name);
  const isSelf = !flags.has('master') || flags.has('self');
  if (!isPort(device)) throw ofHost(device?.name, isSelf, flags);
  if (ofTunnel !== undefined)
    throw lacking(`Remotes of a tunnel share its VNI and its UDP port: "${ofTunnel}" cannot be said of one`);
  if (isSelf && device.config.type !== 'vxlan') throw ofInterface(name, isAdded);
  if (isAdded) checkKind(mac, isSelf, device.bridge, flags);
  return { mac, device, isSelf, vlan, dst, flags };
}

/** An address of the bridge itself, or of no part of the switch. */
function ofHost(bridge: string | undefined, isSelf: boolean, flags: ReadonlySet<Flag>): BridgeFailure {
  if (bridge === undefined || !isSelf) return refused(NOT_SUPPORTED);
  if (isStatic(flags) || flags.has('dynamic')) return refused('Invalid argument');
  return lacking(
    `The switch knows the addresses of ${bridge}: --mac of taploom bridge set ${bridge} gives it another one`,
  );
}

/** An interface's own filter. */
function ofInterface(name: string, isAdded: boolean): BridgeFailure {
  if (!isAdded) return refused('No such file or directory');
  return lacking(`${name} has no stations of its own, those of the bridge are: say "master static"`);
}

function isStatic(flags: ReadonlySet<Flag>): boolean {
  return flags.has('static') || flags.has('temp');
}

/** An entry of a bridge is static, one of a tunnel has a remote. */
function checkKind(mac: string, isSelf: boolean, bridge: string, flags: ReadonlySet<Flag>): void {
  const { hi = 0 } = parseMac(mac) ?? {};
  if (isGroupMac(hi))
    throw lacking(
      `${mac} is a group: bridge mdb add puts a port into one, static entries are of one station`,
    );
  if (flags.has('extern_learn') || flags.has('use') || flags.has('dynamic'))
    throw lacking('Stations that age are learned from their frames: say "static" for one that stays');
  if (!isSelf && !isStatic(flags))
    throw lacking(`Addresses of the host are those of ${bridge} itself: say "static" for a station`);
}
