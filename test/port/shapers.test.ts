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
  expect(transmitDropped.queue_full).toBeGreaterThan(400);
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
