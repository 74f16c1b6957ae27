// The control socket's file: who may use it, and who owns it. A socket file outlives a daemon that was killed, so a
// file at our path means nothing by itself: only a connection that is accepted proves that somebody else is there.

import {
  chmodSync,
  chownSync,
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
} from 'node:fs';
import { connect, type Server } from 'node:net';
import { dirname, resolve } from 'node:path';
import { TaploomError } from '../error.ts';

/** sun_path has 108 bytes, the last of them NUL: unix(7). */
const PATH_MAX = 107;
/** open(2): a descriptor of the place alone. Node has no name for it. */
const O_PATH = 0o10000000;

/** Who may connect: the user of this process, members of the group, or with `anybody` everybody. */
export interface SocketAccess {
  group?: string;
  anybody?: boolean;
}

/** Listens on `path` with mode 0600, 0660 and the group's ownership, or 0666. Replaces a dead socket, refuses a live one. */
export async function listenUnix(
  server: Server,
  path: string,
  { group, anybody = false }: SocketAccess = {},
): Promise<void> {
  path = resolve(path);
  const gid = group === undefined ? undefined : groupId(group);
  await requireFreeSocket(path);
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o755 });
    rmSync(path, { force: true });
    await bind(server, path);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new TaploomError('socket_failed', `Cannot listen at ${path}: ${code ?? message}`, { cause: error });
  }
  if (gid !== undefined) giveTo(path, 0o660, gid);
  else if (anybody) giveTo(path, 0o666, -1);
}

/** By descriptor: in a folder that others may write to, the path may lead elsewhere a moment later. */
function giveTo(path: string, mode: number, gid: number): void {
  const fd = openSync(path, O_PATH | constants.O_NOFOLLOW);
  try {
    const { uid } = fstatSync(fd);
    if (!fstatSync(fd).isSocket() || uid !== process.geteuid?.()) {
      throw new TaploomError('socket_failed', `Cannot listen at ${path}: somebody replaced it`);
    }
    chownSync(`/proc/self/fd/${fd}`, -1, gid);
    chmodSync(`/proc/self/fd/${fd}`, mode);
  } finally {
    closeSync(fd);
  }
}

/** Throws if `path` cannot be a socket of ours, above all if somebody answers there: `already_running`. */
export async function requireFreeSocket(path: string): Promise<void> {
  path = resolve(path);
  if (Buffer.byteLength(path) > PATH_MAX) {
    throw new TaploomError('invalid_socket', `Cannot listen at ${path}: longer than ${PATH_MAX} bytes`);
  }
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return;
  if (!stat.isSocket()) {
    throw new TaploomError('invalid_socket', `Cannot listen at ${path}: it exists and is not a socket`);
  }
  if (await answers(path)) {
    throw new TaploomError('already_running', `taploomd is already running at ${path}`);
  }
}

function answers(path: string): Promise<boolean> {
  return new Promise((done) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.destroy();
      done(true);
    });
    // EAGAIN is a full backlog: somebody holds the socket, however slow
    socket.once('error', (error: NodeJS.ErrnoException) => done(error.code === 'EAGAIN'));
  });
}

function bind(server: Server, path: string): Promise<void> {
  return new Promise((done, fail) => {
    server.once('error', fail);
    // bind(2) happens inside listen() and takes its mode from the umask: nobody else can connect before we chmod
    const umask = process.umask(0o177);
    try {
      server.listen(path, () => {
        server.off('error', fail);
        done();
      });
    } finally {
      process.umask(umask);
    }
  });
}

function groupId(group: string): number {
  if (/^\d+$/.test(group)) return Number(group);
  for (const line of readFileSync('/etc/group', 'utf8').split('\n')) {
    const [name, , gid] = line.split(':');
    if (name === group) return Number(gid);
  }
  throw new TaploomError('no_such_group', `Cannot give the control socket to group ${group}: no such group`);
}
