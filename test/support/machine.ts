// A machine of its own for what uses fixed names: a mount and a network namespace with an empty /run, kept alive by a
// process that only waits.

import { chmodSync, mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Lab } from './lab.ts';
import type { Background, RunOptions } from './process.ts';

const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const INIT =
  'mount -t tmpfs tmpfs /run && mkdir /run/netns && ip link set dev lo up && echo ready && exec sleep 300';
let machines = 0;

export class Machine {
  readonly holder: Background;
  /** For temporary files; also the home of who runs there. */
  readonly tmp: string;
  private readonly lab: Lab;

  private constructor(lab: Lab, holder: Background, tmp: string) {
    this.lab = lab;
    this.holder = holder;
    this.tmp = tmp;
  }

  static async start(lab: Lab): Promise<Machine> {
    const tmp = `${lab.dir}/tmp${++machines}`;
    mkdirSync(tmp);
    // For an ordinary user too.
    chmodSync(lab.dir, 0o755);
    chmodSync(tmp, 0o1777);
    const holder = lab.spawn(['unshare', '-mn', 'sh', '-c', INIT]);
    await holder.waitFor(/ready/);
    return new Machine(lab, holder, tmp);
  }

  /** The command line that runs `command` there. */
  inside(...command: string[]): string[] {
    return ['nsenter', '-t', String(this.holder.pid), '-m', '-n', `--wd=${ROOT}`, '--', ...command];
  }

  /** In a process group of its own. */
  spawn(command: readonly string[], env: RunOptions['env'] = {}): Background {
    // npm writes its logs below HOME.
    return this.lab.spawn(this.inside(...command), {
      env: { TMPDIR: this.tmp, HOME: this.tmp, ...env },
      group: true,
    });
  }
}
