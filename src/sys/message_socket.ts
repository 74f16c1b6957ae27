// Unix streams whose messages carry descriptors, which Node's own sockets cannot receive. Nothing blocks; results are
// numbers or -errno. Every descriptor that `receive` gives out is the caller's to close.

import { aligned, native } from './native.ts';
import { check } from './sys_error.ts';

/** Descriptors that come with one message, at most. */
export const MAX_FDS = 8;

/** Listens at `path`, which does not exist yet; nobody connects before it has this mode. Throws SysError. */
export function listenAt(path: string, mode: number): number {
  return check(native().tl_unix_listen(path, mode), 'bind', `Cannot listen at ${path}`);
}

/** A connection, or -errno. */
export function connectTo(path: string): number {
  return native().tl_unix_connect(path);
}

/** The next connection, or -errno. */
export function acceptFrom(fd: number): number {
  return native().tl_unix_accept(fd);
}

export class MessageSocket {
  readonly fd: number;
  /** Descriptors of the last `receive`. */
  readonly fds: number[] = [];
  private readonly room: Buffer;
  private readonly numbers = aligned(MAX_FDS * 4);

  constructor(fd: number, room: number) {
    this.fd = fd;
    this.room = aligned(room);
  }

  /** Up to `length` bytes to `to`: how many, 0 at the end, -errno. */
  receive(to: Buffer, length: number): number {
    const got = native().tl_message_receive(this.fd, this.room, length, this.numbers);
    this.fds.length = 0;
    if (got < 0) return got;
    this.room.copy(to, 0, 0, got);
    for (let n = 0; n < MAX_FDS; n++) {
      const fd = this.numbers.readInt32LE(n * 4);
      if (fd >= 0) this.fds.push(fd);
    }
    return got;
  }

  send(bytes: Buffer, fd = -1): number {
    const message = aligned(bytes.length);
    bytes.copy(message);
    return native().tl_message_send(this.fd, message, bytes.length, fd);
  }
}
