// `taploomd --undo`: what a daemon that was killed left in the host's settings for its networks.

import { resolve } from 'node:path';
import { lockFor } from '../control/file_lock.ts';
import { takeLock } from '../sys/lock.ts';
import { undoHostUplink } from '../uplink/host_uplink.ts';
import type { DaemonOptions } from './daemon_command.ts';

/** Where a daemon with these options notes what it changes of the host. */
export function uplinkState({ state, socket }: Pick<DaemonOptions, 'state' | 'socket'>): string {
  return `${resolve(state ?? socket)}.uplink`;
}

/** Tells the exit code: 1 if it could not be undone, or the daemon still runs. */
export async function undo(options: DaemonOptions): Promise<number> {
  const { state, socket } = options;
  try {
    const release = lockFor(
      state ?? socket,
      state ? `the state file ${state}` : `the socket ${socket}`,
      takeLock,
    );
    try {
      for (const setting of undoHostUplink(uplinkState(options))) console.log(`set ${setting} back`);
    } finally {
      release();
    }
    return 0;
  } catch (error) {
    console.error(`Nothing was undone: ${(error as Error).message}`);
    return 1;
  }
}
