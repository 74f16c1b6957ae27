// Who changes the configuration by HTTP: the kernel tells process, user and group of the client's end of the socket; the
// user database and /proc add names, where they can. The names are for people; what counts is the kernel's word.

import { closeSync, openSync, readFileSync, readSync, statSync } from 'node:fs';
import type { Author } from '../event.ts';
import { plainText } from '../wire/plain_text.ts';

/** Process, user and group at the other end of a Unix socket; undefined if nobody can tell. */
export type Credentials = (fd: number) => { pid: number; uid: number; gid: number } | undefined;

/** Bytes of a command line. */
const COMMAND = 256;
/** User databases beyond this are not searched; the number does. */
const PASSWD = 1 << 20;

/** @param socket of a connection, as Node has it; its descriptor is no public property */
export function peerAt(socket: unknown, credentials: Credentials): ReturnType<Credentials> {
  const { fd } = (socket as { _handle?: { fd?: unknown } | null } | undefined)?._handle ?? {};
  return typeof fd === 'number' && fd >= 0 ? credentials(fd) : undefined;
}

export function authorOf(socket: unknown, credentials: Credentials): Author | undefined {
  const peer = peerAt(socket, credentials);
  if (peer === undefined) return undefined;
  const user = userName(peer.uid);
  const command = peer.pid === 0 ? undefined : commandOf(peer.pid);
  return {
    kind: 'client',
    ...peer,
    ...(user !== undefined && { user }),
    ...(command !== undefined && { command }),
  };
}

function userName(uid: number): string | undefined {
  try {
    if (statSync('/etc/passwd').size > PASSWD) return undefined;
    for (const line of readFileSync('/etc/passwd', 'utf8').split('\n')) {
      const [name, , number] = line.split(':');
      if (number === String(uid)) return plainText(name, 64);
    }
  } catch {
    // No user database: the number does.
  }
  return undefined;
}

/** The command line, in one line; the name of a process that has none. Undefined: it is gone, or hidden. */
function commandOf(pid: number): string | undefined {
  try {
    const line = readHead(`/proc/${pid}/cmdline`, COMMAND).toString('utf8').replace(/\0+$/, '');
    const text = line === '' ? readFileSync(`/proc/${pid}/comm`, 'utf8').trim() : line;
    return plainText(text.replaceAll('\0', ' '), COMMAND);
  } catch {
    return undefined;
  }
}

function readHead(file: string, bytes: number): Buffer {
  const fd = openSync(file, 'r');
  try {
    const head = Buffer.alloc(bytes);
    let length = 0;
    for (;;) {
      const got = readSync(fd, head, length, bytes - length, null);
      if (got === 0) return head.subarray(0, length);
      length += got;
      if (length === bytes) return head;
    }
  } finally {
    closeSync(fd);
  }
}
