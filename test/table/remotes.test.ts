import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Remotes } from '../../src/table/remotes.ts';

const UNLIMITED = 1_000_000;
const PORT = 3;

/** IPv4 remote number n of a port. */
function learn(remotes: Remotes, n: number, now = 0, limit = UNLIMITED, port = PORT): number {
  return remotes.learn(port, n, 0, 0, 0, now, limit);
}
const find = (remotes: Remotes, n: number, port = PORT) => remotes.find(port, n, 0, 0, 0);

test('a remote keeps its row, and its address can be read from there', () => {
  const remotes = new Remotes(4, 8, 1);
  const row = remotes.learn(PORT, 0x7f00_0001, 1, 2, -3, 0, UNLIMITED);
  expect(row).toBeGreaterThan(4);
  expect(remotes.learn(PORT, 0x7f00_0001, 1, 2, -3, 5, UNLIMITED)).toBe(row);
  expect(remotes.portOf(row)).toBe(PORT);
  expect([0, 1, 2, 3].map((word) => remotes.address(row, word))).toEqual([0x7f00_0001, 1, 2, -3]);
  expect(remotes.find(PORT, 0x7f00_0001, 1, 2, 3)).toBe(0);
  expect(remotes.find(PORT + 1, 0x7f00_0001, 1, 2, -3)).toBe(0);
});

test('nobody is row 0, and row 0 belongs to no port', () => {
  const remotes = new Remotes(4, 4, 1);
  expect(find(remotes, 1)).toBe(0);
  expect(remotes.portOf(0)).toBe(0);
});

test('a port learns as many remotes as its limit, and 0 means none', () => {
  const remotes = new Remotes(0, 100, 7);
  expect(learn(remotes, 1, 0, 0)).toBe(0);
  for (let n = 1; n <= 10; n++) expect(learn(remotes, n, 0, 10)).not.toBe(0);
  expect(learn(remotes, 11, 0, 10)).toBe(0);
  expect(learn(remotes, 5, 0, 10)).toBe(find(remotes, 5));
  // The limit is the port's own.
  expect(learn(remotes, 11, 0, 10, PORT + 1)).not.toBe(0);
});

test('when all rows are taken nobody is displaced', () => {
  const remotes = new Remotes(0, 50, 7);
  const rows = Array.from({ length: 50 }, (_, n) => learn(remotes, n + 1));
  expect(new Set(rows).size).toBe(50);
  for (let n = 100; n < 10_000; n++) expect(learn(remotes, n)).toBe(0);
  rows.forEach((row, n) => {
    expect(find(remotes, n + 1)).toBe(row);
  });
});

test('a remote that was silent too long gives its row back', () => {
  const remotes = new Remotes(0, 2, 7);
  const first = learn(remotes, 1, 1000);
  const second = learn(remotes, 2, 2000);
  remotes.expire(1500);
  expect(find(remotes, 1)).toBe(0);
  expect(find(remotes, 2)).toBe(second);
  expect(remotes.portOf(first)).toBe(0);
  expect(learn(remotes, 3, 2000)).toBe(first);
});

test('configured remotes have the rows they were given, do not expire, and count against no limit', () => {
  const remotes = new Remotes(8, 8, 7);
  remotes.configure([{ row: 5, port: PORT, address: Int32Array.of(9, 0, 0, 0) }], () => true);
  remotes.expire(1e12);
  expect(find(remotes, 9)).toBe(5);
  expect(learn(remotes, 9, 0, 0)).toBe(5);
});

test('a learned remote that is configured moves to its row, and back to none when it is taken out', () => {
  const remotes = new Remotes(8, 1, 7);
  const learned = learn(remotes, 9);
  const row = { row: 2, port: PORT, address: Int32Array.of(9, 0, 0, 0) };
  remotes.configure([row], () => true);
  expect(find(remotes, 9)).toBe(2);
  expect(remotes.portOf(learned)).toBe(0);
  expect(learn(remotes, 10)).toBe(learned);
  remotes.configure([], () => true);
  expect(find(remotes, 9)).toBe(0);
  expect(remotes.portOf(2)).toBe(0);
  expect(find(remotes, 10)).toBe(learned);
});

test('the remotes of a port that is no more go with it', () => {
  const remotes = new Remotes(8, 4, 7);
  learn(remotes, 1);
  learn(remotes, 1, 0, UNLIMITED, PORT + 1);
  remotes.configure([], (port) => port !== PORT);
  expect(find(remotes, 1)).toBe(0);
  expect(find(remotes, 1, PORT + 1)).not.toBe(0);
  for (let n = 2; n <= 4; n++) expect(learn(remotes, n)).not.toBe(0);
});

test('random histories agree with a Map', () => {
  const steps = fc.oneof(
    {
      weight: 8,
      arbitrary: fc.record({
        op: fc.constant('learn' as const),
        n: fc.nat(30),
        port: fc.integer({ min: 1, max: 2 }),
      }),
    },
    { weight: 1, arbitrary: fc.record({ op: fc.constant('expire' as const), age: fc.nat(20) }) },
    {
      weight: 1,
      arbitrary: fc.record({
        op: fc.constant('configure' as const),
        list: fc.uniqueArray(fc.nat(30), { maxLength: 4 }),
      }),
    },
  );
  fc.assert(
    fc.property(fc.array(steps, { maxLength: 100 }), fc.integer(), (list, seed) => {
      const remotes = new Remotes(4, 12, seed);
      const learned = new Map<string, { row: number; seen: number }>();
      let configured: number[] = [];
      list.forEach((step, now) => {
        if (step.op === 'learn') {
          const name = `${step.port} ${step.n}`;
          const ofPort = [...learned.keys()].filter((other) => other.startsWith(`${step.port} `)).length;
          const row = remotes.learn(step.port, step.n, 0, 0, 0, now, 8);
          const known = learned.get(name);
          if (step.port === 1 && configured.includes(step.n))
            expect(row).toBe(configured.indexOf(step.n) + 1);
          else if (known !== undefined) expect(row).toBe(known.row);
          else if (ofPort >= 8 || learned.size >= 12) expect(row).toBe(0);
          else expect(row).toBeGreaterThan(4);
          if (row > 4) learned.set(name, { row, seen: now });
        } else if (step.op === 'expire') {
          remotes.expire(now - step.age);
          for (const [name, { seen }] of learned) if (seen < now - step.age) learned.delete(name);
        } else {
          configured = step.list;
          for (const n of configured) learned.delete(`1 ${n}`);
          const rows = configured.map((n, k) => ({
            row: k + 1,
            port: 1,
            address: Int32Array.of(n, 0, 0, 0),
          }));
          remotes.configure(rows, () => true);
        }
        for (const [name, { row }] of learned) {
          const [port, n] = name.split(' ').map(Number);
          expect(remotes.find(port, n, 0, 0, 0)).toBe(row);
        }
        expect(new Set([...learned.values()].map(({ row }) => row)).size).toBe(learned.size);
      });
    }),
    { numRuns: 200 },
  );
});

test('a port that is full gives up an eighth of its remotes, the oldest, when it is asked to', () => {
  const remotes = new Remotes(4, 64, 7);
  for (let n = 1; n <= 16; n++) learn(remotes, n, 100 - n, 16);
  learn(remotes, 99, 200, UNLIMITED, PORT + 1);
  expect(remotes.crowded.size).toBe(0);
  expect(learn(remotes, 17, 200, 16)).toBe(0);
  expect([...remotes.crowded]).toEqual([PORT]);
  const rows = remotes.oldest(PORT);
  expect(rows).toEqual(new Set([find(remotes, 16), find(remotes, 15)]));
  remotes.giveUp(rows);
  expect([find(remotes, 16), find(remotes, 15)]).toEqual([0, 0]);
  expect(find(remotes, 14)).not.toBe(0);
  expect(learn(remotes, 17, 200, 16)).not.toBe(0);
  expect(find(remotes, 99, PORT + 1)).not.toBe(0);
});
