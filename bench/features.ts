import type { Bench, Result } from './bench.ts';
import { FEATURES } from './feature_list.ts';
import type { Lab } from './lab.ts';
import { TurnTaker } from './measuring.ts';
import { amounts, differences, oneSet } from './sets.ts';

const START_S = 1.2;
const TURN_S = 0.025;
/** Places in FEATURES: what is there for others, and those. They take turns. */
const FAMILIES: readonly (readonly number[])[] = FEATURES.filter(({ plain }) => plain === undefined).map(
  ({ name }) => [...FEATURES.keys()].filter((n) => (FEATURES[n].plain ?? FEATURES[n].name) === name),
);

export const features: Bench = {
  name: 'features',
  question: 'What does a frame cost more where a feature is on, in the engine alone?',
  duration: (options) => {
    const { sets, turns } = amounts(options);
    return sets * FEATURES.length * (START_S + turns * TURN_S);
  },
  async run(options) {
    const { sets, turns } = amounts(options);
    const results: Result[] = [];
    for (const family of FAMILIES) {
      const [plain, ...others] = family.map((n) => FEATURES[n].name);
      options.say(`${plain}: ${others.join(', ')}`);
      const engines = family.map((n) => (lab: Lab) => TurnTaker.withFeature(lab, n));
      const times: number[][] = [];
      for (let set = 0; set < sets; set++) times.push(await oneSet(engines, turns));
      results.push(
        ...differences(
          family.map((n) => FEATURES[n]),
          times,
          'ns a copy',
        ),
      );
    }
    return { results };
  },
};
