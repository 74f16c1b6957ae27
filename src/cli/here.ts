// Interfaces that are named on a command line are those of the network namespace where it is typed.

import type { ControlClient } from '../control/client.ts';
import type { Values } from './setting_values.ts';

type Client = Pick<ControlClient, 'netns'>;

/** An interface that is named in a namespace is one of that namespace, unless told otherwise. */
export async function here(client: Client, settings: Values = {}): Promise<Values> {
  if (settings.netns !== undefined) return settings;
  const netns = await client.netns();
  return netns === undefined ? settings : { ...settings, netns };
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
