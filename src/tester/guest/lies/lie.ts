// What a hostile guest does, one thing at a time. After a lie its own driver no longer knows what is in the rings: such a
// guest is good for nothing but to be closed.

import { signalWake } from '../../../sys/wake.ts';
import { DESC } from '../../../wire/virtio.ts';
import type { FakeGuest } from '../fake_guest.ts';
import { PackedRing } from '../packed_ring.ts';
import { SplitRing } from '../split_ring.ts';

/** One thing that a hostile guest does. */
export interface Lie {
  /** What it is, as the end of "A guest that ...". */
  about: string;
  /** Only with this kind of ring. */
  layout?: 'split' | 'packed';
  /** It needs indirect descriptors to be agreed on. */
  isIndirect?: boolean;
  /** A back end can only stop using the ring: there is no way to go on with it. */
  isFatal?: boolean;
  tell(guest: FakeGuest): void | Promise<void>;
}

/** A descriptor as it is in memory, right or wrong. AVAIL and USED of packed rings are added. */
export interface RawDescriptor {
  address: bigint;
  length: number;
  flags?: number;
  /** Split rings only; without it the one that follows. */
  next?: number;
}

/** The ring in which the first pair of queues receives, and that in which it sends. */
export const RECEIVE = 0;
export const TRANSMIT = 1;
export const BEYOND = 0xdead_0000_0000n;

/** Room in guest memory that nothing else uses. */
export function room(guest: FakeGuest): bigint {
  return BigInt(guest.device.memory.regions[0].guest);
}

/** The first address behind the last region. */
export function end(guest: FakeGuest): bigint {
  return BigInt(guest.device.memory.end);
}

/** Puts descriptors into a ring, one after the other, hands the first to the device, and tells it. */
export function put(guest: FakeGuest, index: number, descriptors: readonly RawDescriptor[]): void {
  const { ring, kick } = guest.device.vrings[index];
  if (ring instanceof SplitRing) putSplit(ring, descriptors);
  if (ring instanceof PackedRing) putPacked(ring, descriptors);
  signalWake(kick);
}

/** The split ring of that number, where only such rings have what is lied about. */
export function split(guest: FakeGuest, index: number): SplitRing {
  const { ring } = guest.device.vrings[index];
  if (!(ring instanceof SplitRing)) throw new TypeError('This lie is about split rings');
  return ring;
}

/** Shows heads to the device, and adds to its index what may not be their number. */
export function show(guest: FakeGuest, index: number, heads: readonly number[], count = heads.length): void {
  const ring = split(guest, index);
  for (const [i, head] of heads.entries()) {
    ring.available[2 + ((ring.availableIndex + i) % ring.size)] = head;
  }
  ring.availableIndex = (ring.availableIndex + count) & 0xffff;
  Atomics.store(ring.available, 1, ring.availableIndex);
  signalWake(guest.device.vrings[index].kick);
}

export function writeDescriptor(
  words: Int32Array,
  n: number,
  { address, length, flags = 0, next }: RawDescriptor,
): void {
  const at = 4 * n;
  words[at] = Number(address & 0xffff_ffffn);
  words[at + 1] = Number(address >> 32n);
  words[at + 2] = length;
  words[at + 3] = flags | ((next ?? n + 1) << 16);
}

function putSplit(ring: SplitRing, descriptors: readonly RawDescriptor[]): void {
  for (const [n, descriptor] of descriptors.entries()) writeDescriptor(ring.descriptors, n, descriptor);
  ring.available[2 + (ring.availableIndex % ring.size)] = 0;
  ring.availableIndex = (ring.availableIndex + 1) & 0xffff;
  Atomics.store(ring.available, 1, ring.availableIndex);
}

function putPacked(ring: PackedRing, descriptors: readonly RawDescriptor[]): void {
  const head = ring.next;
  let headFlags = 0;
  for (const [n, { address, length, flags = 0 }] of descriptors.entries()) {
    const whole = flags | ring.availableBits;
    if (n === 0) headFlags = whole;
    const at = 4 * ring.next;
    ring.descriptors[at] = Number(address & 0xffff_ffffn);
    ring.descriptors[at + 1] = Number(address >> 32n);
    ring.descriptors[at + 2] = length;
    ring.halves[8 * ring.next + 6] = n;
    if (n > 0) ring.halves[8 * ring.next + 7] = whole;
    ring.step();
  }
  Atomics.store(ring.halves, 8 * head + 7, headFlags);
}

export const { next: NEXT, write: WRITE, indirect: INDIRECT } = DESC;
