// `bridge link`: ports and their flags.

import { bridgeStp, portStp } from '../../config/stp.ts';
import { BridgeFailure, explained, NOT_SUPPORTED, refused } from './failure.ts';
import { jsonText } from './json.ts';
import {
  byIndex,
  type Context,
  type Device,
  isPort,
  type Link,
  type Port,
  readLinks,
  Scene,
} from './scene.ts';
import { usage } from './usage.ts';
import { integer, onOff, type Words } from './words.ts';

/** Flags in the order of iproute2, by the key that has them, or as they always are. */
const FLAGS = [
  ['hairpin', 'hairpin'],
  ['guard', false],
  ['root_block', false],
  ['fastleave', false],
  ['learning', 'learning'],
  ['flood', 'flood'],
  ['mcast_flood', 'mcast_flood'],
  ['bcast_flood', 'bcast_flood'],
  ['mcast_router', 1],
  ['mcast_to_unicast', false],
  ['neigh_suppress', false],
  ['vlan_tunnel', false],
  ['isolated', 'isolated'],
  ['locked', 'locked'],
] as const;
const FLAG_BY_NAME = new Map<string, (typeof FLAGS)[number][1]>(FLAGS);

/** By number, as include/uapi/linux/if_bridge.h has them. */
const STATES = ['disabled', 'listening', 'learning', 'forwarding', 'blocking'];

export async function linkShow(context: Context, words: Words): Promise<void> {
  let only: string | undefined;
  while (words.left) if (words.next() === 'dev') only = words.next();
  const scene = await Scene.look(context.client);
  if (only !== undefined && !scene.knows(only)) throw new BridgeFailure(`Cannot find device "${only}"`);
  const link = await readLinks(context.client);
  const ports = [...scene.devices()].filter(isPort).filter(({ name }) => (only ?? name) === name);
  context.out(linkText(context, ports.sort(byIndex(link)), link));
}

/** Also of ports that are gone, for `monitor`. */
export function linkText(
  { options }: Pick<Context, 'options'>,
  ports: readonly Port[],
  link: (device: Device) => Link,
): string {
  const rows = ports.map((port) => linkRow(port, link(port), options.details));
  if (options.json) return jsonText(rows, options.pretty);
  return rows.map((row) => rowText(row, options.details, options.oneline ? '\\' : '\n')).join('');
}

function linkRow({ bridge, bridgeConfig, status, config }: Port, link: Link, details: boolean) {
  const stp = portStp(config, bridgeStp(bridgeConfig));
  return {
    ifindex: link.ifindex,
    ...(link.link !== undefined && { link: link.link }),
    ...(link.link_index !== undefined && { link_index: link.link_index }),
    ifname: link.ifname,
    flags: link.flags,
    mtu: link.mtu,
    master: bridge,
    state: stateOf(status),
    priority: stp.priority,
    cost: status?.stp?.cost ?? stp.cost,
    ...(details && flagsOf(config)),
  };
}

function flagsOf(config: Port['config']): Record<string, boolean | number> {
  return Object.fromEntries(
    FLAGS.map(([name, value]) => [name, typeof value === 'string' ? config[value] : value]),
  );
}

function stateOf(status: Port['status']): string {
  if (status?.state !== 'up') return 'disabled';
  return status.stp?.state ?? 'forwarding';
}

function rowText(row: ReturnType<typeof linkRow>, details: boolean, newline: string): string {
  const { ifindex, ifname, link, link_index, flags, mtu, master, state, priority, cost, ...more } = row;
  const peer = link ?? (link_index === undefined ? undefined : `if${link_index}`);
  const name = peer === undefined ? ifname : `${ifname}@${peer}`;
  const first = `${ifindex}: ${name}: <${flags}> mtu ${mtu} master ${master} state ${state} priority ${priority} cost ${cost} `;
  const words = Object.entries(more).map(
    ([key, value]) => `${key} ${typeof value === 'boolean' ? (value ? 'on' : 'off') : value} `,
  );
  return details ? `${first}${newline}    ${words.join('')}\n` : `${first}\n`;
}

export async function linkSet({ client }: Context, words: Words): Promise<void> {
  let name: string | undefined;
  let isSelf = false;
  const wanted = new Map<string, boolean | number>();
  let state: string | undefined;
  while (words.left) {
    const word = words.next();
    if (word === 'dev') name = words.next();
    else if (word === 'self') isSelf = true;
    else if (word === 'state') state = stateName(words.next());
    else if (word === 'cost' || word === 'priority') wanted.set(word, integer(words.next()));
    else if (word === 'mcast_router') wanted.set(word, integer(words.next()));
    else if (FLAG_BY_NAME.has(word)) wanted.set(word, onOff(word, words.next()));
    else if (word !== 'master') throw usage('link');
  }
  if (name === undefined) throw new BridgeFailure('Device is a required argument.');
  const scene = await Scene.look(client);
  const port = scene.device(name);
  if (!scene.knows(name)) throw new BridgeFailure(`Cannot find bridge device "${name}"`);
  if (!isPort(port) || isSelf) throw refused(NOT_SUPPORTED);
  if (state !== undefined && state !== stateOf(port.status)) {
    // The one state that is ours to give: that of a port which was disabled for an error.
    const isEnabled = state === 'forwarding' && (await client.enablePort(port.bridge, name));
    if (!isEnabled) throw refused(NOT_SUPPORTED);
  }

  const patch: Record<string, unknown> = {};
  const stp: Record<string, number> = {};
  for (const [word, value] of wanted) {
    const key = FLAG_BY_NAME.get(word);
    if (word === 'cost' || word === 'priority') {
      // a cost of 0 is none
      if (Number(value) > (word === 'cost' ? 0 : -1)) stp[word] = Number(value);
    } else if (typeof key === 'string') patch[key] = value;
    else if (key !== value) throw refused(NOT_SUPPORTED);
  }
  if ((stp.cost ?? 1) > 65_535 || (stp.priority ?? 0) > 63) throw refused('Numerical result out of range');
  if (Object.keys(stp).length > 0) patch.stp = stp;
  if (Object.keys(patch).length === 0) return;
  await client.setPort(port.bridge, name, patch).catch((error) => Promise.reject(explained(error)));
}

function stateName(word: string): string {
  const name = /^\d+$/.test(word) ? STATES[Number(word)] : STATES.find((state) => state === word);
  if (name === undefined) throw new BridgeFailure('Error: invalid STP port state');
  return name;
}
