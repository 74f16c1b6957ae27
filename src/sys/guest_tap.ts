// TAPs that guests hold: made here, handed to a hypervisor, and gone with it. Their alias, "taploom guest of br0 for
// /run/taploom/taploom.sock", tells a later daemon which bridge they are ports of: what the kernel's `master` is for a kernel bridge.

import { markedTaps } from './bridge_mark.ts';
import { LinkSocket } from './link.ts';
import { withoutOwnIpv6 } from './own_ipv6.ts';
import { SysError } from './sys_error.ts';
import { openTap, resetTap } from './tap.ts';
import { closeFd } from './wake.ts';

export interface GuestTapOptions {
  /** For a later switch of this keeper, which makes a port of the bridge of it. Without it the TAP has no mark. */
  mark?: { bridge: string; keeper: string };
  mtu: number;
  /** With a virtio-net header before each frame. */
  vnet: boolean;
  /** Several descriptors, a queue each. */
  queues?: number;
}

export interface GuestTap {
  name: string;
  bridge: string;
}

/** Opens a TAP that is up and new, as `ip tuntap add` makes one. Undefined: there is an interface of that name. Throws SysError. */
export function openGuestTap(name: string, options: GuestTapOptions): number[] | undefined {
  const { mark, mtu, vnet, queues = 1 } = options;
  using links = LinkSocket.open();
  if (links.exists(name)) return undefined;
  const fds: number[] = [];
  const open = () => {
    const vnetHeader = vnet ? 12 : 0;
    const tap = openTap({ name, mtu, vnetHeader, offloads: false, multiQueue: queues > 1, up: false });
    fds.push(tap.fd);
    if (vnet) resetTap(tap.fd);
    return tap;
  };
  try {
    if (!open().created) return release(fds);
    while (fds.length < queues) open();
    withoutOwnIpv6(name);
    links.setUp(name, true);
    if (mark !== undefined) links.setAlias(name, `taploom guest of ${mark.bridge} for ${mark.keeper}`);
    return fds;
  } catch (error) {
    release(fds);
    // Somebody else's, since we looked.
    if (error instanceof SysError && error.syscall === 'TUNSETIFF' && error.code === 'EBUSY')
      return undefined;
    throw error;
  }
}

/** Opens queues of a TAP that is there. Undefined: there is no such interface. SysError EBUSY: somebody holds it. */
export function holdTap(
  name: string,
  { netns, queues, vnet }: { netns?: string; queues: number; vnet: boolean },
): number[] | undefined {
  using links = LinkSocket.open(netns);
  const link = links.find(name);
  if (link === undefined) return undefined;
  const multiQueue = link.txQueues > 1;
  const fds: number[] = [];
  try {
    for (let n = 0; n < queues; n++) {
      fds.push(openTap({ name, netns, vnetHeader: vnet ? 12 : 0, offloads: false, multiQueue }).fd);
      if (vnet) resetTap(fds[n]);
    }
    return fds;
  } catch (error) {
    release(fds);
    throw error;
  }
}

/** Those that guests hold in the namespace of this process. Throws SysError. */
export function guestTaps(keeper: string): GuestTap[] {
  return markedTaps((name, alias) => {
    const [, bridge, of] = /^taploom guest of (\S+) for (.*)$/.exec(alias) ?? [];
    return of === keeper ? [{ name, bridge }] : [];
  });
}

function release(fds: readonly number[]): undefined {
  for (const fd of fds) closeFd(fd);
}
