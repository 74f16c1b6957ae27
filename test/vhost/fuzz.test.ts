// A guest that does anything, honest or not, for a while: the others go on, and nothing is left open. The seed is in what a
// failure prints; FUZZ_SEED does the same again.

import { readdirSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { FakeGuest } from '../../src/tester/guest/fake_guest.ts';
import { BackEndError } from '../../src/tester/guest/front_end.ts';
import { LieFuzzer } from '../../src/tester/guest/lies/fuzz.ts';
import { USUAL_FEATURES } from '../../src/tester/guest/negotiation.ts';
import { seedOf } from '../support/seed.ts';
import { exchange, LAYOUTS, VhostWorld } from '../support/vhost_world.ts';

const SECONDS = Number(process.env.FUZZ_SECONDS ?? (process.env.CI ? 30 : 3));
const SEED = seedOf(process.env.FUZZ_SEED);
/** Of one guest; then another takes its place. */
const MOST_STEPS = 40;
/** Far more than any poll takes. */
const LONGEST_MS = 300;

let world: VhostWorld;
let a: FakeGuest;
let b: FakeGuest;

beforeAll(async () => {
  world = await VhostWorld.open(['a', 'b', 'liar']);
  [a, b] = [await world.guest('a'), await world.guest('b')];
});

afterAll(() => world.close());

test.each(Object.entries(LAYOUTS))(
  `a guest with a %s ring does anything for ${SECONDS} s, seed ${SEED}`,
  { timeout: SECONDS * 1000 + 60_000 },
  async (_, ring) => {
    const fuzzer = new LieFuzzer(SEED);
    const features = [...USUAL_FEATURES, ...ring];
    await world.turns(20);
    const before = readdirSync('/proc/self/fd').length;
    world.longest = 0;
    for (const end = performance.now() + SECONDS * 1000; performance.now() < end; ) {
      const story = await liveOnce(fuzzer, features);
      expect(await exchange(a, b, 4), story.join(' ')).toBeUndefined();
      expect(world.longest, story.join(' ')).toBeLessThan(LONGEST_MS);
    }
    await expect.poll(() => readdirSync('/proc/self/fd').length).toBeLessThanOrEqual(before);
  },
);

/** One guest from its connection to its end; returns what it did. */
async function liveOnce(fuzzer: LieFuzzer, features: typeof USUAL_FEATURES): Promise<string[]> {
  const story: string[] = [];
  const options = { features, ringSize: fuzzer.pick([32, 256]), memoryRegions: fuzzer.pick([1, 2]) };
  using guest = await world.guest('liar', options);
  const steps = fuzzer.below(MOST_STEPS);
  for (let n = 0; n < steps && guest.isConnected; n++) {
    story.push(await fuzzer.step(guest));
    await world.turns(fuzzer.below(4));
    if (fuzzer.below(8) === 0) await restart(guest);
  }
  return story;
}

/** As a driver that resets its device: the ring may be used again. */
async function restart(guest: FakeGuest): Promise<void> {
  try {
    await guest.stop();
    await guest.start();
  } catch (error) {
    if (!(error instanceof BackEndError)) throw error;
  }
}
