// Waits for sockets of the control plane without a timer: native/watch.c. Each is asked for once, and again with `arm`.

import { Socket } from 'node:net';
import { aligned, native } from './native.ts';
import { check } from './sys_error.ts';
import { closeFd } from './wake.ts';

/** Descriptors in one answer of native code. */
const ROOM = 16;

export class SocketWatch {
  private readonly watch: number;
  private readonly stream: Socket;
  private readonly ready = new Int32Array(aligned(ROOM * 4).buffer);
  private readonly waiting = new Map<number, () => void>();

  /** Throws SysError. */
  constructor() {
    const word = aligned(4);
    this.watch = check(native().tl_watch_open(word), 'epoll_create', 'Cannot wait for sockets');
    const [end] = new Int32Array(word.buffer);
    this.stream = new Socket({ fd: end, readable: true, writable: false });
    this.stream.on('data', () => this.tell());
    this.stream.on('error', () => {});
    this.stream.unref();
  }

  /** Calls `onReady` once, when something can be read from `fd` (or written to it), or it has an error. Throws SysError. */
  arm(fd: number, onReady: () => void, { write = false } = {}): void {
    const armed = native().tl_watch_arm(this.watch, fd, write ? 1 : 0);
    check(armed, 'epoll_ctl', `Cannot watch file descriptor ${fd}`);
    this.waiting.set(fd, onReady);
  }

  /** Before `fd` is closed, or given to somebody else. */
  forget(fd: number): void {
    this.waiting.delete(fd);
  }

  close(): void {
    this.waiting.clear();
    this.stream.destroy();
    closeFd(this.watch);
  }

  private tell(): void {
    const room = Buffer.from(this.ready.buffer);
    for (;;) {
      const count = native().tl_watch_ready(this.watch, room, ROOM);
      for (let n = 0; n < count; n++) {
        const onReady = this.waiting.get(this.ready[n]);
        this.waiting.delete(this.ready[n]);
        onReady?.();
      }
      if (count < ROOM) return;
    }
  }
}
