// Naming of network namespaces. No thread of this process ever moves to another one: see native/netns.c.

import { statSync } from 'node:fs';
import { native } from './native.ts';
import { check } from './sys_error.ts';
import { closeFd } from './wake.ts';

/** A name under /var/run/netns (ip-netns(8)) or an absolute path such as /proc/123/ns/net. */
export function netnsPath(netns: string): string {
  return netns.startsWith('/') ? netns : `/var/run/netns/${netns}`;
}

/** That of this process. */
export const OWN_NETNS = '/proc/self/ns/net';

/** Opens the namespace; close it with closeFd. SysError of syscall `netns`: there is none, or it is forbidden. */
export function openNetns(netns: string): number {
  return check(native().tl_netns_open(netnsPath(netns)), 'netns', `Cannot open network namespace ${netns}`);
}

/** What the name means; another one after the namespace was made anew. Undefined if there is no such file. */
export function namespaceId(netns: string): string | undefined {
  try {
    const { dev, ino } = statSync(netnsPath(netns));
    return `${dev} ${ino}`;
  } catch {
    return undefined;
  }
}

/** Calls `act` with the namespace's fd, or with -1 ("here"), and closes it afterwards. */
export function withNetns<T>(netns: string | undefined, act: (fd: number) => T): T {
  if (netns === undefined) return act(-1);
  const fd = openNetns(netns);
  try {
    return act(fd);
  } finally {
    closeFd(fd);
  }
}
