// Configurations that are wrong in thousands of places: told in time, and in a length that somebody reads.

import { expect, test } from 'vitest';
import { ConfigError, parseConfig } from '../../src/config/schema.ts';

const withPorts = (count: number, name: (n: number) => string, port: object) => ({
  version: 1,
  bridges: { br0: { ports: Object.fromEntries(Array.from({ length: count }, (_, n) => [name(n), port])) } },
});

function refused(input: unknown): { error: ConfigError; ms: number } {
  const started = performance.now();
  try {
    parseConfig(input);
  } catch (error) {
    if (error instanceof ConfigError) return { error, ms: performance.now() - started };
    throw error;
  }
  throw new Error('it was accepted');
}

test('of 4,094 misspelt keys a hundred are told, and how many more', () => {
  const ports = (port: object) => withPorts(4094, (n) => `p${n}`, port);
  parseConfig(ports({ type: 'tap' }));
  const started = performance.now();
  parseConfig(ports({ type: 'tap' }));
  const right = performance.now() - started;
  const { error, ms } = refused(ports({ type: 'tap', hairpn: true }));
  expect(error.problems).toHaveLength(101);
  expect(error.problems[0]).toEqual({
    path: 'bridges.br0.ports.p0.hairpn',
    message: 'unknown key, did you mean hairpin?',
  });
  expect(error.problems[100]).toEqual({ path: '', message: 'and 3,994 more problems' });
  expect(error.message).toMatch(/\nand 3,994 more problems$/);
  // Two to four times what a right one takes; it was fifty times.
  expect(ms).toBeLessThan(20 * right);
});

test('100,000 bad names, and keys, are too many to be looked at', () => {
  const names = refused(withPorts(100_000, (n) => `a/${n}`, {}));
  expect(names.error.message).toBe('bridges: 100000 ports; at most 4095 are possible');
  const keys = Object.fromEntries(Array.from({ length: 200_000 }, (_, n) => [`k${n}`, 1]));
  const unknown = refused({ version: 1, bridges: { br0: keys } });
  expect(unknown.error.message).toBe('bridges.br0: 200000 keys; at most 1000 are possible');
  expect(names.ms + unknown.ms).toBeLessThan(5000);
});

test('a key as long as its file is cut short, and no word is looked for that it could be', () => {
  const { error, ms } = refused({ version: 1, ['x'.repeat(1_000_000)]: 1 });
  expect(error.message.length).toBeLessThan(400);
  expect(ms).toBeLessThan(500);
});

test.each([
  ['\u001b[2Jvm', 'ports'],
  ['vm\u202e1', 'ports'],
  ['vm\u0007', 'netns'],
  ['a\u2066b', 'owner'],
])('%j is refused, and told without what a terminal obeys', (text, where) => {
  const input =
    where === 'ports'
      ? withPorts(1, () => text, { type: 'tap' })
      : withPorts(1, () => 'vm1', { type: 'tap', [where]: text });
  const { error } = refused(input);
  expect(error.message).not.toMatch(/[\p{Cc}\p{Cf}]/u);
});
