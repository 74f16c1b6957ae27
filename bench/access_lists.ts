// What access lists cost: a frame in the engine alone, by how many rules the list has, in and out.

import { ACL_FAMILIES, ACL_FEATURES } from './acl_list.ts';
import type { Bench, Result } from './bench.ts';
import { join } from './compare.ts';
import type { Lab } from './lab.ts';
import { TurnTaker } from './measuring.ts';
import { amounts, differences, oneSet } from './sets.ts';

const START_S = 1.5;
const TURN_S = 0.03;

export const accessLists: Bench = {
  name: 'acls',
  question: 'What do access lists cost a frame, with one rule and with ten thousand?',
  duration: (options) => {
    const { sets, turns } = amounts(options);
    return sets * ACL_FEATURES.length * (START_S + turns * TURN_S);
  },
  async run(options) {
    const { sets, turns } = amounts(options);
    const results: Result[] = [];
    for (const family of ACL_FAMILIES) {
      options.say(family.map(({ name }) => name).join('; '));
      const engines = family.map((one) => (lab: Lab) => TurnTaker.withAcls(lab, ACL_FEATURES.indexOf(one)));
      const times: number[][] = [];
      for (let set = 0; set < sets; set++) times.push(await oneSet(engines, turns));
      results.push(...differences(family, times, 'ns a frame'));
    }
    return join([{ results }]);
  },
};
