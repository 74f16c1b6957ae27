// A shaped port with two workers that both send to it: the frames of each stay in order, none is lost but by a count, and the rate is one.
// The package is taken as its users do, built.

import { Switch } from 'taploom';
import { expect, onTestFinished, test } from 'vitest';
import { parse } from '../support/engine/frame_text.ts';

const COUNT = 1500;
const breath = () => new Promise((resolve) => setImmediate(resolve));

test.each([{ fair: true }, { fair: false }])(
  'two workers share the queues of a port (%o)',
  async ({ fair }) => {
    const memory = { type: 'memory' as const };
    const qos = { shape: '20mbit', limit: '8mb', fair };
    const ports = { p1: memory, p2: memory, p3: { ...memory, qos } };
    const config = { version: 1 as const, bridges: { br0: { local: false as const, ports } } };
    const taploom = await Switch.open(config, { workers: 2 });
    onTestFinished(() => taploom.close());
    const next = { p1: 0, p2: 0 };
    const got = { p1: 0, p2: 0 };
    const to = taploom.memoryPort('p3');
    to.send(parse('c > *'));
    const settled = () => {
      const [{ sentFrames, late }] = taploom.qos().queues;
      return sentFrames + late;
    };
    const began = performance.now();
    const take = () => {
      for (let frame = to.receive(); frame; frame = to.receive()) {
        if (frame.bytes.length !== 500) continue;
        const port = frame.bytes[11] === 0x61 ? 'p1' : 'p2';
        const serial = new DataView(frame.bytes.buffer, frame.bytes.byteOffset).getUint32(20);
        // CoDel drops of what stands too long.
        const isNext = fair ? serial >= got[port] : serial === got[port];
        if (!isNext) throw new Error(`${port}: ${serial} after ${got[port]}`);
        got[port] = serial + 1;
      }
    };
    const isDone = () =>
      next.p1 + next.p2 === 2 * COUNT && taploom.qos().queues[0].heldFrames === 0 && settled() === 2 * COUNT;
    while (!isDone() && performance.now() - began < 20_000) {
      for (const port of ['p1', 'p2'] as const) {
        for (let n = 0; n < 16 && next[port] < COUNT; n++) {
          const frame = new Uint8Array(500);
          frame.set(parse(port === 'p1' ? 'a > c' : 'b > c').subarray(0, 14));
          new DataView(frame.buffer).setUint32(20, next[port]);
          if (taploom.memoryPort(port).send(frame)) next[port]++;
        }
      }
      await breath();
      take();
    }
    const took = performance.now() - began;
    const all = () => {
      take();
      return got;
    };
    if (!fair) await expect.poll(all).toEqual({ p1: COUNT, p2: COUNT });
    const [queue] = taploom.qos().queues;
    expect(queue).toMatchObject({ heldFrames: 0, heldBytes: 0, full: 0, sentFrames: 2 * COUNT - queue.late });
    if (!fair) expect(queue.late).toBe(0);
    // At 20 Mb/s, but for the burst.
    expect(took).toBeGreaterThan((queue.sentBytes * 8) / 20_000 - 20);
    await expect
      .poll(() => {
        const counters = taploom.ports().find(({ name }) => name === 'p3')?.counters;
        return (
          counters && [
            counters.held,
            counters.copies - counters.transmittedFrames - (counters.transmitDropped.queue_late ?? 0),
          ]
        );
      })
      .toEqual([0, 0]);
  },
);
