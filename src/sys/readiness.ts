// Tells when one of many descriptors has something, without a timer: native/watch.c's thread writes a byte into a stream.
// It says so once (edges): whoever hears it reads until there is no more. Control plane only.

import { Socket } from 'node:net';
import { aligned, native } from './native.ts';
import { check } from './sys_error.ts';
import { closeFd } from './wake.ts';

export class Readiness {
  /** The epoll set, for those who add to it themselves. */
  readonly watch: number;
  private readonly stream: Socket;

  /** Throws SysError. */
  constructor(onReady: () => void) {
    const word = aligned(4);
    this.watch = check(native().tl_watch_open(word), 'epoll_create', 'Cannot wait for descriptors');
    this.stream = new Socket({ fd: word.readInt32LE(0), readable: true, writable: false });
    this.stream.on('data', onReady);
    this.stream.on('error', () => {});
  }

  /** Throws SysError: EEXIST, EPERM (a file), EBADF. */
  add(fd: number): void {
    check(native().tl_watch_add(this.watch, fd), 'epoll_ctl', `Cannot watch file descriptor ${fd}`);
  }

  /** Before it is closed: a process that holds the same open file would keep it watched. */
  remove(fd: number): void {
    native().tl_watch_remove(this.watch, fd);
  }

  /** The process may end while this waits. */
  unref(): void {
    this.stream.unref();
  }

  close(): void {
    this.stream.destroy();
    closeFd(this.watch);
  }
}
