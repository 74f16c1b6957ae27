// `bridge link show`: ports and their flags.

import { bridgeStp, portStp } from '../../config/stp.ts';
import { jsonText } from './json.ts';
import { LINK_FLAGS, NEWER_FLAGS } from './link_flags.ts';
import { stateOf } from './link_state.ts';
import type { Link } from './namespace.ts';
import { byIndex, type Context, type Device, isPort, type Port, readLinks, Scene } from './scene.ts';
import type { Words } from './words.ts';

export async function linkShow(context: Context, words: Words): Promise<void> {
  let only: string | undefined;
  let master: string | undefined;
  while (words.left) {
    const word = words.next();
    if (word === 'dev') only = words.once('dev', only);
    else if (word === 'master') master = words.once('master', master);
    // as iproute2, which does not look at words that it does not know
  }
  const scene = await Scene.look(context);
  if (only !== undefined) scene.need(only);
  if (master !== undefined) scene.need(master);
  const link = await readLinks(context);
  const ports = [...scene.devices()]
    .filter(isPort)
    .filter(({ name, bridge }) => (only ?? name) === name && (master ?? bridge) === bridge);
  context.out(linkText(context, ports.sort(byIndex(link)), link));
}

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
  const newer = NEWER_FLAGS.filter((flag) => flag.of(config));
  return Object.fromEntries([...LINK_FLAGS, ...newer].map(({ name, of }) => [name, of(config)]));
}

function rowText(row: ReturnType<typeof linkRow>, details: boolean, newline: string): string {
  const { ifindex, ifname, link, link_index, flags, mtu, master, state, priority, cost, ...more } = row;
  const head = headText({ ifindex, ifname, link, link_index, flags, mtu }, master);
  const first = `${head}state ${state} priority ${priority} cost ${cost} `;
  const words = Object.entries(more).map(
    ([key, value]) => `${key} ${typeof value === 'boolean' ? (value ? 'on' : 'off') : value} `,
  );
  return details ? `${first}${newline}    ${words.join('')}\n` : `${first}\n`;
}

/** What `monitor` tells of a port that is gone. */
export function headText({ ifindex, ifname, link, link_index, flags, mtu }: Link, master: string): string {
  const peer = link ?? (link_index === undefined ? undefined : `if${link_index}`);
  const name = peer === undefined ? ifname : `${ifname}@${peer}`;
  return `${ifindex}: ${name}: <${flags}> mtu ${mtu} master ${master} `;
}
