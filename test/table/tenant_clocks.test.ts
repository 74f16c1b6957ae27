import { expect, test } from 'vitest';
import { TenantClocks } from '../../src/table/tenant_clocks.ts';

const SLOT = 1;
const COSTS = Float64Array.of(0, 0.001); // 1,000 bytes a ms

/** Bytes that each of two workers sends in so many ms, when the first looks first each time, and the second from `from` to `to`. */
function share(ms: number, [first, second]: readonly [number, number], from = 0, to = ms) {
  const memory = TenantClocks.allocate(2);
  const workers = [0, 1].map((n) => new TenantClocks(memory, n, 2));
  const clock = new Float64Array([1000]);
  const since = new Float64Array([1000]);
  const sent = [0, 0];
  workers[0].wait(SLOT, first);
  for (let t = 0; t < ms; t += 0.125, clock[0] += 0.125) {
    if (t === from) workers[1].wait(SLOT, second);
    for (const [n, worker] of workers.entries()) {
      if (n === 1 && (t < from || t >= to)) continue;
      while (!worker.isAhead(SLOT, clock) && worker.isOpen(SLOT, clock)) {
        worker.charge(SLOT, 500, COSTS, since, clock);
        sent[n] += 500;
      }
    }
  }
  return sent;
}

test('two workers whose ports wait get what the number of these is worth, whoever looks first', () => {
  const [a, b] = share(1000, [1, 1]);
  expect(a + b).toBeGreaterThan(990_000);
  // And a burst of 5 ms.
  expect(a + b).toBeLessThan(1_006_000);
  expect(Math.abs(a - b)).toBeLessThan(4000);
  const [one, three] = share(1000, [1, 3]);
  expect(three / one).toBeGreaterThan(2.9);
  expect(three / one).toBeLessThan(3.1);
});

test('who comes later has saved nothing up, and nobody waits for a worker that does not run', () => {
  const [a, b] = share(1000, [1, 1], 500);
  expect(a).toBeGreaterThan(740_000);
  expect(b).toBeGreaterThan(240_000);
  // The second stops looking, while its ports still wait: the rate is kept.
  const [c, d] = share(1000, [1, 1], 0, 300);
  expect(c + d).toBeGreaterThan(990_000);
  expect(d).toBeGreaterThan(145_000);
  expect(d).toBeLessThan(155_000);
});

test('who was far ahead while another slept lets it go first for 64 KiB, not for all of that', () => {
  const memory = TenantClocks.allocate(2);
  const [awake, asleep] = [0, 1].map((n) => new TenantClocks(memory, n, 2));
  const clock = new Float64Array([1000]);
  for (const worker of [awake, asleep]) worker.wait(SLOT, 1);
  const charge = (worker: TenantClocks, wire: number) => worker.charge(SLOT, wire, COSTS, clock, clock);
  charge(awake, 1_000_000);
  asleep.isAhead(SLOT, clock);
  expect(awake.isAhead(SLOT, clock)).toBe(true);
  charge(asleep, 60_000);
  expect(awake.isAhead(SLOT, clock)).toBe(true);
  charge(asleep, 6000);
  expect(awake.isAhead(SLOT, clock)).toBe(false);
});
