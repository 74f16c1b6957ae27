// Lines and their index, against a Map: small, so that chains meet and entries move.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createLineSearch, KEY_WORDS } from '../../src/table/line_search.ts';
import { DST, KIND, LINE, LineTable, otherOf, PORTS, SRC } from '../../src/table/line_table.ts';

const SEED = Int32Array.of(0x1234_5678, -0x2345_6789, 3, 0x3456_789a, -5, 0x0765_4321, 7, -0x4567_89ab);

function tableOf(pairs: number, seed = SEED): LineTable {
  return new LineTable(new SharedArrayBuffer(LineTable.bytes(pairs)), 0, pairs, seed);
}

function add(table: LineTable, n: number): number {
  const first = table.take();
  if (first === 0) return 0;
  for (const [line, side] of [
    [first, 0],
    [otherOf(first), 1],
  ]) {
    table.lines[line + KIND] = 1;
    table.lines[line + PORTS] = n;
    table.lines[line + SRC] = side;
    table.lines[line + DST] = n >> 1;
    expect(table.link(line)).toBe(true);
  }
  return first;
}

function remove(table: LineTable, first: number): void {
  table.unlink(first);
  table.unlink(otherOf(first));
  table.release(first);
}

test('any order of additions and removals leads to what a Map has, one by one and all at once', () => {
  const op = fc.record({ add: fc.boolean(), n: fc.nat(30) });
  fc.assert(
    fc.property(fc.array(op, { maxLength: 200 }), fc.nat(), (ops, seed) => {
      const table = tableOf(
        16,
        SEED.map((word) => word ^ seed),
      );
      const model = new Map<number, number>();
      for (const { add: isAdded, n } of ops) {
        const first = model.get(n);
        if (isAdded && first === undefined) {
          const got = add(table, n);
          expect(got !== 0).toBe(model.size < 16);
          if (got !== 0) model.set(n, got);
        } else if (!isAdded && first !== undefined) {
          remove(table, first);
          model.delete(n);
        }
      }
      const search = createLineSearch(64);
      for (let n = 0; n <= 30; n++) {
        const first = model.get(n) ?? 0;
        expect(table.find(1, n, 0, n >> 1)).toBe(first);
        expect(table.find(1, n, 1, n >> 1)).toBe(first === 0 ? 0 : first + LINE);
        expect(table.find(1, n, 2, n >> 1)).toBe(0);
        search.keys.set([1, n, 1, n >> 1], n * KEY_WORDS);
      }
      search.find(table, 0, 31);
      for (let n = 0; n <= 30; n++)
        expect(search.found[n]).toBe(model.has(n) ? (model.get(n) ?? 0) + LINE : 0);
    }),
    { numRuns: 300 },
  );
});

test('keys that differ in one word have other homes, and chains stay short', () => {
  const table = tableOf(4096);
  for (let n = 0; n < 4096; n++) add(table, n);
  let same = 0;
  for (let n = 0; n < 4096; n++)
    if (table.home(table.hash(1, n, 0, 9)) === table.home(table.hash(1, n, 1, 9))) same++;
  expect(same).toBeLessThan(20);
});

test('a line lies in one line of a cache', () => {
  const memory = new SharedArrayBuffer(64 + LineTable.bytes(8));
  const table = new LineTable(memory, 64, 8, SEED);
  expect((table.lines.byteOffset + 16) % 64).toBe(0);
  expect(add(table, 1) % LINE).toBe(0);
});
