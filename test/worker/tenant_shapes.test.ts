// Two workers, each with a port of one tenant to serve: together they keep to its rate, and lose nothing.
// The package is taken as its users do, built.

import { Switch } from 'taploom';
import { expect, onTestFinished, test } from 'vitest';
import { parse } from '../support/engine/frame_text.ts';

const RATE = 20_000_000;
/** For each port: together they take a second. */
const BYTES = 1_250_000;
const breath = () => new Promise((resolve) => setImmediate(resolve));

test('ports that two workers serve keep to the rate of their tenant together', async () => {
  const memory = { type: 'memory' as const };
  const to = { ...memory, tenant: 'acme', qos: { shape: '1gbit', limit: '8mb' } };
  const stations = [
    { mac: '02:00:00:00:00:63', port: 'p3' },
    { mac: '02:00:00:00:00:64', port: 'p4' },
  ];
  const ports = { p1: memory, p2: memory, p3: to, p4: to };
  const config = {
    version: 1 as const,
    tenants: { acme: { shape: '20mbit' } },
    bridges: { br0: { local: false as const, static: stations, ports } },
  };
  const taploom = await Switch.open(config, { workers: 2 });
  onTestFinished(() => taploom.close());
  const frames = { p1: parse('a > c size 1000'), p2: parse('b > d size 400') };
  const bytes = { p1: 0, p2: 0 };
  const receive = () => {
    for (const port of ['p3', 'p4']) while (taploom.memoryPort(port).receive() !== undefined);
  };
  const began = performance.now();
  while (bytes.p1 < BYTES || bytes.p2 < BYTES) {
    for (const port of ['p1', 'p2'] as const)
      for (let n = 0; n < 16 && bytes[port] < BYTES && taploom.memoryPort(port).send(frames[port]); n++)
        bytes[port] += frames[port].length;
    receive();
    await breath();
  }
  const queues = () => taploom.qos().queues;
  const isDone = () => queues().reduce((sum, { sentBytes }) => sum + sentBytes, 0) >= bytes.p1 + bytes.p2;
  while (!isDone() && performance.now() - began < 20_000) {
    receive();
    await breath();
  }
  const took = performance.now() - began;
  expect(queues().map(({ sentBytes, full, late }) => [sentBytes, full, late])).toEqual([
    [bytes.p1, 0, 0],
    [bytes.p2, 0, 0],
  ]);
  // But for the burst.
  expect(took).toBeGreaterThan(((bytes.p1 + bytes.p2) * 8000) / RATE - 10);
});
