// Descriptors that travel beside the bytes of a Unix socket (SCM_RIGHTS), and the sockets for it: Node's own streams throw
// descriptors away. Nothing here waits; SocketWatch says when there is something. Control plane only.

import { aligned, native } from './native.ts';
import { check } from './sys_error.ts';
import { closeFd } from './wake.ts';

/** Most descriptors of one message: SCM_MAX_FD of the kernel. */
export const MAX_FDS = 253;
// Words of tl_rights_receive in native/taploom.h.
const COUNT = 0;
const CUT = 1;
const FDS = 2;

/** A listening socket. Throws SysError: EADDRINUSE, ENAMETOOLONG beyond 107 bytes, EACCES, ENOENT. @param mode of its file */
export function unixListen(path: string, mode = 0o600): number {
  return check(native().tl_unix_listen(path, mode), 'bind', `Cannot listen on ${path}`);
}

/** A connection, or -errno: -EAGAIN = nobody is waiting. */
export function unixAccept(fd: number): number {
  return native().tl_unix_accept(fd);
}

/** A connection, or -errno: ECONNREFUSED, ENOENT, EAGAIN (too many are waiting there). */
export function unixConnect(path: string): number {
  return native().tl_unix_connect(path);
}

/** Two ends of one connection. */
export function unixPair(): [number, number] {
  const words = aligned(8);
  check(native().tl_unix_pair(words), 'socketpair', 'Cannot create a pair of sockets');
  return [words.readInt32LE(0), words.readInt32LE(4)];
}

/** Bytes sent, which may be fewer than there are, or -errno. The descriptors go with the first of them; they stay open here. */
export function sendRights(fd: number, bytes: Buffer, fds: readonly number[] = []): number {
  const numbers = aligned(4 * Math.max(1, fds.length));
  new Int32Array(numbers.buffer).set(fds);
  return native().tl_rights_send(fd, bytes, bytes.length, numbers, fds.length);
}

const received = aligned(4 * (FDS + MAX_FDS));

export interface Received {
  /** Bytes, 0 = the peer has closed, or -errno. */
  length: number;
  /** Whoever receives them closes them. */
  fds: number[];
  /** Something did not fit: a datagram's end, or descriptors (this process may not have more). */
  isCut: boolean;
}

/** Never more bytes than fit, and never bytes of two messages that came with descriptors. */
export function receiveRights(fd: number, room: Buffer): Received {
  const length = native().tl_rights_receive(fd, room, room.length, received);
  const words = new Int32Array(received.buffer);
  return { length, fds: Array.from(words.subarray(FDS, FDS + words[COUNT])), isCut: words[CUT] !== 0 };
}

export function closeFds(fds: readonly number[]): void {
  for (const fd of fds) closeFd(fd);
}
