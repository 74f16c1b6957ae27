// Frames between rings go in bursts: one after the other into one ring is a run, and each still has an end of its own.

import { afterEach, beforeEach, expect, test } from 'vitest';
import { BATCH } from '../../src/engine/engine.ts';
import type { FakeGuest } from '../../src/tester/guest/fake_guest.ts';
import { BEYOND, RECEIVE, TRANSMIT, writeDescriptor } from '../../src/tester/guest/lies/lie.ts';
import type { FeatureName } from '../../src/tester/guest/negotiation.ts';
import { LAYOUTS, MAC, testFrame, VhostWorld } from '../support/vhost_world.ts';

let world: VhostWorld;
let a: FakeGuest;
let b: FakeGuest;
let c: FakeGuest;

beforeEach(async () => {
  world = await VhostWorld.open(['a', 'b', 'c']);
});

afterEach(() => world.close());

/** Three guests; the switch knows where two of them are, and polls when the test says so. */
async function open(layout: string): Promise<void> {
  const features: FeatureName[] = ['version1', 'mrgRxbuf', ...LAYOUTS[layout]];
  [a, b, c] = await Promise.all(['a', 'b', 'c'].map((name) => world.guest(name, { features })));
  for (const [guest, mac] of [
    [a, MAC.a],
    [b, MAC.b],
  ] as const) {
    guest.send(testFrame(MAC.c, mac, 100, 0));
    for (const other of [a, b, c]) if (other !== guest) expect(await other.next()).toBeDefined();
  }
  await world.pause();
  poll(3); // who has nothing more to say waits for a kick
}

/** All at once. */
function offer(guest: FakeGuest, count: number, to: readonly number[], from: readonly number[]): void {
  const [transmitter] = guest.device.transmitters;
  for (let n = 0; n < count; n++) transmitter.send(testFrame(to, from, 60 + n * 10, n));
  guest.device.publish(TRANSMIT);
}

function poll(times = 1): void {
  for (let n = 0; n < times; n++) world.taploom.poll(0);
}

/** Which frames of `offer` came, in their order. */
function taken(guest: FakeGuest): number[] {
  const lengths: number[] = [];
  for (let frame = guest.receive(); frame !== undefined; frame = guest.receive())
    lengths.push(frame.bytes.length);
  return lengths.map((length) => (length - 60) / 10);
}

/** Receive buffer `n` lies where the guest has no memory. */
function poison(guest: FakeGuest, n: number): void {
  const { ring } = guest.device.vrings[RECEIVE];
  const words = guest.device.memory.words(ring.addresses.descriptor, ring.size * 4);
  const tail = words[4 * n + 3];
  writeDescriptor(words, n, { address: BEYOND, length: 2048 });
  words[4 * n + 3] = tail;
}

const upTo = (count: number): number[] => Array.from({ length: count }, (_, n) => n);

for (const layout of Object.keys(LAYOUTS)) {
  test(`${layout} rings: who is alone fills a batch, who has company gets the same share`, async () => {
    await open(layout);
    offer(a, BATCH + 6, MAC.b, MAC.a);
    poll();
    expect(taken(b)).toEqual(upTo(BATCH));
    poll();
    expect(taken(b)).toEqual(upTo(BATCH + 6).slice(BATCH));
    poll(3);
    offer(a, BATCH / 2 + 8, MAC.b, MAC.a);
    offer(b, BATCH / 2 + 8, MAC.a, MAC.b);
    poll();
    const [first, second] = [taken(a), taken(b)];
    expect(first.length).toBeLessThanOrEqual(BATCH / 2);
    expect(second).toEqual(first);
  });

  test(`${layout} rings: a ring that breaks in the middle of a run has what came before, and costs nobody else`, async () => {
    await open(layout);
    // one buffer was taken, in `open`
    poison(b, 5);
    const before = world.taploom.port('b').counters;
    offer(a, 20, MAC.b, MAC.a);
    poll();
    await expect.poll(() => world.state('b')).toBe('broken');
    const { transmittedFrames, transmitDropped } = world.taploom.port('b').counters;
    expect(transmittedFrames - before.transmittedFrames).toBe(4);
    expect(transmitDropped).toEqual({ port_down: 16 });
    offer(a, 5, MAC.c, MAC.a);
    poll();
    expect(taken(c)).toEqual(upTo(5));
  });
}

test('whoever wakes up beside a busy guest is heard', async () => {
  await open('split');
  const turn = (): number => {
    offer(a, 32, MAC.b, MAC.a);
    poll();
    taken(b);
    return taken(a).length;
  };
  for (let n = 0; n < 5; n++) turn();
  offer(b, 1, MAC.a, MAC.b);
  const begun = performance.now();
  while (turn() === 0 && performance.now() - begun < 1000);
  expect(performance.now() - begun).toBeLessThan(500);
});
