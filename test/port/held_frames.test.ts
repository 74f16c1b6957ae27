import fc from 'fast-check';
import { expect, test } from 'vitest';
import { COLUMN, FrameBatch, ROW } from '../../src/frame/frame_batch.ts';
import { HeldFrames } from '../../src/port/held_frames.ts';

const batch = new FrameBatch(2, 1024);

/** A frame of `length` bytes that tells its number everywhere, in row 0, its rest apart from its MACs. */
function put(length: number, n: number): number {
  const start = batch.slotAt(0);
  const rest = start + 16;
  for (let k = 0; k < ROW; k++) batch.rows[k] = n * 100 + k;
  batch.rows[COLUMN.start] = start;
  batch.rows[COLUMN.rest] = rest;
  batch.rows[COLUMN.length] = length;
  batch.bytes.fill(0xee, start, rest);
  batch.bytes.fill(n, start, start + 12);
  batch.bytes.fill(n, rest, rest + Math.max(0, length - 12));
  return rest;
}

/** Takes the oldest frame out of `held`, into row 1 and slot 1, and checks that it is number `n`. */
function expectNext(held: HeldFrames, length: number, n: number): void {
  expect([held.length, held.hop, held.tag]).toEqual([length, n + 1, n + 2]);
  const at = batch.slotAt(1);
  held.shift(batch, ROW, at);
  expect(batch.bytes.subarray(at, at + length).every((byte) => byte === n)).toBe(true);
  expect(batch.rows[ROW + COLUMN.start]).toBe(at);
  expect(batch.rows[ROW + COLUMN.rest]).toBe(at + 12);
  expect(batch.rows[ROW + COLUMN.length]).toBe(length);
  expect(batch.rows[ROW + COLUMN.tci]).toBe(n * 100 + COLUMN.tci);
}

test('frames leave in the order in which they came, whatever their lengths and however often the ring wraps', () => {
  const lengths = fc.oneof(fc.integer({ min: 0, max: 80 }), fc.integer({ min: 0, max: 1500 }));
  const steps = fc.oneof(fc.record({ push: lengths }), fc.record({ shift: fc.integer({ min: 1, max: 5 }) }));
  let refused = 0;
  fc.assert(
    fc.property(fc.array(steps, { minLength: 60, maxLength: 150 }), (all) => {
      const held = new HeldFrames(1, 4096);
      const model: { length: number; n: number }[] = [];
      let next = 0;
      for (const step of all) {
        if ('push' in step) {
          const n = next++ & 0xff;
          const at = held.push(batch, 0, put(step.push, n), n + 1, n + 2);
          if (at >= 0) model.push({ length: step.push, n });
          else refused++;
          // Refused only if it does not fit: half the ring is always enough for the largest.
          const used = model.reduce((sum, { length }) => sum + length + 10, 0);
          if (at < 0) expect(used + step.push).toBeGreaterThan(1024);
        } else {
          for (const { length, n } of model.splice(0, step.shift)) expectNext(held, length, n);
        }
        expect(held.count).toBe(model.length);
      }
      for (const { length, n } of model) expectNext(held, length, n);
    }),
    { numRuns: 300 },
  );
  expect(refused).toBeGreaterThan(10);
});

test('a frame is due when its delay has passed since it was dated', () => {
  const held = new HeldFrames(50);
  const clock = Float64Array.of(1000.5);
  const deadline = Float64Array.of(Number.POSITIVE_INFINITY);
  held.push(batch, 0, put(60, 1), 0, 0);
  held.lower(deadline);
  expect(held.isDue(clock)).toBe(false);
  expect(deadline[0]).toBe(Number.POSITIVE_INFINITY);
  held.date(clock);
  held.push(batch, 0, put(60, 2), 0, 0);
  held.lower(deadline);
  expect(deadline[0]).toBe(1050.5);
  clock[0] = 1050;
  expect(held.isDue(clock)).toBe(false);
  clock[0] = 1050.5;
  held.date(clock);
  expect(held.isDue(clock)).toBe(true);
  held.shift(batch, ROW, batch.slotAt(1));
  expect(held.isDue(clock)).toBe(false);
  clock[0] = 1100.5;
  expect(held.isDue(clock)).toBe(true);
});

test('what is full takes no more, and everything again once it is cleared', () => {
  const held = new HeldFrames(1, 4096);
  while (held.push(batch, 0, put(1000, 1), 0, 0) >= 0);
  expect(held.count).toBe(4);
  held.clear();
  expect(held.count).toBe(0);
  expect(held.isDue(Float64Array.of(1e9))).toBe(false);
  expect(held.push(batch, 0, put(4000, 7), 8, 9)).toBe(0);
  expectNext(held, 4000, 7);
});
