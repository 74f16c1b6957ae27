// When a port counts as full, what is told of it, and when that ends: with a clock and counters of the test's own.

import { expect, test } from 'vitest';
import { parseConfig } from '../../src/config/schema.ts';
import type { EventFact } from '../../src/event.ts';
import type { Host } from '../../src/protocol/host.ts';
import type { Surroundings } from '../../src/switch/service.ts';
import { type UplinkParts, UplinkService } from '../../src/switch/uplink_service.ts';

const config = (qos: object = {}) =>
  parseConfig({
    version: 1,
    bridges: { br0: { ports: { vm: { type: 'tap' }, up: { type: 'af_packet', interface: 'eth0', qos } } } },
  });

function setUp() {
  const port = { transmittedBytes: 0, transmittedFrames: 0, transmittedSegments: 0, held: 0, queue_full: 0 };
  const told: EventFact[] = [];
  const stored: number[] = [];
  let compiled = 0;
  const counters = () => ({ ...port, transmitDropped: { queue_full: port.queue_full } });
  const service = new UplinkService({
    portNumber: (name) => ({ vm: 1, up: 2 })[name],
    counters: counters as unknown as UplinkParts['counters'],
    setRate: (_name, bits) => stored.push(bits),
    changed: async () => {
      compiled++;
    },
    tell: (fact) => told.push(fact),
  });
  service.attach({} as Host, { threaded: false } as Surroundings);
  service.update(config());
  let now = 0;
  /** 100 ms later the port has sent so many frames of 1,000 bytes, and refused others. */
  const pass = async (frames: number, refused: number, name = 'up', ms = 100) => {
    now += ms;
    port.transmittedFrames += frames;
    port.transmittedSegments += frames;
    port.transmittedBytes += frames * 1000;
    port.queue_full += refused;
    service.poll(now);
    if (refused > 0) service.refused(name);
    await Promise.resolve();
  };
  return { service, port, told, stored, pass, compiled: () => compiled };
}

test('a port that refuses frames in five tenths of a second is full, and has the rate that it took', async () => {
  const { service, told, pass, compiled } = setUp();
  for (let n = 0; n < 4; n++) await pass(500, 10);
  expect(service.rates.size).toBe(0);
  expect(service.deadline()).toBe(Number.POSITIVE_INFINITY);
  await pass(500, 10);
  // 500 frames of 1,000 bytes in 100 ms, less 2 %
  expect(service.rates.get('up')).toBeCloseTo(39.2e6, 0);
  expect(compiled()).toBe(1);
  expect(told).toEqual([{ type: 'uplink', change: 'full', bridge: 'br0', port: 'up', rate: 39_200_000 }]);
});

test('a burst now and then does not make it full, and several workers that tell are one refusal', async () => {
  const { service, pass } = setUp();
  for (let n = 0; n < 20; n++) await pass(5000, 10, 'up', 1100);
  for (let n = 0; n < 8; n++) await pass(50, 10, 'up', 10);
  expect(service.rates.size).toBe(0);
});

test('a few frames that a device cannot deliver, of many that it takes, do not make it full', async () => {
  const { service, pass } = setUp();
  for (let n = 0; n < 30; n++) await pass(2000, 10);
  expect(service.rates.size).toBe(0);
});

test('where no rate ends the refusals the shaper goes, for five minutes', async () => {
  const { service, pass, told } = setUp();
  const refuse = async (looks: number) => {
    for (let n = 0; n < looks; n++) await pass(50, 10);
  };
  await refuse(5);
  expect(service.rates.size).toBe(1);
  await refuse(42);
  expect(service.rates.size).toBe(0);
  expect(told.at(-1)).toMatchObject({ change: 'free' });
  await refuse(1000);
  expect(service.rates.size).toBe(0);
  await refuse(2030);
  expect(told.filter((fact) => 'change' in fact && fact.change === 'full')).toHaveLength(2);
});

test('guests, and ports that are to drop or have a shape, are never shared', async () => {
  const { service, pass } = setUp();
  for (let n = 0; n < 10; n++) await pass(500, 10, 'vm');
  for (const qos of [{ when_full: 'drop' }, { shape: '1gbit' }]) {
    service.update(config(qos));
    for (let n = 0; n < 10; n++) await pass(500, 10);
  }
  expect(service.rates.size).toBe(0);
});

test('each look finds the rate anew, and once the device takes all there is the shaper goes', async () => {
  const { service, port, told, stored, pass, compiled } = setUp();
  for (let n = 0; n < 5; n++) await pass(500, 10);
  port.held = 100;
  await pass(490, 0);
  expect(stored).toHaveLength(1);
  expect(service.rates.get('up')).toBe(stored[0]);
  for (let n = 0; n < 200 && service.rates.size > 0; n++)
    await pass(Math.round((service.rates.get('up') as number) / 80_000), 0);
  expect(told.at(-1)).toEqual({ type: 'uplink', change: 'free', bridge: 'br0', port: 'up' });
  expect(compiled()).toBe(2);
  expect(service.deadline()).toBe(Number.POSITIVE_INFINITY);
});

test('super-frames count with the headers of their segments', async () => {
  const { service, port, pass } = setUp();
  for (let n = 0; n < 5; n++) {
    port.transmittedSegments += 4500;
    await pass(500, 10);
  }
  expect(service.rates.get('up')).toBeCloseTo(((500 * 1000 + 4500 * 66) * 80 * 98) / 100, 0);
});

test('a port that gets a shape, or goes, is shared no longer', async () => {
  const { service, told, pass } = setUp();
  for (let n = 0; n < 5; n++) await pass(500, 10);
  service.update(config({ shape: '30mbit' }));
  expect(service.rates.size).toBe(0);
  expect(told.map((fact) => 'change' in fact && fact.change)).toEqual(['full', 'free']);
  service.update(config());
  for (let n = 0; n < 5; n++) await pass(500, 10);
  expect(service.rates.size).toBe(1);
  service.update(parseConfig({ version: 1, bridges: {} }));
  expect(service.rates.size).toBe(0);
  expect(told).toHaveLength(3);
});
