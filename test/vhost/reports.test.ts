// What was reported of other back ends of vhost-user, tried on ours.

import { afterEach, expect, test } from 'vitest';
import { drainWake } from '../../src/sys/wake.ts';
import type { FakeGuest } from '../../src/tester/guest/fake_guest.ts';
import { REQUEST, u64, vringState } from '../../src/wire/vhost_user.ts';
import { FEATURE } from '../../src/wire/virtio.ts';
import { exchange, LAYOUTS, MAC, testFrame, VhostWorld } from '../support/vhost_world.ts';

let world: VhostWorld;

afterEach(() => world.close());

const layouts = Object.entries(LAYOUTS);

async function open(ring: (typeof LAYOUTS)[keyof typeof LAYOUTS]): Promise<[FakeGuest, FakeGuest]> {
  world = await VhostWorld.open(['a', 'b']);
  const features = ['version1', 'mrgRxbuf', 'eventIdx', ...ring] as const;
  return [await world.guest('a', { features }), await world.guest('b', { features })];
}

/** The guest's features once more, as a hypervisor tells them when a migration begins. */
function tellFeatures({ backEnd, agreement }: FakeGuest): Promise<void> {
  return backEnd.tell(REQUEST.setFeatures, u64(agreement.features));
}

test.each(layouts)('rust-vmm/vhost#210: features that are told again stop no ring (%s)', async (_, ring) => {
  const [a, b] = await open(ring);
  for (const guest of [a, b]) await tellFeatures(guest);
  expect(await exchange(a, b, 6)).toBeUndefined();
  expect([world.state('a'), world.state('b')]).toEqual(['up', 'up']);
});

test.each(layouts)(
  'rust-vmm/vhost#227: rings of a hypervisor that knows no enabling run at once, also after they were told to stop (%s)',
  async (_, ring) => {
    const [a, b] = await open(ring);
    for (const { index } of b.device.vrings)
      await b.backEnd.tell(REQUEST.setVringEnable, vringState({ index, num: 0 }));
    await b.stop();
    b.agreement.features &= ~FEATURE.protocolFeatures;
    await b.start();
    expect(await exchange(a, b, 6)).toBeUndefined();
  },
);

test.each(layouts)(
  'rust-vmm/vhost#154, #161: a ring that is stopped says where it was, as often as it is asked (%s)',
  async (_, ring) => {
    const [a, b] = await open(ring);
    expect(await exchange(a, b, 6)).toBeUndefined();
    const ask = async (index: number) =>
      (await b.backEnd.ask(REQUEST.getVringBase, vringState({ index, num: 0 }))).payload.toString('hex');
    const once = [await ask(0), await ask(1)];
    expect([await ask(0), await ask(1)]).toEqual(once);
    await b.stop();
    await b.start();
    expect(await exchange(a, b, 6)).toBeUndefined();
  },
);

test.each(layouts)(
  'rust-vmm/vhost#217: the memory of a log is acknowledged, also while frames pass (%s)',
  async (_, ring) => {
    const [a, b] = await open(ring);
    for (let round = 0; round < 3; round++) {
      for (let n = 0; n < 20; n++) a.send(testFrame(MAC.all, MAC.a, 100, n));
      await b.startLog();
      await b.stopLog();
    }
    for (let n = 0; n < 60; n++) expect(await b.next()).toBeDefined();
    expect(await exchange(a, b, 6)).toBeUndefined();
  },
);

test.each(layouts)(
  'spdk/spdk#2228: firmware that sets up one ring and goes leaves nothing behind (%s)',
  async (_, ring) => {
    const [a, b] = await open(ring);
    b.disconnect();
    await expect.poll(() => world.state('b')).toBe('down');
    const others = b.device.vrings.splice(1);
    await b.connect();
    b.disconnect();
    await expect.poll(() => world.state('b')).toBe('down');
    b.device.vrings.push(...others);
    await b.connect();
    expect(await exchange(a, b, 6)).toBeUndefined();
  },
);

test.each(layouts)(
  'firecracker#5969, CubeSandbox#1084: what lay in a ring before it was restored is taken without a kick (%s)',
  async (_, ring) => {
    const [a, b] = await open(ring);
    await a.stop();
    for (let n = 0; n < 20; n++) a.send(testFrame(MAC.all, MAC.a, 100, n));
    for (const { kick } of a.device.vrings) drainWake(kick);
    await a.start();
    for (let n = 0; n < 20; n++) expect(await b.next()).toBeDefined();
    expect(await exchange(a, b, 6)).toBeUndefined();
  },
);
