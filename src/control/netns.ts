// Network namespaces that clients are in. They tell the number of theirs, and the daemon finds a name for it that means
// the same to itself, whatever is mounted where the client runs, and though it may not see the client's process.

import { readdirSync, statSync } from 'node:fs';
import { TaploomError } from '../error.ts';

const NAMES = '/var/run/netns';
/** That of the host, which has no name: of the process that started all others. */
const HOST = '/proc/1/ns/net';

/** The number of the network namespace that this process is in: nsfs has one for each, the same everywhere. */
export function ownNetns(): number {
  return statSync('/proc/self/ns/net').ino;
}

/** As a configuration names it: undefined is the namespace of this process. @throws TaploomError `no_such_netns` */
export function netnsName(inode: number): string | undefined {
  const own = statSync('/proc/self/ns/net');
  if (inode === own.ino) return undefined;
  const is = (path: string) => {
    const stat = statSync(path, { throwIfNoEntry: false });
    return stat?.ino === inode && stat.dev === own.dev;
  };
  const name = namesIn(NAMES).find((other) => is(`${NAMES}/${other}`));
  if (name !== undefined) return name;
  if (canSee(HOST) && is(HOST)) return HOST;
  throw new TaploomError(
    'no_such_netns',
    `The network namespace that this was called in has no name in ${NAMES}, and taploomd is in another one: ` +
      'give it a name (`ip netns attach NAME PID`), or call it in the namespace of taploomd',
  );
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return []; // made with the first name
  }
}

/** Forbidden, unless we are root. */
function canSee(path: string): boolean {
  try {
    return statSync(path).ino > 0;
  } catch {
    return false;
  }
}
