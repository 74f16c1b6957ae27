// Tells when descriptors have something to read that Node's event loop cannot wait for: sockets whose messages carry
// descriptors, and eventfds. It says which, as often as there is something: whoever hears it reads.

import { Socket } from 'node:net';
import { aligned, native } from './native.ts';
import { check } from './sys_error.ts';
import { closeFd } from './wake.ts';

const READY = 16;
/** Rounds before others have their turn. */
const ROUNDS = 64;

export class SocketWatch {
  private readonly listeners = new Map<number, () => void>();
  private readonly numbers = aligned(READY * 4);
  private watch = -1;
  private stream: Socket | undefined;

  /** Calls `onReady` whenever `fd` has something, until it is dropped. Throws SysError. */
  add(fd: number, onReady: () => void): void {
    if (this.stream === undefined) this.open();
    this.listeners.set(fd, onReady);
    const added = native().tl_watch_add(this.watch, fd);
    if (added < 0) this.listeners.delete(fd);
    check(added, 'epoll_ctl', 'Cannot wait for a socket');
  }

  /** Calls `onReady` once, when something can be read (or written), or there is an error; again with the next call. */
  once(fd: number, onReady: () => void, { write = false } = {}): void {
    if (this.stream === undefined) this.open();
    const armed = native().tl_watch_arm(this.watch, fd, write ? 1 : 0);
    check(armed, 'epoll_ctl', 'Cannot wait for a socket');
    this.listeners.set(fd, () => {
      this.listeners.delete(fd);
      onReady();
    });
  }

  /** Before it is closed: a process that holds the same open file would keep it watched. */
  drop(fd: number): void {
    if (this.listeners.delete(fd)) native().tl_watch_remove(this.watch, fd);
  }

  close(): void {
    this.listeners.clear();
    this.stream?.destroy();
    if (this.watch >= 0) closeFd(this.watch);
    this.stream = undefined;
    this.watch = -1;
  }

  private open(): void {
    const word = aligned(4);
    this.watch = check(native().tl_watch_open_fast(word), 'epoll_create', 'Cannot wait for sockets');
    this.stream = new Socket({ fd: new Int32Array(word.buffer)[0], readable: true, writable: false });
    this.stream.on('data', () => this.look());
    this.stream.on('error', () => {});
    this.stream.unref();
  }

  private look(): void {
    for (let round = 0; round < ROUNDS; round++) {
      const count = this.watch < 0 ? 0 : native().tl_watch_ready(this.watch, this.numbers, READY);
      if (count <= 0) return;
      for (let n = 0; n < count; n++) this.listeners.get(this.numbers.readInt32LE(n * 4))?.();
    }
    setImmediate(() => this.look());
  }
}
