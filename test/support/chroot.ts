// The system that this runs on as a machine of its own: what is installed and written there goes to memory, and with it.

import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Lab } from './lab.ts';
import type { Netns } from './netns.ts';
import { type Background, check, type RunOptions } from './process.ts';

const SETUP = `
mount -t tmpfs t "$1" && mkdir "$1/upper" "$1/work" "$1/root" &&
mount -t overlay o -o "lowerdir=/,upperdir=$1/upper,workdir=$1/work" "$1/root" &&
for dir in dev proc sys; do mount --rbind /$dir "$1/root/$dir"; done &&
rm -f "$1/root/var/lib/man-db/auto-update" && # its index takes seconds after each package
echo ready && exec sleep 600`;

export class Chroot {
  private readonly holder: Background;
  private readonly dir: string;

  private constructor(holder: Background, dir: string) {
    this.holder = holder;
    this.dir = dir;
  }

  static async open(lab: Lab, where: Netns): Promise<Chroot> {
    const dir = join(lab.dir, 'machine');
    mkdirSync(dir);
    const holder = where.spawn(['unshare', '-m', '--propagation', 'private', 'sh', '-c', SETUP, 'sh', dir]);
    await holder.waitFor(/ready/);
    return new Chroot(holder, dir);
  }

  /** The command line that runs `command` inside. */
  inside(command: readonly string[]): string[] {
    const enter = ['nsenter', '-t', `${this.holder.pid}`, '-m', '-n', '--', 'chroot', `${this.dir}/root`];
    // Neither the tests' own programs nor their settings.
    const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
    return [...enter, 'env', '-i', `PATH=${PATH}`, 'DEBIAN_FRONTEND=noninteractive', ...command];
  }

  check(command: readonly string[], options?: RunOptions): Promise<string> {
    return check(this.inside(command), options);
  }

  sh(script: string, options?: RunOptions): Promise<string> {
    return this.check(['sh', '-ec', script], options);
  }

  /** Paths that were made or changed. */
  async written(): Promise<string[]> {
    const find = `cd "${this.dir}/upper" && find . ! -type c`; // whiteouts are devices
    const text = await check(['nsenter', '-t', `${this.holder.pid}`, '-m', '--', 'sh', '-c', find]);
    return text.split('\n').map((path) => path.slice(1));
  }
}
