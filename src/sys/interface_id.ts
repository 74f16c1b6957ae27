// Which interface it is, whatever it and its namespace are called: its index in a namespace, which is an inode. Two names
// for one namespace (a file and a path, or the process' own) give the same.

import { fstatSync, statSync } from 'node:fs';
import { linkOfTap } from './link.ts';
import { native } from './native.ts';
import { closeFd } from './wake.ts';

/** `netns` is an open namespace, -1 = here. */
export function interfaceId(netns: number, index: number): string {
  const { ino } = netns < 0 ? statSync('/proc/self/ns/net') : fstatSync(netns);
  return `${ino} ${index}`;
}

/** Of a TAP, wherever it was moved; undefined if it is gone, or in a namespace that is forbidden to this process. */
export function interfaceIdOfTap(tapFd: number): string | undefined {
  const netns = native().tl_tap_netns(tapFd);
  if (netns < 0) return undefined;
  try {
    const link = linkOfTap(tapFd, 0);
    return link && interfaceId(netns, link.index);
  } finally {
    closeFd(netns);
  }
}
