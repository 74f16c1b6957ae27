import type { Bench } from './bench.ts';
import { FEATURES } from './feature_engines.ts';
import { Lab } from './lab.ts';
import { TurnTaker } from './measuring.ts';
import { median, medianInterval } from './statistics.ts';

/** Of fresh engines, 20 ms each: by where its memory lies, an engine is slow or fast for its whole life. */
const TURNS = 15;
const START_S = 1.2;
const TURN_S = 0.025;

export const features: Bench = {
  name: 'features',
  question: 'What does a frame cost more where a feature is on, in the engine alone?',
  duration: ({ rounds, quick }) => {
    const [sets, turns] = quick ? [1, 1] : [rounds, TURNS];
    return sets * FEATURES.length * (START_S + turns * TURN_S);
  },
  async run({ rounds, quick, say }) {
    const sets: number[][] = [];
    for (let round = 0; round < (quick ? 1 : rounds); round++) {
      say(`round ${round + 1}`);
      sets.push(await oneSet(quick ? 1 : TURNS));
    }
    const results = FEATURES.flatMap(({ name, plain }, feature) => {
      if (plain === undefined) return [];
      const without = FEATURES.findIndex((one) => one.name === plain);
      const more = sets.map((times) => times[feature] - times[without]);
      const both = [feature, without].map((n) => median(sets.map((times) => times[n])).toFixed(1));
      return [
        {
          what: `${name}: more than ${plain}`,
          value: median(more),
          unit: 'ns a copy',
          interval: medianInterval(more),
          detail: `${both.join(' and ')} ns`,
        },
      ];
    });
    return { results };
  },
};

/** ns a copy of each feature's engine, the median of its turns; they take them one after another. */
async function oneSet(turns: number): Promise<number[]> {
  const lab = new Lab();
  try {
    const engines: TurnTaker[] = [];
    for (const feature of FEATURES.keys()) engines.push(await TurnTaker.withFeature(lab, feature));
    const times: number[][] = FEATURES.map(() => []);
    for (let turn = 0; turn < turns; turn++) {
      for (const n of FEATURES.keys()) {
        const engine = (n + turn) % FEATURES.length;
        times[engine].push(await engines[engine].turn());
      }
    }
    return times.map(median);
  } finally {
    lab.close();
  }
}
