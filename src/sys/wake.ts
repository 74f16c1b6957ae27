// eventfd: gets a thread out of Burst.receive, from any other thread that knows the number; and closing of numbers.

import { readSync, writeSync } from 'node:fs';
import { aligned, closeAside, HotCall, native } from './native.ts';
import { check } from './sys_error.ts';

/** A non-blocking eventfd for `burst.add(fd, source, KIND.wake)`. Close it with closeFd. */
export function createWake(): number {
  return check(native().tl_wake_create(), 'eventfd', 'Cannot create an eventfd');
}

let signalFd: Int32Array | undefined;
let signalCall: HotCall | undefined;

/** Wakes whoever sleeps on `fd`; never blocks, never throws (a closed fd: -errno). About 0.8 us, system call included. */
export function signalWake(fd: number): number {
  if (!signalFd || !signalCall) {
    const context = aligned(8);
    signalFd = new Int32Array(context.buffer);
    signalCall = new HotCall('tl_wake_signal', context);
  }
  signalFd[0] = fd;
  return signalCall.call();
}

const counter = aligned(8);

/** Makes an eventfd that was signalled wait for the next time. */
export function drainWake(fd: number): void {
  try {
    readSync(fd, counter);
  } catch {
    // nobody signalled it
  }
}

/** Whoever signals it from here on waits, for as long as nobody reads it: what a hostile peer would hand out. */
export function stuckWake(): number {
  const fd = createWake();
  const full = aligned(8);
  full.writeBigUInt64LE(0xffff_ffff_ffff_fffen);
  writeSync(fd, full);
  check(native().tl_set_blocking(fd), 'fcntl', 'Cannot let an eventfd wait');
  return fd;
}

export function closeFd(fd: number): void {
  check(native().tl_close(fd), 'close', `Cannot close file descriptor ${fd}`);
}

/**
 * As closeFd, on another thread: the kernel takes 20 ms and more to remove the interface of a TAP. Not by `fs.close`,
 * which prints a warning in a worker_thread: it keeps a list there of what `fs.open` opened.
 */
export async function closeFdAside(fd: number): Promise<void> {
  check(await closeAside(fd), 'close', `Cannot close file descriptor ${fd}`);
}

/** A second number for the same open file, closed on exec. */
export function dupFd(fd: number): number {
  return check(native().tl_dup(fd), 'fcntl', `Cannot duplicate file descriptor ${fd}`);
}
