import { setTimeout } from 'node:timers/promises';
import { type Bench, Skip } from './bench.ts';
import { cpuTime, hostNamespaces, needTool } from './contenders/contender.ts';
import { startDaemon } from './daemon.ts';
import { Lab } from './lab.ts';

const PORTS = 64;
const SECONDS = 60;
const QUICK_SECONDS = 2;
/**
 * What comes once: start-up, the kernel's announcements, V8's collections when it is over (25 to 35 s), and its compiler
 * (50 to 100 s), which optimizes what looks at each port once it has looked some thousand times: 20 to 30 ms in all.
 */
const SETTLE_MS = 110_000;
const QUICK_SETTLE_MS = 2000;
const LIMIT_MS = 1;

export const idle: Bench = {
  name: 'idle',
  question: `How much CPU does taploomd take with ${PORTS} ports and no traffic?`,
  duration: ({ quick }) => 3 + (quick ? QUICK_SETTLE_MS / 1000 + QUICK_SECONDS : SETTLE_MS / 1000 + SECONDS),
  async run({ quick, say }) {
    if (process.getuid?.() !== 0) throw new Skip('It needs root, for TAP devices and network namespaces.');
    needTool('ip', 'nsenter', 'sysctl');
    const seconds = quick ? QUICK_SECONDS : SECONDS;
    const lab = new Lab();
    try {
      const [netns] = hostNamespaces(lab, 'idle', 1);
      const names = Array.from({ length: PORTS }, (_, n) => `tl${n}`);
      const ports = Object.fromEntries(names.map((name) => [name, { type: 'tap' as const, netns }]));
      const config = { version: 1 as const, bridges: { tlbench: { local: false as const, ports } } };
      const daemon = startDaemon(lab, lab.folder(), config);
      await lab.deviceAppears(netns, names[PORTS - 1]);
      lab.ip(netns, ...names.map((name) => `link set dev ${name} up`));
      await setTimeout(quick ? QUICK_SETTLE_MS : SETTLE_MS);
      say(`${seconds} s of silence`);
      const before = cpuTime([daemon]);
      const from = performance.now();
      await setTimeout(seconds * 1000);
      const elapsed = (performance.now() - from) / 1000;
      return {
        results: [
          {
            what: `idle, ${PORTS} ports: CPU time in a second`,
            value: (cpuTime([daemon]) - before) / 1e6 / elapsed,
            unit: 'ms',
            expected: { atMost: LIMIT_MS },
            detail: `all threads, by schedstat, over ${elapsed.toFixed(0)} s`,
          },
        ],
      };
    } finally {
      lab.close();
    }
  },
};
