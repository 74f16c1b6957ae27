// Who is at the other end of a Unix socket.

import { aligned, native } from './native.ts';

// Words of tl_peer_credentials in native/taploom.h.
const PID = 0;
const UID = 1;
const GID = 2;
const WORDS = 3;

/** NGROUPS_MAX of Linux. */
const MAX_GROUPS = 65_536;

export interface Peer {
  /** 0: in a namespace of process numbers that cannot be seen from here. */
  pid: number;
  uid: number;
  gid: number;
}

/** As of the moment when it connected; undefined if `fd` is no such socket. */
export function peerOf(fd: number): Peer | undefined {
  const words = aligned(WORDS * 4);
  if (native().tl_peer_credentials(fd, words) < 0) return undefined;
  const word = new Uint32Array(words.buffer);
  return { pid: word[PID], uid: word[UID], gid: word[GID] };
}

/** Supplementary groups of the same moment; none if nobody can tell. */
export function peerGroups(fd: number): number[] {
  // Nearly nobody is in more than some.
  for (const room of [64, MAX_GROUPS]) {
    const words = aligned(room * 4);
    const count = native().tl_peer_groups(fd, words, room);
    if (count >= 0) return Array.from(new Uint32Array(words.buffer, 0, count));
  }
  return [];
}
