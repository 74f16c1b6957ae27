import { expect, test } from 'vitest';
import { FullDevices } from '../../src/port/full_devices.ts';

test('a device that refuses frames is told at once, and then ten times a second', () => {
  const clock = new Float64Array([5]);
  const full = new FullDevices(clock);
  expect(full.isNews).toBe(false);
  full.note(3);
  full.note(3);
  full.note(7);
  expect(full.isNews).toBe(true);
  expect(full.take()).toEqual([3, 7]);
  expect(full.take()).toEqual([]);
  for (let ms = 0; ms < 1000; ms++) {
    clock[0]++;
    full.note(3);
  }
  expect(full.take()).toEqual(Array(10).fill(3));
  expect(full.isNews).toBe(false);
});
