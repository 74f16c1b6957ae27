// Networks on a virtual clock: protocols run, faults are the same for the same seed, and nothing of the machine plays a part.

import { expect, onTestFinished, test } from 'vitest';
import { Simulation, type SimulationOptions } from '../../src/simulation/index.ts';
import { mac, ping, words } from '../support/router_world.ts';
import { bridge, isTree, lease, openInternet, openRing } from './scenario.ts';

function open(options?: SimulationOptions): Simulation {
  const sim = new Simulation(options);
  onTestFinished(() => sim.close());
  return sim;
}

const memory = { type: 'memory' as const };
const A = mac('02:00:00:00:00:0a');
const B = mac('02:00:00:00:00:0b');
const GROUP = { hi: 0xffff, lo: -1 };

/** A broadcast that says `text`. */
const shout = (text: string) => {
  const frame = ping(A, GROUP, '192.0.2.1', '192.0.2.255');
  return Uint8Array.from([...frame, ...new TextEncoder().encode(text)]);
};
const texts = (frames: readonly { bytes: Uint8Array }[]) =>
  frames.flatMap(({ bytes }) => (bytes.length > 42 ? [new TextDecoder().decode(bytes.subarray(42))] : []));

/** A station on each side of one switch. */
async function openPair(options: object = {}, sim = open()) {
  await sim.switch('s', bridge({ p1: memory, p2: memory }));
  const [a, b] = [sim.station('a'), sim.station('b')];
  const link = sim.link('a', 's/p1', options);
  sim.link('b', 's/p2');
  return { sim, a, b, link };
}

test.each([
  { protocol: 'rstp', within: 1, healed: 10_000 },
  { protocol: 'stp', within: 50_000, healed: 60_000 },
])('a ring with $protocol becomes a tree, and another way opens when a link is cut', async (about) => {
  const { protocol, within, healed } = about;
  const sim = open();
  const ring = await openRing(sim, ['s0', 's1', 's2', 's3'], { protocol });
  const [a, b] = [sim.station('a'), sim.station('b')];
  sim.link('a', 's0/host');
  sim.link('b', 's2/host');
  const begun = performance.now();
  expect(await sim.until(() => isTree(ring), within)).toBe(true);
  expect(performance.now() - begun).toBeLessThan(10_000);

  // Each knows where the other one was: that has to be forgotten.
  b.onFrame = (frame) => {
    if (frame[12] === 8) b.send(ping(B, A, '192.0.2.2', '192.0.2.1'));
  };
  const isAnswer = (frame: Uint8Array) => words(frame).includes('192.0.2.2 -> 192.0.2.1');
  for (const link of ring.links) {
    link.cut();
    await sim.run(healed);
    a.send(ping(A, B, '192.0.2.1', '192.0.2.2'));
    await a.expect(isAnswer);
    link.mend();
    await sim.run(healed);
  }
  expect(a.received.filter(({ bytes }) => isAnswer(bytes))).toHaveLength(ring.links.length);
});

test('time passes at once, and only where somebody lets it', async () => {
  const { sim, a, b } = await openPair({ latency: 2.5 });
  const begun = performance.now();
  expect(sim.now).toBe(0);
  a.send(shout('x'));
  await sim.run(2);
  expect(b.received).toEqual([]);
  await sim.run(3_600_000 - 2);
  expect(sim.now).toBe(3_600_000);
  expect(b.received.map(({ time }) => time)).toEqual([2.501]);
  expect(performance.now() - begun).toBeLessThan(10_000);
});

test('a link takes its time for each frame, and drops who would wait for too long', async () => {
  const { sim, a, b, link } = await openPair({ latency: 1, rate: 1_000_000, queue: 2 });
  for (let n = 0; n < 5; n++) a.send(shout(`${n}`)); // 60 and 24 bytes: 0.672 ms on the line
  await sim.run(100);
  expect(b.received.map(({ time }) => time)).toEqual([1.673, 2.345, 3.017]);
  expect(link.counters[0]).toMatchObject({ sent: 5, arrived: 3, overrun: 2 });
});

test('faults of a link happen as often as it says, are counted, and keep the order unless it says otherwise', async () => {
  const options = { loss: 0.1, duplicate: 0.1, corrupt: 0.1, jitter: 3 };
  const { sim, a, b, link } = await openPair(options);
  const send = async (frames: number) => {
    for (let n = 0; n < frames; n++) {
      a.send(shout(`${n}`));
      await sim.run(0.1);
    }
    await sim.run(100);
  };
  await send(1000);
  const { lost, duplicated, corrupted, reordered, arrived } = link.counters[0];
  for (const count of [lost, duplicated, corrupted]) expect(Math.abs(count - 100)).toBeLessThan(40);
  expect(reordered).toBe(0);
  expect(arrived).toBe(1000 - lost + duplicated);
  expect(b.received.map(({ time }) => time)).toEqual(
    [...b.received].map(({ time }) => time).sort((x, y) => x - y),
  );
  const numbers = texts(b.received).map(Number).filter(Number.isInteger);
  const isSorted = (list: readonly number[]) => list.every((one, n) => n === 0 || one >= list[n - 1]);

  link.change({ reorder: 0.2 });
  b.received.length = 0;
  await send(100);
  expect(numbers.length).toBeGreaterThan(600);
  expect(b.received).toHaveLength(100);
  expect(isSorted(texts(b.received).map(Number))).toBe(false);
});

test('what is cut arrives nowhere, until it is mended', async () => {
  const { sim, a, b, link } = await openPair();
  for (const act of [() => link.cut(), () => link.mend()]) {
    act();
    a.send(shout(act.name));
    await sim.run(1);
  }
  expect(b.received).toHaveLength(1);
  expect(link.counters[0].lost).toBe(1);
});

test('a station answers as soon as it hears, and says in vain what else came', async () => {
  const { sim, a, b } = await openPair({ latency: 3 });
  b.onFrame = () => b.send(ping(B, A, '192.0.2.2', '192.0.2.1'));
  a.send(shout('hello'));
  const answer = await a.expect((frame) => words(frame).includes('icmp'));
  expect(words(answer)).toContain('192.0.2.2 -> 192.0.2.1');
  expect(sim.now).toBeLessThan(6.1);
  await expect(b.expect((frame) => frame.length > 1000, 50)).rejects.toThrow(
    /^Station b waited 50 ms for a frame in vain; what came:\n3\.001 ms: 02000000000a > ffffffffffff/,
  );
  await expect(b.expect(undefined, 50)).rejects.toThrow('nothing came');
});

test('a capture is played into another network with the times that it has', async () => {
  const { sim, a } = await openPair({ latency: 1 });
  for (const text of ['one', 'two', 'three']) {
    a.send(shout(text));
    await sim.run(20);
  }
  const other = await openPair();
  expect(other.a.play(sim.capture(), { interface: 'a', at: 100 })).toBe(3);
  await other.sim.run(1000);
  expect(texts(other.b.received)).toEqual(['one', 'two', 'three']);
  expect(other.b.received.map(({ time }) => time)).toEqual([100.002, 120.002, 140.002]);
  expect(() => other.a.play(new Uint8Array(40))).toThrow('neither a pcap nor a pcapng file');
});

test('DHCP, NAT, LLDP and spanning tree run across links that lose frames', async () => {
  const sim = open({ seed: 3, start: '2026-03-01T12:00:00Z' });
  const guest = await openInternet(sim);
  await sim.run(20_000);
  expect(await lease(guest, 1)).toBe('10.7.0.2');
  const recorded = sim.recording().steps.map((step) => step.do);
  expect(recorded).toContain('send');
});

test('what no simulation has is refused, with a path and what helps', async () => {
  const sim = open();
  await expect(sim.switch('s', { version: 1, bridges: { br0: {} } })).rejects.toThrow(
    'bridges.br0.local: a simulation has no kernel: set it to false',
  );
  await expect(sim.switch('s', bridge({ t0: { type: 'tap' } }))).rejects.toThrow(
    'bridges.br0.ports.t0.type: a simulation has no kernel, so no tap: make it memory, and link it',
  );
  await sim.switch('s', bridge({ p1: memory, p2: memory }));
  sim.station('a');
  expect(() => sim.station('s')).toThrow('There is a switch or station s already');
  expect(() => sim.station('a/b')).toThrow('is no name');
  expect(() => sim.link('a', 's/p9')).toThrow('There is no memory port p9');
  expect(() => sim.link('a', 'x')).toThrow('x is neither a station nor the port of a switch, as a/p1');
  expect(() => sim.link('a', 's/p1', { latency: 0 })).toThrow('latency is 0 ms, at least 0.001 ms');
  expect(() => sim.link('a', 's/p1', { loss: 2 })).toThrow('loss is 2, not a probability (0-1)');
  expect(() => sim.station('b').send(new Uint8Array(60))).toThrow('Station b has no link');
  sim.link('a', 's/p1');
  expect(() => sim.link('a', 's/p2')).toThrow('a has a link already');
  await expect(sim.run(-1)).rejects.toThrow('Time passes forwards');
  const running = sim.run(10);
  expect(() => sim.station('late')).toThrow('Not while time passes');
  await running;
  expect(() => new Simulation({ start: 'soon' })).toThrow('start: soon is not a date');
});
