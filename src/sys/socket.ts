// Sockets of virtual machines and their like: opened here, non-blocking, and read and written by the data plane.

import { aligned, native } from './native.ts';
import { sockaddr } from './sockaddr.ts';
import { check } from './sys_error.ts';
import { closeFd } from './wake.ts';

/** socket(2) */
export const SOCK = { stream: 1, dgram: 2, seqpacket: 5 } as const;
export type SocketType = keyof typeof SOCK;

/** sun_path has 108 bytes, the last of them NUL: unix(7). */
export const SOCKET_PATH_MAX = 107;

export interface Endpoint {
  address: string;
  port: number;
}

/** Who may use a socket file; -1 leaves an owner as it is. */
export interface SocketAccess {
  mode: number;
  uid: number;
  gid: number;
}

/** A socket of the file system that listens, or a datagram socket there. Throws SysError. */
export function listenUnix(path: string, type: SocketType, { mode, uid, gid }: SocketAccess): number {
  return check(
    native().tl_socket_listen(path, SOCK[type], mode, uid, gid),
    'bind',
    `Cannot listen at ${path}`,
  );
}

/** Throws SysError: ENOENT and ECONNREFUSED mean that nobody listens, EAGAIN that too many wait there. */
export function connectUnix(path: string, type: SocketType): number {
  return check(native().tl_socket_connect(path, SOCK[type]), 'connect', `Cannot connect to ${path}`);
}

/** Of a datagram socket: connects it to a path. 0 or -errno. */
export function reconnectUnix(fd: number, path: string): number {
  return native().tl_socket_reconnect(fd, path);
}

/** Of a datagram socket that is connected: whether its peer is still there. */
export function hasPeer(fd: number): boolean {
  return native().tl_socket_reconnect(fd, '') === 0;
}

/** Listens at `local` if it is a stream without `remote`. A stream may still be connecting: see `socketError`. Throws SysError. */
export function openInet(type: SocketType, local?: Endpoint, remote?: Endpoint): number {
  const own = local === undefined ? aligned(1) : sockaddr(local.address, local.port);
  const other = remote === undefined ? aligned(1) : sockaddr(remote.address, remote.port);
  const [ownLength, otherLength] = [
    local === undefined ? 0 : own.length,
    remote === undefined ? 0 : other.length,
  ];
  const opened = native().tl_socket_inet(own, ownLength, other, otherLength, SOCK[type]);
  const shown = (local ?? remote) as Endpoint;
  return check(
    opened,
    remote === undefined ? 'bind' : 'connect',
    `Cannot use ${shown.address}:${shown.port}`,
  );
}

/** The next connection, or -errno. */
export function accept(fd: number): number {
  return native().tl_unix_accept(fd);
}

/** The errno that a socket has for us, which is cleared; 0 = none. */
export function socketError(fd: number): number {
  return -native().tl_socket_error(fd);
}

/** Sends one message; bytes, or -errno. */
export function greet(fd: number, greeting: Buffer): number {
  return native().tl_socket_greet(fd, greeting, greeting.length);
}

/** Takes the sender of the next datagram as the peer: see native/socket.c. 0 or -errno. */
export function meet(fd: number, greeting: Buffer): number {
  return native().tl_socket_meet(fd, greeting.length === 0 ? aligned(1) : greeting, greeting.length);
}

/** What the data plane needs of a byte stream beside its number, and lets frames of a datagram socket wait. Throws SysError. */
export function openStream(fd: number): void {
  check(native().tl_stream_open(fd), 'malloc', `Cannot read frames from file descriptor ${fd}`);
}

/** Once no worker knows it any more. A stream or not. */
export function closeSocket(fd: number): void {
  native().tl_stream_close(fd);
  closeFd(fd);
}
