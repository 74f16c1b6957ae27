// Several workers as a user of the library meets them: memory ports, frames from several of them at the same time. The
// package is taken as its users do, built.

import { closeSync, openSync } from 'node:fs';
import { Switch, type SwitchConfigInput } from 'taploom';
import { expect, onTestFinished, test } from 'vitest';
import type { CounterView } from '../../src/switch/counter_view.ts';
import { PORT } from '../../src/table/counters.ts';
import { parse } from '../support/engine/frame_text.ts';

const ports = (count: number, keys: object = {}) =>
  Object.fromEntries(
    Array.from({ length: count }, (_, n) => [`p${n + 1}`, { type: 'memory' as const, ...keys }]),
  );
type Bridge = NonNullable<SwitchConfigInput['bridges']>[string];
const configOf = (bridge: Bridge, count = 4): SwitchConfigInput => ({
  version: 1,
  bridges: { br0: { local: false, ports: ports(count), ...bridge } },
});

async function open(config: SwitchConfigInput, workers = 2): Promise<Switch> {
  const taploom = await Switch.open(config, { workers });
  onTestFinished(() => taploom.close());
  return taploom;
}

/** `serial` is told in its last bytes. */
function numbered(line: string, serial: number): Uint8Array {
  const frame = parse(line);
  new DataView(frame.buffer).setUint32(20, serial);
  return frame;
}

const sum = (counts: Record<string, number>) => Object.values(counts).reduce((total, n) => total + n, 0);
const breath = () => new Promise((resolve) => setImmediate(resolve));

/** What is left over of each law, by port; the switch may be in the middle of a poll, so for a while it tries again. */
async function expectLaws(taploom: Switch): Promise<void> {
  const left = () =>
    taploom
      .ports()
      .map(({ counters }) => [
        counters.receivedFrames + counters.generated - counters.forwarded - sum(counters.receiveDropped),
        counters.copies - counters.held - counters.transmittedFrames - sum(counters.transmitDropped),
      ]);
  await expect.poll(left, { timeout: 5000 }).toEqual(taploom.ports().map(() => [0, 0]));
}

async function entries(taploom: Switch) {
  const all = [];
  for await (const page of taploom.fdb()) all.push(...page);
  return all;
}

/** Frames that each worker has received, by worker. */
function shares(taploom: Switch): number[] {
  const { workers } = Reflect.get(taploom, 'counters') as CounterView;
  return workers.map((one) => {
    let frames = 0;
    for (let port = 0; port < 64; port++) frames += one.values[one.port(port) + PORT.receivedFrames];
    return frames;
  });
}

test('frames of two senders, by two workers, reach one port whole and each flow in its order', async () => {
  const COUNT = 20_000;
  const taploom = await open(configOf({}, 3));
  taploom.memoryPort('p3').send(parse('c > *')); // where c is
  await taploom.memoryPort('p1').received(5000);
  const next = { p1: 0, p2: 0 };
  const got = { p1: 0, p2: 0 };
  while (got.p1 + got.p2 < 2 * COUNT) {
    for (const [port, from] of [
      ['p1', 'a'],
      ['p2', 'b'],
    ] as const) {
      // No more on the way than the ring of p3 has room for.
      for (let n = 0; n < 64 && next[port] < COUNT && next[port] - got[port] < 500; n++) {
        if (taploom.memoryPort(port).send(numbered(`${from} > c`, next[port]))) next[port]++;
      }
    }
    await breath();
    for (let frame = taploom.memoryPort('p3').receive(); frame; frame = taploom.memoryPort('p3').receive()) {
      const port = frame.bytes[11] === 0x61 ? 'p1' : 'p2';
      const view = new DataView(frame.bytes.buffer, frame.bytes.byteOffset);
      if (view.getUint32(20) !== got[port])
        throw new Error(`${port}: ${view.getUint32(20)} after ${got[port]}`);
      got[port]++;
    }
  }
  await expectLaws(taploom);
  const counters = Object.fromEntries(taploom.ports().map((port) => [port.name, port.counters]));
  expect(counters.p1.receivedFrames + counters.p2.receivedFrames).toBe(2 * COUNT);
  expect(counters.p3.transmittedFrames).toBe(2 * COUNT);
  expect(shares(taploom).sort((a, b) => a - b)).toEqual([COUNT, COUNT + 1]);
});

test('what one worker learns, the others know, and all of them forget it together', async () => {
  const taploom = await open(configOf({}, 4), 4);
  for (let n = 1; n <= 4; n++) {
    const frame = parse('a > *');
    frame[11] = n;
    taploom.memoryPort(`p${n}`).send(frame);
  }
  await expect.poll(async () => (await entries(taploom)).length).toBe(4);
  const before = taploom.ports().map(({ counters }) => counters.copies);
  for (let n = 1; n <= 4; n++) {
    const frame = parse('a > a');
    frame[5] = (n % 4) + 1;
    frame[11] = n;
    taploom.memoryPort(`p${n}`).send(frame);
  }
  const copies = () => taploom.ports().map(({ counters }, n) => counters.copies - before[n]);
  await expect.poll(copies).toEqual([1, 1, 1, 1]);
  expect(shares(taploom)).toEqual([2, 2, 2, 2]);
  expect(await taploom.flush()).toBe(4);
  expect(await entries(taploom)).toEqual([]);
  expect(taploom.bridges()[0].learnedAddresses).toBe(0);
});

test('the limit of addresses is one for all workers, and exact', async () => {
  const taploom = await open(configOf({ fdb_limit: 500 }));
  const frame = parse('a > *');
  const view = new DataView(frame.buffer);
  for (let n = 0; n < 4000; n++) {
    view.setUint32(8, n);
    while (!taploom.memoryPort(`p${1 + (n % 4)}`).send(frame)) await breath();
  }
  const received = () => taploom.ports().reduce((total, { counters }) => total + counters.receivedFrames, 0);
  await expect.poll(received, { timeout: 10_000 }).toBe(4000);
  expect(taploom.bridges()[0].learnedAddresses).toBe(500);
  expect(await entries(taploom)).toHaveLength(500);
  const refused = taploom.ports().reduce((total, { counters }) => total + counters.learnRefused, 0);
  // The others made a port that was ahead give way.
  expect(refused).toBeLessThanOrEqual(3500);
  expect(refused).toBeGreaterThan(3000);
  await expectLaws(taploom);
});

test('ports, VLANs, limits and static entries change under traffic, and nothing of what went is left', {
  timeout: 60_000,
}, async () => {
  const fixed = { mac: '02:00:00:00:00:53', port: 'p4' };
  const config = (step: number) => {
    const all = ports(8);
    for (let n = 5; n <= 8; n++) if (((step >> (n - 5)) & 1) === 0) delete all[`p${n}`];
    // Another power of two now and then, so that the table moves.
    return configOf({ ports: all, static: [fixed], fdb_limit: step % 3 === 0 ? 300 : 20_000 });
  };
  const taploom = await open(config(15), 3);
  let isOver = false;
  const traffic = (async () => {
    const frame = parse('a > *');
    const view = new DataView(frame.buffer);
    for (let n = 0; !isOver; n++) {
      const names = taploom.ports().map(({ name }) => name);
      for (let k = 0; k < 40; k++) {
        const name = names[(n + k) % names.length];
        const serial = (n * 7 + k * 13) % 200;
        view.setUint32(2, (serial * 31) % 200);
        view.setUint16(0, 0x0200);
        view.setUint32(8, serial);
        // A port that was just removed is nobody's any more.
        if (taploom.ports().some((port) => port.name === name)) taploom.memoryPort(name).send(frame);
      }
      for (const name of names) while (taploom.memoryPort(name)?.receive() !== undefined);
      await breath();
    }
  })().catch((error) => error);
  for (let step = 0; step < 30; step++) {
    const results = await taploom.apply(config((step * 7) % 16));
    expect(results.filter(({ ok }) => !ok)).toEqual([]);
    if (step % 5 === 0) await taploom.flush({ port: 'p1' });
    const names = new Set(taploom.ports().map(({ name }) => name));
    const all = await entries(taploom);
    expect(all.filter(({ port }) => !names.has(port))).toEqual([]);
    expect(all.filter(({ type }) => type === 'static')).toMatchObject([fixed]);
  }
  isOver = true;
  expect(await traffic).toBeUndefined();
  await expectLaws(taploom);
  // The gauges say what is there, once the last frames are through.
  const differences = async () => {
    const learned = (await entries(taploom)).filter(({ type }) => type === 'learned');
    const ports = taploom.ports().map(({ name, learnedAddresses }) => {
      return learnedAddresses - learned.filter(({ port }) => port === name).length;
    });
    return [taploom.bridges()[0].learnedAddresses - learned.length, ...ports];
  };
  await expect.poll(differences).toEqual([0, ...taploom.ports().map(() => 0)]);
  expect(shares(taploom).every((frames) => frames > 0)).toBe(true);
});

test('addresses age out, although only the first worker sweeps', { timeout: 20_000 }, async () => {
  const taploom = await open(configOf({ ageing_time: 1 }));
  for (const port of ['p1', 'p2']) taploom.memoryPort(port).send(parse(port === 'p1' ? 'a > *' : 'b > *'));
  await expect.poll(() => taploom.bridges()[0].learnedAddresses).toBe(2);
  await expect.poll(() => taploom.bridges()[0].learnedAddresses, { timeout: 8000 }).toBe(0);
});

test('faults strike in both directions, whichever worker it is', async () => {
  const all = { ...ports(4), p1: { type: 'memory' as const, fault: { drop: 1 } } };
  const taploom = await open(configOf({ ports: all }), 3);
  for (const port of ['p1', 'p2', 'p3']) taploom.memoryPort(port).send(parse('a > *'));
  const counters = () => taploom.ports()[0].counters;
  await expect.poll(() => counters().transmitDropped).toEqual({ fault_transmit: 2 });
  await expect.poll(() => counters().receiveDropped).toEqual({ fault_receive: 1 });
  await expectLaws(taploom);
});

test('a device that its worker cannot take in is taken out of all others before it is closed', async () => {
  const fd = openSync(import.meta.filename, 'r'); // epoll refuses regular files
  onTestFinished(() => closeSync(fd));
  const taploom = await open(configOf({}));
  const plane = Reflect.get(taploom, 'plane') as { threads: { request(body: unknown): Promise<unknown> }[] };
  const asked: unknown[][] = plane.threads.map(() => []);
  let spoilt = 0;
  plane.threads.forEach((thread, n) => {
    const { request } = thread;
    thread.request = (body: { kind: string; change?: { added: unknown[]; reads: number[] } }) => {
      asked[n].push(body);
      const { change } = body;
      const added = change?.added.map((spec) => ({
        kind: 'tap',
        port: (spec as { port: number }).port,
        fd,
        offloads: 0,
      }));
      if (added !== undefined) spoilt += added.length;
      return request.call(thread, change === undefined ? body : { ...body, change: { ...change, added } });
    };
  });
  const results = await taploom.apply(configOf({}, 5));
  expect(results).toMatchObject([{ op: 'add', ok: false, code: 'device_failed' }]);
  expect(results[0].error).toContain('Cannot watch file descriptor');
  expect(spoilt).toBe(2);
  const number = (asked[0][0] as { change: { added: { port: number }[] } }).change.added[0].port;
  for (const requests of asked) expect(requests[1]).toEqual({ kind: 'remove', ports: [number] });
  expect(taploom.ports().map(({ name }) => name)).toEqual(['p1', 'p2', 'p3', 'p4']);
});

interface Plane {
  threads: { request(body: unknown): Promise<unknown> }[];
}

test.each([0, 1])(
  'a change that worker %i fails at is taken back by all, and they share the FDB afterwards',
  async (index) => {
    const taploom = await open(configOf({ fdb_limit: 300 }));
    const { threads } = Reflect.get(taploom, 'plane') as Plane;
    const { request } = threads[index];
    const removed: unknown[] = [];
    let isFirst = true;
    threads[index].request = (body) => {
      if ((body as { kind: string }).kind === 'remove') removed.push(body);
      // What is removed cannot be iterated over: an exception before the workers meet.
      const { change } = body as { change?: object };
      const isSpoilt = isFirst && change !== undefined;
      if (isSpoilt) isFirst = false;
      return request.call(
        threads[index],
        isSpoilt ? { ...(body as object), change: { ...change, removedPorts: 1 } } : body,
      );
    };
    await expect(taploom.apply(configOf({ fdb_limit: 20_000 }, 5))).rejects.toThrow();
    expect(removed).toHaveLength(1);
    expect((await taploom.apply(configOf({ fdb_limit: 20_000 }))).every(({ ok }) => ok)).toBe(true);
    for (const [port, line] of [
      ['p1', 'a > *'],
      ['p2', 'b > *'],
    ])
      taploom.memoryPort(port).send(parse(line));
    await expect
      .poll(async () => (await entries(taploom)).map(({ port }) => port).sort())
      .toEqual(['p1', 'p2']);
  },
);

test('what comes behind the stop waits for nobody, and close comes to its end', async () => {
  const taploom = await open(configOf({}));
  const { threads } = Reflect.get(taploom, 'plane') as {
    threads: { port: { postMessage(message: unknown): void } }[];
  };
  threads[0].port.postMessage({ id: 1000, body: { kind: 'stop' } });
  threads[0].port.postMessage({ id: 1001, body: { kind: 'flush', domains: null, port: 0, hi: 0, lo: 0 } });
  await taploom.close();
  await expect(taploom.flush()).rejects.toThrow('The switch is closed');
});

test('a worker whose change of the FDB went wrong gets none of its own', async () => {
  const taploom = await open(configOf({ fdb_limit: 300 }));
  const { threads } = Reflect.get(taploom, 'plane') as Plane;
  const { request } = threads[1];
  threads[1].request = (body) => {
    const { change } = body as { change?: object };
    return request.call(
      threads[1],
      change === undefined ? body : { ...(body as object), change: { ...change, table: undefined } },
    );
  };
  await expect(taploom.apply(configOf({ fdb_limit: 20_000 }))).rejects.toThrow(
    'No memory for the shared FDB',
  );
});

test('what every worker finds out about a tunnel is said once, and again for a port that came later', async () => {
  // Loopback segments; a kernel that does not is what this stands for.
  const taploom = await open(configOf({}));
  const plane = Reflect.get(taploom, 'plane') as {
    threads: { port: { emit(event: string, message: unknown): void } }[];
  };
  const said: string[] = [];
  taploom.on('unsegmented', (port) => said.push(port));
  const news = { kind: 'unsegmented', port: 1, errno: -5 };
  for (const { port } of plane.threads) port.emit('message', news);
  expect(said).toEqual(['p1']);
  await taploom.apply({ version: 1 });
  await taploom.apply(configOf({}, 1));
  const again = {
    ...news,
    port: (Reflect.get(taploom, 'compiler') as { ports: { find(name: string): number } }).ports.find('p1'),
  };
  for (const { port } of plane.threads) port.emit('message', again);
  expect(said).toEqual(['p1', 'p1']);
});

test.each([
  [{ workers: 0 }, 'workers: 0 is not a number of workers (1-16)'],
  [{ workers: 1.5 }, 'workers: 1.5 is not'],
  [{ workers: 17 }, 'workers: 17 is not'],
  [{ workers: 2, threaded: false }, 'more than one are threads'],
])('%o is refused', async (options, message) => {
  await expect(Switch.open(configOf({}), options)).rejects.toMatchObject({
    code: 'invalid_option',
    message: expect.stringContaining(message),
  });
});
