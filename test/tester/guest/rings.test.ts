// Drivers of both kinds of rings, and devices that break the rules.

import { afterEach, beforeEach, expect, test } from 'vitest';
import { GuestMemory } from '../../../src/tester/guest/guest_memory.ts';
import { PackedRing } from '../../../src/tester/guest/packed_ring.ts';
import { Chain, DeviceError, NOTHING, needEvent } from '../../../src/tester/guest/ring.ts';
import { SplitRing } from '../../../src/tester/guest/split_ring.ts';
import { DESC } from '../../../src/wire/virtio.ts';

const OPTIONS = { size: 4, isIndirect: false, hasEventIndex: false };

let memory: GuestMemory;
let chain: Chain;

beforeEach(() => {
  memory = new GuestMemory([65_536]);
  chain = new Chain();
  chain.isWritable = true;
  chain.add(0x1000, 100);
  chain.add(0x2000, 50);
});

afterEach(() => memory.close());

/** A device's part: these are its only writes. */
function use(ring: SplitRing, n: number, id: number, length: number): void {
  const words = memory.words(ring.addresses.used, 9);
  words[1 + 2 * (n % ring.size)] = id;
  words[2 + 2 * (n % ring.size)] = length;
  Atomics.store(ring.used, 1, n + 1);
}

function usePacked(ring: PackedRing, at: number, id: number, length: number, wrap: boolean): void {
  ring.descriptors[4 * at + 2] = length;
  ring.halves[8 * at + 6] = id;
  Atomics.store(ring.halves, 8 * at + 7, (wrap ? DESC.avail | DESC.used : 0) | DESC.write);
}

test('a split ring gives chains, takes them back in any order, and is full in between', () => {
  const ring = new SplitRing(memory, OPTIONS);
  expect([ring.offer(chain, 7), ring.offer(chain, 8), ring.offer(chain, 9)]).toEqual([true, true, false]);
  expect(ring.publish()).toBe(true);
  expect(Array.from(ring.available.subarray(0, 4))).toEqual([0, 2, 0, 2]);
  expect(ring.take()).toBe(NOTHING);
  use(ring, 0, 2, 150);
  use(ring, 1, 0, 10);
  expect([ring.take(), ring.length, ring.take(), ring.length, ring.take()]).toEqual([8, 150, 7, 10, NOTHING]);
  expect(ring.free).toBe(4);
});

test('a packed ring turns its wrap counter, and takes chains by their number', () => {
  const ring = new PackedRing(memory, OPTIONS);
  expect([ring.offer(chain, 7), ring.offer(chain, 8), ring.offer(chain, 9)]).toEqual([true, true, false]);
  expect(ring.wrap).toBe(0);
  const flags = () => [7, 15, 23, 31].map((at) => ring.halves[at]);
  expect(flags()[0]).toBe(0); // the device sees nothing yet
  expect(ring.publish()).toBe(true);
  expect(flags()).toEqual([0, 1, 2, 3].map((n) => DESC.avail | DESC.write | (n % 2 === 0 ? DESC.next : 0)));
  usePacked(ring, 0, 1, 60, true);
  expect([ring.take(), ring.length, ring.take()]).toEqual([8, 60, NOTHING]);
  expect(ring.offer(chain, 10)).toBe(true);
  usePacked(ring, 2, 0, 0, true);
  expect(ring.take()).toBe(7);
  usePacked(ring, 0, 1, 5, false);
  expect([ring.take(), ring.outstanding]).toEqual([10, 0]);
});

test('a device that uses what it does not have, or more than there is room for, is found out', () => {
  const ring = new SplitRing(memory, OPTIONS);
  ring.offer(chain, 1);
  use(ring, 0, 3, 1);
  expect(() => ring.take()).toThrow('The device used chain 3, which it did not have');
  const second = new SplitRing(memory, OPTIONS);
  second.offer(chain, 1);
  use(second, 0, 0, 151);
  expect(() => second.take()).toThrow('The device wrote 151 bytes into a chain of 150');
  const third = new SplitRing(memory, OPTIONS);
  third.offer(chain, 1);
  Atomics.store(third.used, 1, 2);
  expect(() => third.take()).toThrow(DeviceError);
  const packed = new PackedRing(memory, OPTIONS);
  packed.offer(chain, 1);
  usePacked(packed, 0, 2, 1, true);
  expect(() => packed.take()).toThrow(DeviceError);
});

test('who wants to be told of an event is told when it is passed, also around the end of the numbers', () => {
  expect([needEvent(5, 6, 5), needEvent(5, 6, 6), needEvent(5, 5, 3)]).toEqual([true, false, false]);
  expect([needEvent(0xffff, 2, 0xfffe), needEvent(3, 2, 0xfffe)]).toEqual([true, false]);
});
