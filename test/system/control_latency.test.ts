// How soon a command takes effect: the answer comes after the data plane has confirmed, so its time is the effect's.

import { expect, test } from 'vitest';
import { openLab } from '../support/lab.ts';
import { needs } from '../support/needs.ts';
import { Taploomd } from '../support/taploomd.ts';
import { tcp } from '../support/traffic.ts';

needs();

/** On a machine that others use too, one round may meet a disturbance: the median counts. */
const ROUNDS = 5;

/** Milliseconds of each of `count` commands, sorted: alternately set and cleared, so that each changes something. */
async function commandTimes(daemon: Taploomd, count: number, pauseMs = 0): Promise<number[]> {
  const times: number[] = [];
  for (let i = 0; i < count; i++) {
    const started = performance.now();
    await daemon.request('PATCH', '/v1/bridges/br0/ports/h2', { hairpin: i % 2 === 0 });
    times.push(performance.now() - started);
    if (pauseMs > 0) await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
  return times.sort((a, b) => a - b);
}

const quantile = (sorted: readonly number[], q: number) =>
  sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))];

async function connect() {
  const lab = await openLab();
  const [sw, h1, h2] = await lab.netnsList(['sw', 'h1', 'h2']);
  const ports = { h1: { type: 'tap', netns: h1.name }, h2: { type: 'tap', netns: h2.name } };
  const daemon = await Taploomd.start(lab, sw, { version: 1, bridges: { br0: { ports } } });
  await h1.up('h1', '10.0.0.1/24');
  await h2.up('h2', '10.0.0.2/24');
  await commandTimes(daemon, 200); // warm-up: the code is compiled as it runs
  return { h1, h2, daemon };
}

const median = (values: readonly number[]) =>
  quantile(
    values.toSorted((a, b) => a - b),
    0.5,
  );

test('a command takes effect within 1 ms on an idle switch', async () => {
  const { daemon } = await connect();
  const medians: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const times = await commandTimes(daemon, 300);
    medians.push(quantile(times, 0.5));
    console.log(`idle: median ${medians[round].toFixed(2)} ms, p99 ${quantile(times, 0.99).toFixed(2)} ms`);
  }
  expect(median(medians)).toBeLessThan(1);
});

test('a command takes effect within 10 ms (p99) while TCP runs at full speed', async () => {
  const { h1, h2, daemon } = await connect();
  const p99s: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const transfer = tcp(h1, h2, '10.0.0.2', 6);
    await new Promise((resolve) => setTimeout(resolve, 500));
    const times = await commandTimes(daemon, 400, 8);
    const { gigabitsPerSecond } = await transfer;
    p99s.push(quantile(times, 0.99));
    const load = `${gigabitsPerSecond.toFixed(1)} Gb/s`;
    console.log(
      `under ${load}: median ${quantile(times, 0.5).toFixed(2)} ms, p99 ${p99s[round].toFixed(2)} ms`,
    );
  }
  expect(median(p99s)).toBeLessThan(10);
});
