// Whether a rate is kept: TCP and UDP through Taploom's shaper, and through tbf and htb, in turns.

import { setTimeout } from 'node:timers/promises';
import type { BenchOptions, Outcome, Result } from '../bench.ts';
import { Lab } from '../lab.ts';
import { median, medianInterval } from '../statistics.ts';
import { sendTcp } from '../traffic/iperf.ts';
import { type Lane, type LaneKind, ovsLane, sendBulk, taploomLane, tcLane, wireRate } from './lane.ts';

type Protocol = 'tcp' | 'udp';
const PROTOCOLS: readonly Protocol[] = ['tcp', 'udp'];
const MBITS = [10, 100, 1000, 5000];
const QUICK_MBITS = [10, 100];
const SECONDS = 5;
/** At 1 Mb/s, side by side: what waits does not disturb the others. */
const SLOW_SECONDS = 60;
/** %, of the rate. */
const WITHIN = 2;
/** Until TCP fills the way, s; where 64 KiB take half a second, longer. */
const LEAD = 1.5;
const SLOW_LEAD = 8;
/** What UDP is offered beyond the rate. */
const OFFERED = 1.3;
const POLICED_MBITS = 100;
const ROUNDS_OF_A_SET = 5;

export function ratesDuration({ rounds, quick }: { rounds: number; quick: boolean }): number {
  if (quick) return QUICK_MBITS.length * 2 * 3 * 4 + 2 * 12 + 20;
  const sets = setsOf(rounds);
  return (MBITS.length * 3 + 2) * 2 * sets * (SECONDS + LEAD + 2) + 2 * (SLOW_SECONDS + SLOW_LEAD + 6) + 40;
}

export async function rates(options: BenchOptions): Promise<Outcome> {
  const results: Result[] = [];
  const seconds = options.quick ? 1 : SECONDS;
  for (const mbits of options.quick ? QUICK_MBITS : MBITS)
    results.push(
      ...(await inTurns(`shaped to ${name(mbits)}`, shapers(mbits), mbits, seconds, options, WITHIN)),
    );
  results.push(...(await sideBySide(1, options.quick ? 3 : SLOW_SECONDS, options)));
  results.push(
    ...(await inTurns(
      `policed to ${name(POLICED_MBITS)}`,
      policers(POLICED_MBITS),
      POLICED_MBITS,
      seconds,
      options,
    )),
  );
  return { results };
}

function name(mbits: number): string {
  return mbits < 1000 ? `${mbits} Mb/s` : `${mbits / 1000} Gb/s`;
}

function shapers(mbits: number): LaneKind[] {
  const burst = Math.max(16_384, Math.ceil((mbits * 1e6 * 0.005) / 8));
  const rate = `${mbits}mbit burst ${burst}`;
  return [
    taploomLane('Taploom', { shape: `${mbits}mbit` }),
    tcLane('tbf', `qdisc add dev DEV root tbf rate ${rate} latency 50ms`),
    tcLane(
      'htb',
      'qdisc add dev DEV root handle 1: htb default 1',
      `class add dev DEV parent 1: classid 1:1 htb rate ${rate}`,
      `qdisc add dev DEV parent 1:1 pfifo limit ${Math.max(50, Math.ceil((mbits * 1e6 * 0.05) / 8 / 1514))}`,
    ),
  ];
}

function policers(mbits: number): LaneKind[] {
  return [
    taploomLane('Taploom', undefined, { police: { police: { in: { rate: `${mbits}mbit`, burst: '1mb' } } } }),
    ovsLane('OVS meter', mbits * 1000, 8192),
  ];
}

async function inTurns(
  what: string,
  kinds: readonly LaneKind[],
  mbits: number,
  seconds: number,
  { rounds, quick, say }: BenchOptions,
  within?: number,
): Promise<Result[]> {
  const lab = new Lab();
  try {
    const { lanes, missing } = await openAll(lab, kinds, say);
    const results: Result[] = [];
    for (const protocol of PROTOCOLS) {
      const shares = lanes.map((): number[] => []);
      for (let set = 0; set < (quick ? 1 : setsOf(rounds)); set++) {
        say(`${what}, ${protocol.toUpperCase()}: round ${set + 1}`);
        for (let n = 0; n < lanes.length; n++) {
          const at = (n + set) % lanes.length;
          const rate = await through(lab, lanes[at], protocol, mbits, seconds, LEAD);
          shares[at].push(rate / mbits / 1e6);
        }
      }
      results.push(resultOf(what, protocol, lanes, shares, missing, within));
    }
    return results;
  } finally {
    lab.close();
  }
}

async function sideBySide(mbits: number, seconds: number, { say, quick }: BenchOptions): Promise<Result[]> {
  const what = `shaped to ${name(mbits)}`;
  const lab = new Lab();
  try {
    const { lanes, missing } = await openAll(lab, shapers(mbits), say);
    const results: Result[] = [];
    for (const protocol of PROTOCOLS) {
      say(`${what}, ${protocol.toUpperCase()}, ${seconds} s`);
      const all = lanes.map((lane) => through(lab, lane, protocol, mbits, seconds, quick ? LEAD : SLOW_LEAD));
      const shares = (await Promise.all(all)).map((rate) => [rate / mbits / 1e6]);
      results.push(resultOf(what, protocol, lanes, shares, missing, WITHIN));
    }
    return results;
  } finally {
    lab.close();
  }
}

/** Who is not there is left out, but Taploom. */
async function openAll(lab: Lab, kinds: readonly LaneKind[], say: BenchOptions['say']) {
  const lanes: Lane[] = [];
  const missing: string[] = [];
  for (const kind of kinds) {
    try {
      lanes.push(await kind.open(lab));
    } catch (error) {
      if (lanes.length === 0) throw error;
      missing.push(kind.name);
      say(`${kind.name} is left out: ${error instanceof Error ? error.message : error}`);
    }
  }
  return { lanes, missing };
}

/** Bits a second that arrive while a sender has more. */
async function through(
  lab: Lab,
  { hosts, counters }: Lane,
  protocol: Protocol,
  mbits: number,
  seconds: number,
  lead: number,
): Promise<number> {
  const traffic =
    protocol === 'tcp'
      ? sendTcp(lab, hosts, seconds + lead + 1, { congestion: 'reno' })
      : sendBulk(lab, hosts[0], seconds + lead + 0.5, mbits * OFFERED).output(
          (seconds + lead) * 1000 + 10_000,
        );
  const looking = (async () => {
    await setTimeout(lead * 1000);
    const before = counters();
    await setTimeout(seconds * 1000);
    return wireRate(protocol, before, counters());
  })();
  // Both to their ends: what follows must find the way free.
  const [sent, looked] = await Promise.allSettled([traffic, looking]);
  if (sent.status === 'rejected') throw sent.reason;
  if (looked.status === 'rejected') throw looked.reason;
  return looked.value;
}

/** A set takes so long that it counts as five rounds. */
function setsOf(rounds: number): number {
  return Math.ceil(rounds / ROUNDS_OF_A_SET);
}

function resultOf(
  what: string,
  protocol: Protocol,
  lanes: readonly Lane[],
  shares: readonly (readonly number[])[],
  missing: readonly string[],
  within?: number,
): Result {
  const away = shares[0].map((share) => 100 * Math.abs(share - 1));
  const said = lanes.map((lane, n) => `${lane.name} ${(100 * median(shares[n])).toFixed(2)} %`);
  const detail = [...said, ...missing.map((peer) => `${peer} is left out`)].join(', ');
  return {
    what: `${what}, ${protocol.toUpperCase()}: what arrives is away from it by`,
    value: median(away),
    unit: '%',
    interval: medianInterval(away),
    ...(within !== undefined && { expected: { atMost: within } }),
    detail: `of the rate arrives: ${detail}`,
  };
}
