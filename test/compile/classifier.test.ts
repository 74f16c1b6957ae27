// The classifier against a list of rules that is asked from the top.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ClassifierBuilder } from '../../src/compile/classifier_builder.ts';
import { atOnce } from '../../src/parts.ts';
import { type Classifier, mayFit, ruleKey, ruleOf } from '../../src/table/classifier.ts';
import { find4, find6 } from '../../src/table/lpm.ts';
import { formatPrefix, type IpPrefix, prefixContains, prefixMask } from '../../src/wire/ip_prefix.ts';

interface Rule {
  set: number;
  first: number;
  last: number;
  whom: { prefix: IpPrefix } | { group: number } | undefined;
}

interface Asked {
  set: number;
  address: Uint8Array;
  key: number;
  port: number;
}

const SETS = 3;
const GROUPS_OF: number[][] = [[], [0], [1, 2], [2], [0, 1, 2]];

// Few values, so that rules meet.
const bytes = (length: number) =>
  fc
    .array(fc.constantFrom(0, 1, 127, 128, 255), { minLength: length, maxLength: length })
    .map((list) => Uint8Array.from(list));
const address = fc.oneof(bytes(4), bytes(16));
const prefix = fc.tuple(address, fc.nat({ max: 128 })).map(([full, bits]) => {
  const own = bits % (full.length * 8 + 1);
  const mask = prefixMask(full.length, own);
  return { address: full.map((byte, k) => byte & mask[k]), bits: own };
});
const key = fc
  .tuple(fc.constantFrom(0, 1, 6, 17, 58, 255), fc.constantFrom(0, 1, 22, 80, 81, 443, 65_534, 65_535))
  .map(([protocol, port]) => ruleKey(protocol, port));
const rule: fc.Arbitrary<Rule> = fc
  .record({
    set: fc.integer({ min: 1, max: SETS }),
    ends: fc.tuple(key, key),
    whom: fc.oneof(
      fc.constant(undefined),
      prefix.map((own) => ({ prefix: own })),
      fc.nat({ max: 2 }).map((group) => ({ group })),
    ),
  })
  .map(({ set, ends: [a, b], whom }) => ({ set, first: Math.min(a, b), last: Math.max(a, b), whom }));
const asked: fc.Arbitrary<Asked> = fc.record({
  set: fc.integer({ min: 1, max: SETS }),
  address,
  key,
  port: fc.nat({ max: GROUPS_OF.length - 1 }),
});

function build(rules: readonly Rule[]): Classifier {
  const builder = new ClassifierBuilder();
  for (let n = 0; n < SETS; n++) builder.addSet();
  for (const [index, { set, first, last, whom }] of rules.entries()) {
    const match = { rule: index + 1, first, last };
    if (whom === undefined) builder.forAnybody(set, match);
    else if ('group' in whom) builder.forGroup(set, whom.group, match);
    else builder.forPrefix(set, formatPrefix(whom.prefix), whom.prefix, match);
  }
  return atOnce(builder.build(GROUPS_OF));
}

function nodeOf({ lpm }: Classifier, set: number, of: Uint8Array): number {
  const view = new DataView(of.buffer, of.byteOffset, of.length);
  return of.length === 4 ? find4(lpm, set, view.getInt32(0)) : find6(lpm, set, view, 0);
}

function isFor({ set, first, last, whom }: Rule, one: Asked, groups: readonly number[]): boolean {
  if (set !== one.set || one.key < first || one.key > last) return false;
  if (whom === undefined) return true;
  return 'group' in whom ? groups.includes(whom.group) : prefixContains(whom.prefix, one.address);
}

test('the first rule that fits is found, whatever rules there are', () => {
  fc.assert(
    fc.property(
      fc.array(rule, { maxLength: 60 }),
      fc.array(asked, { minLength: 20, maxLength: 60 }),
      (rules, all) => {
        const table = build(rules);
        for (const one of all) {
          const node = nodeOf(table, one.set, one.address);
          const expected = rules.findIndex((own) => isFor(own, one, GROUPS_OF[one.port])) + 1;
          expect(ruleOf(table, one.set, node, one.key, one.port)).toBe(expected);
          const may = rules.some((own) => isFor(own, one, [0, 1, 2]));
          expect(mayFit(table, one.set, node, one.key)).toBe(may);
        }
      },
    ),
    { numRuns: 300 },
  );
});

test('ten thousand rules for anybody become runs that are searched, not rules that are asked', () => {
  const rules = Array.from({ length: 10_000 }, (_, n): Rule => {
    const port = (n * 7919) % 65_536;
    return { set: 1, first: ruleKey(6, port), last: ruleKey(6, port), whom: undefined };
  });
  const table = build(rules);
  expect(ruleOf(table, 1, 0, ruleKey(6, 7919), 0)).toBe(2);
  expect(ruleOf(table, 1, 0, ruleKey(17, 7919), 0)).toBe(0);
  expect(table.runs.reduce((most, count) => Math.max(most, count), 0)).toBeLessThan(20_002);
});

test('sets that say the same share what they say', () => {
  const rules = Array.from(
    { length: SETS },
    (_, n): Rule => ({ set: n + 1, first: 1, last: 9, whom: undefined }),
  );
  const same = build(rules.map((own) => ({ ...own })));
  // Rules have numbers of their own, so their runs are others.
  expect(same.starts.length).toBe(9);
  const builder = new ClassifierBuilder();
  for (let n = 0; n < SETS; n++) builder.forAnybody(builder.addSet(), { rule: 1, first: 1, last: 9 });
  expect(atOnce(builder.build([])).starts.length).toBe(3);
});
