// Two threads search the same lists in the same memory: both find what the only thread finds.

import { expect, test } from 'vitest';
import { AclBuilder, type AclQuestion } from '../../src/compile/acl_builder.ts';
import { questionOf } from '../../src/compile/acl_questions.ts';
import { atOnce } from '../../src/parts.ts';
import { AclKey } from '../../src/table/acl_key.ts';
import { AclSearch } from '../../src/table/acl_search.ts';
import type { AclTable } from '../../src/table/acl_table.ts';
import type { Rule } from '../support/acls/first_match.ts';
import { randomFrame, randomRule } from '../support/acls/random.ts';
import { Random } from '../support/engine/random.ts';
import { crowd } from '../support/shared/crowd.ts';

const KEYS = 3000;
const questions = (rules: readonly Rule[]): AclQuestion[] =>
  rules.map((rule) => {
    const match = rule.permit ?? rule.deny ?? rule.count ?? 'any';
    return questionOf(match === 'any' ? {} : match);
  });

test('two threads find the same rules as one', async () => {
  const random = new Random(11);
  // Those that ask for little would decide everything.
  const keysOf = ({ permit, deny, count }: Rule) => Object.keys(Object(permit ?? deny ?? count));
  const rules = Array.from({ length: 6000 }, () => randomRule(random, { mac: true, vlan: true })).filter(
    (rule) => keysOf(rule).length >= 4,
  );
  const builder = new AclBuilder();
  atOnce(builder.addList(questions(rules), 0));
  const table = atOnce(builder.build());
  const frames = Array.from({ length: KEYS }, () => randomFrame(random, false));
  // Ports from anywhere: what counts is that all read the same.
  const keys = frames.map((frame) => [...frame.subarray(0, 34)]);
  const find = (search: AclSearch, key: AclKey, bytes: readonly number[], n: number) => {
    key.clear();
    for (const [at, byte] of bytes.entries()) key.view.setUint8(at, byte);
    key.version = bytes[12] === 8 && bytes[13] === 0 ? 4 : 0;
    [key.macs, key.src, key.dst] = [0, 26, 30];
    key.fields[0] = bytes[12] * 256 + bytes[13];
    key.fields[3] = bytes[23];
    key.fields[5] = n % 500;
    search.begin(table as AclTable, 0, key);
    return search.next(table as AclTable, 0);
  };
  const key = new AclKey(new DataView(new ArrayBuffer(64)));
  const search = new AclSearch();
  const wanted = keys.map((bytes, n) => find(search, key, bytes, n));
  expect(new Set(wanted).size).toBeGreaterThan(10);
  const body = `
    const { AclKey } = await load('table/acl_key');
    const { AclSearch } = await load('table/acl_search');
    const { table, keys } = data;
    const find = ${find.toString()};
    const key = new AclKey(new DataView(new ArrayBuffer(64)));
    const search = new AclSearch();
    start();
    return keys.map((bytes, n) => find(search, key, bytes, n));`;
  const found = await crowd(2, { table, keys }, body);
  expect(found).toEqual([wanted, wanted]);
});
