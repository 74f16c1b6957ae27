import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { LpmBuilder } from '../../src/compile/lpm_builder.ts';
import { atOnce } from '../../src/parts.ts';
import { find4, find6, type Lpm } from '../../src/table/lpm.ts';

const TABLES = 3;

interface Prefix {
  table: number;
  /** One word, or four. */
  address: number[];
  length: number;
}

interface Wanted {
  table: number;
  address: number[];
}

function build(prefixes: readonly Prefix[]): Lpm {
  const builder = new LpmBuilder();
  for (const [i, { table, address, length }] of prefixes.entries()) {
    const [a, b, c, d] = address;
    if (address.length === 1) builder.add4(table, a, length, i + 1);
    else builder.add6(table, a, b, c, d, length, i + 1);
  }
  return atOnce(builder.build(TABLES));
}

/** Number of the longest prefix that covers the address, counted from 1; of equal ones the last. */
function linear(prefixes: readonly Prefix[], table: number, address: readonly number[]): number {
  let found = 0;
  for (const [i, prefix] of prefixes.entries()) {
    if (prefix.table !== table || !covers(prefix, address)) continue;
    if (found === 0 || prefix.length >= prefixes[found - 1].length) found = i + 1;
  }
  return found;
}

function covers(prefix: Prefix, address: readonly number[]): boolean {
  return bits(prefix.address).startsWith(bits(address).slice(0, prefix.length));
}

function bits(address: readonly number[]): string {
  return address.map((word) => (word >>> 0).toString(2).padStart(32, '0')).join('');
}

function findAll(lpm: Lpm, wanted: readonly Wanted[]): number[] {
  const view = new DataView(new ArrayBuffer(19));
  return wanted.map(({ table, address }) => {
    if (address.length === 1) return find4(lpm, table, address[0]);
    writeAddress(view, 3, address);
    return find6(lpm, table, view, 3);
  });
}

function writeAddress(view: DataView, at: number, address: readonly number[]): void {
  for (const [w, word] of address.entries()) view.setInt32(at + 4 * w, word);
}

/** Words of few bits, so that prefixes meet, and any. */
const word = fc.oneof(
  fc.constantFrom(0, -1, 0x0a00_0000, 0x0a00_0100, 0x0a00_0101, 0x0a01_0000, 0x2001_0db8),
  fc.integer({ min: 0, max: 3 }).map((x) => x << 30),
  fc.integer(),
);
const tableNumber = fc.nat({ max: TABLES - 1 });

function prefix(words: 1 | 4): fc.Arbitrary<Prefix> {
  const max = 32 * words;
  return fc.record({
    table: tableNumber,
    address: fc.array(word, { minLength: words, maxLength: words }),
    length: fc.oneof(fc.nat({ max }), fc.constantFrom(0, 8, 16, 24, 32, max)),
  });
}

/** An address that a prefix covers, or nearly. */
function near({ table, address, length }: Prefix, noise: readonly number[], bit: number): Wanted {
  const mixed = address.map((w, i) => {
    const own = Math.min(Math.max(length - 32 * i, 0), 32);
    const mask = own === 0 ? 0 : -1 << (32 - own);
    return (w & mask) | (noise[i] & ~mask);
  });
  const flipped = bit % (32 * address.length + 8); // some stay as they are
  if (flipped < 32 * address.length) mixed[flipped >>> 5] ^= 1 << (flipped & 31);
  return { table, address: mixed };
}

for (const words of [1, 4] as const) {
  const family = words === 1 ? 'IPv4' : 'IPv6';
  describe(family, () => {
    test('finds what a linear search finds', () => {
      const noise = fc.array(fc.integer(), { minLength: words, maxLength: words });
      fc.assert(
        fc.property(
          fc.array(prefix(words), { maxLength: 40 }),
          fc.array(fc.tuple(fc.nat(), noise, fc.nat()), { minLength: 1, maxLength: 100 }),
          (prefixes, seeds) => {
            const wanted = seeds.map(([n, random, bit]) =>
              prefixes.length === 0 || n % 10 === 0
                ? { table: n % TABLES, address: [...random] }
                : near(prefixes[n % prefixes.length], random, bit),
            );
            const expected = wanted.map(({ table, address }) => linear(prefixes, table, address));
            const lpm = build(prefixes);
            expect(findAll(lpm, wanted)).toEqual(expected);
          },
        ),
        { numRuns: 300 },
      );
    });

    test('finds what a map by length finds among 20,000 prefixes', () => {
      const random = generator(words);
      const prefixes = Array.from({ length: 20_000 }, (_, n): Prefix => {
        const address = Array.from({ length: words }, () => random());
        if (n % 3 === 0) address[0] = 0x0a00_0000 | (address[0] & 0x3ffff); // many in few
        return { table: 1, address, length: n % (32 * words + 1) };
      });
      const byLength = new Map<string, number>();
      for (const [i, { address, length }] of prefixes.entries())
        byLength.set(bits(address).slice(0, length), i + 1);
      const wanted = Array.from({ length: 5000 }, (_, n) =>
        near(prefixes[(random() >>> 0) % prefixes.length], Array.from({ length: words }, random), n),
      );
      const expected = wanted.map(({ address }) => {
        let text = bits(address);
        while (text.length > 0 && !byLength.has(text)) text = text.slice(0, -1);
        return byLength.get(text) ?? 0;
      });
      const lpm = build(prefixes);
      expect(findAll(lpm, wanted)).toEqual(expected);
    });
  });
}

test('finds what a map by length finds in the table of a whole Internet', { timeout: 60_000 }, () => {
  const random = generator(7);
  const builder = new LpmBuilder();
  const byLength = Array.from({ length: 33 }, () => new Map<number, number>());
  for (let n = 1; n <= 300_000; n++) {
    const length = n % 50 === 0 ? 25 + ((n / 50) % 8) : n < 9 ? n : 12 + (n % 13);
    const address = random();
    builder.add4(1, address, length, n);
    byLength[length].set(length === 0 ? 0 : address >>> (32 - length), n);
  }
  const lpm = atOnce(builder.build(2));
  expect(lpm.words.length).toBeGreaterThan(2 ** 24);
  const wrong: number[] = [];
  for (let n = 0; n < 100_000; n++) {
    const address = n % 2 === 0 ? random() : random() & 0x3fff_ffff;
    let length = 32;
    while (length > 0 && !byLength[length].has(address >>> (32 - length))) length--;
    const wanted = byLength[length].get(length === 0 ? 0 : address >>> (32 - length)) ?? 0;
    if (find4(lpm, 1, address) !== wanted) wrong.push(address);
  }
  expect(wrong).toEqual([]);
});

test('a table that nobody filled has no route, and one that there is not neither', () => {
  const lpm = build([{ table: 0, address: [0], length: 0 }]);
  expect([find4(lpm, 0, 1), find4(lpm, 1, 1), find4(lpm, 9, 1)]).toEqual([1, 0, 0]);
  expect(find6(lpm, 0, new DataView(new ArrayBuffer(16)), 0)).toBe(0);
});

test('a thousand tenants cost little', () => {
  const builder = new LpmBuilder();
  for (let table = 0; table < 1000; table++) {
    builder.add4(table, 0, 0, 1);
    builder.add4(table, 0x0a00_0000, 24, 2);
    builder.add4(table, 0x0a00_0001, 32, 3);
    builder.add4(table, 0x0a00_00ff, 32, 4);
    builder.add6(table, 0xfd00_0000, 0, 0, 0, 64, 2);
    builder.add6(table, 0xfd00_0000, 0, 0, 1, 128, 3);
  }
  const { words } = atOnce(builder.build(1000));
  expect(words.byteLength).toBeLessThan(1000 * 512);
});

/** The same numbers in every run (xorshift). */
function generator(seed: number): () => number {
  let state = seed * 0x9e37_79b1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state;
  };
}
