// The fake guest against a back end that others wrote: what both agree on is vhost-user and virtio, not a mistake of ours.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, expect, test } from 'vitest';
import { FakeGuest, type FakeGuestOptions } from '../../src/tester/guest/fake_guest.ts';
import { WrittenPages } from '../support/guest_pages.ts';
import { needs } from '../support/needs.ts';
import { Testpmd } from '../support/testpmd.ts';

needs('dpdk-testpmd');

const BASIC = ['version1', 'indirectDesc', 'eventIdx', 'mq'] as const;
const MERGEABLE = [...BASIC, 'mrgRxbuf'] as const;
const ROOM = 60_000;

const folder = mkdtempSync(join(tmpdir(), 'tldpdk-'));
const path = join(folder, 'guest.sock');
let pmd: Testpmd | undefined;
let guest: FakeGuest | undefined;

/** The back end that listens takes one guest after the other. */
async function testpmd(): Promise<void> {
  pmd ??= await Testpmd.start({ path });
}

afterEach(() => {
  guest?.close();
  guest = undefined;
});

afterAll(async () => {
  await pmd?.stop();
  rmSync(folder, { recursive: true });
});

function frame(length: number, n: number): Uint8Array {
  const bytes = Uint8Array.from({ length }, (_, i) => i * 7 + n);
  bytes.set([2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 0x88, 0xb5]);
  return bytes;
}

/** Sends frames of many lengths, in one piece and in many, and sees each come back with its addresses exchanged. */
async function pingPong(guest: FakeGuest, count: number, most: number): Promise<void> {
  for (let n = 0; n < count; n++) {
    const sent = frame(60 + ((n * 397) % (most - 60)), n);
    expect(guest.send(sent, { piece: (n % 3) * 50 })).toBe(true);
    const back = await guest.next();
    expect(back, `frame ${n}`).toBeDefined();
    expect(Buffer.from(back?.bytes ?? []).equals(swapped(sent)), `frame ${n}`).toBe(true);
  }
}

function swapped(frame: Uint8Array): Uint8Array {
  const bytes = Uint8Array.from(frame);
  bytes.set(frame.subarray(0, 6), 6);
  bytes.set(frame.subarray(6, 12), 0);
  return bytes;
}

const layouts: Record<string, Partial<FakeGuestOptions> & { most?: number }> = {
  'split ring': { features: BASIC },
  'split ring without event index or indirect descriptors': { features: ['version1'] },
  'split ring of a legacy driver': { features: [] },
  'split ring, mergeable buffers': { features: MERGEABLE, most: 9000, receiveBuffer: 1024 },
  'packed ring': { features: [...BASIC, 'ringPacked'] },
  'packed ring without event index or indirect descriptors': { features: ['version1', 'ringPacked'] },
  'packed ring, mergeable buffers': {
    features: [...MERGEABLE, 'ringPacked'],
    most: 9000,
    receiveBuffer: 1024,
  },
  'chains to receive into, memory in two regions': {
    features: BASIC,
    receivePieces: 4,
    memoryRegions: 2,
    ringSize: 512,
  },
};

test.each(Object.entries(layouts))('frames go both ways: %s', { timeout: ROOM }, async (_, layout) => {
  await testpmd();
  const { most = 1500, ...options } = layout;
  guest = await FakeGuest.open({ path, ...options });
  for (const name of options.features ?? []) expect(guest.has(name), name).toBe(true);
  await pingPong(guest, 300, most);
});

test('a guest that listens, with two pairs of queues, outlives its back end', { timeout: ROOM }, async () => {
  const own = join(folder, 'listens.sock');
  const options = { mode: 'server', queuePairs: 2, features: MERGEABLE, timeoutMs: 20_000 } as const;
  const opened = FakeGuest.open({ path: own, ...options });
  let client = await Testpmd.start({ path: own, isClient: true, queues: 2 });
  guest = await opened;
  expect(guest.send(frame(64, 1), { queue: 1 })).toBe(true);
  expect((await guest.next())?.bytes.length).toBe(64);
  await pingPong(guest, 100, 1500);
  await client.kill();
  client = await Testpmd.start({ path: own, isClient: true, queues: 2 });
  await guest.connect();
  await pingPong(guest, 300, 1500);
  await client.stop();
});

test('rings stop and start again where they were', { timeout: ROOM }, async () => {
  await testpmd();
  guest = await FakeGuest.open({ path, features: [...MERGEABLE, 'ringPacked'] });
  for (let round = 0; round < 3; round++) {
    await pingPong(guest, 100, 1500);
    await guest.stop();
    await guest.start();
  }
  await pingPong(guest, 10, 1500);
});

test('the back end notes the pages that it writes', { timeout: ROOM }, async () => {
  await testpmd();
  guest = await FakeGuest.open({ path, features: MERGEABLE, maxFrame: 2000 });
  await pingPong(guest, 20, 1500);
  const log = await guest.startLog();
  const pages = new WrittenPages(guest.device);
  await pingPong(guest, 50, 1500);
  expect(pages.changed.length).toBeGreaterThan(10);
  expect(pages.changed.filter((page) => !log.has(page))).toEqual([]);
  expect(log.collect().filter((page) => !pages.mayWrite(page))).toEqual([]);
  await guest.stopLog();
  await pingPong(guest, 20, 1500);
});
