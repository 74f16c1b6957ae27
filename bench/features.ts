import type { Bench, Result } from './bench.ts';
import { FEATURES } from './feature_list.ts';
import { Lab } from './lab.ts';
import { TurnTaker } from './measuring.ts';
import { median, medianInterval } from './statistics.ts';

/** Of fresh engines, 20 ms each: by where its memory lies, an engine is slow or fast for its whole life. */
const TURNS = 15;
const START_S = 1.2;
const TURN_S = 0.025;
/** A set of fresh engines takes most of a minute, so that one counts as so many rounds. */
const ROUNDS_OF_A_SET = 3;

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
      const times: number[][] = [];
      for (let set = 0; set < sets; set++) times.push(await oneSet(family, turns));
      results.push(...differences(family, times));
    }
    return { results };
  },
};

function amounts({ rounds, quick }: { rounds: number; quick: boolean }): { sets: number; turns: number } {
  return quick ? { sets: 1, turns: 1 } : { sets: Math.ceil(rounds / ROUNDS_OF_A_SET), turns: TURNS };
}

/** ns a copy of each engine of a family, the median of its turns; they take them one after another. */
async function oneSet(family: readonly number[], turns: number): Promise<number[]> {
  const lab = new Lab();
  try {
    const engines: TurnTaker[] = [];
    for (const feature of family) engines.push(await TurnTaker.withFeature(lab, feature));
    const times: number[][] = family.map(() => []);
    for (let turn = 0; turn < turns; turn++) {
      for (let n = 0; n < family.length; n++) {
        const engine = (n + turn) % family.length;
        times[engine].push(await engines[engine].turn());
      }
    }
    return times.map(median);
  } finally {
    lab.close();
  }
}

/** Of each feature to the first of its family. */
function differences(family: readonly number[], sets: readonly (readonly number[])[]): Result[] {
  const typical = (n: number) => median(sets.map((times) => times[n])).toFixed(1);
  return family.slice(1).map((feature, before) => {
    const { name, plain } = FEATURES[feature];
    const more = sets.map((times) => times[before + 1] - times[0]);
    return {
      what: `${name}: more than ${plain}`,
      value: median(more),
      unit: 'ns a copy',
      interval: medianInterval(more),
      detail: `${typical(before + 1)} and ${typical(0)} ns`,
    };
  });
}
