// Interfaces of bridges that outlive the daemon, known by their alias: "taploom bridge br0 of /var/lib/taploom/state.json".
// What follows `of`, the keeper, is who takes them again: two daemons on a host leave each other's alone.

import { readFileSync } from 'node:fs';
import { LinkSocket } from './link.ts';
import { SysError } from './sys_error.ts';
import { openTap, setTapPersist } from './tap.ts';
import { closeFdAside } from './wake.ts';

/** The kernel takes 255 for an alias. */
const MAX_KEEPER_BYTES = 150;

export interface KeptBridge {
  name: string;
  keeper: string;
}

/** The end of a path tells more than its beginning. */
export function keeperOf(path: string): string {
  return Buffer.from(path).subarray(-MAX_KEEPER_BYTES).toString();
}

export function bridgeMark(bridge: string, keeper: string): string {
  return `taploom bridge ${bridge} of ${keeper}`;
}

/** Undefined: the alias is none of ours. */
export function keeperIn(alias: string): string | undefined {
  return /^taploom bridge \S+ of (.*)$/.exec(alias)?.[1];
}

/** Of the namespace of this process, whether somebody holds them or not. Throws SysError. */
export function keptBridges(): KeptBridge[] {
  return markedTaps((name, alias) => {
    const keeper = keeperIn(alias);
    return keeper === undefined ? [] : [{ name, keeper }];
  });
}

/** What `read` makes of the TAPs and TUNs of this namespace and their aliases. Throws SysError. */
export function markedTaps<Marked>(read: (name: string, alias: string) => Marked[]): Marked[] {
  using links = LinkSocket.open();
  return interfaceNames().flatMap((name) => {
    const link = links.find(name);
    return link?.kind === 'tun' ? read(name, link.alias) : [];
  });
}

/** False if a running program has it open: then it stays. Throws SysError. */
export async function removeKeptBridge(name: string): Promise<boolean> {
  let fd: number;
  try {
    fd = openTap({ name, up: false }).fd;
  } catch (error) {
    if (error instanceof SysError && error.code === 'EBUSY') return false;
    throw error;
  }
  setTapPersist(fd, false);
  await closeFdAside(fd);
  return true;
}

/** Also those that are down. /sys shows another namespace than that of the process where nobody has mounted it anew. */
export function interfaceNames(): string[] {
  const lines = readFileSync('/proc/thread-self/net/dev', 'utf8').split('\n').slice(2);
  return lines.map((line) => line.slice(0, line.lastIndexOf(':')).trim()).filter((name) => name !== '');
}
