import { expect, test } from 'vitest';
import { openRig, type Rig } from '../support/engine/rig.ts';

const between = (qos: Record<string, unknown>) => openRig({ br0: { ports: { p1: {}, p2: { qos } } } });

/** A frame of `length` bytes to nobody in particular. */
function frame(length: number, serial = 0): Uint8Array {
  const bytes = new Uint8Array(length);
  bytes.set([0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 1, 0x88, 0xb5]);
  new DataView(bytes.buffer).setUint32(14, serial);
  return bytes;
}

/** Bytes that arrived at p2 in each of so many ms, while frames of 1,000 bytes come in as fast as asked. */
function flood(rig: Rig, ms: number, each: number): number[] {
  const arrived: number[] = [];
  for (let t = 0; t < ms; t++) {
    for (let n = 0; n < each; n++) rig.taploom.memoryPort('p1').send(frame(1000));
    rig.now += 1;
    for (let n = 0; n < 3; n++) rig.taploom.poll(0, rig.now);
    arrived.push((rig.received().get('p2') ?? []).reduce((sum, { bytes }) => sum + bytes.length, 0));
    rig.expectLaws();
  }
  return arrived;
}

test('a shaped port transmits its rate, and what does not fit is dropped and counted', async () => {
  const rig = await between({ shape: '8mbit' });
  const arrived = flood(rig, 200, 4);
  const total = arrived.reduce((sum, bytes) => sum + bytes);
  // 1,000 bytes each ms, and a burst of 5 ms.
  expect(total).toBeGreaterThanOrEqual(200_000);
  expect(total).toBeLessThanOrEqual(206_000);
  const { held, transmitDropped } = rig.counters('p2');
  expect(held).toBeGreaterThan(40);
  expect(transmitDropped.shaper_full).toBeGreaterThan(400);
});

test('what was held leaves in order, without anything else to do', async () => {
  const rig = await between({ shape: { rate: '8mbit', burst: '1ms' } });
  for (let n = 0; n < 20; n++) rig.taploom.memoryPort('p1').send(frame(1000, n));
  const serials: number[] = [];
  for (let t = 0; t < 30; t++) {
    rig.taploom.poll(0, rig.now);
    for (const { bytes } of rig.received().get('p2') ?? [])
      serials.push(new DataView(bytes.buffer).getUint32(14));
    rig.now = Math.max(
      rig.now,
      rig.taploom.deadline() === Number.POSITIVE_INFINITY ? 0 : rig.taploom.deadline(),
    );
  }
  expect(serials).toEqual(Array.from({ length: 20 }, (_, n) => n));
  expect(rig.counters('p2').held).toBe(0);
  expect(rig.taploom.deadline()).toBe(Number.POSITIVE_INFINITY);
});

/** A frame of IPv4 with this DSCP, and a serial number where its payload begins. */
function packet(dscp: number, serial: number, length = 1000): Uint8Array {
  const bytes = frame(length);
  bytes.set([0x08, 0, 0x45, dscp << 2, 0, length - 14], 12);
  bytes[23] = 17;
  new DataView(bytes.buffer).setUint32(34, serial);
  return bytes;
}

test('classes are found by DSCP, PCP and VLAN, and the higher priority leaves first', async () => {
  const classes = [
    { name: 'voice', match: { dscp: [46, 48] }, priority: 7 },
    { name: 'video', match: { pcp: 5, vlan: '10-19' }, priority: 5 },
    { name: 'rest', fair: true },
  ];
  const vlan = { trunk: [10, 30] };
  const qos = { shape: { rate: '8mbit', burst: '1us' }, classes };
  const rig = await openRig({ br0: { vlan_filtering: true, ports: { p1: { vlan }, p2: { vlan, qos } } } });
  const tagged = (inner: Uint8Array, tci: number) => {
    const bytes = new Uint8Array(inner.length + 4);
    bytes.set(inner.subarray(0, 12));
    bytes.set([0x81, 0, tci >>> 8, tci & 0xff], 12);
    bytes.set(inner.subarray(12), 16);
    return bytes;
  };
  const send = (dscp: number, pcp: number, vid: number) =>
    rig.taploom.memoryPort('p1').send(tagged(packet(dscp, 0), (pcp << 13) | vid));
  // The first passes; of the others each belongs elsewhere.
  for (const [dscp, pcp, vid] of [
    [0, 0, 10],
    [0, 0, 10],
    [0, 5, 30],
    [0, 5, 10],
    [46, 0, 10],
    [48, 5, 10],
  ] as const)
    send(dscp, pcp, vid);
  for (let n = 0; n < 10; n++, rig.now += 1.25) rig.run();
  const { queues } = rig.taploom.qos();
  expect(queues.map((queue) => [queue.class, queue.rate, queue.sentFrames, queue.heldFrames])).toEqual([
    ['voice', '8mbit', 2, 0],
    ['video', '8mbit', 1, 0],
    ['rest', '8mbit', 3, 0],
  ]);
});

test('a change of the rate keeps what waits, and the end of shaping gives it on', async () => {
  const rig = await between({ shape: '8kbit', limit: '64kb' });
  const send = () => rig.run(() => rig.taploom.memoryPort('p1').send(frame(1000)));
  for (let n = 0; n < 5; n++) send();
  expect(rig.counters('p2')).toMatchObject({ held: 4, transmittedFrames: 1 });
  const set = (qos: unknown) =>
    rig.change(({ bridges }) => {
      (bridges.br0.ports.p2 as { qos: unknown }).qos = qos;
    });
  await set({ shape: '16kbit', limit: '60kb' });
  expect(rig.counters('p2')).toMatchObject({ held: 4, transmittedFrames: 1 });
  await set(undefined);
  expect(rig.counters('p2')).toMatchObject({ held: 0, transmittedFrames: 5 });
  send();
  expect(rig.counters('p2')).toMatchObject({ held: 0, transmittedFrames: 6 });
  expect(rig.taploom.qos()).toEqual({ queues: [], policers: [] });
});

test('what waits for a port that goes is counted as dropped', async () => {
  const rig = await between({ shape: '8kbit' });
  for (let n = 0; n < 5; n++) rig.run(() => rig.taploom.memoryPort('p1').send(frame(1000)));
  const { qos, ...unshaped } = rig.taploom.config.bridges.br0.ports.p2 as Record<string, unknown>;
  expect(qos).toEqual({ shape: '8kbit' });
  await rig.change(({ bridges }) => {
    (bridges.br0.ports as Record<string, unknown>).p2 = { ...unshaped, capacity: 8 };
  });
  rig.expectLaws();
  expect(rig.counters('p2')).toMatchObject({ held: 0, copies: 0 });
});

test('a shaper stands in front of faults', async () => {
  const rig = await openRig({
    br0: { ports: { p1: {}, p2: { qos: { shape: '8mbit' }, fault: { delay: 3 } } } },
  });
  for (let n = 0; n < 30; n++) rig.taploom.memoryPort('p1').send(frame(1000));
  let arrived = 0;
  for (let ms = 0; ms < 60; ms++, rig.now += 1) {
    rig.taploom.poll(0, rig.now);
    arrived += (rig.received().get('p2') ?? []).length;
  }
  expect(arrived).toBe(30);
  rig.expectLaws();
});

test('ports whose queues lie in one slab keep what is theirs, FIFOs and flows, also when one goes', async () => {
  const fifo = { shape: { rate: '8mbit', burst: '1us' } };
  const own = (qos: Record<string, unknown>) => ({ qos });
  const ports = { p1: {}, p2: own({ ...fifo, fair: true }), p3: own(fifo), p4: own({ ...fifo, fair: true }) };
  const rig = await openRig({ br0: { ports } });
  for (let n = 0; n < 10; n++) rig.taploom.memoryPort('p1').send(frame(1000, n));
  const got = new Map<string, number[]>();
  const run = (ms: number) => {
    for (let t = 0; t < ms; t++) {
      rig.taploom.poll(0, ++rig.now);
      for (const [port, frames] of rig.received())
        for (const { bytes } of frames)
          got.set(port, [...(got.get(port) ?? []), new DataView(bytes.buffer).getUint32(14)]);
    }
    rig.expectLaws();
  };
  run(4);
  await rig.change(({ bridges }) => {
    delete bridges.br0.ports.p3;
  });
  run(20);
  const all = Array.from({ length: 10 }, (_, n) => n);
  expect(got.get('p2')).toEqual(all);
  expect(got.get('p4')).toEqual(all);
  expect(got.get('p3')?.length).toBeLessThan(7);
});
