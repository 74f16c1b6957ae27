// Network namespaces and processes of one bench. All carry the name of this process, and all go away with `close`, on
// failure and on Ctrl-C too; what a killed run left behind goes away with the next one.

import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';

const PREFIX = 'tlbench-';
const NETNS_DIR = '/run/netns';

const labs = new Set<Lab>();

/** Undoes what all open labs made, without waiting: the last thing that a dying process can do. */
export function closeLabs(): void {
  for (const lab of labs) lab.close();
}

export class Lab {
  private readonly namespaces: string[] = [];
  private readonly processes: Process[] = [];

  constructor() {
    removeOrphans();
    labs.add(this);
  }

  /** Makes a namespace and returns its name. */
  netns(label: string): string {
    const name = `${PREFIX}${process.pid}-${label}`;
    execFileSync('ip', ['netns', 'add', name]);
    this.namespaces.push(name);
    this.ip(name, 'link set dev lo up');
    return name;
  }

  /** `ip` commands, one for each line, in a namespace. */
  ip(netns: string, ...lines: string[]): void {
    execFileSync('ip', ['-n', netns, '-batch', '-'], { input: `${lines.join('\n')}\n` });
  }

  /** Starts a program; with `netns` inside that namespace. */
  start(command: readonly string[], netns?: string): Process {
    const inside = netns === undefined ? [] : ['nsenter', `--net=${netnsPath(netns)}`, '--'];
    const started = new Process([...inside, ...command]);
    this.processes.push(started);
    return started;
  }

  close(): void {
    if (!labs.delete(this)) return;
    for (const one of this.processes) one.child.kill('SIGKILL');
    for (const name of this.namespaces) deleteNetns(name);
  }
}

export class Process {
  readonly child: ChildProcess;
  stdout = '';
  private stderr = '';
  private readonly command: string;
  private readonly ended: Promise<number | null>;

  constructor(command: readonly string[]) {
    this.command = command.join(' ').slice(0, 200);
    this.child = spawn(command[0], command.slice(1), { stdio: 'pipe' });
    this.child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.stdout += text;
    });
    this.child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.stderr += text;
    });
    this.ended = new Promise((resolve) => {
      this.child.on('error', () => resolve(null));
      this.child.on('close', resolve);
    });
  }

  /** Resolves with the match as soon as the output has it. */
  async waitFor(pattern: RegExp, timeoutMs = 10_000): Promise<RegExpMatchArray> {
    for (const end = performance.now() + timeoutMs; performance.now() < end; ) {
      const match = this.stdout.match(pattern);
      if (match !== null) return match;
      if (this.child.exitCode !== null || this.child.signalCode !== null) break;
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    throw new Error(`\`${this.command}\` did not print ${pattern}: ${this.stdout.slice(-500)}${this.stderr}`);
  }

  /** What it printed until its end, which must be a success. */
  async output(timeoutMs: number): Promise<string> {
    const timer = setTimeout(() => this.child.kill('SIGKILL'), timeoutMs);
    const code = await this.ended;
    clearTimeout(timer);
    if (code !== 0) {
      throw new Error(`\`${this.command}\` ended with ${code}: ${this.stdout.slice(-500)}${this.stderr}`);
    }
    return this.stdout;
  }
}

export function netnsPath(name: string): string {
  return `${NETNS_DIR}/${name}`;
}

function removeOrphans(): void {
  if (!existsSync(NETNS_DIR)) return;
  for (const name of readdirSync(NETNS_DIR)) {
    const pid = name.startsWith(PREFIX) ? Number.parseInt(name.slice(PREFIX.length), 10) : Number.NaN;
    if (pid > 0 && !existsSync(`/proc/${pid}`)) deleteNetns(name);
  }
}

function deleteNetns(name: string): void {
  try {
    execFileSync('ip', ['netns', 'del', name], { stdio: 'ignore' });
  } catch {
    // Somebody else removed it; the next run looks again.
  }
}
