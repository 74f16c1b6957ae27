import { describe, expect, test } from 'vitest';
import { isReached, type Result } from '../../bench/bench.ts';

const result = (value: number, interval: [number, number] | undefined, rest: Partial<Result>): Result => ({
  what: 'work',
  unit: 'times',
  value,
  interval,
  ...rest,
});

describe('a ratio that should be at least 0.97', () => {
  const expected = { atLeast: 0.97 };

  test.each([
    ['is reached with median and interval above it', 1, [0.98, 1.02], true],
    ['is reached with a lower end within 0.04 of it', 0.98, [0.931, 1.1], true],
    ['is missed with a lower end further away', 0.98, [0.929, 1.1], false],
    ['is missed with a median below it', 0.969, [0.96, 1.5], false],
  ] as const)('%s', (_, value, [low, high], reached) => {
    expect(isReached(result(value, [low, high], { expected }))).toBe(reached);
  });
});

describe('a ratio that should be at most 1.1', () => {
  const expected = { atMost: 1.1 };

  test.each([
    ['is reached with an upper end within 0.04 of it', 1.05, [0.5, 1.139], true],
    ['is missed with an upper end further away', 1.05, [0.5, 1.141], false],
    ['is missed with a median above it', 1.11, [0.5, 1.12], false],
  ] as const)('%s', (_, value, [low, high], reached) => {
    expect(isReached(result(value, [low, high], { expected }))).toBe(reached);
  });
});

test('a number with another unit has 4 % instead', () => {
  const rest = { unit: 'million frames/s', expected: { atLeast: 20 } };
  expect(isReached(result(21, [19.3, 22], rest))).toBe(true);
  expect(isReached(result(21, [19.1, 22], rest))).toBe(false);
});

test('a number without an interval stands for itself, one without a promise is neither reached nor missed', () => {
  expect(isReached(result(0, undefined, { unit: 'scavenges', expected: { atMost: 0 } }))).toBe(true);
  expect(isReached(result(1, undefined, { unit: 'scavenges', expected: { atMost: 0 } }))).toBe(false);
  expect(isReached(result(1, [1, 1], {}))).toBeUndefined();
});
