// A guest's device, its memory and its rings, for the control plane: native/vhost_control.c. What it changes no burst of a
// worker sees half of. A queue 2n is from the switch to the guest, 2n + 1 from the guest to the switch.

import { aligned, native } from './native.ts';
import { check } from './sys_error.ts';

export const MAX_PAIRS = 16;
/** Regions of memory that a device may have. */
export const MAX_REGIONS = 64;

/** What the front end says of a ring: addresses are those of its process. */
export interface RingSetup {
  num: number;
  base: number;
  desc: bigint;
  avail: bigint;
  used: bigint;
}

export interface QueueState {
  isRunning: boolean;
  /** 0, or why it is broken: enum vhost_breakage. */
  broken: number;
  /** Since the port is there. */
  frames: number;
  /** Frames for which the guest had no buffers. */
  full: number;
  /** Interrupts. */
  calls: number;
}

/** Which of a queue's eventfds. */
export const RING_FD = { kick: 0, call: 1, err: 2 } as const;

const STATE_WORDS = 5;

export class VhostRings {
  /** For workers: of `TX.fd` and Burst.addGuest. */
  readonly device: number;
  /** Readable when a ring was kicked. */
  readonly waitFd: number;
  /** An eventfd: readable when a ring broke. */
  readonly alarmFd: number;

  private readonly pairs: number;

  /** Throws SysError. */
  constructor(pairs: number) {
    this.pairs = pairs;
    this.device = check(native().tl_vhost_open(pairs), 'eventfd', 'Cannot make a vhost-user device');
    const words = aligned(8);
    native().tl_vhost_fds(this.device, words);
    this.waitFd = words.readInt32LE(0);
    this.alarmFd = words.readInt32LE(4);
  }

  /** All of the following return 0, or -errno. */
  setFeatures(features: bigint): number {
    return native().tl_vhost_set_features(this.device, words64(features));
  }

  /** @param regions 32 bytes each, as in the protocol; mapped are `fds`, which stay the caller's */
  setMemory(regions: Buffer, fds: readonly number[]): number {
    const numbers = aligned(Math.max(4, fds.length * 4));
    for (const [n, fd] of fds.entries()) numbers.writeInt32LE(fd, n * 4);
    return native().tl_vhost_set_memory(this.device, own(regions), numbers, fds.length);
  }

  addMemory(region: Buffer, fd: number): number {
    return native().tl_vhost_add_memory(this.device, own(region), fd);
  }

  removeMemory(region: Buffer): number {
    return native().tl_vhost_remove_memory(this.device, own(region));
  }

  setRing(queue: number, { num, base, desc, avail, used }: RingSetup): number {
    return native().tl_vhost_set_ring(
      this.device,
      queue,
      words64(BigInt(num), BigInt(base), desc, avail, used),
    );
  }

  /** @param fd the device's from here on, also if it is refused; -1 = none */
  setFd(queue: number, which: number, fd: number): number {
    return native().tl_vhost_set_fd(this.device, queue, which, fd);
  }

  start(queue: number): number {
    return native().tl_vhost_start(this.device, queue);
  }

  /** The first 6 bytes are the guest's MAC: a RARP frame tells where it is. */
  announce(mac: Buffer): number {
    return native().tl_vhost_announce(this.device, own(mac));
  }

  /** Returns where the ring goes on, as GET_VRING_BASE tells it. */
  stop(queue: number): number {
    const word = aligned(4);
    native().tl_vhost_stop(this.device, queue, word);
    return word.readUInt32LE(0);
  }

  /** Where pages that are written to are noted; fd -1 = nowhere. It stays the caller's. */
  setLog(size: bigint, offset: bigint, fd: number): number {
    return native().tl_vhost_set_log(this.device, words64(size, offset), fd);
  }

  enable(queue: number, isOn: boolean): number {
    return native().tl_vhost_enable(this.device, queue, isOn ? 1 : 0);
  }

  /** Of each queue. */
  states(): QueueState[] {
    const words = aligned(2 * this.pairs * STATE_WORDS * 8);
    native().tl_vhost_states(this.device, words);
    const values = new Float64Array(words.buffer);
    return Array.from({ length: 2 * this.pairs }, (_, queue) => {
      const [running, broken, frames, full, calls] = values.subarray(queue * STATE_WORDS);
      return { isRunning: running === 1, broken, frames, full, calls };
    });
  }

  /** What `alarmFd` told is known. */
  takeAlarm(): void {
    native().tl_vhost_take_alarm(this.device);
  }

  /** Only when no worker has it any more. */
  close(): void {
    native().tl_vhost_close(this.device);
  }
}

function words64(...values: readonly bigint[]): Buffer {
  const words = aligned(values.length * 8);
  for (const [n, value] of values.entries()) words.writeBigUInt64LE(value, n * 8);
  return words;
}

/** Aligned, which a part of a message may not be. */
function own(bytes: Buffer): Buffer {
  const copy = aligned(Math.max(8, bytes.length));
  bytes.copy(copy);
  return copy;
}
