// Waits for sockets of the control plane, each with somebody of its own who is told: once, and again after `arm`.

import { aligned, native } from './native.ts';
import { Readiness } from './readiness.ts';
import { check } from './sys_error.ts';

/** Descriptors in one answer of native code. */
const ROOM = 16;

export class SocketWatch {
  private readonly readiness: Readiness;
  private readonly room = aligned(ROOM * 4);
  private readonly waiting = new Map<number, () => void>();

  /** Throws SysError. */
  constructor() {
    this.readiness = new Readiness(() => this.tell());
    this.readiness.unref();
  }

  /** Calls `onReady` once, when something can be read from `fd` (or written to it), or it has an error. Throws SysError. */
  arm(fd: number, onReady: () => void, { write = false } = {}): void {
    const armed = native().tl_watch_arm(this.readiness.watch, fd, write ? 1 : 0);
    check(armed, 'epoll_ctl', `Cannot watch file descriptor ${fd}`);
    this.waiting.set(fd, onReady);
  }

  /** Before `fd` is closed, or given to somebody else. */
  forget(fd: number): void {
    if (this.waiting.delete(fd)) this.readiness.remove(fd);
  }

  close(): void {
    this.waiting.clear();
    this.readiness.close();
  }

  private tell(): void {
    for (let count = ROOM; count === ROOM; ) {
      count = native().tl_watch_ready(this.readiness.watch, this.room, ROOM);
      for (let n = 0; n < count; n++) {
        const fd = this.room.readInt32LE(4 * n);
        const onReady = this.waiting.get(fd);
        this.waiting.delete(fd);
        onReady?.();
      }
    }
  }
}
