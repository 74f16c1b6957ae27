// Two workers read bindings while the control plane writes others: who is bound is never refused for that, and who is not never
// gets through.

import { setTimeout as sleep } from 'node:timers/promises';
import { Switch } from 'taploom';
import { expect, onTestFinished, test } from 'vitest';
import { packet } from '../support/engine/packets.ts';
import { configOf } from '../support/engine/rig.ts';

const SECONDS = 2;
const HONEST = { mac: '02:00:00:00:00:61', ip: '10.0.0.7' };

/** Bindings that come and go, beside the honest one in the table. */
function some(round: number) {
  return Array.from({ length: 40 }, (_, n) => ({
    mac: `02:00:00:00:01:${(n + 16).toString(16)}`,
    ip: `10.0.${round % 7}.${n + 8}`,
  }));
}

test('bindings that change under two workers hurt nobody who is bound, and let in nobody else', async () => {
  const guard = (round: number) => ({ source: 'strict', bindings: [HONEST, ...some(round)] });
  const config = (round: number) =>
    configOf({ br0: { ports: { p1: { guard: guard(round) }, p2: { guard: guard(round) }, sink: {} } } });
  const taploom = await Switch.open(config(0), { workers: 2 });
  onTestFinished(() => taploom.close());
  const honest = packet({ from: 'a', to: 's', src: '10.0.0.7', dst: '10.0.0.1' });
  const liar = packet({ from: 'a', to: 's', src: '10.0.0.6', dst: '10.0.0.1' });
  const stranger = packet({ from: 'b', to: 's', src: '10.0.0.7', dst: '10.0.0.1' });
  const [p1, p2, sink] = ['p1', 'p2', 'sink'].map((name) => taploom.memoryPort(name));
  const sent = { honest: 0, others: 0 };
  let received = 0;
  const drain = () => {
    for (let frame = sink.receive(); frame !== undefined; frame = sink.receive()) {
      expect(Buffer.compare(frame.bytes, honest)).toBe(0);
      received += 1;
    }
  };
  const end = Date.now() + SECONDS * 1000;
  for (let round = 1; Date.now() < end; round++) {
    const applied = taploom.apply(config(round));
    for (let n = 0; n < 20; n++) {
      for (const port of [p1, p2]) {
        if (port.send(honest)) sent.honest += 1;
        for (const frame of [liar, stranger]) if (port.send(frame)) sent.others += 1;
      }
      await sleep(1);
      drain();
    }
    await applied;
  }
  for (let n = 0; n < 100 && received < sent.honest; n++) {
    await sleep(10);
    drain();
  }
  expect(received).toBe(sent.honest);
  const drops = taploom.ports().map(({ counters }) => counters.receiveDropped);
  const refused = drops.reduce((sum, one) => sum + (one.spoofed_ip ?? 0) + (one.spoofed_mac ?? 0), 0);
  expect(refused).toBe(sent.others);
}, 30_000);
