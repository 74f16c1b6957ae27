import fc from 'fast-check';
import { expect, test } from 'vitest';
import { FIRST_GROUP, GROUP_CHANGE, Groups, UNKNOWN } from '../../src/table/groups.ts';

type Key = [domain: number, group: number, source: number];
const words = ([domain, group, source]: Key) => [domain, 0, 0, 7, group, 0, 0, 0, source];
const find = (groups: Groups, [domain, group, source]: Key) =>
  groups.find(domain, 0, 0, 7, group, 0, 0, 0, source);

test('a source of its own has a list of its own, others that of the group', () => {
  const groups = new Groups(5);
  expect(find(groups, [1, 9, 3])).toBe(0);
  groups.apply(
    Int32Array.from([
      ...[GROUP_CHANGE.set, ...words([1, 9, 3]), 1 << 1, 1, 30],
      ...[GROUP_CHANGE.set, ...words([1, 9, 0]), (0 << 1) | 1, 2, 10, 20],
    ]),
  );
  expect(find(groups, [1, 9, 3])).toBe(FIRST_GROUP + 1);
  expect(find(groups, [1, 9, 4])).toBe(FIRST_GROUP);
  expect(find(groups, [2, 9, 3])).toBe(0);
  expect([...groups.membersOf(FIRST_GROUP)]).toEqual([10, 20]);
  expect([...groups.membersOf(FIRST_GROUP + 1)]).toEqual([30]);
});

test('a domain says what becomes of unknown groups, and where its routers are', () => {
  const groups = new Groups(5);
  groups.apply(Int32Array.of(GROUP_CHANGE.domain, 3, 2, UNKNOWN.drop, 17));
  expect([groups.unknown(3, 2), groups.routers(3, 2)]).toEqual([UNKNOWN.drop, FIRST_GROUP + 17]);
  expect([groups.unknown(3, 0), groups.routers(3, 0)]).toEqual([UNKNOWN.inactive, 0]);
  groups.apply(Int32Array.of(GROUP_CHANGE.domain, 3, 2, UNKNOWN.inactive, 17));
  expect(groups.routers(3, 2)).toBe(0);
});

test('after any changes the table says what a Map would', () => {
  const key = fc.tuple(fc.nat(2), fc.nat(400), fc.constant(0)).map(([d, g, s]): Key => [d + 1, g, s]);
  fc.assert(
    fc.property(fc.array(fc.tuple(key, fc.boolean()), { maxLength: 400 }), fc.nat(), (acts, seed) => {
      const groups = new Groups(seed);
      const model = new Map<string, number>();
      for (const [n, [one, isSet]] of acts.entries()) {
        if (isSet) groups.apply(Int32Array.from([GROUP_CHANGE.set, ...words(one), n << 1, 0]));
        else groups.apply(Int32Array.from([GROUP_CHANGE.remove, ...words(one)]));
        if (isSet) model.set(one.join(), FIRST_GROUP + n);
        else model.delete(one.join());
      }
      for (const [one] of acts) expect(find(groups, one)).toBe(model.get(one.join()) ?? 0);
    }),
    { numRuns: 30 },
  );
});
