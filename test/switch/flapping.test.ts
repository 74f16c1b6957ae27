import { expect, test } from 'vitest';
import { Flapping } from '../../src/switch/flapping.ts';

test('a station that moves now and then has moved each time', () => {
  const flapping = new Flapping<string>();
  for (let n = 0; n < 20; n++) expect(flapping.moved('a', '', n * 4000).state).toBe('moved');
  expect(flapping.calmed(100_000)).toEqual([]);
});

test('one that moves again and again is told once when it begins and once when it is calm', () => {
  const flapping = new Flapping<string>();
  const states: string[] = [];
  for (let n = 0; n < 100; n++) states.push(flapping.moved('a', `move ${n}`, n * 500).state);
  expect(states.slice(0, 5)).toEqual(['moved', 'moved', 'moved', 'moved', 'flapping']);
  expect(new Set(states.slice(5))).toEqual(new Set(['quiet']));
  expect(flapping.calmed(99 * 500 + 10_000)).toEqual([]);
  expect(flapping.calmed(99 * 500 + 10_001)).toEqual(['move 99']);
  expect(flapping.calmed(200_000)).toEqual([]);
  expect(flapping.moved('a', '', 200_000).state).toBe('moved');
});

test('it is said how many moves there were in how many seconds', () => {
  const flapping = new Flapping<string>();
  for (let n = 0; n < 4; n++) flapping.moved('a', '', n * 1000);
  expect(flapping.moved('a', '', 4000)).toEqual({ state: 'flapping', moves: 5, seconds: 4 });
});

test('however many stations move, so many are remembered', () => {
  const flapping = new Flapping<string>();
  for (let station = 0; station < 50_000; station++) {
    for (let n = 0; n < 5; n++) flapping.moved(`${station}`, `${station}`, station);
  }
  const calm = flapping.calmed(1_000_000);
  expect(calm).toHaveLength(1000);
  expect(calm).toContain('49999');
  expect(flapping.isQuiet).toBe(true);
});
