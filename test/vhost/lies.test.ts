// A guest that lies harms nobody but itself: whatever it does, two others go on, no poll takes long, and a guest that is
// honest has the port again. Where it can only be let down, the port says so.

import { readdirSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { FakeGuest } from '../../src/tester/guest/fake_guest.ts';
import { LIES } from '../../src/tester/guest/lies/lies.ts';
import type { FeatureName } from '../../src/tester/guest/negotiation.ts';
import { exchange, LAYOUTS, MAC, testFrame, VhostWorld } from '../support/vhost_world.ts';

/** Far more than any poll takes. */
const LONGEST_MS = 300;
const FEATURES: FeatureName[] = ['version1', 'mrgRxbuf', 'indirectDesc', 'eventIdx'];

let world: VhostWorld;
let a: FakeGuest;
let b: FakeGuest;

beforeAll(async () => {
  world = await VhostWorld.open(['a', 'b', 'liar']);
  [a, b] = [await world.guest('a'), await world.guest('b')];
});

afterAll(() => world.close());

for (const [layout, ring] of Object.entries(LAYOUTS)) {
  const lies = Object.entries(LIES).filter(([, lie]) => lie.layout === undefined || lie.layout === layout);
  test.each(lies)(`${layout} ring, %s`, async (_, lie) => {
    const features = [...FEATURES, ...ring];
    await world.turns(10);
    const before = descriptors();
    using liar = await world.guest('liar', { features, memoryRegions: 2 });
    world.longest = 0;
    await lie.tell(liar);
    a.send(testFrame(MAC.all, MAC.a, 100, 0));
    expect(await exchange(a, b, 6)).toBeUndefined();
    for (const name of ['a', 'b']) expect(world.state(name)).toBe('up');
    if (lie.isFatal) await expect.poll(() => world.state('liar')).toBe('broken');
    expect(world.longest).toBeLessThan(LONGEST_MS);
    liar.close();
    const next = await world.guest('liar', { features });
    expect(await exchange(a, next, 6, MAC.c)).toBeUndefined();
    next.close();
    await expect.poll(descriptors).toBeLessThanOrEqual(before);
  });
}

function descriptors(): number {
  return readdirSync('/proc/self/fd').length;
}
