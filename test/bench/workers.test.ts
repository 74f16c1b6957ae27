import { expect, test } from 'vitest';
import { report } from '../../bench/workers.ts';

test('a pair of rounds of which one failed is left out, and counted', () => {
  const { results } = report(
    [
      [10, Number.NaN, 10],
      [17, 90, 17],
    ],
    4,
  );
  expect(results).toMatchObject([
    {
      value: 1.7,
      expected: { atLeast: 1.6 },
      detail: '10.0 to 17.0 Gb/s on 4 CPUs; 1 of 3 pairs are left out, because a round failed',
    },
  ]);
});

test('without any pair the promise is not measured', () => {
  expect(report([[Number.NaN], []], 4).unmeasured).toMatchObject([{ expected: { atLeast: 1.6 } }]);
  expect(report([[], []], 2).notes).toEqual([
    'TCP, both directions at once: 2 workers / 1: no pair of rounds succeeded.',
  ]);
});
