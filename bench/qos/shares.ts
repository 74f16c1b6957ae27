// Who gets how much: a class with a guaranteed minimum beside ten senders that want everything, and, without any configuration, a
// sender of one stream beside one of many, where the switch's thread is what they wait for.

import { setTimeout } from 'node:timers/promises';
import type { BenchOptions, Outcome, Result } from '../bench.ts';
import { connect, hostNamespaces } from '../contenders/contender.ts';
import { TaploomProcess } from '../contenders/taploom.ts';
import { Lab } from '../lab.ts';
import { median, medianInterval } from '../statistics.ts';
import { sendTcp } from '../traffic/iperf.ts';
import { sendUdp } from '../traffic/load.ts';
import { sendBulk, taploomLane } from './lane.ts';

const MBITS = 100;
const MINIMUM = 30;
const OFFERED = 45;
const GREEDY = 10;
const WITHIN = 0.97;
const SIZE = 1400;
const WIRE = SIZE + 42;
const GREEDY_TOS = 0x20;
const LEAD = 0.5;
const STREAMS = 8;
/** Of half of the bytes. */
const FAIR = 0.8;

export function sharesDuration({ rounds, seconds }: { rounds: number; seconds: number }): number {
  return 10 + rounds * (seconds + LEAD + 2 + Math.ceil(seconds) + 2);
}

export async function shares(options: BenchOptions): Promise<Outcome> {
  return { results: [await minimum(options), await withoutConfiguration(options)] };
}

async function minimum({ rounds, seconds, say }: BenchOptions): Promise<Result> {
  const lab = new Lab();
  try {
    const classes = [
      { name: 'greedy', match: { dscp: GREEDY_TOS >>> 2 } },
      // Hardly anything but its minimum.
      { name: 'assured', min: `${MINIMUM}mbit`, weight: 0.01, limit: '16kb' },
    ];
    const qos = { shape: `${MBITS}mbit`, classes };
    const { hosts } = await taploomLane('minima', qos, { senders: GREEDY + 1 }).open(lab);
    const rates: number[] = [];
    for (let round = 0; round < rounds; round++) {
      say(`a minimum beside ${GREEDY} senders: round ${round + 1} of ${rounds}`);
      const time = seconds + 2 * LEAD;
      const greedy = hosts
        .slice(2)
        .map((host) => sendBulk(lab, host, time, (2 * MBITS) / GREEDY, { tos: GREEDY_TOS }));
      await setTimeout(LEAD * 1000);
      const rate = (OFFERED * 1e6) / 8 / WIRE;
      const { kpps } = await sendUdp(lab, hosts, SIZE, seconds, { rate });
      rates.push((kpps * 1000 * WIRE * 8) / 1e6);
      for (const one of greedy) await one.output(10_000);
    }
    const each = rates.map((rate) => rate / MINIMUM);
    return {
      what: `a minimum of ${MINIMUM} of ${MBITS} Mb/s beside ${GREEDY} senders of ${(2 * MBITS) / GREEDY} Mb/s: what arrives / the minimum`,
      value: median(each),
      unit: 'times',
      interval: medianInterval(each),
      expected: { atLeast: WITHIN },
      detail: `${median(rates).toFixed(2)} Mb/s`,
    };
  } finally {
    lab.close();
  }
}

async function withoutConfiguration({ rounds, seconds, say }: BenchOptions): Promise<Result> {
  const lab = new Lab();
  try {
    const namespaces = hostNamespaces(lab, 'share', 4);
    const ports = Object.fromEntries(
      namespaces.map((netns, n) => [`tl${n}`, { type: 'tap' as const, netns }]),
    );
    await TaploomProcess.start(lab, { version: 1, bridges: { tlbench: { local: false, ports } } });
    const hosts = connect(
      lab,
      namespaces.map((netns, n) => ({ netns, device: `tl${n}` })),
    );
    const each: number[] = [];
    for (let round = -1; round < rounds; round++) {
      say(round < 0 ? 'shares: warm-up' : `shares: round ${round + 1} of ${rounds}`);
      const [one, many] = await Promise.all([
        sendTcp(lab, hosts.slice(0, 2), seconds, { congestion: 'reno' }),
        sendTcp(lab, hosts.slice(2), seconds, { congestion: 'reno', streams: STREAMS }),
      ]);
      if (round >= 0) each.push((2 * one.gbits) / (one.gbits + many.gbits));
    }
    return {
      what: `one TCP stream beside ${STREAMS} from another port, nothing configured: its bytes / half of all`,
      value: median(each),
      unit: 'times',
      interval: medianInterval(each),
      expected: { atLeast: FAIR },
    };
  } finally {
    lab.close();
  }
}
