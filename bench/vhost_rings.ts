import type { Bench, Result } from './bench.ts';
import type { RingTimes } from './measure_vhost_rings.ts';
import { measure } from './measuring.ts';
import { median, medianInterval } from './statistics.ts';

const TURNS = 30;
const QUICK_TURNS = 3;
const TIMEOUT_MS = 120_000;
const LARGE_BITS = 65_536 * 8;
/** Of step 9: small frames, millions a second; large ones, Gb/s. */
const SMALL_RATE = 4;
const LARGE_RATE = 25;

export const vhostRings: Bench = {
  name: 'vhost',
  question: "How fast do frames come from one guest's ring to another's, on one CPU?",
  duration: ({ quick }) => (quick ? 5 : 20),
  async run({ quick }) {
    const times = (await measure(TIMEOUT_MS, 'measure_vhost_rings', [
      quick ? QUICK_TURNS : TURNS,
    ])) as RingTimes;
    return { results: Object.entries(times).map(([name, ns]) => result(name, ns)) };
  },
};

function result(name: string, ns: readonly number[]): Result {
  const [layout, size] = name.split(' ');
  const isSmall = size === 'small';
  const rates = ns.map((time) => (isSmall ? 1000 / time : LARGE_BITS / time));
  return {
    what: `${layout} rings, ${isSmall ? 'frames of 64 bytes' : 'super-frames of 64 KiB'}, drivers included`,
    value: median(rates),
    unit: isSmall ? 'million frames/s' : 'Gb/s',
    interval: medianInterval(rates),
    expected: { atLeast: isSmall ? SMALL_RATE : LARGE_RATE },
  };
}
