// Two pairs of hosts on one switch: one asks and answers, one question at a time; the other is silent, or saturates the
// switch beside it.

import { setTimeout } from 'node:timers/promises';
import { Arena, type Work } from './arena.ts';
import type { Bench, Outcome } from './bench.ts';
import { compare, join } from './compare.ts';
import { kernelBridge } from './contenders/kernel_bridge.ts';
import { OVS, ovsTaps, ovsTsoTaps } from './contenders/open_vswitch.ts';
import { pumpTaps } from './contenders/pump.ts';
import { TAPLOOM, taploomTaps } from './contenders/taploom.ts';
import { vdeTaps } from './contenders/vde.ts';
import { estimate } from './estimate.ts';
import { sendTcp } from './traffic/iperf.ts';
import { roundTrips, SMALLEST, sendUdp } from './traffic/load.ts';

const KINDS = [taploomTaps, pumpTaps, ovsTaps, ovsTsoTaps, vdeTaps, kernelBridge];
const PUMP = pumpTaps.name;
/** What an idle pair may feel of a saturating one, µs. */
const P99_LIMIT = 2000;
/** Of the traffic beside, before the first question and after the last. */
const LEAD_S = 0.3;

type Moment = 'mean' | 'p50' | 'p99';

interface Situation {
  name: string;
  what: string;
  work: Work;
  expected: Partial<Record<Moment, Record<string, number>>>;
}

const idle: Work = async (lab, { hosts }, seconds) => ({
  ...(await roundTrips(lab, hosts.slice(0, 2), seconds)),
});

/** Asks while `load` runs between the other two hosts. */
function beside(load: (...args: Parameters<Work>) => Promise<unknown>): Work {
  return async (lab, contender, seconds) => {
    const loading = load(lab, { ...contender, hosts: contender.hosts.slice(2) }, seconds + 2 * LEAD_S);
    const asking = setTimeout(1000 * LEAD_S).then(() =>
      roundTrips(lab, contender.hosts.slice(0, 2), seconds),
    );
    // Both to their ends, also when one fails: the next round must find both ports free.
    const [loaded, times] = await Promise.allSettled([loading, asking]);
    if (loaded.status === 'rejected') throw loaded.reason;
    if (times.status === 'rejected') throw times.reason;
    return { ...times.value };
  };
}

const SITUATIONS: Situation[] = [
  { name: 'idle', what: 'idle', work: idle, expected: { mean: { [PUMP]: 1.15, [OVS]: 0.8 } } },
  {
    name: 'tcp',
    what: 'beside TCP',
    work: beside((lab, { hosts }, seconds) => sendTcp(lab, hosts, Math.ceil(seconds))),
    expected: { p99: { [PUMP]: 1.25 } },
  },
  {
    name: 'udp',
    what: 'beside small frames',
    work: beside((lab, { hosts }, seconds) => sendUdp(lab, hosts, SMALLEST, seconds)),
    expected: { p99: { [PUMP]: 1.25 } },
  },
];

export const latency: Bench = {
  name: 'latency',
  question: 'How long does a small datagram take there and back, idle and beside a saturating pair?',
  duration: ({ rounds, seconds }) =>
    estimate({ rounds, seconds: seconds + 1 }, SITUATIONS.length * KINDS.length),
  async run(options) {
    const arena = await Arena.open(KINDS, { hosts: 4 }, options);
    try {
      const outcomes: Partial<Outcome>[] = [{ notes: arena.notes }];
      for (const { name, what, work, expected } of SITUATIONS) {
        const rounds = await arena.alternate(`round trips, ${what}`, options, work);
        for (const moment of ['mean', 'p50', 'p99'] as const) {
          outcomes.push(
            compare(rounds, {
              name: `latency-${name}-${moment}`,
              what: `Round trip, ${what}, ${moment}`,
              unit: 'µs',
              better: 'less',
              metric: ({ values }) => values[moment],
              expected: expected[moment],
            }),
          );
        }
        const p99 = outcomes.at(-1)?.bars?.[0].bars.find((bar) => bar.name === TAPLOOM);
        if (name === 'idle') continue;
        const promise = { what: `Round trip, ${what}, p99`, unit: 'µs', expected: { atMost: P99_LIMIT } };
        if (p99 === undefined) {
          const why = rounds.failed.get(TAPLOOM) ?? 'no round succeeded';
          outcomes.push({ unmeasured: [{ ...promise, why }] });
        } else {
          const { median: value, interval } = p99;
          outcomes.push({ results: [{ ...promise, value, interval }] });
        }
      }
      return join(outcomes);
    } finally {
      arena.close();
    }
  },
};
