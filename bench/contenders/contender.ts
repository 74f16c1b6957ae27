// A contender joins hosts, each a network namespace with one interface, all in one layer-2 network: Taploom, or a peer
// that it is compared with. Contenders of a bench stand side by side and sleep while another one works, so that rounds
// can alternate at no cost. Each has hosts of its own, so all have the same names and addresses.

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Skip } from '../bench.ts';
import type { Lab } from '../lab.ts';
import type { Process } from '../process.ts';

export interface Host {
  netns: string;
  /** Its interface. */
  device: string;
  address: string;
}

export interface Contender {
  name: string;
  /** Two, or four where a second pair is to be disturbed by the first. */
  hosts: Host[];
  /** What forwards; none if the kernel does. */
  processes: readonly Process[];
  /** Drops by reason, if the switch tells. */
  drops?(): Promise<Record<string, number>>;
}

export interface Needs {
  /** Default 2. */
  hosts?: number;
  /** Whether the interfaces take super-frames and partial checksums; default true. */
  offloads?: boolean;
}

/** How to set one up. @throws Skip with a sentence if it is not installed */
export interface ContenderKind {
  name: string;
  open(lab: Lab, needs: Needs): Promise<Contender>;
}

/** Namespaces of `count` hosts, without interfaces yet. */
export function hostNamespaces(lab: Lab, label: string, count = 2): string[] {
  return Array.from({ length: count }, (_, n) => lab.netns(`${label}-h${n}`));
}

/** Gives each host its address and sets its interface up. */
export function connect(lab: Lab, hosts: readonly { netns: string; device: string }[], mtu = 1500): Host[] {
  return hosts.map(({ netns, device }, n) => {
    const address = `10.98.0.${n + 1}`;
    lab.ip(netns, `addr add ${address}/24 dev ${device}`, `link set dev ${device} mtu ${mtu} up`);
    return { netns, device, address };
  });
}

/** What scripts/bench.mjs built from C. */
export function built(name: string): string {
  const file = fileURLToPath(new URL(`../../../build/${name}`, import.meta.url));
  if (!existsSync(file)) throw new Skip(`build/${name} is not built.`);
  return file;
}

export function findTool(name: string): boolean {
  const folders = [...(process.env.PATH ?? '').split(':'), '/usr/local/sbin', '/usr/sbin', '/sbin'];
  return folders.some((folder) => existsSync(`${folder}/${name}`));
}

export function needTool(...names: string[]): void {
  const absent = names.find((name) => !findTool(name));
  if (absent) throw new Skip(`${absent} is not installed: npm run bench:setup installs it.`);
}

/** ns on a CPU so far, of all threads: the first number of sched_debug's schedstat. */
export function cpuTime(processes: readonly Process[]): number {
  let sum = 0;
  for (const { pid } of processes) {
    for (const thread of readdirSync(`/proc/${pid}/task`)) {
      sum += Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ')[0]);
    }
  }
  return sum;
}

export interface LinkCounters {
  received: number;
  sent: number;
  /** A TAP's queue was full, because nobody took the frames in time. */
  queueDropped: number;
}

/** As the host sees its interface. */
export function linkCounters(lab: Lab, { netns, device }: Host): LinkCounters {
  const [link] = JSON.parse(lab.run(netns, 'ip', '-s', '-s', '-j', 'link', 'show', 'dev', device));
  const { rx, tx } = link.stats64;
  return { received: rx.packets, sent: tx.packets, queueDropped: tx.dropped };
}
