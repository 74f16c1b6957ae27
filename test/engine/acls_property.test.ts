// Access lists beside an interpreter that reads them rule by rule: random lists and frames, and the same rule must decide.

import { expect, test } from 'vitest';
import { firstMatch, see } from '../support/acls/first_match.ts';
import { randomFrame, randomRule } from '../support/acls/random.ts';
import { openAcls } from '../support/acls/rig.ts';
import { Random } from '../support/engine/random.ts';
import { seedOf } from '../support/seed.ts';

const SEED = seedOf(process.env.ACLS_SEED);
const ROUNDS = Number(process.env.ACLS_ROUNDS ?? 10);
const FRAMES = 100;
/** A block of rules has 1,024. */
const SIZES = [1, 3, 10, 40, 200, 1023, 1024, 1025, 2500];

test('the rule that decides is the first that fits, and those that count are counted', {
  timeout: 60_000,
}, async () => {
  for (let round = 0; round < ROUNDS; round++) {
    const random = new Random(SEED + round);
    const choice = { mac: random.chance(0.5), vlan: random.chance(0.5) };
    const rules = Array.from({ length: random.pick(SIZES) }, () => randomRule(random, choice));
    const side = random.pick(['in', 'out'] as const);
    const isOfPort = random.chance(0.5);
    const acls = { [side]: ['list'] };
    const ports = {
      // Whatever they look like, frames go to p2.
      p1: { learning: false, ...(isOfPort && side === 'in' && { acls }) },
      p2: isOfPort && side === 'out' ? { acls } : {},
    };
    const rig = await openAcls({ br0: { ...(!isOfPort && { acls }), ports } }, { list: rules });
    const expected: Record<string, number> = {};
    const count = (rule: number | string) => {
      expected[rule] = (expected[rule] ?? 0) + 1;
    };
    for (let n = 0; n < FRAMES; n++) {
      const frame = randomFrame(random, true);
      const seen = see(frame);
      const { rule, counted } = firstMatch(rules, seen);
      for (const one of counted) count(one + 1);
      count(rule >= 0 ? rule + 1 : seen.isLink ? 'link' : 'rest');
      const isDenied = rule < 0 ? !seen.isLink : rules[rule].deny !== undefined;
      const told = rig.sendFrame('p1', frame);
      const wanted = !isDenied ? 'p2: it' : side === 'in' ? 'p1 drops: acl_in' : 'p2 drops: acl_out';
      expect({ seed: SEED + round, n, rule, told }).toEqual({ seed: SEED + round, n, rule, told: [wanted] });
    }
    expect({ seed: SEED + round, hits: rig.hits('list') }).toEqual({ seed: SEED + round, hits: expected });
    await rig.taploom.close();
  }
});
