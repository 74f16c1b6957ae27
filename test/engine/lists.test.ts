// Member lists that survive reconfigurations: all members, or one by flow.

import { expect, test } from 'vitest';
import { DEST_LIST } from '../../src/frame/hop.ts';
import type { Fdb } from '../../src/table/fdb.ts';
import { FIRST_LIST, Lists, MAX_LISTS } from '../../src/table/lists.ts';
import { ports } from '../support/engine/rig.ts';
import { lawViolations, openBench } from '../support/engine/stubs.ts';

const GROUP = '01:00:5e:00:00:07';

function openListed(row: number) {
  const bench = openBench({ br0: { ports: ports(5) } });
  const { fdb } = Reflect.get(bench.engine, 'keeper') as { fdb: Fdb };
  const domain = 1;
  fdb.addStatic(domain, 0x0100, 0x5e00_0007, DEST_LIST | row, 0);
  const say = (from: string, line: string) => {
    bench.sink.sent.clear();
    bench.source.add(bench.port(from), line);
    bench.engine.poll(1);
    expect(lawViolations(bench.counters)).toEqual([]);
    return [1, 2, 3, 4, 5].filter((n) => bench.sink.sent.has(bench.port(`p${n}`)));
  };
  return { ...bench, say };
}

test('a group reaches its members, never its sender, and a list without members nobody', () => {
  const row = FIRST_LIST + 3;
  const { engine, port, say } = openListed(row);
  expect(say('p1', `a > ${GROUP}`)).toEqual([]);
  engine.lists.set(row, [port('p1'), port('p3'), port('p4')], false);
  expect(say('p1', `a > ${GROUP}`)).toEqual([3, 4]);
  expect(say('p2', `b > ${GROUP}`)).toEqual([1, 3, 4]);
  engine.lists.set(row, [], false);
  expect(say('p1', `a > ${GROUP}`)).toEqual([]);
});

test('by flow one member is chosen, the same for the same flow, and all have a share', () => {
  const row = FIRST_LIST;
  const { engine, port, say } = openListed(row);
  engine.lists.set(row, [port('p2'), port('p3'), port('p4')], true);
  const chosen = [...'abcdefghijklmnopqrst'].map((name) => say('p1', `${name} > ${GROUP}`));
  for (const members of chosen) expect(members).toHaveLength(1);
  expect(new Set(chosen.flat()).size).toBe(3);
  expect([...'abcdefghijklmnopqrst'].map((name) => say('p1', `${name} > ${GROUP}`))).toEqual(chosen);
});

test('a list that changes leaves the others as they are', () => {
  const lists = new Lists();
  const membersOf = (row: number) => [
    ...lists.hops.subarray(lists.at(row), lists.at(row) + lists.count(row)),
  ];
  lists.set(FIRST_LIST + 5, [1, 2], false);
  lists.set(FIRST_LIST + 1, [7], true);
  lists.set(FIRST_LIST + 9, [3, 4, 5], false);
  lists.set(FIRST_LIST + 5, [9, 8, 7, 6], false);
  expect([1, 5, 9].map((n) => membersOf(FIRST_LIST + n))).toEqual([[7], [9, 8, 7, 6], [3, 4, 5]]);
  expect(lists.isByFlow(FIRST_LIST + 1)).toBe(true);
  for (const row of [0, FIRST_LIST - 1, FIRST_LIST + MAX_LISTS, 1.5])
    expect(() => lists.set(row, [], false)).toThrow(RangeError);
});
