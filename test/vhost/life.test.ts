// What happens to a port whose guest comes and goes, and to a guest whose switch does.

import { afterEach, expect, test } from 'vitest';
import type { FakeGuest } from '../../src/tester/guest/fake_guest.ts';
import { exchange, LAYOUTS, MAC, testFrame, VhostWorld } from '../support/vhost_world.ts';

let world: VhostWorld;

afterEach(() => world.close());

const modes = ['server', 'client'] as const;

test.each(modes)('a guest that was killed comes back, the switch being %s', async (mode) => {
  world = await VhostWorld.open(['a', 'b'], mode);
  const [a, b] = await Promise.all([world.guest('a'), world.guest('b')]);
  for (let round = 0; round < 3; round++) {
    expect(await exchange(a, b, 6)).toBeUndefined();
    b.disconnect();
    await expect.poll(() => world.state('b')).toBe('down');
    await b.connect();
  }
  expect(await exchange(a, b, 6)).toBeUndefined();
});

for (const [layout, ring] of Object.entries(LAYOUTS)) {
  test.each(modes)(
    `${layout} rings: what was in flight when the switch ended comes once, the switch being %s`,
    async (mode) => {
      world = await VhostWorld.open(['a', 'b'], mode);
      const features = ['version1', 'mrgRxbuf', 'eventIdx', ...ring] as const;
      const [a, b] = await Promise.all(['a', 'b'].map((name) => world.guest(name, { features })));
      expect(await exchange(a, b, 6)).toBeUndefined();
      await world.stopSwitch();
      // b's port is known to the new switch before a's frames are
      for (let n = 0; n < 100; n++) a.send(testFrame(MAC.all, MAC.a, 100, n));
      await world.startSwitch();
      await Promise.all([b.connect(), expect.poll(() => world.state('b'), { timeout: 5000 }).toBe('up')]);
      await a.connect();
      expect(await numbers(b, 100)).toEqual(Array.from({ length: 100 }, (_, n) => n));
      expect(b.receive()).toBeUndefined();
      expect(await exchange(a, b, 6)).toBeUndefined();
    },
  );
}

test('rings that stop and start go on where they were', async () => {
  world = await VhostWorld.open(['a', 'b']);
  const [a, b] = [await world.guest('a'), await world.guest('b')];
  for (let round = 0; round < 4; round++) {
    expect(await exchange(a, b, 6)).toBeUndefined();
    await b.stop();
    expect(world.state('b')).not.toBe('up');
    await b.start();
  }
  expect(await exchange(a, b, 6)).toBeUndefined();
});

test('memory is plugged in and out under traffic', async () => {
  world = await VhostWorld.open(['a', 'b']);
  const [a, b] = [await world.guest('a'), await world.guest('b', { protocol: ['replyAck', 'mq'] })];
  for (const guest of [a, b]) {
    for (let round = 0; round < 3; round++) {
      const region = await guest.plug(1 << 20);
      expect(await exchange(a, b, 4)).toBeUndefined();
      await guest.unplug(region);
      expect(await exchange(a, b, 4)).toBeUndefined();
    }
  }
});

test('two pairs of queues carry frames both ways', async () => {
  world = await VhostWorld.open(['a', 'b']);
  const [a, b] = [await world.guest('a', { queuePairs: 2 }), await world.guest('b')];
  for (const queue of [0, 1]) {
    a.send(testFrame(MAC.all, MAC.a, 100, queue), { queue });
    expect(await numbers(b, 1)).toEqual([queue]);
  }
  expect(await exchange(a, b, 10)).toBeUndefined();
  await expect(world.guest('b', { queuePairs: 3, timeoutMs: 300 })).rejects.toThrow();
});

test('a second guest at the same socket is turned away, and the first goes on', async () => {
  world = await VhostWorld.open(['a', 'b']);
  const [a, b] = [await world.guest('a'), await world.guest('b')];
  await expect(world.guest('a')).rejects.toMatchObject({ code: 'back_end_gone' });
  expect(await exchange(a, b, 6)).toBeUndefined();
});

/** Of the next test frames: the byte behind the addresses and the type, less what testFrame adds. */
async function numbers(guest: FakeGuest, count: number): Promise<number[]> {
  const found: number[] = [];
  while (found.length < count) {
    const frame = await guest.next(3000);
    if (frame === undefined) break;
    found.push((frame.bytes[14] - 14 * 7) & 0xff);
  }
  return found;
}
