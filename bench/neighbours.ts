// What a TCP pair keeps of its rate beside a third host that floods at full speed, compared with the same sender where the
// switch does not hear it: a core goes to the sender either way. Reno, which every kernel has: BBR, the default of some,
// paces by a model of its own and answers a shortage of CPU in leaps.
//
//   host 0 --TCP--> host 1            host 2: frames from a million addresses, or a broadcast storm

import { LinkSocket } from '../src/sys/link.ts';
import { TestSockets } from '../src/sys/tester.ts';
import { type Bench, type BenchOptions, type Result, Skip } from './bench.ts';
import { type Contender, connect, hostNamespaces, needTool } from './contenders/contender.ts';
import { TaploomProcess } from './contenders/taploom.ts';
import { estimate } from './estimate.ts';
import { Lab, netnsPath } from './lab.ts';
import { median, medianInterval, ratios } from './statistics.ts';
import { sendTcp } from './traffic/iperf.ts';

/** Locally administered, for the experimental EtherType, 60 bytes. */
const UNKNOWN = Uint8Array.of(2, 0, 0, 0, 0, 0x99, 2, 0, 0, 0, 0, 0x33, 0x88, 0xb5);
const BROADCAST = Uint8Array.of(255, 255, 255, 255, 255, 255, 2, 0, 0, 0, 0, 0x33, 0x88, 0xb5);

const KINDS = [
  { what: 'a MAC flood', head: UNKNOWN, sources: 1_000_000, atLeast: 0.8 },
  { what: 'a broadcast storm', head: BROADCAST, sources: 0, atLeast: 0.6 },
] as const;

export const neighbours: Bench = {
  name: 'neighbours',
  question: 'What does a TCP pair keep of its rate beside a host that floods?',
  duration: (options) => KINDS.length * estimate(options, 2),
  async run(options) {
    if (process.getuid?.() !== 0) throw new Skip('It needs root, for TAP devices and network namespaces.');
    needTool('ip', 'nsenter', 'setpriv', 'taskset', 'sysctl', 'iperf3');
    const results: Result[] = [];
    for (const kind of KINDS) results.push(await beside(kind, options));
    return { results };
  },
};

interface Flooded extends Contender {
  sockets: TestSockets;
}

async function beside(
  { what, head, sources, atLeast }: (typeof KINDS)[number],
  { rounds, seconds, say }: BenchOptions,
): Promise<Result> {
  const lab = new Lab();
  const both: Flooded[] = [];
  try {
    both.push(await open(lab, 'heard', true), await open(lab, 'alone', false));
    const gbits: number[][] = [[], []];
    const frame = new Uint8Array(60);
    frame.set(head);
    for (let round = -1; round < rounds; round++) {
      say(round < 0 ? `${what}: warm-up` : `${what}: round ${round + 1} of ${rounds}`);
      for (const n of round % 2 === 0 ? [0, 1] : [1, 0]) {
        const { hosts, sockets } = both[n];
        const plan = { rate: 0, seconds: seconds + 4, limit: 2 ** 32 - 1, tag: 1, sources, destinations: 0 };
        const flood = sockets.send(plan, frame);
        const traffic = await sendTcp(lab, hosts, seconds, { congestion: 'reno' });
        flood.stop();
        await flood.finished();
        if (round >= 0) gbits[n].push(traffic.gbits);
      }
    }
    const each = ratios(gbits[0], gbits[1]);
    return {
      what: `TCP beside ${what} / beside the same sender on a port that the switch does not have`,
      value: median(each),
      unit: 'times',
      interval: medianInterval(each),
      expected: { atLeast },
      detail: `${median(gbits[0]).toFixed(1)} and ${median(gbits[1]).toFixed(1)} Gb/s`,
    };
  } finally {
    for (const { sockets } of both) sockets.close();
    lab.close();
  }
}

/** @param isHeard whether the third host is on the switch; otherwise its interface ends nowhere */
async function open(lab: Lab, name: string, isHeard: boolean): Promise<Flooded> {
  const namespaces = hostNamespaces(lab, name, 3);
  const heard = isHeard ? namespaces : namespaces.slice(0, 2);
  const ports = Object.fromEntries(heard.map((netns, n) => [`tl${n}`, { type: 'tap' as const, netns }]));
  const config = { version: 1 as const, bridges: { tlbench: { local: false as const, ports } } };
  const running = await TaploomProcess.start(lab, config);
  if (!isHeard) lab.veth(namespaces[2], 'tl2', lab.netns(`${name}-nowhere`), 'end');
  const hosts = connect(
    lab,
    namespaces.map((netns, n) => ({ netns, device: `tl${n}` })),
  );
  using links = LinkSocket.open(netnsPath(namespaces[2]));
  const sockets = TestSockets.open('tl2', links.index('tl2'), netnsPath(namespaces[2]));
  return { name, hosts, processes: [running.process], sockets };
}
