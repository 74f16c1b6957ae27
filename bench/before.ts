// This tree beside an earlier one, alternating: what a change cost. `TAPLOOM_BEFORE` names a checkout that is built
// (`npm run build` there). Not part of a complete run.

import { join, resolve } from 'node:path';
import { Arena } from './arena.ts';
import { type Bench, type BenchOptions, type Outcome, Skip } from './bench.ts';
import { compare, join as joined } from './compare.ts';
import { TAPLOOM, taploomTaps, taploomWith } from './contenders/taploom.ts';
import { taploomVxlan, taploomVxlanWith } from './contenders/vxlan.ts';
import { estimate } from './estimate.ts';
import type { EngineTimes } from './measure_engine.ts';
import { measure } from './measuring.ts';
import { median, medianInterval, ratios } from './statistics.ts';
import { sendTcp } from './traffic/iperf.ts';
import { SMALLEST, sendUdp } from './traffic/load.ts';

const BEFORE = 'before';
/** The end of the interval that a feature which is off has to reach. */
const AT_LEAST = 0.98;
const STATIONS = [256, 65_536];
const ENGINE_S = 4;
const TIMEOUT_MS = 60_000;

export const before: Bench = {
  name: 'before',
  question: 'How fast is this beside the tree in TAPLOOM_BEFORE?',
  duration: (options) => estimate(options, 6) + 2 * STATIONS.length * ENGINE_S * options.rounds,
  async run(options) {
    const root = process.env.TAPLOOM_BEFORE;
    if (root === undefined) throw new Skip('TAPLOOM_BEFORE does not name a tree.');
    const dist = join(resolve(root), 'dist/bench');
    const program = join(dist, 'switch_process.js');
    const outcomes: Partial<Outcome>[] = [];
    for (const stations of STATIONS) outcomes.push(await engines(stations, dist, options));
    outcomes.push(await taps(program, options), await tunnels(program, options));
    return joined(outcomes);
  },
};

async function engines(stations: number, dist: string, { rounds, say }: BenchOptions): Promise<Outcome> {
  const ours: number[] = [];
  const theirs: number[] = [];
  for (let round = 0; round < rounds; round++) {
    say(`engine, ${stations} stations, round ${round + 1} of ${rounds}`);
    const turns = [
      async () => ours.push(await nsOf(stations)),
      async () => theirs.push(await nsOf(stations, dist)),
    ];
    for (const turn of round % 2 === 0 ? turns : turns.reverse()) await turn();
  }
  const each = ratios(theirs, ours);
  const result = {
    what: `engine, ${stations.toLocaleString('en')} stations, frames/s: this / before`,
    value: median(each),
    unit: 'times',
    interval: medianInterval(each),
    expected: { atLeast: AT_LEAST },
    detail: `${median(ours).toFixed(1)} and ${median(theirs).toFixed(1)} ns a frame`,
  };
  return { results: [result] };
}

async function nsOf(stations: number, dist?: string): Promise<number> {
  const { engine } = (await measure(TIMEOUT_MS, 'measure_engine', [stations], [], dist)) as EngineTimes;
  return median(engine);
}

async function taps(program: string, options: BenchOptions): Promise<Outcome> {
  const arena = await Arena.open([taploomTaps, taploomWith(BEFORE, { program })], {}, everybody(options));
  try {
    const tcp = await arena.alternate('TCP', options, async (lab, { hosts }, seconds) => ({
      ...(await sendTcp(lab, hosts, seconds)),
    }));
    const udp = await arena.alternate('small UDP', options, async (lab, { hosts }, seconds) => ({
      ...(await sendUdp(lab, hosts, SMALLEST, seconds)),
    }));
    return joined([
      compare(tcp, { ...more('before-tcp', 'TCP', 'Gb/s'), metric: ({ values }) => values.gbits }),
      compare(udp, { ...more('before-udp', 'UDP, 18 bytes', 'kpps'), metric: ({ values }) => values.kpps }),
    ]);
  } finally {
    arena.close();
  }
}

async function tunnels(program: string, options: BenchOptions): Promise<Outcome> {
  const kinds = [taploomVxlan, taploomVxlanWith(BEFORE, { program })];
  const arena = await Arena.open(kinds, {}, everybody(options));
  try {
    const tcp = await arena.alternate('TCP over VXLAN', options, async (lab, { hosts }, seconds) => ({
      ...(await sendTcp(lab, hosts, seconds)),
    }));
    const comparison = more('before-vxlan', 'TCP over VXLAN', 'Gb/s');
    return joined([compare(tcp, { ...comparison, metric: ({ values }) => values.gbits })]);
  } finally {
    arena.close();
  }
}

function everybody(options: BenchOptions): BenchOptions {
  return { ...options, peers: [TAPLOOM.toLowerCase(), BEFORE] };
}

function more(name: string, what: string, unit: string) {
  return { name, what, unit, better: 'more' as const, expected: { [BEFORE]: AT_LEAST } };
}
