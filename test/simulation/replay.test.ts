// The same scenario gives the same bytes: again, in another order of events, from its recording, and not with another seed.

import { createHash } from 'node:crypto';
import { expect, onTestFinished, test } from 'vitest';
import { Simulation, type Station } from '../../src/simulation/index.ts';
import { mac, ping } from '../support/router_world.ts';
import { bridge, lease, openInternet } from './scenario.ts';

const digest = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
const memory = { type: 'memory' as const };
const B = mac('02:00:00:00:00:0b');

/** Everything at once: a guest leases, a link fails and heals, the provider's configuration changes, a guest answers. */
async function play(seed: number): Promise<Simulation> {
  const sim = new Simulation({ seed, start: '2026-03-01T12:00:00Z' });
  onTestFinished(() => sim.close());
  const guest = await openInternet(sim);
  const other = sim.station('other');
  await sim.switch('far', bridge({ p1: memory, p2: memory }, { stp: true }));
  const link = sim.link('other', 'far/p1', { loss: 0.1, jitter: 2 });
  sim.link('far/p2', 's1/host', { corrupt: 0.01, latency: 1 });
  other.onFrame = (frame) => {
    if (frame[12] === 8 && frame[13] === 0) other.send(ping(B, B, '10.7.0.9', '10.7.0.2'));
  };
  await sim.run(40_345.678_901);
  await lease(guest, 1);
  other.send(ping(B, { hi: 0xffff, lo: -1 }, '10.7.0.9', '10.7.0.255'));
  await sim.run(500);
  link.cut();
  await sim.run(700);
  link.mend();
  link.change({ latency: 3, duplicate: 0.5 });
  await sim.apply('far', bridge({ p1: memory, p2: memory }, { stp: false }));
  guest.play(sim.capture(), { interface: 'other', at: sim.now + 250 });
  await sim.run(4_000);
  return sim;
}

test('the same seed gives the same bytes, another one others', { timeout: 60_000 }, async () => {
  const first = await play(1);
  expect(first.capture().length).toBeGreaterThan(20_000);
  expect(digest((await play(1)).capture())).toBe(digest(first.capture()));
  expect(digest((await play(2)).capture())).not.toBe(digest(first.capture()));
});

test('a recording is JSON, and plays the same scenario again', { timeout: 60_000 }, async () => {
  const first = await play(5);
  const recording = JSON.parse(JSON.stringify(first.recording()));
  expect(recording.steps.some(({ during }: { during?: true }) => during)).toBe(true);
  const again = await Simulation.replay(recording);
  onTestFinished(() => again.close());
  expect(again.now).toBe(first.now);
  expect(digest(again.capture())).toBe(digest(first.capture()));
  const third = await Simulation.replay(again.recording());
  onTestFinished(() => third.close());
  expect(digest(third.capture())).toBe(digest(first.capture()));
  await expect(Simulation.replay({ ...recording, version: 2 })).rejects.toThrow('version 2');
});

test('who asks first within a moment makes no difference', async () => {
  const meet = async (order: readonly string[]) => {
    const sim = new Simulation();
    onTestFinished(() => sim.close());
    await sim.switch('s', bridge({ p1: memory, p2: memory, p3: memory }));
    const stations = new Map<string, Station>();
    for (const [n, name] of ['a', 'b', 'c'].entries()) {
      stations.set(name, sim.station(name));
      sim.link(name, `s/p${n + 1}`, { latency: 1, loss: 0.1 });
    }
    for (let round = 0; round < 50; round++) {
      for (const name of order) {
        const from = { hi: 0x0200, lo: name.charCodeAt(0) };
        stations.get(name)?.send(ping(from, { hi: 0xffff, lo: -1 }, '192.0.2.1', '192.0.2.255'));
      }
      await sim.run(1);
    }
    await sim.run(10);
    return digest(sim.capture());
  };
  expect(await meet(['c', 'a', 'b'])).toBe(await meet(['a', 'b', 'c']));
});
