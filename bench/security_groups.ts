// What security groups cost: an established frame in the engine alone, a new connection, and TCP from TAP to TAP.

import { Arena } from './arena.ts';
import type { Bench, BenchOptions, Outcome, Result } from './bench.ts';
import { compare, join } from './compare.ts';
import { TAPLOOM, taploomWith } from './contenders/taploom.ts';
import { estimate } from './estimate.ts';
import { BEGINNING, ESTABLISHED, GROUP_FEATURES, type GroupFeature } from './group_list.ts';
import { Lab } from './lab.ts';
import { TurnTaker } from './measuring.ts';
import { median, medianInterval } from './statistics.ts';
import { sendTcp } from './traffic/iperf.ts';

const TURNS = 15;
const START_S = 1.5;
const TURN_S = 0.03;
/** Sets of fresh engines: by where its memory lies, an engine is slow or fast for its whole life. */
const ROUNDS_OF_A_SET = 3;
const FLAT = 1.25;
const TCP_AT_LEAST = 0.95;
const WITHOUT = 'Taploom-ungrouped';

export const securityGroups: Bench = {
  name: 'groups',
  question: 'What do security groups cost: a frame of a connection, a new connection, TCP?',
  duration: (options) => {
    const { sets, turns } = amounts(options);
    return sets * GROUP_FEATURES.length * (START_S + turns * TURN_S) + estimate(options, 2);
  },
  async run(options) {
    const outcomes: Partial<Outcome>[] = [];
    for (const family of ESTABLISHED)
      outcomes.push({ results: differences(family, await sets(family, options)) });
    outcomes.push({ results: beginnings(await sets(BEGINNING, options)) });
    outcomes.push(await tcp(options));
    return join(outcomes);
  },
};

function amounts({ rounds, quick }: Omit<BenchOptions, 'say'>): { sets: number; turns: number } {
  return quick ? { sets: 1, turns: 1 } : { sets: Math.ceil(rounds / ROUNDS_OF_A_SET), turns: TURNS };
}

/** ns a frame of each engine, set by set. */
async function sets(family: readonly GroupFeature[], options: BenchOptions): Promise<number[][]> {
  options.say(family.map(({ name }) => name).join('; '));
  const { sets, turns } = amounts(options);
  const times: number[][] = [];
  for (let set = 0; set < sets; set++) times.push(await oneSet(family, turns));
  return times;
}

/** The median of its turns, each of which is the time that nothing disturbed. */
async function oneSet(family: readonly GroupFeature[], turns: number): Promise<number[]> {
  const lab = new Lab();
  try {
    const engines: TurnTaker[] = [];
    for (const one of family) engines.push(await TurnTaker.withGroups(lab, GROUP_FEATURES.indexOf(one)));
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

function differences(family: readonly GroupFeature[], times: readonly (readonly number[])[]): Result[] {
  const typical = (n: number) => median(times.map((set) => set[n])).toFixed(1);
  return family.slice(1).map(({ name, plain, atMost }, before) => {
    const more = times.map((set) => set[before + 1] - set[0]);
    return {
      what: `${name}: more than ${plain}`,
      value: median(more),
      unit: 'ns a frame',
      interval: medianInterval(more),
      ...(atMost !== undefined && { expected: { atMost } }),
      detail: `${typical(before + 1)} and ${typical(0)} ns`,
    };
  });
}

function beginnings(times: readonly (readonly number[])[]): Result[] {
  const ratios = times.map(([few, many]) => many / few);
  const rate = (n: number) => Math.round(1e9 / median(times.map((set) => set[n]))).toLocaleString('en');
  const [few, many] = BEGINNING.map(({ name }) => name);
  return [
    {
      what: `${many}: time of that of ${few}`,
      value: median(ratios),
      unit: 'times',
      interval: medianInterval(ratios),
      expected: { atMost: FLAT },
      detail: `${rate(1)} and ${rate(0)} new connections a second, in the engine alone`,
    },
  ];
}

async function tcp(options: BenchOptions): Promise<Outcome> {
  const grouped = taploomWith(TAPLOOM, {
    port: { groups: ['g'] },
    groups: { g: { in: [{ from: 'g' }] } },
  });
  const arena = await Arena.open([grouped, taploomWith(WITHOUT, {})], {}, options);
  try {
    const what = 'TCP, TAP to TAP, each in a group';
    const rounds = await arena.alternate(what, options, async (lab, { hosts }, seconds) => ({
      ...(await sendTcp(lab, hosts, seconds)),
    }));
    const compared = compare(rounds, {
      name: 'groups',
      what,
      unit: 'Gb/s',
      better: 'more',
      metric: ({ values }) => values.gbits,
      expected: { [WITHOUT]: TCP_AT_LEAST },
    });
    return join([compared, { notes: arena.notes }]);
  } finally {
    arena.close();
  }
}
