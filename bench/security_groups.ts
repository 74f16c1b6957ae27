// What security groups cost: an established frame in the engine alone, a new connection, and TCP from TAP to TAP.

import { Arena } from './arena.ts';
import type { Bench, BenchOptions, Outcome, Result } from './bench.ts';
import { compare, join } from './compare.ts';
import { TAPLOOM, taploomWith } from './contenders/taploom.ts';
import { estimate } from './estimate.ts';
import { BEGINNING, ESTABLISHED, GROUP_FEATURES, type GroupFeature } from './group_list.ts';
import type { Lab } from './lab.ts';
import { TurnTaker } from './measuring.ts';
import { amounts, differences, oneSet } from './sets.ts';
import { median, medianInterval } from './statistics.ts';
import { sendTcp } from './traffic/iperf.ts';

const START_S = 1.5;
const TURN_S = 0.03;
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
      outcomes.push({ results: differences(family, await sets(family, options), 'ns a frame') });
    outcomes.push({ results: beginnings(await sets(BEGINNING, options)) });
    outcomes.push(await tcp(options));
    return join(outcomes);
  },
};

/** ns a frame of each engine, set by set. */
async function sets(family: readonly GroupFeature[], options: BenchOptions): Promise<number[][]> {
  options.say(family.map(({ name }) => name).join('; '));
  const { sets, turns } = amounts(options);
  const engines = family.map((one) => (lab: Lab) => TurnTaker.withGroups(lab, GROUP_FEATURES.indexOf(one)));
  const times: number[][] = [];
  for (let set = 0; set < sets; set++) times.push(await oneSet(engines, turns));
  return times;
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
