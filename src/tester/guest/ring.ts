// A virtqueue from the driver's side: chains of buffers are offered, published, and taken back when the device has used
// them. Two layouts: SplitRing and PackedRing. Indices and flags that both sides touch go through Atomics, which are
// sequentially consistent: more than virtio asks for.

import { TaploomError } from '../../error.ts';

/** Buffers of one chain. */
export const MAX_CHAIN = 64;
/** What `take` says when the device has used nothing more. */
export const NOTHING = -1;

/** Buffers that go to the device as one. Filled again and again. */
export class Chain {
  readonly address = new Float64Array(MAX_CHAIN);
  readonly length = new Int32Array(MAX_CHAIN);
  count = 0;
  /** By the device. */
  isWritable = false;

  add(address: number, length: number): void {
    this.address[this.count] = address;
    this.length[this.count++] = length;
  }
}

/** Guest addresses, in the words of split rings; of a packed ring they are its driver's and its device's event structure. */
export interface RingAddresses {
  readonly descriptor: number;
  readonly available: number;
  readonly used: number;
}

export interface RingOptions {
  size: number;
  isIndirect: boolean;
  hasEventIndex: boolean;
}

export interface DriverRing {
  readonly size: number;
  readonly addresses: RingAddresses;
  /** Descriptors that are not in use. */
  readonly free: number;
  /** Chains that the device has. */
  readonly outstanding: number;
  /** Bytes that the device says it wrote into the chain that was last taken. */
  readonly length: number;
  /** Puts a chain into the ring; false: there is no room. `token` comes back from `take`. */
  offer(chain: Chain, token: number): boolean;
  /** Shows the device what was offered; true: it wants to be told. */
  publish(): boolean;
  /** Token of a chain that the device has used, or NOTHING. Throws DeviceError. */
  take(): number;
  /** Whether to be called at the next used chain. */
  wantCalls(isWanted: boolean): void;
  /** What setVringBase is told: go on behind what was used. */
  readonly base: number;
}

/** The device did what a device must not. */
export class DeviceError extends TaploomError {
  constructor(message: string) {
    super('device_broken', message);
    this.name = 'DeviceError';
  }
}

/** vring_need_event of virtio 1.2, 2.7.10.1: whether an index went past `event` on its way from `old` to `next`. */
export function needEvent(event: number, next: number, old: number): boolean {
  return ((next - event - 1) & 0xffff) < ((next - old) & 0xffff);
}

/** What a driver remembers of the chains that the device has, by their number in the ring. */
export class InFlight {
  readonly tokens: Int32Array;
  /** Descriptors of each; 0: it is not there. */
  readonly descriptors: Uint16Array;
  /** Bytes that the device may write. */
  readonly room: Int32Array;
  count = 0;

  constructor(size: number) {
    this.tokens = new Int32Array(size);
    this.descriptors = new Uint16Array(size);
    this.room = new Int32Array(size);
  }

  put(id: number, chain: Chain, token: number, descriptors: number): void {
    let room = 0;
    if (chain.isWritable) for (let i = 0; i < chain.count; i++) room += chain.length[i];
    this.tokens[id] = token;
    this.descriptors[id] = descriptors;
    this.room[id] = room;
    this.count++;
  }

  /** Descriptors of a chain that comes back. Throws DeviceError. */
  end(id: number, length: number): number {
    const descriptors = id < this.descriptors.length ? this.descriptors[id] : 0;
    if (descriptors === 0) throw new DeviceError(`The device used chain ${id}, which it did not have`);
    if (length > this.room[id] || length < 0) {
      throw new DeviceError(`The device wrote ${length >>> 0} bytes into a chain of ${this.room[id]}`);
    }
    this.descriptors[id] = 0;
    this.count--;
    return descriptors;
  }
}
