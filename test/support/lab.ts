// What a system test builds: network namespaces, links between them, processes in them, a temporary folder. Everything
// carries names of this process and goes away with `close`, also when the test fails or the run is interrupted.
//
//   test('...', async () => { const lab = await openLab(); const a = await lab.netns('a'); ... });

import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { Netns } from './netns.ts';
import { PREFIX } from './orphans.ts';
import { Background, check, type RunOptions } from './process.ts';

const open = new Set<Lab>();
let labs = 0;

export class Lab {
  /** Folder for sockets, configurations and captures. */
  readonly dir = mkdtempSync(join(tmpdir(), PREFIX));
  private readonly prefix = `${PREFIX}${process.pid}-${++labs}`;
  private readonly namespaces: string[] = [];
  private readonly processes: Background[] = [];
  private links = 0;

  constructor() {
    if (open.size === 0) installExitHandlers();
    open.add(this);
  }

  async netns(label: string): Promise<Netns> {
    const [namespace] = await this.netnsList([label]);
    return namespace;
  }

  /** Many at once: one process instead of one for each. */
  async netnsList(labels: readonly string[]): Promise<Netns[]> {
    const names = labels.map((label) => `${this.prefix}-${label}`);
    this.namespaces.push(...names);
    await check(['ip', '-batch', '-'], { input: names.map((name) => `netns add ${name}\n`).join('') });
    return names.map((name) => new Netns(this, name));
  }

  /** A veth pair with one end in each namespace, both up. */
  async veth(a: Netns, nameA: string, b: Netns, nameB: string): Promise<void> {
    // Made under names that nobody else has, because it starts in the namespace of the tests.
    const [endA, endB] = ['a', 'b'].map((end) => `tl${process.pid}${end}${++this.links}`);
    await check([
      'ip',
      'link',
      'add',
      endA,
      'netns',
      a.name,
      'type',
      'veth',
      'peer',
      'name',
      endB,
      'netns',
      b.name,
    ]);
    await a.ip(`link set dev ${endA} name ${nameA}`, `link set dev ${nameA} up`);
    await b.ip(`link set dev ${endB} name ${nameB}`, `link set dev ${nameB} up`);
  }

  spawn(command: readonly string[], options?: RunOptions): Background {
    const background = new Background(command, options);
    this.processes.push(background);
    return background;
  }

  async close(): Promise<void> {
    await Promise.all(this.processes.map((one) => one.stop('SIGTERM', 3000).catch(() => null)));
    this.closeNow();
  }

  /** As `close`, without waiting: the last thing a dying process can do. */
  closeNow(): void {
    open.delete(this);
    for (const one of this.processes) one.kill('SIGKILL');
    const input = this.namespaces.map((name) => `netns del ${name}\n`).join('');
    // -force: a namespace that a test deleted itself must not keep the others alive.
    if (input) execFileSync('ip', ['-force', '-batch', '-'], { input, stdio: ['pipe', 'ignore', 'ignore'] });
    rmSync(this.dir, { recursive: true, force: true });
  }
}

/** A lab that closes when the current test ends. */
export async function openLab(): Promise<Lab> {
  const lab = new Lab();
  onTestFinished(() => lab.close());
  return lab;
}

let handlersInstalled = false;
function installExitHandlers(): void {
  if (handlersInstalled) return;
  handlersInstalled = true;
  const closeAll = () => {
    for (const lab of [...open]) {
      try {
        lab.closeNow();
      } catch {
        // The next run removes what is left: see orphans.ts.
      }
    }
  };
  process.on('exit', closeAll);
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => {
      closeAll();
      process.exit(1);
    });
  }
}
