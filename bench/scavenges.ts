// Counts what --trace-gc reports for the data plane's thread while a TCP stream saturates it. The thread's collections
// are told from the main thread's by the isolate's address, see switch_process.ts; V8's times count from the start of
// the isolate, which for the thread is when the switch opens.

import { setTimeout } from 'node:timers/promises';
import { type Bench, Skip } from './bench.ts';
import { connect, hostNamespaces, needTool } from './contenders/contender.ts';
import { TaploomProcess } from './contenders/taploom.ts';
import { Lab } from './lab.ts';
import { sendTcp } from './traffic/iperf.ts';

const SECONDS = 10;
const WARM_UP_SECONDS = 3;
const SETTLE_MS = 500;
/** V8 lets the nursery grow to 16 MiB, and 10 s of a little garbage could fit: with 1 MiB it shows. */
const SMALL_NURSERY = '--max-semi-space-size=1';

interface Collection {
  isolate: string;
  /** ms since the isolate started. */
  at: number;
  isScavenge: boolean;
}

export const scavenges: Bench = {
  name: 'scavenges',
  question: `How often does the forwarding thread collect garbage in ${SECONDS} s of TCP?`,
  duration: () => SECONDS + WARM_UP_SECONDS + 3,
  async run({ say }) {
    if (process.getuid?.() !== 0) throw new Skip('It needs root, for TAP devices and network namespaces.');
    needTool('ip', 'nsenter', 'iperf3');
    const lab = new Lab();
    try {
      const namespaces = hostNamespaces(lab, 'scavenges');
      const ports = Object.fromEntries(
        namespaces.map((netns, n) => [`tl${n}`, { type: 'tap' as const, netns }]),
      );
      const { process: running } = await TaploomProcess.start(
        lab,
        { version: 1, bridges: { tlbench: { local: false, ports } } },
        { nodeOptions: ['--expose-gc', '--trace-gc', SMALL_NURSERY] },
      );
      const hosts = connect(
        lab,
        namespaces.map((netns, n) => ({ netns, device: `tl${n}` })),
      );
      say('warm-up');
      await sendTcp(lab, hosts, WARM_UP_SECONDS);
      say(`${SECONDS} s of TCP`);
      const from = performance.timeOrigin + performance.now();
      const { gbits } = await sendTcp(lab, hosts, SECONDS);
      const until = performance.timeOrigin + performance.now();
      // The thread's clock starts some ms after `opening`; what the end of the switch collects is not to be taken for
      // part of the load. V8 prints through a buffer that empties at exit.
      await setTimeout(SETTLE_MS);
      running.child.stdin?.end();
      const text = await running.output(5000);
      const opening = Number(text.match(/opening (\d+)/)?.[1]);
      const all = collections(text);
      if (all.length === 0) throw new Error('V8 reported no collection, not even the one that was forced');
      const main = all[0].isolate;
      const inThread = all.filter(
        ({ isolate, at }) => isolate !== main && opening + at >= from && opening + at <= until,
      );
      const found = inThread.filter(({ isScavenge }) => isScavenge).length;
      const before = all.filter(({ isolate }) => isolate !== main).length - inThread.length;
      return {
        results: [
          {
            what: `scavenges of the forwarding thread in ${SECONDS} s of TCP`,
            value: found,
            unit: 'scavenges',
            expected: { atMost: 0 },
            detail:
              `${gbits.toFixed(1)} Gb/s meanwhile; ${inThread.length - found} other collections; ` +
              `${before} before and after`,
          },
        ],
      };
    } finally {
      lab.close();
    }
  },
};

/** `[pid:0xisolate]   123 ms: Scavenge 4.1 (5.0) -> ...` */
function collections(text: string): Collection[] {
  return [...text.matchAll(/^\[\d+:(0x[0-9a-f]+)(?::\d+)?\]\s+(\d+) ms: (\S+)/gm)].map((match) => ({
    isolate: match[1],
    at: Number(match[2]),
    isScavenge: match[3] === 'Scavenge',
  }));
}
