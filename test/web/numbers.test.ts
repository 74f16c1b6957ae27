import { expect, test } from 'vitest';
import { bits, count, duration } from '../../src/web/numbers.ts';

test.each([
  [0, '0 b/s'],
  [999, '999 b/s'],
  [999.6, '1.00 kb/s'],
  [12_345, '12.3 kb/s'],
  [99_960, '100 kb/s'],
  [999_400, '999 kb/s'],
  [999_600, '1.00 Mb/s'],
  [13.2e9, '13.2 Gb/s'],
  [5e15, '5.00 Pb/s'],
])('%d bits a second are %s', (perSecond, text) => {
  expect(bits(perSecond)).toBe(text);
});

test.each([
  [0.9, '0 s'],
  [59, '59 s'],
  [60, '1 min'],
  [3700, '1 h 1 min'],
  [86_400 * 3 + 61, '3 d'],
])('%d seconds are %s', (seconds, text) => {
  expect(duration(seconds)).toBe(text);
});

test('counts are whole, in groups of three', () => {
  expect(count(1_234_567.6)).toBe('1,234,568');
});
