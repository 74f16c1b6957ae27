// How the cost of a frame grows with the size of the switch. VLANs, stations and floods in the engine alone, where a
// growing table would show; ports and remotes with real devices, in CPU time of the whole process, because there the
// number of descriptors and sockets is the question. Two workers against one: workers.ts.

import { Arena } from './arena.ts';
import type { Bench, BenchOptions, CurveChart, Outcome, Unmeasured } from './bench.ts';
import { join } from './compare.ts';
import type { ContenderKind } from './contenders/contender.ts';
import { type Many, manyRemotes, manyTaps } from './contenders/many.ts';
import { estimate } from './estimate.ts';
import { Lab } from './lab.ts';
import { TurnTaker } from './measuring.ts';
import { median, medianInterval, ratios } from './statistics.ts';
import { SMALLEST, sendUdp } from './traffic/load.ts';

const VXLAN_PORT = 4789;

export interface Growth {
  name: string;
  what: string;
  x: string;
  unit: string;
  sizes: number[];
  /** Largest / smallest. */
  atMost?: number;
}

interface DeviceGrowth extends Growth {
  open(lab: Lab, size: number): Promise<Many>;
  /** Where datagrams are counted: their own port, or the tunnel's. */
  port?: number;
}

const IN_ENGINE: Growth[] = [
  {
    name: 'stations',
    what: 'Stations',
    x: 'stations in the FDB',
    unit: 'ns a frame, engine alone',
    sizes: [1000, 4000, 16_000, 65_536, 250_000, 1_000_000],
  },
  {
    name: 'vlans',
    what: 'VLANs',
    x: 'VLANs on each of 8 trunks',
    unit: 'ns a frame, engine alone',
    sizes: [1, 4, 16, 64, 256, 1024, 4094],
    atMost: 1.3,
  },
  {
    name: 'flood',
    what: 'Floods',
    x: 'members that a frame is flooded to',
    unit: 'ns a copy, engine alone',
    sizes: [2, 4, 8, 16, 32, 64, 128, 256],
    atMost: 1.1,
  },
];

const ON_DEVICES: DeviceGrowth[] = [
  {
    name: 'ports',
    what: 'Ports',
    x: 'TAPs, traffic between all pairs in turns',
    unit: 'ns of CPU a frame',
    sizes: [2, 8, 32, 128, 512],
    atMost: 1.5,
    open: manyTaps,
  },
  {
    name: 'remotes',
    what: 'VXLAN remotes',
    x: 'remotes, traffic to all in turns',
    unit: 'ns of CPU a frame',
    sizes: [1, 10, 100, 1000],
    open: manyRemotes,
    port: VXLAN_PORT,
  },
];

/** Size -> what each round gave. */
export type Times = Record<number, number[]>;

export const growth: Bench = {
  name: 'growth',
  question:
    'How does the cost of a frame grow with ports, VLANs, stations, members of a flood and VXLAN remotes?',
  duration: (options) =>
    30 + ON_DEVICES.reduce((sum, { sizes }) => sum + 5 + estimate(options, sizes.length), 0),
  async run(options) {
    const outcomes: Outcome[] = [];
    for (const one of IN_ENGINE) outcomes.push(curve(one, await inEngine(one, options)));
    if (process.getuid?.() !== 0) {
      const notes = ['Ports and remotes need root.'];
      return join([...outcomes, ...ON_DEVICES.map((one) => curve(one, {})), { notes }]);
    }
    for (const one of ON_DEVICES) outcomes.push(await onDevices(one, options));
    return join(outcomes);
  },
};

async function inEngine({ name, sizes }: Growth, { rounds, quick, say }: BenchOptions): Promise<Times> {
  const few = quick ? ends(sizes) : sizes;
  say(`${name}: ${few.join(', ')}`);
  const lab = new Lab();
  try {
    const times: Times = {};
    const engines: { size: number; engine: TurnTaker }[] = [];
    for (const size of few) {
      engines.push({ size, engine: await TurnTaker.start(lab, name, size) });
      times[size] = [];
    }
    for (let round = 0; round < rounds; round++) {
      for (let n = 0; n < engines.length; n++) {
        const { size, engine } = engines[(n + round) % engines.length];
        times[size].push(await engine.turn());
      }
    }
    return times;
  } finally {
    lab.close();
  }
}

async function onDevices(one: DeviceGrowth, options: BenchOptions): Promise<Outcome> {
  const sizes = options.quick ? ends(one.sizes) : one.sizes;
  const kinds = sizes.map(
    (size): ContenderKind => ({ name: String(size), open: (lab) => one.open(lab, size) }),
  );
  const arena = await Arena.open(kinds, {}, { ...options, peers: [] });
  try {
    const rounds = await arena.alternate(one.name, options, async (lab, contender, seconds) => {
      const { hosts, targets, step } = contender as Many;
      return { ...(await sendUdp(lab, hosts, SMALLEST, seconds, { targets, step, port: one.port })) };
    });
    const times: Times = {};
    for (const [size, samples] of rounds.samples) {
      times[Number(size)] = samples.map(({ cpuNs, values }) => cpuNs / values.received);
    }
    const failed = [...rounds.failed].map(([size, why]) => `${one.what}, ${size}: ${why}`);
    return join([curve(one, times), { notes: [...arena.notes, ...failed] }]);
  } finally {
    arena.close();
  }
}

export function curve({ name, what, x, unit, sizes: wanted, atMost }: Growth, times: Times): Outcome {
  const sizes = Object.keys(times)
    .map(Number)
    .sort((a, b) => a - b);
  const valid = sizes.filter((size) => times[size].every(Number.isFinite));
  const points = valid.map((size) => ({
    x: size,
    median: median(times[size]),
    interval: medianInterval(times[size]),
    rounds: times[size],
  }));
  const chart: CurveChart = { name, what, x, unit, curves: [{ name: 'Taploom', points }] };
  // What a smaller switch does proves nothing about the promise.
  const isWhole = ends(wanted).every((size) => valid.includes(size));
  const unmeasured: Unmeasured[] = [];
  if (atMost !== undefined && !isWhole) {
    const missing = wanted.filter((size) => !valid.includes(size)).map((size) => size.toLocaleString('en'));
    const why = `rounds are missing with ${missing.join(', ')}`;
    unmeasured.push({ what: title(what, ends(wanted)), unit: 'times', expected: { atMost }, why });
  }
  if (valid.length < 2) return { results: [], unmeasured, notes: [`${what}: too few rounds succeeded.`] };
  const [smallest, largest] = ends(valid);
  const each = ratios(times[largest], times[smallest]);
  const result = {
    what: title(what, [smallest, largest]),
    value: median(each),
    unit: 'times',
    interval: medianInterval(each),
    expected: atMost === undefined || !isWhole ? undefined : { atMost },
    detail: `${points[0].median.toFixed(0)} to ${points[points.length - 1].median.toFixed(0)} ${unit}`,
  };
  return { results: [result], unmeasured, curves: [chart] };
}

function title(what: string, [smallest, largest]: readonly number[]): string {
  return `${what}: ${largest.toLocaleString('en')} / ${smallest.toLocaleString('en')}`;
}

function ends(sizes: readonly number[]): number[] {
  return [sizes[0], sizes[sizes.length - 1]];
}
