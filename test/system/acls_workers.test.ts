// Access lists with two workers: what they count is the sum of both, a policer is one for both, and the log knows frames of both.

import { setTimeout as sleep } from 'node:timers/promises';
import { Switch } from 'taploom';
import { expect, onTestFinished, test } from 'vitest';
import { packet } from '../support/engine/packets.ts';
import { configOf } from '../support/engine/rig.ts';

const RATE = 200;
const BURST = 100;
const MS = 1000;

// Of each rule only some frames are told, so each port has one of its own.
const logged = [{ count: { protocol: 'udp', ports: 1 }, log: true }];
const lists = {
  one: logged,
  two: logged,
  in: [
    { deny: { protocol: 'udp', ports: 1 } },
    { count: { protocol: 'udp', ports: 2 }, police: { rate: `${RATE}pps`, burst: BURST } },
    { count: { protocol: 'udp', ports: 3 }, mark: 3 },
    { permit: { protocol: 'udp' } },
  ],
  out: [
    { permit: { protocol: 'udp', ports: 2 } },
    { deny: { protocol: 'udp', ports: 4 } },
    { permit: 'any' },
  ],
};

/** A datagram from a port's station to that of `sink`. */
function datagram(from: string, dport: number): Uint8Array {
  const payload = [0x13, 0x88, dport >> 8, dport & 255, 0, 8, 0, 0];
  return packet({ from, to: 's', src: '10.0.0.7', dst: '10.0.0.1', protocol: 17, payload });
}

test('counters, a policer and the log of two workers are the sum of both', { timeout: 30_000 }, async () => {
  const ports = {
    p1: { acls: { in: ['one', 'in'] } },
    p2: { acls: { in: ['two', 'in'] } },
    sink: { acls: { out: ['out'] } },
  };
  const config = { ...configOf({ br0: { ports } }), acls: lists };
  const taploom = await Switch.open(config as never, { workers: 2 });
  onTestFinished(() => taploom.close());
  const [p1, p2, sink] = ['p1', 'p2', 'sink'].map((name) => taploom.memoryPort(name));
  const sent = { 1: 0, 2: 0, 3: 0, 4: 0 };
  const received = { 1: 0, 2: 0, 3: 0, 4: 0 };
  const drain = () => {
    for (let frame = sink.receive(); frame !== undefined; frame = sink.receive())
      received[frame.bytes[37] as 1] += 1;
  };
  const frames = ['a', 'b'].map((from) => [1, 2, 3, 4].map((dport) => datagram(from, dport)));
  const begun = performance.now();
  while (performance.now() < begun + MS) {
    for (let n = 0; n < 8; n++)
      for (const [side, port] of [p1, p2].entries())
        for (const dport of [1, 2, 3, 4] as const) if (port.send(frames[side][dport - 1])) sent[dport] += 1;
    await sleep(1);
    drain();
  }
  const rule = (list: string, n: number) => taploom.acls.list(list).list[n - 1];
  const all = () => sent[1] + sent[2] + sent[3] + sent[4];
  const done = () => rule('in', 1).frames + rule('in', 2).frames + rule('in', 3).frames + sent[4] === all();
  for (let n = 0; n < 200 && !done(); n++) await sleep(10);
  await sleep(50);
  drain();
  const elapsed = performance.now() - begun;

  // Both workers have counted.
  const { hits } = Reflect.get(Reflect.get(taploom, 'compiler').acls, 'state') as { hits: Float64Array };
  const slots = hits.length / 16;
  const counted = [0, 1].map((worker) =>
    hits.subarray(worker * slots, (worker + 1) * slots).some((n) => n > 0),
  );
  expect(counted).toEqual([true, true]);

  expect(rule('in', 1).frames).toBe(sent[1]);
  expect(rule('in', 2).frames).toBe(sent[2]);
  expect(rule('in', 3).frames).toBe(sent[3]);
  const passed = sent[2] - (rule('in', 2).exceeded ?? 0);
  expect(passed).toBeGreaterThanOrEqual(Math.min(sent[2], BURST));
  // Two policers would let twice as many pass.
  expect(passed).toBeLessThanOrEqual(BURST + (RATE * elapsed) / 1000);
  expect(rule('in', 4).frames).toBe(passed + sent[3] + sent[4]);
  expect([1, 2, 3].map((n) => rule('out', n).frames)).toEqual([passed, sent[4], sent[3]]);
  expect(received).toEqual({ 1: 0, 2: passed, 3: sent[3], 4: 0 });
  const drops = taploom.ports().map(({ counters }) => ({
    ...counters.receiveDropped,
    ...counters.transmitDropped,
  }));
  const dropped = (reason: string) => drops.reduce((sum, one) => sum + (one[reason] ?? 0), 0);
  expect(['acl_in', 'acl_policed_in', 'acl_out'].map(dropped)).toEqual([sent[1], sent[2] - passed, sent[4]]);

  const told = taploom.events.stored().filter((event) => event.type === 'acl');
  expect(new Set(told.map(({ port }) => port))).toEqual(new Set(['p1', 'p2']));
  expect(told.every(({ port, list }) => list === (port === 'p1' ? 'one' : 'two'))).toBe(true);
  // Five a second of a rule.
  expect(told.length).toBeLessThanOrEqual(2 * 5 * (1 + Math.ceil(elapsed / 1000)));
  expect(rule('one', 1).frames + rule('two', 1).frames).toBe(sent[1]);
});
