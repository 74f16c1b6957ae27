// How long a small frame takes beside a bulk flow through a shaper of 100 Mb/s.

import { setTimeout } from 'node:timers/promises';
import type { BenchOptions, Outcome, Result } from '../bench.ts';
import { Lab } from '../lab.ts';
import { median, medianInterval, ratios } from '../statistics.ts';
import { sendTcp } from '../traffic/iperf.ts';
import { type RoundTrips, roundTrips } from '../traffic/load.ts';
import { type Lane, sendBulk, taploomLane, tcLane } from './lane.ts';

const MBITS = 100;
const P99_MS = 5;
const STRICT = 1.3;
/** What a super-frame is cut to, ms. */
const LONGEST_MS = 1;
const LEAD = 1;
/** Class selector 1: the bulk flow's. */
const BULK_TOS = 0x20;
const OFFERED = 1.3;
const KINDS = [
  taploomLane('Taploom, fair', { shape: `${MBITS}mbit`, fair: true }),
  taploomLane('Taploom, one queue', { shape: `${MBITS}mbit` }),
  tcLane('tbf, one queue', `qdisc add dev DEV root tbf rate ${MBITS}mbit burst 64kb latency 50ms`),
];
const STRICT_KIND = taploomLane('Taploom, strict', {
  shape: `${MBITS}mbit`,
  classes: [
    { name: 'bulk', match: { dscp: BULK_TOS >>> 2 } },
    { name: 'first', priority: 7 },
  ],
});

export function delaysDuration({ rounds, seconds }: { rounds: number; seconds: number }): number {
  return 10 + rounds * (3 * (seconds + LEAD + 2) + 2 * (seconds + 1) + LEAD);
}

export async function delays(options: BenchOptions): Promise<Outcome> {
  const { rounds, seconds, say } = options;
  const lab = new Lab();
  try {
    const lanes: Lane[] = [];
    for (const kind of KINDS) lanes.push(await kind.open(lab));
    const strict = await STRICT_KIND.open(lab);
    const p99 = lanes.map((): number[] => []);
    const idle: number[] = [];
    const loaded: number[] = [];
    for (let round = 0; round < rounds; round++) {
      say(`round trips beside bulk: round ${round + 1} of ${rounds}`);
      for (let n = 0; n < lanes.length; n++) {
        const at = (n + round) % lanes.length;
        p99[at].push((await besideTcp(lab, lanes[at], seconds)).p99 / 1000);
      }
      idle.push((await roundTrips(lab, strict.hosts, seconds)).p99 / 1000);
      loaded.push((await besideUdp(lab, strict, seconds)).p99 / 1000);
    }
    return { results: [fairResult(lanes, p99), strictResult(idle, loaded)] };
  } finally {
    lab.close();
  }
}

async function besideTcp(lab: Lab, { hosts }: Lane, seconds: number): Promise<RoundTrips> {
  const bulk = sendTcp(lab, hosts, seconds + LEAD + 1, { congestion: 'reno' });
  const [sent, asked] = await Promise.allSettled([
    bulk,
    setTimeout(LEAD * 1000).then(() => roundTrips(lab, hosts, seconds)),
  ]);
  if (sent.status === 'rejected') throw sent.reason;
  if (asked.status === 'rejected') throw asked.reason;
  return asked.value;
}

async function besideUdp(lab: Lab, { hosts }: Lane, seconds: number): Promise<RoundTrips> {
  const bulk = sendBulk(lab, hosts[0], seconds + LEAD, MBITS * OFFERED, { tos: BULK_TOS });
  await setTimeout(LEAD * 500);
  const times = await roundTrips(lab, hosts, seconds);
  await bulk.output(10_000);
  return times;
}

function fairResult(lanes: readonly Lane[], p99: readonly (readonly number[])[]): Result {
  return {
    what: `round trip of a small flow beside TCP through a shaper of ${MBITS} Mb/s, p99`,
    value: median(p99[0]),
    unit: 'ms',
    interval: medianInterval(p99[0]),
    expected: { atMost: P99_MS },
    detail: lanes.map(({ name }, n) => `${name}: ${median(p99[n]).toFixed(2)} ms`).join(', '),
  };
}

function strictResult(idle: readonly number[], loaded: readonly number[]): Result {
  const each = ratios(
    loaded.map((ms) => Math.max(0, ms - LONGEST_MS)),
    idle,
  );
  return {
    what: `round trip of a class with strict priority beside UDP, p99 without the ${LONGEST_MS} ms of a super-frame / idle`,
    value: median(each),
    unit: 'times',
    interval: medianInterval(each),
    expected: { atMost: STRICT },
    detail: `${median(loaded).toFixed(2)} ms beside UDP, ${median(idle).toFixed(2)} ms idle`,
  };
}
