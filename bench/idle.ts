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
/** Side by side: what waits does not disturb the other. */
const SWITCHES = [
  { what: '', bridge: {}, atMost: 1 },
  {
    what: ' in RSTP, with snooping and its querier',
    bridge: { stp: true, multicast: { snooping: true, querier: true } },
    atMost: 3,
  },
];

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
      const namespaces = hostNamespaces(lab, 'idle', SWITCHES.length);
      const names = Array.from({ length: PORTS }, (_, n) => `tl${n}`);
      const daemons = SWITCHES.map(({ bridge }, n) => {
        const ports = Object.fromEntries(
          names.map((name) => [name, { type: 'tap' as const, netns: namespaces[n] }]),
        );
        const config = {
          version: 1 as const,
          bridges: { tlbench: { local: false as const, ...bridge, ports } },
        };
        return startDaemon(lab, lab.folder(), config);
      });
      for (const netns of namespaces) {
        await lab.deviceAppears(netns, names[PORTS - 1]);
        lab.ip(netns, ...names.map((name) => `link set dev ${name} up`));
      }
      await setTimeout(quick ? QUICK_SETTLE_MS : SETTLE_MS);
      say(`${seconds} s of silence`);
      const before = daemons.map((daemon) => cpuTime([daemon]));
      const from = performance.now();
      await setTimeout(seconds * 1000);
      const elapsed = (performance.now() - from) / 1000;
      return {
        results: SWITCHES.map(({ what, atMost }, n) => ({
          what: `idle, ${PORTS} ports${what}: CPU time in a second`,
          value: (cpuTime([daemons[n]]) - before[n]) / 1e6 / elapsed,
          unit: 'ms',
          expected: { atMost },
          detail: `all threads, by schedstat, over ${elapsed.toFixed(0)} s`,
        })),
      };
    } finally {
      lab.close();
    }
  },
};
