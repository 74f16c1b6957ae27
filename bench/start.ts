// From exec of node to the first frame on the far side. The hosts' TAPs exist before, without a carrier, and one host
// sends all the time: the moment at which the daemon has both and forwards is the moment at which a datagram arrives.

import { readFileSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { type Bench, Skip } from './bench.ts';
import { built, connect, hostNamespaces, needTool } from './contenders/contender.ts';
import { startDaemon } from './daemon.ts';
import { Lab } from './lab.ts';
import { median, medianInterval } from './statistics.ts';
import { listening } from './traffic/load.ts';

const PORTS = 16;
const PORT = 5300;
const RATE = 2000;
const LIMIT_S = 0.5;
const LIMIT_MB = 130;
const PATIENCE_MS = 10_000;
const SETTLE_MS = 1000;

export const start: Bench = {
  name: 'start',
  question: `How long is it from exec of node to the first forwarded frame, and how much memory do ${PORTS} ports take?`,
  duration: ({ rounds }) => 2 + rounds * 3,
  async run({ rounds, say }) {
    if (process.getuid?.() !== 0) throw new Skip('It needs root, for TAP devices and network namespaces.');
    needTool('ip', 'nsenter', 'taskset', 'sysctl');
    const runs: { seconds: number; megabytes: number }[] = [];
    for (let round = 0; round < rounds; round++) {
      say(`round ${round + 1} of ${rounds}`);
      const lab = new Lab();
      try {
        runs.push(await startOnce(lab));
      } finally {
        lab.close();
      }
    }
    const seconds = runs.map((run) => run.seconds);
    const megabytes = runs.map((run) => run.megabytes);
    return {
      results: [
        {
          what: `exec of node to the first forwarded frame, ${PORTS} ports`,
          value: median(seconds),
          unit: 's',
          interval: medianInterval(seconds),
          expected: { atMost: LIMIT_S },
        },
        {
          what: `resident memory, ${PORTS} ports`,
          value: median(megabytes),
          unit: 'MB',
          interval: medianInterval(megabytes),
          expected: { atMost: LIMIT_MB },
        },
      ],
    };
  },
};

async function startOnce(lab: Lab): Promise<{ seconds: number; megabytes: number }> {
  const namespaces = hostNamespaces(lab, 'start');
  const names = Array.from({ length: PORTS }, (_, n) => `tl${n}`);
  for (const [n, name] of names.entries())
    lab.ip(namespaces[n % 2], `tuntap add dev ${name} mode tap vnet_hdr`);
  const hosts = connect(
    lab,
    namespaces.map((netns, n) => ({ netns, device: names[n] })),
  );
  for (const [n, { netns, device }] of hosts.entries()) {
    // Nothing but the daemon is to be waited for: no ARP.
    const far = hosts[1 - n];
    const [link] = JSON.parse(lab.run(far.netns, 'ip', '-j', 'link', 'show', 'dev', far.device));
    lab.ip(netns, `neigh add ${far.address} lladdr ${link.address} dev ${device} nud permanent`);
  }
  const receiver = await listening(lab, hosts[1], PORT);
  const sending = [built('load'), 'send', hosts[1].address, String(PORT), '18', '60', String(RATE)];
  const sender = lab.start(sending, { netns: hosts[0].netns });
  await setTimeout(50);
  const ports = Object.fromEntries(
    names.map((name, n) => [name, { type: 'tap' as const, netns: namespaces[n % 2] }]),
  );
  const config = { version: 1 as const, bridges: { tlbench: { local: false as const, ports } } };
  const folder = lab.folder();
  const from = Date.now() / 1000;
  const daemon = startDaemon(lab, folder, config);
  const [, first] = await receiver.waitFor(/^first (\S+)$/m, PATIENCE_MS);
  await setTimeout(SETTLE_MS);
  const [, kibibytes] = readFileSync(`/proc/${daemon.pid}/status`, 'utf8').match(/^VmRSS:\s+(\d+)/m) ?? [];
  sender.child.kill('SIGKILL');
  return { seconds: Number(first) - from, megabytes: (Number(kibibytes) * 1024) / 1e6 };
}
