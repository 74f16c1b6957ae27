import { expect, test } from 'vitest';
import { DROP, DROPS } from '../../src/table/drops.ts';

test('every reason has a name of its own, fit for a metric label, and a text', () => {
  const names = DROPS.map(({ name }) => name);
  expect(new Set(names).size).toBe(names.length);
  for (const { name, help } of DROPS) {
    expect(name).toMatch(/^[a-z][a-z0-9]*(_[a-z0-9]+)*$/);
    expect(help).toMatch(/^[\w].*[^.\s]$/s);
  }
});

test('a reason’s code is its place in the table', () => {
  DROPS.forEach(({ name }, code) => {
    expect(DROP[name as keyof typeof DROP]).toBe(code);
  });
  expect(Object.keys(DROP)).toHaveLength(DROPS.length);
});

test('reasons that end a frame come before those that end a copy', () => {
  const sides = DROPS.map(({ side }) => side);
  expect(sides.indexOf('transmit')).toBeGreaterThan(0);
  expect(sides.lastIndexOf('receive')).toBeLessThan(sides.indexOf('transmit'));
});
