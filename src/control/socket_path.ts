// Where the control socket is, unless somebody says it: in /run for who may write there, which is root, or a service
// whose folder was made for it; else in the user's own runtime folder (XDG Base Directory Specification).

import { accessSync, constants, existsSync } from 'node:fs';
import { dirname } from 'node:path';

export const SYSTEM_SOCKET = '/run/taploom/taploom.sock';

type Environment = Record<string, string | undefined>;

/** Where a daemon listens. */
export function daemonSocket(env: Environment = process.env): string {
  if (env.TAPLOOM_SOCKET) return env.TAPLOOM_SOCKET;
  return (mayMake(SYSTEM_SOCKET) ? undefined : userSocket(env)) ?? SYSTEM_SOCKET;
}

/** Where a client looks: a daemon of its user's own is meant before that of the system. */
export function clientSocket(env: Environment = process.env): string {
  if (env.TAPLOOM_SOCKET) return env.TAPLOOM_SOCKET;
  const own = userSocket(env);
  return own !== undefined && existsSync(own) ? own : SYSTEM_SOCKET;
}

function userSocket({ XDG_RUNTIME_DIR: folder }: Environment): string | undefined {
  return folder?.startsWith('/') ? `${folder}/taploom.sock` : undefined;
}

function mayMake(path: string): boolean {
  const folder = dirname(path);
  try {
    accessSync(existsSync(folder) ? folder : dirname(folder), constants.W_OK);
    return true;
  } catch {
    return false;
  }
}
