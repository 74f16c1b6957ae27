// Pairs that outlive the switch, known by the alias of their end here. The keeper is who takes them again: see bridge_mark.ts.

import { readFileSync } from 'node:fs';
import { interfaceNames } from './bridge_mark.ts';
import { LinkSocket } from './link.ts';

export interface KeptVeth {
  name: string;
  index: number;
  keeper: string;
}

/** @param ifname of the end in somebody's namespace when it was made */
export function vethMark(ifname: string, keeper: string): string {
  return `taploom veth to ${ifname} of ${keeper}`;
}

/** The keeper; undefined: the alias is none of ours. */
export function vethOwner(alias: string): string | undefined {
  return /^taploom veth to \S+ of (.*)$/.exec(alias)?.[1];
}

/** Of the namespace of this process. Throws SysError. */
export function keptVeths(): KeptVeth[] {
  using links = LinkSocket.open();
  return interfaceNames().flatMap((name) => {
    const link = links.find(name);
    const keeper = link?.kind === 'veth' ? vethOwner(link.alias) : undefined;
    return link === undefined || keeper === undefined ? [] : [{ name, index: link.index, keeper }];
  });
}

/** False if a running program is attached to it: then it stays. Throws SysError. */
export async function removeKeptVeth({ index }: KeptVeth): Promise<boolean> {
  if (isAttached(index)) return false;
  using links = LinkSocket.open();
  await links.removeAside(index);
  return true;
}

/** Whether there is a packet socket on it: packet(7). */
function isAttached(index: number): boolean {
  // sk RefCnt Type Proto Iface R Rmem User Inode
  const rows = readFileSync('/proc/thread-self/net/packet', 'utf8').split('\n').slice(1);
  return rows.some((row) => Number(row.trim().split(/\s+/)[4]) === index);
}
