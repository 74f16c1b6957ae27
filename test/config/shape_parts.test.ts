import { expect, test } from 'vitest';
import { configShape, parseConfig } from '../../src/config/schema.ts';
import { shaped } from '../../src/config/shape_parts.ts';
import { atOnce } from '../../src/parts.ts';

function ports(prefix: string, count: number, port: (n: number) => unknown): Record<string, unknown> {
  return Object.fromEntries(Array.from({ length: count }, (_, n) => [`${prefix}${n}`, port(n)]));
}

const MANY = {
  a: { fdb_limit: 10, ports: ports('a', 700, () => ({ type: 'memory' })) },
  b: {},
  c: { ageing_time: 7, ports: ports('c', 512, (n) => ({ type: 'tap', mtu: 1000 + n })) },
  ...ports('d', 600, () => ({ local: false })),
};

test('a shape in pieces is the shape of the whole', () => {
  const input = { version: 1, bridges: MANY };
  const { bridges, issues } = atOnce(shaped(input));
  expect(issues).toEqual([]);
  const whole = configShape.parse(input).bridges;
  expect(JSON.stringify(bridges)).toBe(JSON.stringify(whole));
  expect(parseConfig(input).bridges).toEqual(whole);
});

test('and so are its issues, each once', () => {
  const bad = {
    fdb_limit: -1,
    static: 7,
    ports: ports('e', 700, (n) => (n % 3 === 0 ? { tpye: 'tap' } : {})),
  };
  const input = {
    version: 2,
    wrong: true,
    bridges: { ...MANY, e: bad, 'no name': {}, f: 5, g: { ports: [] } },
  };
  const texts = (issues: readonly object[] = []) => issues.map((issue) => JSON.stringify(issue)).sort();
  const { issues } = atOnce(shaped(input));
  expect(texts(issues)).toEqual(texts(configShape.safeParse(input).error?.issues));
});

test('what is no configuration stays as it is', () => {
  for (const input of [7, null, [], { version: 1, bridges: 3 }, { version: 1, bridges: [] }]) {
    expect(atOnce(shaped(input)).issues).toEqual(configShape.safeParse(input).error?.issues);
  }
});

test('no piece is much longer than another', () => {
  let pieces = 0;
  for (const _ of shaped({ version: 1, bridges: { a: { ports: ports('a', 4000, () => ({})) } } })) pieces++;
  expect(pieces).toBeGreaterThan(50);
});
