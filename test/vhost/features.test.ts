// Our back end and a driver of each kind: frames go both ways, whole, whatever was agreed on.

import { afterAll, beforeAll, expect, test } from 'vitest';
import type { FakeGuest, FakeGuestOptions } from '../../src/tester/guest/fake_guest.ts';
import type { FeatureName } from '../../src/tester/guest/negotiation.ts';
import { exchange, LAYOUTS, VhostWorld } from '../support/vhost_world.ts';

const SIZES: Record<string, Partial<FakeGuestOptions>> = {
  'large buffers': { features: ['guestTso4', 'guestTso6', 'guestCsum'] },
  'small buffers': { features: [] },
  'mergeable buffers': { features: ['mrgRxbuf'], receiveBuffer: 256 },
  'chains of buffers': { features: [], receivePieces: 5 },
  'memory in two regions': { features: ['mrgRxbuf'], memoryRegions: 2 },
  'a small ring': { features: ['mrgRxbuf'], ringSize: 32 },
};
const EXTRAS: Record<string, FeatureName[]> = {
  bare: [],
  'event index': ['eventIdx'],
  indirect: ['indirectDesc'],
  both: ['eventIdx', 'indirectDesc'],
};

let world: VhostWorld;
let other: FakeGuest;

beforeAll(async () => {
  world = await VhostWorld.open(['a', 'b']);
  other = await world.guest('a');
});

afterAll(() => world.close());

for (const [layout, ring] of Object.entries(LAYOUTS)) {
  for (const [size, options] of Object.entries(SIZES)) {
    test.each(Object.entries(EXTRAS))(`${layout} ring, ${size}, %s`, async (_, extra) => {
      const features: FeatureName[] = ['version1', ...(options.features ?? []), ...extra, ...ring];
      using guest = await world.guest('b', { ...options, features });
      for (const name of features) expect(guest.has(name), name).toBe(true);
      expect(await exchange(other, guest, 40)).toBeUndefined();
      expect(world.state('b')).toBe('up');
    });
  }
}
