// Network namespaces, processes and folders of one bench. All carry the name of this process, and all go away with
// `close`, on failure and on Ctrl-C too; what a killed run left behind goes away with the next one.

import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { Process } from './process.ts';

const PREFIX = 'tlbench-';
const NETNS_DIR = '/run/netns';
const APPEARS_MS = 20_000;

const labs = new Set<Lab>();

/** Undoes what all open labs made, without waiting: the last thing that a dying process can do. */
export function closeLabs(): void {
  for (const lab of labs) lab.close();
}

export interface StartOptions {
  netns?: string;
  /** CPUs it may run on, as `taskset` takes them. */
  cpus?: string;
  env?: Record<string, string>;
}

export class Lab {
  private readonly namespaces: string[] = [];
  private readonly processes: Process[] = [];
  private readonly folders: string[] = [];

  constructor() {
    removeOrphans();
    labs.add(this);
  }

  /** Makes a namespace without IPv6, whose neighbour discovery would be traffic of its own, and returns its name. */
  netns(label: string): string {
    const name = `${PREFIX}${process.pid}-${label}`;
    execFileSync('ip', ['netns', 'add', name]);
    this.namespaces.push(name);
    this.run(
      name,
      'sysctl',
      '-qw',
      'net.ipv6.conf.all.disable_ipv6=1',
      'net.ipv6.conf.default.disable_ipv6=1',
    );
    this.ip(name, 'link set dev lo up');
    return name;
  }

  /** `ip` commands, one for each line, in a namespace. */
  ip(netns: string, ...lines: string[]): void {
    execFileSync('ip', ['-n', netns, '-batch', '-'], { input: `${lines.join('\n')}\n`, timeout: 60_000 });
  }

  /** A veth pair, both ends up. */
  veth(a: string, nameA: string, b: string, nameB: string): void {
    this.ip(a, `link add ${nameA} type veth peer name ${nameB} netns ${b}`, `link set dev ${nameA} up`);
    this.ip(b, `link set dev ${nameB} up`);
  }

  /** Runs a program in a namespace to its end. */
  run(netns: string, ...command: string[]): string {
    const args = [`--net=${netnsPath(netns)}`, '--', ...command];
    return execFileSync('nsenter', args, {
      encoding: 'utf8',
      timeout: 20_000,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  }

  /** For programs that do not say when their interface is there. */
  async deviceAppears(netns: string, device: string): Promise<void> {
    for (const end = performance.now() + APPEARS_MS; performance.now() < end; ) {
      if (this.run(netns, 'ip', '-br', 'link').includes(device)) return;
      await setTimeout(10);
    }
    throw new Error(`The interface ${device} did not appear`);
  }

  /** A folder for sockets and databases. */
  folder(): string {
    const folder = mkdtempSync(join(tmpdir(), `${PREFIX}${process.pid}-`));
    this.folders.push(folder);
    return folder;
  }

  /** Starts a program that dies with this process, whatever kills it. */
  start(command: readonly string[], { netns, cpus, env }: StartOptions = {}): Process {
    const bound = ['setpriv', '--pdeathsig', 'KILL', '--'];
    const where = netns === undefined ? [] : ['nsenter', `--net=${netnsPath(netns)}`, '--'];
    const pinned = cpus === undefined ? [] : ['taskset', '-c', cpus];
    const started = new Process([...bound, ...where, ...pinned], command, env);
    this.processes.push(started);
    return started;
  }

  close(): void {
    if (!labs.delete(this)) return;
    for (const one of this.processes) one.child.kill('SIGKILL');
    for (const name of this.namespaces) deleteNetns(name);
    for (const folder of this.folders) rmSync(folder, { recursive: true, force: true });
  }
}

export function netnsPath(name: string): string {
  return `${NETNS_DIR}/${name}`;
}

function removeOrphans(): void {
  for (const name of orphansIn(NETNS_DIR)) deleteNetns(name);
  for (const name of orphansIn(tmpdir())) deleteFolder(join(tmpdir(), name));
}

/** Names of this program's making whose process is no more. */
function orphansIn(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder).filter((name) => {
    const pid = name.startsWith(PREFIX) ? Number.parseInt(name.slice(PREFIX.length), 10) : Number.NaN;
    return pid > 0 && !existsSync(`/proc/${pid}`);
  });
}

function deleteFolder(folder: string): void {
  try {
    rmSync(folder, { recursive: true, force: true });
  } catch {
    // It is another user's.
  }
}

function deleteNetns(name: string): void {
  try {
    execFileSync('ip', ['netns', 'del', name], { stdio: 'ignore' });
  } catch {
    // Somebody else removed it; the next run looks again.
  }
}
