// What the daemon takes of the system for guests whose hypervisors call taploom-bridge-helper.

import type { HelperSystem } from '../control/bridge_helper.ts';
import type { TapMaker } from '../control/guest_ports.ts';
import { TaploomError } from '../error.ts';
import { groupId, userId } from '../sys/accounts.ts';
import { guestTaps, openGuestTap } from '../sys/guest_tap.ts';
import { peerGroups, peerOf } from '../sys/peer.ts';
import { sendRights } from '../sys/rights.ts';
import { SysError } from '../sys/sys_error.ts';
import { closeFd } from '../sys/wake.ts';

/** @param keeper who takes their TAPs again after a restart */
export function guestSystem(keeper: string): HelperSystem & TapMaker {
  return {
    open: (name, { bridge, ...options }) =>
      saying(() => openGuestTap(name, { ...options, mark: { bridge, keeper } })?.[0]),
    list: () => saying(() => guestTaps(keeper)),
    close: closeFd,
    credentials: peerOf,
    groups: peerGroups,
    userId: (name) => known(() => userId(name)),
    groupId: (name) => known(() => groupId(name)),
    send: (socket, text, fd) => sendRights(socket, Buffer.from(text), [fd]) > 0,
  };
}

function saying<T>(act: () => T): T {
  try {
    return act();
  } catch (error) {
    if (!(error instanceof SysError)) throw error;
    const code = error.code === 'EPERM' || error.code === 'EACCES' ? 'not_permitted' : 'device_failed';
    throw new TaploomError(code, error.message, { cause: error });
  }
}

function known(look: () => number): number | undefined {
  try {
    return look();
  } catch {
    return undefined;
  }
}
