// Interfaces that are named on a command line are those of the network namespace where it is typed.

import { existsSync } from 'node:fs';
import { type ControlClient, ControlError } from '../control/client.ts';
import type { Values } from './setting_values.ts';

const NETNS_NAMES = '/var/run/netns';

type Client = Pick<ControlClient, 'netns'>;

/** An interface that is named in a namespace is one of that namespace, unless told otherwise: by name, path or process. */
export async function here(client: Client, settings: Values = {}): Promise<Values> {
  if (settings.netns !== undefined) {
    const path = processNetns(String(settings.netns));
    return path === undefined ? settings : { ...settings, netns: path };
  }
  const netns = await client.netns();
  return netns === undefined ? settings : { ...settings, netns };
}

/** A process is a namespace, too; its port is forgotten with it, because the number may be another's then. */
export function forgotten({ netns }: Values, now: Values): Values {
  return now.netns === netns || netns === undefined ? now : { ...now, when_deleted: 'forget' };
}

/** As a path, if it is the number of a process and not the name of a namespace. */
function processNetns(netns: string): string | undefined {
  if (!/^[1-9]\d*$/.test(netns) || existsSync(`${NETNS_NAMES}/${netns}`)) return undefined;
  const path = `/proc/${netns}/ns/net`;
  if (existsSync(path)) return path;
  throw new ControlError(
    'no_such_netns',
    `There is no process ${netns}, and no network namespace of that name: \`ip netns add ${netns}\` makes one`,
  );
}

/** The same of members of an aggregate that are not `known` yet. */
export async function membersHere(client: Client, settings: Values, known: object = {}): Promise<Values> {
  const entries = Object.entries((settings.members ?? {}) as Record<string, Values | null>);
  if (entries.length === 0) return settings;
  const { netns } = await here(client);
  const members = entries.map(([name, member]) => {
    const isNew = member !== null && !Object.hasOwn(known, name);
    return [name, isNew && netns !== undefined ? { ...member, netns } : member];
  });
  return { ...settings, members: Object.fromEntries(members) };
}
