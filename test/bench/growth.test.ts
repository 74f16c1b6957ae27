import { expect, test } from 'vitest';
import { curve, type Growth, type Times } from '../../bench/growth.ts';

const growth: Growth = {
  name: 'ports',
  what: 'Ports',
  x: 'TAPs',
  unit: 'ns a frame',
  sizes: [2, 32, 512],
  atMost: 1.5,
};

test('a curve compares the largest size with the smallest', () => {
  const { results, unmeasured } = curve(growth, { 2: [10, 10], 32: [11, 11], 512: [14, 14] });
  expect(results).toMatchObject([{ what: 'Ports: 512 / 2', value: 1.4, expected: { atMost: 1.5 } }]);
  expect(unmeasured).toEqual([]);
});

test.each<[string, Times]>([
  ['that is not there', { 2: [10, 10], 32: [11, 11] }],
  ['with a round that failed', { 2: [10, 10], 32: [11, 11], 512: [14, Number.NaN] }],
])('a largest size %s leaves the promise unmeasured, and a ratio without one', (_, times) => {
  const { results, unmeasured, curves } = curve(growth, times);
  expect(results).toMatchObject([{ what: 'Ports: 32 / 2', value: 1.1 }]);
  expect(results[0].expected).toBeUndefined();
  expect(unmeasured).toEqual([
    { what: 'Ports: 512 / 2', unit: 'times', expected: { atMost: 1.5 }, why: 'rounds are missing with 512' },
  ]);
  expect(curves?.[0].curves[0].points.map(({ x }) => x)).toEqual([2, 32]);
});
