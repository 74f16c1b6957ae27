// This tree beside an earlier one, alternating: what a change cost. `TAPLOOM_BEFORE` names a checkout that is built
// (`npm run build` there). Not part of a complete run.

import { join, resolve } from 'node:path';
import { Arena, type Sample, type Work } from './arena.ts';
import { type Bench, type BenchOptions, type Outcome, Skip } from './bench.ts';
import { type Comparison, compare, join as joined } from './compare.ts';
import { TAPLOOM, taploomTaps, taploomWith } from './contenders/taploom.ts';
import { taploomVxlan, taploomVxlanWith } from './contenders/vxlan.ts';
import { estimate } from './estimate.ts';
import { Lab } from './lab.ts';
import { TurnTaker } from './measuring.ts';
import { median, medianInterval, ratios } from './statistics.ts';
import { sendTcp, type TcpOptions } from './traffic/iperf.ts';
import { roundTrips, SMALLEST, sendUdp, type UdpOptions } from './traffic/load.ts';
import { SLOW } from './udp.ts';

const BEFORE = 'before';
/** The end of the interval that a feature which is off has to reach. */
const AT_LEAST = 0.98;
/** Of what should be small. */
const AT_MOST = 1.02;
const STATIONS = [256, 65_536];
/** Of a pair of engines, 20 ms each; an engine may be slow or fast for its whole life, by where its memory lies. */
const TURNS = 40;
const PAIR_S = 4;

export const before: Bench = {
  name: 'before',
  question: 'How fast is this beside the tree in TAPLOOM_BEFORE?',
  duration: (options) =>
    estimate(options, 2 * (ON_TAPS.length + 1)) + STATIONS.length * PAIR_S * options.rounds,
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

interface OnTaps extends Pick<Comparison, 'unit' | 'better' | 'metric'> {
  name: string;
  what: string;
  work: Work;
}

const GBITS = { unit: 'Gb/s', better: 'more', metric: ({ values }: Sample) => values.gbits } as const;

function tcp(options: TcpOptions): Work {
  return async (lab, { hosts }, seconds) => ({ ...(await sendTcp(lab, hosts, seconds, options)) });
}

function udp(options: UdpOptions): Work {
  return async (lab, { hosts }, seconds) => ({ ...(await sendUdp(lab, hosts, SMALLEST, seconds, options)) });
}

const ON_TAPS: OnTaps[] = [
  { name: 'tcp', what: 'TCP', work: tcp({}), ...GBITS },
  { name: 'tcp-4', what: 'TCP, 4 streams', work: tcp({ streams: 4 }), ...GBITS },
  { name: 'tcp-both', what: 'TCP, both directions', work: tcp({ bothWays: true }), ...GBITS },
  {
    name: 'udp',
    what: 'UDP, 18 bytes',
    work: udp({}),
    unit: 'kpps',
    better: 'more',
    metric: ({ values }) => values.kpps,
  },
  {
    name: 'paced',
    what: 'CPU for a small frame, 10,000 a second',
    work: udp({ rate: SLOW }),
    unit: 'ns of the switch',
    better: 'less',
    metric: ({ cpuNs, forwarded }) => cpuNs / forwarded,
  },
  {
    name: 'idle',
    what: 'Round trip, idle, mean',
    work: async (lab, { hosts }, seconds) => ({ ...(await roundTrips(lab, hosts, seconds)) }),
    unit: 'µs',
    better: 'less',
    metric: ({ values }) => values.mean,
  },
];

/** A round is a pair of fresh engines that take turns of 20 ms, so that both see the same machine: its moods last longer. */
async function engines(stations: number, dist: string, { rounds, say }: BenchOptions): Promise<Outcome> {
  const pairs: Pair[] = [];
  for (let round = 0; round < rounds; round++) {
    say(`engine, ${stations} stations, round ${round + 1} of ${rounds}`);
    pairs.push(await pair(stations, dist, round % 2 === 0));
  }
  const each = pairs.map(({ ours, theirs }) => median(ratios(theirs, ours)));
  const result = {
    what: `engine, ${stations.toLocaleString('en')} stations, frames/s: this / before`,
    value: median(each),
    unit: 'times',
    interval: medianInterval(each),
    expected: { atLeast: AT_LEAST },
    detail:
      `${median(pairs.map(({ ours }) => median(ours))).toFixed(1)} and ` +
      `${median(pairs.map(({ theirs }) => median(theirs))).toFixed(1)} ns a frame`,
  };
  return { results: [result] };
}

/** ns a frame, turn by turn. */
interface Pair {
  ours: number[];
  theirs: number[];
}

async function pair(stations: number, dist: string, oursFirst: boolean): Promise<Pair> {
  const lab = new Lab();
  try {
    const start = (folder?: string) => TurnTaker.start(lab, 'stations', stations, folder);
    let our: TurnTaker;
    let their: TurnTaker;
    if (oursFirst) [our, their] = [await start(), await start(dist)];
    else [their, our] = [await start(dist), await start()];
    const times: Pair = { ours: [], theirs: [] };
    for (let n = 0; n < TURNS; n++) {
      const turns = [
        async () => times.ours.push(await our.turn()),
        async () => times.theirs.push(await their.turn()),
      ];
      for (const turn of n % 2 === 0 ? turns : turns.reverse()) await turn();
    }
    return times;
  } finally {
    lab.close();
  }
}

async function taps(program: string, options: BenchOptions): Promise<Outcome> {
  const arena = await Arena.open([taploomTaps, taploomWith(BEFORE, { program })], {}, everybody(options));
  try {
    const outcomes: Outcome[] = [];
    for (const { name, what, work, ...figure } of ON_TAPS) {
      const rounds = await arena.alternate(what, options, work);
      const expected = { [BEFORE]: figure.better === 'more' ? AT_LEAST : AT_MOST };
      outcomes.push(compare(rounds, { name: `before-${name}`, what, expected, ...figure }));
    }
    return joined(outcomes);
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
