// The host as a device of the switch: how long what it says takes to the wire of an idle switch, how soon it answers a
// BPDU beside a saturated pair, and what it costs others when somebody sends 100,000 frames a second that are the host's
// own, beside the same sender where they are nobody's.

import { setTimeout } from 'node:timers/promises';
import { Switch } from '../src/index.ts';
import { LinkSocket } from '../src/sys/link.ts';
import { TestSockets } from '../src/sys/tester.ts';
import { buildBpdu } from '../src/wire/bpdu.ts';
import { type Bench, type BenchOptions, type Result, Skip } from './bench.ts';
import { type Contender, connect, hostNamespaces, needTool } from './contenders/contender.ts';
import { TaploomProcess } from './contenders/taploom.ts';
import { estimate } from './estimate.ts';
import { Lab, netnsPath } from './lab.ts';
import { median, medianInterval, ratios } from './statistics.ts';
import { sendTcp } from './traffic/iperf.ts';
import { agreements, SMALLEST, sendUdp } from './traffic/load.ts';

const FLOOD = 100_000;
const SAMPLES = 300;
/** Long enough for the switch to sleep again. */
const PAUSE_MS = 10;
/** Of a proposal a second. */
const BPDU_SECONDS = 100;
const LLDP = Uint8Array.of(1, 0x80, 0xc2, 0, 0, 0x0e, 2, 0, 0, 0, 0, 0x33, 0x88, 0xcc);

export const host: Bench = {
  name: 'host',
  question:
    'What does the control plane as a device of the switch cost, and how soon is on the wire what it says?',
  duration: (options) => 8 + bpduSeconds(options) + 2 * estimate(options, 1),
  async run(options) {
    if (process.getuid?.() !== 0) throw new Skip('It needs root, for TAP devices and network namespaces.');
    needTool('ip', 'nsenter', 'setpriv', 'taskset', 'sysctl');
    return { results: [await latency(options), await answers(options), ...(await flooded(options))] };
  },
};

/** From `send` until the frame is in the ring of a memory port, asked for without pause. */
async function latency({ quick, say }: BenchOptions): Promise<Result> {
  say('inject');
  await using taploom = await Switch.open({
    version: 1,
    bridges: { b: { local: false, ports: { p: { type: 'memory' } } } },
  });
  const port = taploom.memoryPort('p');
  const frame = new Uint8Array(60);
  frame.set(LLDP);
  const times: number[] = [];
  for (let n = 0; n < (quick ? 20 : SAMPLES); n++) {
    await setTimeout(PAUSE_MS);
    const from = performance.now();
    taploom.host.send('p', frame);
    while (port.receive() === undefined && performance.now() - from < 1000);
    times.push(performance.now() - from);
  }
  const sorted = times.toSorted((a, b) => a - b);
  return {
    what: 'from inject to the wire of an idle switch',
    value: median(times),
    unit: 'ms',
    interval: medianInterval(times),
    expected: { atMost: 1 },
    detail: `99 % within ${sorted[Math.floor(times.length * 0.99)].toFixed(3)} ms`,
  };
}

/** A bridge that is nearer to its root than ours. */
const PROPOSAL = buildBpdu(
  { hi: 0x0200, lo: 0x5e10_0001 },
  {
    kind: 'rst',
    root: 0x0000_0200_5e10_0001n,
    rootPathCost: 0,
    bridge: 0x0000_0200_5e10_0001n,
    port: 0x8001,
    messageAge: 0,
    maxAge: 20_000,
    helloTime: 2000,
    forwardDelay: 15_000,
    topologyChange: false,
    topologyChangeAck: false,
    role: 'designated',
    proposal: true,
    agreement: false,
    learning: false,
    forwarding: false,
  },
);

const bpduSeconds = ({ quick }: Pick<BenchOptions, 'quick'>) => (quick ? 2 : BPDU_SECONDS);

async function answers(options: BenchOptions): Promise<Result> {
  const { say } = options;
  say('BPDUs');
  const lab = new Lab();
  try {
    const namespaces = hostNamespaces(lab, 'bpdu', 3);
    const ports = Object.fromEntries(
      namespaces.map((netns, n) => [`tl${n}`, { type: 'tap' as const, netns, stp: { edge: n < 2 } }]),
    );
    const bridges = { tlbench: { local: false as const, stp: true, ports } };
    await TaploomProcess.start(lab, { version: 1, bridges });
    const [from, to, peer] = connect(
      lab,
      namespaces.map((netns, n) => ({ netns, device: `tl${n}` })),
    );
    const seconds = bpduSeconds(options);
    const [{ gbits }, { p50, p99, max, samples, lost }] = await Promise.all([
      sendTcp(lab, [from, to], seconds + 1),
      agreements(lab, peer, PROPOSAL, seconds),
    ]);
    return {
      what: 'from a BPDU to the answer beside a saturated pair, 99 % within',
      value: p99 / 1000,
      unit: 'ms',
      expected: { atMost: 100 },
      detail: `median ${(p50 / 1000).toFixed(2)} ms, longest ${(max / 1000).toFixed(2)} ms, ${lost} of ${samples} without an answer, beside ${gbits.toFixed(1)} Gb/s`,
    };
  } finally {
    lab.close();
  }
}

interface Flooded extends Contender {
  running: TaploomProcess;
  sockets: TestSockets;
}

async function open(lab: Lab, name: string, lldp: boolean): Promise<Flooded> {
  const namespaces = hostNamespaces(lab, name, 3);
  const ports = Object.fromEntries(
    namespaces.map((netns, n) => [
      `tl${n}`,
      { type: 'tap' as const, netns, lldp: n === 2 && lldp ? ('receive' as const) : false },
    ]),
  );
  const config = { version: 1 as const, bridges: { tlbench: { local: false as const, ports } } };
  const running = await TaploomProcess.start(lab, config);
  const hosts = connect(
    lab,
    namespaces.map((netns, n) => ({ netns, device: `tl${n}` })),
  );
  using links = LinkSocket.open(netnsPath(namespaces[2]));
  const sockets = TestSockets.open('tl2', links.index('tl2'), netnsPath(namespaces[2]));
  return { name, hosts, processes: [running.process], running, sockets };
}

async function flooded({ rounds, seconds, say }: BenchOptions): Promise<Result[]> {
  const lab = new Lab();
  const both: Flooded[] = [];
  try {
    both.push(await open(lab, 'trapped', true), await open(lab, 'untrapped', false));
    const kpps: number[][] = [[], []];
    const punted: number[] = [];
    const frame = new Uint8Array(60);
    frame.set(LLDP);
    for (let round = -1; round < rounds; round++) {
      say(round < 0 ? 'warm-up' : `round ${round + 1} of ${rounds}`);
      for (const n of round % 2 === 0 ? [0, 1] : [1, 0]) {
        const { hosts, sockets, running } = both[n];
        const plan = {
          rate: FLOOD,
          seconds: seconds + 2,
          limit: 2 ** 32 - 1,
          tag: 1,
          sources: 0,
          destinations: 0,
        };
        const before = puntedBy(await running.ports());
        const flood = sockets.send(plan, frame);
        const traffic = await sendUdp(lab, hosts, SMALLEST, seconds);
        flood.stop();
        await flood.finished();
        if (round < 0) continue;
        kpps[n].push(traffic.kpps);
        if (n === 0) punted.push((puntedBy(await running.ports()) - before) / seconds);
      }
    }
    const each = ratios(kpps[0], kpps[1]);
    return [
      {
        what: `a saturated pair beside ${FLOOD.toLocaleString('en')} trapped frames/s / the same with the trap off`,
        value: median(each),
        unit: 'times',
        interval: medianInterval(each),
        expected: { atLeast: 0.95 },
        detail: `${median(kpps[0]).toFixed(0)} and ${median(kpps[1]).toFixed(0)} kpps`,
      },
      {
        what: 'punts that the host gets meanwhile',
        value: median(punted),
        unit: 'frames/s',
        interval: medianInterval(punted),
      },
    ];
  } finally {
    for (const { sockets } of both) sockets.close();
    lab.close();
  }
}

function puntedBy(ports: Awaited<ReturnType<TaploomProcess['ports']>>): number {
  return ports.reduce((sum, { counters }) => sum + counters.punted, 0);
}
