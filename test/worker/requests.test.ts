// Requests to the thread, and what they find there.

import { type FdbEntry, Switch } from 'taploom';
import { expect, onTestFinished, test } from 'vitest';
import { parse } from '../support/engine/frame_text.ts';

const ports = (count: number, keys = {}) =>
  Object.fromEntries(
    Array.from({ length: count }, (_, n) => [`p${n + 1}`, { type: 'memory' as const, ...keys }]),
  );
const config = (keys = {}, count = 2) => ({
  version: 1 as const,
  bridges: { br0: { local: false as const, ...keys, ports: ports(count) } },
});

async function open(input: ReturnType<typeof config>): Promise<Switch> {
  const taploom = await Switch.open(input);
  onTestFinished(() => taploom.close());
  return taploom;
}

/** Sends from `count` source addresses, and waits until the switch has seen them all. */
async function introduce(taploom: Switch, port: string, count: number, first = 0): Promise<void> {
  const frame = parse('a > *');
  const view = new DataView(frame.buffer);
  const received = () => taploom.ports().find(({ name }) => name === port)?.counters.receivedFrames ?? 0;
  const before = received();
  for (let n = 0; n < count; ) {
    view.setUint32(8, first + n);
    if (taploom.memoryPort(port).send(frame)) n++;
    else await new Promise((resolve) => setTimeout(resolve, 1));
  }
  await expect.poll(() => received() - before, { timeout: 10_000 }).toBe(count);
}

async function pages(taploom: Switch, filter = {}): Promise<FdbEntry[][]> {
  const all: FdbEntry[][] = [];
  for await (const page of taploom.fdb(filter)) all.push(page);
  return all;
}

test('the FDB is read in pages, each entry once, while frames go on', { timeout: 30_000 }, async () => {
  const COUNT = 100_000;
  const taploom = await open(config({ fdb_limit: 200_000 }));
  await introduce(taploom, 'p1', COUNT);
  const all = await pages(taploom);
  expect(all.length).toBeGreaterThan(5);
  expect(Math.max(...all.map((page) => page.length))).toBeLessThanOrEqual(16_384);
  const macs = new Set(all.flat().map(({ mac }) => mac));
  expect(macs.size).toBe(COUNT);
  expect(all.flat()).toHaveLength(COUNT);
  expect(all[0][0]).toMatchObject({ bridge: 'br0', vlan: 0, port: 'p1', type: 'learned' });
  expect(taploom.bridges()[0].learnedAddresses).toBe(COUNT);
});

test('flush tells how many entries it forgot, by port, by address and altogether', async () => {
  const taploom = await open(config());
  await introduce(taploom, 'p1', 30);
  await introduce(taploom, 'p2', 20, 1000);
  expect(await taploom.flush({ mac: '02:00:00:00:00:05' })).toBe(1);
  expect(await taploom.flush({ mac: '02:00:00:00:00:05' })).toBe(0);
  expect(await taploom.flush({ port: 'p2' })).toBe(20);
  expect(await taploom.flush({ bridge: 'br0' })).toBe(29);
  expect(await taploom.flush()).toBe(0);
  expect(taploom.bridges()[0].learnedAddresses).toBe(0);
  await expect(taploom.flush({ port: 'nope' })).rejects.toThrow('nope');
  await expect(taploom.flush({ bridge: 'nope' })).rejects.toThrow('nope');
  await expect(taploom.flush({ mac: 'x' })).rejects.toThrow('x is not a MAC address');
});

test('flushing an address that no station can have forgets nothing', async () => {
  const taploom = await open(config());
  await introduce(taploom, 'p1', 3, 1);
  await expect.poll(() => taploom.bridges()[0].learnedAddresses).toBe(3); // a frame is counted before it is learned
  expect(await taploom.flush({ mac: '00:00:00:00:00:00' })).toBe(0);
  expect(taploom.bridges()[0].learnedAddresses).toBe(3);
});

test('changes that are asked for at once are carried out one after the other', async () => {
  const taploom = await open(config());
  const counts = [3, 1, 4, 1, 5, 9, 2, 6];
  const results = await Promise.all(counts.map((count) => taploom.apply(config({}, count))));
  expect(results.flat().every(({ ok }) => ok)).toBe(true);
  expect(results.map((actions) => actions.filter(({ op }) => op === 'add').length)).toEqual([
    1, 0, 3, 0, 4, 4, 0, 4,
  ]);
  expect(taploom.ports().map(({ name }) => name)).toEqual(['p1', 'p2', 'p3', 'p4', 'p5', 'p6']);
});

test('a change under traffic loses no frame between ports that stay', { timeout: 20_000 }, async () => {
  const taploom = await open(config());
  const [from, to] = [taploom.memoryPort('p1'), taploom.memoryPort('p2')];
  await introduce(taploom, 'p2', 1, 0x62);
  to.receive();
  from.receive();
  let sent = 0;
  let received = 0;
  const frame = parse('a > b');
  new DataView(frame.buffer).setUint32(2, 0x62);
  for (let round = 0; round < 20; round++) {
    const change = taploom.apply(config({}, 2 + (round % 3)));
    for (let n = 0; n < 100; n++) if (from.send(frame)) sent++;
    await change;
    while (to.receive() !== undefined) received++;
  }
  await expect
    .poll(() => {
      while (to.receive() !== undefined) received++;
      return received;
    })
    .toBe(sent);
});

test('a request that the thread cannot carry out is refused, and it goes on', async () => {
  const taploom = await open(config());
  const plane = Reflect.get(taploom, 'plane') as { request(body: unknown): Promise<unknown> };
  await expect(plane.request({ kind: 'change', change: { topology: {} } })).rejects.toMatchObject({
    code: 'data_plane',
  });
  await introduce(taploom, 'p1', 5);
  expect(await taploom.flush()).toBe(5);
});

test('poll() is for inline switches', async () => {
  const taploom = await open(config());
  expect(() => taploom.poll()).toThrow('{ threaded: false }');
});

test('the poll-gap histogram counts every poll once', async () => {
  const taploom = await open(config());
  await introduce(taploom, 'p1', 1000);
  const { polls, sumSeconds, maxSeconds, buckets } = taploom.pollGap();
  expect(polls).toBeGreaterThan(0);
  expect(sumSeconds).toBeGreaterThan(0);
  expect(maxSeconds).toBeLessThan(1);
  const counts = buckets.map(([, count]) => count);
  expect([...counts].sort((a, b) => a - b)).toEqual(counts);
  expect(counts[counts.length - 1]).toBeLessThanOrEqual(polls);
});

test('the frames of each poll that brought any are counted by powers of two', async () => {
  const taploom = await Switch.open(config(), { threaded: false });
  onTestFinished(() => taploom.close());
  for (const count of [1, 2, 0, 3, 4, 5, 64]) {
    for (let n = 0; n < count; n++) expect(taploom.memoryPort('p1').send(parse('a > *'))).toBe(true);
    taploom.poll();
  }
  expect(taploom.pollFrames()).toEqual({
    polls: 6,
    frames: 79,
    buckets: [
      [1, 1],
      [2, 2],
      [4, 4],
      [8, 5],
      [16, 5],
      [32, 5],
      [64, 6],
    ],
  });
});

test('a hundred flushes at once do not keep frames waiting a hundred times as long', {
  timeout: 30_000,
}, async () => {
  const taploom = await open(config({ fdb_limit: 1_000_000 }));
  await introduce(taploom, 'p1', 1000);
  const polls = () => taploom.pollGap().polls;
  const before = polls();
  await Promise.all(Array.from({ length: 100 }, () => taploom.flush()));
  expect(polls() - before).toBeGreaterThanOrEqual(100);
});
