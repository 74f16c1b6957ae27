// The network namespace whose interfaces are meant: the one that this runs in, or that of `-netns`.

import { statSync } from 'node:fs';
import { interfaceNames } from '../../control/interfaces.ts';
import { ownNetns } from '../../control/netns.ts';
import { iproute } from '../iproute.ts';
import { BridgeFailure } from './failure.ts';

/** A row of `ip -j link`. */
export interface Link {
  readonly ifindex: number;
  readonly ifname: string;
  readonly flags: readonly string[];
  readonly mtu: number;
  /** The other end of a cable, or its number if that is in another namespace. */
  readonly link?: string;
  readonly link_index?: number;
}

export interface Namespace {
  /** The same everywhere: see control/netns.ts. */
  readonly number: number;
  links(): Promise<Link[]>;
  names(): Promise<string[]>;
}

export function namespaceOf(name: string | undefined): Namespace {
  if (name === undefined) {
    const links = () => iproute<Link>('ip', '-j', 'link');
    return { number: ownNetns(), links, names: async () => interfaceNames() };
  }
  const stat = statSync(`/var/run/netns/${name}`, { throwIfNoEntry: false });
  if (stat === undefined)
    throw new BridgeFailure(`Cannot open network namespace "${name}": No such file or directory`);
  const links = () => iproute<Link>('ip', '-n', name, '-j', 'link');
  return { number: stat.ino, links, names: async () => (await links()).map(({ ifname }) => ifname) };
}
