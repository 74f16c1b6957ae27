// Waits for news of the kernel without a timer: netlink sockets and pidfds, watched by a native thread that writes a byte
// into a stream when one of them has something: see native/watch.c. Control plane only.

import { Socket } from 'node:net';
import { aligned, native } from './native.ts';
import { check } from './sys_error.ts';
import { closeFd } from './wake.ts';

// linux/rtnetlink.h
const RTMGRP_LINK = 0x1;
const RTMGRP_IPV4_IFADDR = 0x10;
const RTMGRP_IPV4_ROUTE = 0x40;
const RTMGRP_IPV6_IFADDR = 0x100;
const RTMGRP_IPV6_ROUTE = 0x400;
const ADDRESSES = RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR;
const ROUTES = RTMGRP_IPV4_ROUTE | RTMGRP_IPV6_ROUTE;

const ROOM = 256 * 1024;
const HEAD = 8;
const ENOBUFS = 105;

/** What a watched descriptor had. */
export interface KernelNote {
  fd: number;
  /** Messages of a netlink socket; valid until the next `read`. Empty: a process ended. */
  bytes: Buffer;
  /** Messages were lost: the kernel had no room for them. */
  isLost: boolean;
}

export class KernelNews {
  private readonly watch: number;
  private readonly stream: Socket;
  private readonly room = aligned(ROOM);

  /** Calls `onNews` when there is something to `read`. Throws SysError. */
  constructor(onNews: () => void) {
    const word = aligned(4);
    this.watch = check(native().tl_watch_open(word), 'epoll_create', 'Cannot wait for news of the kernel');
    const [end] = new Int32Array(word.buffer);
    this.stream = new Socket({ fd: end, readable: true, writable: false });
    this.stream.on('data', onNews);
    this.stream.on('error', () => {});
    this.stream.unref();
  }

  /** Interfaces of a namespace (-1 = here), and with `addresses` its addresses and routes. Give it back to `drop`. */
  follow(netns: number, { addresses = false } = {}): number {
    const groups = RTMGRP_LINK | (addresses ? ADDRESSES | ROUTES : 0);
    return this.add(native().tl_watch_routes(netns, groups), 'Cannot follow the interfaces of a namespace');
  }

  /** The end of a process. Give it back to `drop`. Throws SysError ESRCH if there is none. */
  followProcess(pid: number): number {
    return this.add(native().tl_pidfd_open(pid), `Cannot follow process ${pid}`);
  }

  drop(fd: number): void {
    closeFd(fd);
  }

  /** All that there is. Never throws. */
  *read(): Generator<KernelNote> {
    const { room } = this;
    for (;;) {
      const used = native().tl_watch_read(this.watch, room, ROOM);
      if (used <= 0) return;
      for (let at = 0; at < used; ) {
        const fd = room.readInt32LE(at);
        const length = room.readInt32LE(at + 4);
        const bytes = room.subarray(at + HEAD, at + HEAD + Math.max(0, length));
        yield { fd, bytes, isLost: length === -ENOBUFS };
        at += HEAD + ((bytes.length + 3) & ~3);
      }
    }
  }

  close(): void {
    this.stream.destroy();
    closeFd(this.watch);
  }

  private add(opened: number, what: string): number {
    const fd = check(opened, 'socket', what);
    const added = native().tl_watch_add(this.watch, fd);
    if (added < 0) closeFd(fd);
    check(added, 'epoll_ctl', what);
    return fd;
  }
}
