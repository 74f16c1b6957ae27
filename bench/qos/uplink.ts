// Who gets how much of an uplink that is full: a veth behind `tbf`, and two guests that send to it. One floods it with UDP; the other sends
// less than its half, or floods as well, or has one TCP stream. Taploom as installed, Taploom that drops, and the kernel's bridge.

import { setTimeout } from 'node:timers/promises';
import type { BenchOptions, Outcome, Result } from '../bench.ts';
import { built, connect, type Host, hostNamespaces } from '../contenders/contender.ts';
import { TaploomProcess } from '../contenders/taploom.ts';
import { SENDER_CPUS } from '../cpus.ts';
import { Lab } from '../lab.ts';
import { median, medianInterval } from '../statistics.ts';
import { sendTcp } from '../traffic/iperf.ts';
import { sendUdp } from '../traffic/load.ts';
import { NOBODY } from './lane.ts';

const MBITS = 40;
const FLOOD = 200;
const MODEST = 8;
const SIZE = 1400;
const WIRE = SIZE + 42;
const TCP_WIRE = 1514 / 1448;
/** Until an uplink that is full is noticed, and its rate found. */
const LEAD = 2;
const MODEST_GETS = 0.98;
const FAIR = 0.9;

type Kind = 'Taploom' | 'Taploom, when_full: drop' | 'kernel bridge (veth)';
const KINDS: readonly Kind[] = ['Taploom', 'Taploom, when_full: drop', 'kernel bridge (veth)'];

interface Case {
  what: string;
  atLeast: number;
  /** What the second guest gets, of what it should. */
  measure(lab: Lab, hosts: Host[], seconds: number): Promise<number>;
}

const CASES: readonly Case[] = [
  {
    what: `a guest that sends ${MODEST} Mb/s to an uplink of ${MBITS}, beside a flood: what arrives of it`,
    atLeast: MODEST_GETS,
    measure: async (lab, hosts, seconds) => (await udp(lab, hosts, seconds, MODEST)) / MODEST,
  },
  {
    what: `a guest that floods it, too: what arrives of it / half of the uplink`,
    atLeast: FAIR,
    measure: async (lab, hosts, seconds) => (await udp(lab, hosts, seconds, FLOOD)) / (MBITS / 2),
  },
  {
    what: `a guest with one TCP stream: what arrives of it / half of the uplink`,
    atLeast: FAIR,
    measure: async (lab, hosts, seconds) => {
      // Beside a flood that nobody tames two seconds may not do to connect.
      const { gbits } = await sendTcp(lab, hosts, seconds).catch(() => ({ gbits: 0 }));
      return (gbits * 1000 * TCP_WIRE) / (MBITS / 2);
    },
  },
];

export function uplinkDuration({ rounds, seconds }: { rounds: number; seconds: number }): number {
  return 5 + KINDS.length * CASES.length * rounds * (seconds + LEAD + 2);
}

export async function uplink({ rounds, seconds, say }: BenchOptions): Promise<Outcome> {
  const lab = new Lab();
  try {
    const places = new Map<Kind, Host[]>();
    for (const kind of KINDS) places.set(kind, await open(lab, kind));
    const results: Result[] = [];
    for (const { what, atLeast, measure } of CASES) {
      const each = new Map<Kind, number[]>(KINDS.map((kind) => [kind, []]));
      for (let round = 0; round < rounds; round++) {
        say(`uplink: ${what}: round ${round + 1} of ${rounds}`);
        for (const [kind, [guest, out, greedy]] of places) {
          const flood = sendFlood(lab, greedy, seconds + LEAD + 1);
          await setTimeout(LEAD * 1000);
          each.get(kind)?.push(await measure(lab, [guest, out], seconds));
          await flood.output(10_000);
        }
      }
      for (const [kind, values] of each)
        results.push({
          what: `${what} (${kind})`,
          value: median(values),
          unit: 'times',
          interval: medianInterval(values),
          ...(kind === 'Taploom' && { expected: { atLeast } }),
        });
    }
    return { results };
  } finally {
    lab.close();
  }
}

/** Datagrams of the size of the others: a drop-tail queue has less room for super-frames, and would favour who sends none. */
function sendFlood(lab: Lab, from: Host, seconds: number) {
  const command = [built('load'), 'send', NOBODY, '5300', SIZE, seconds, perSecond(FLOOD)].map(String);
  return lab.start(command, { netns: from.netns, cpus: SENDER_CPUS });
}

function perSecond(mbits: number): number {
  return (mbits * 1e6) / 8 / WIRE;
}

/** Mb/s on the wire of what arrives. */
async function udp(lab: Lab, hosts: Host[], seconds: number, mbits: number): Promise<number> {
  const { kpps } = await sendUdp(lab, hosts, SIZE, seconds, { rate: perSecond(mbits) });
  return (kpps * 1000 * WIRE * 8) / 1e6;
}

/** A guest, who is behind the uplink, and a guest that floods it. */
async function open(lab: Lab, kind: Kind): Promise<Host[]> {
  const label = `up${KINDS.indexOf(kind)}`;
  const middle = lab.netns(`${label}-sw`);
  const namespaces = hostNamespaces(lab, label, 3);
  lab.veth(middle, 'eth', namespaces[1], 'out');
  const tbf = `dev eth root tbf rate ${MBITS}mbit burst 32kb limit 100kb`;
  lab.run(middle, 'tc', 'qdisc', 'add', ...tbf.split(' '));
  const isKernel = kind === 'kernel bridge (veth)';
  const device = (n: number) => (n === 1 ? 'out' : isKernel ? 'eth0' : `g${n}`);
  if (isKernel) {
    lab.ip(middle, 'link add name kbr0 type bridge', 'link set dev kbr0 up', 'link set dev eth master kbr0');
    for (const n of [0, 2]) {
      lab.veth(middle, `p${n}`, namespaces[n], 'eth0');
      lab.ip(middle, `link set dev p${n} master kbr0`);
    }
  } else {
    const qos = kind === 'Taploom' ? undefined : { when_full: 'drop' as const };
    const tap = (n: number) => ({ type: 'tap' as const, netns: namespaces[n] });
    const ports = { g0: tap(0), g2: tap(2), uplink: { type: 'af_packet' as const, interface: 'eth', qos } };
    const bridges = { tlbench: { local: false as const, ports } };
    await TaploomProcess.start(lab, { version: 1, bridges }, { netns: middle });
  }
  const hosts = connect(
    lab,
    namespaces.map((netns, n) => ({ netns, device: device(n) })),
  );
  const [, out] = hosts;
  const mac = JSON.parse(lab.run(out.netns, 'ip', '-j', 'link', 'show', 'dev', out.device))[0].address;
  // Where the flood goes: the receiver's kernel counts it, and throws it away at no cost.
  lab.ip(hosts[2].netns, `neigh add ${NOBODY} lladdr ${mac} dev ${hosts[2].device}`);
  return hosts;
}
