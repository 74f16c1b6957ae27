// A guest that does what it is told: its kernel has what the one of this machine may lack, and iproute2 tells it. Scripts go
// in by its console, line by line, and what they print comes back.

import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { addProgram, BUSYBOX, CARD_MODULES, insertModules, machine, makeDisk } from './guest.ts';
import type { Background } from './process.ts';

const PROGRAMS = ['/usr/sbin/ip', '/usr/sbin/bridge', '/usr/sbin/tc'];
const BOOT_MS = 60_000;
/** Busybox has an `ip` and a `tc` of its own, which its shell prefers. */
const HEAD = [
  `b=${BUSYBOX}`,
  ...PROGRAMS.map((path) => `${path.replace(/.*\//, '')}() { ${path} "$@"; }`),
].join('\n');

/** A script ends with a line `.`, its output with `.STATUS`. The console must not speak in between. */
const init = (modules: readonly string[]) => `#!${BUSYBOX} sh
b=${BUSYBOX}
export PATH=/usr/sbin:/usr/bin:/bin
$b mount -t proc proc /proc
$b mount -t sysfs sys /sys
for name in all default; do echo 1 > /proc/sys/net/ipv6/conf/$name/disable_ipv6; done
echo 1 > /proc/sys/kernel/printk
${insertModules(modules)}
$b stty -echo raw
echo guest is ready
while read -r line; do
  if [ "$line" = . ]; then
    $b sh /script 2>&1
    echo ".$?"
    : > /script
  else
    echo "$line" >> /script
  fi
done
`;

/** The command that boots such a guest, but for its cards. @param dir of its disk @param programs of this machine, beside those above */
export function shellMachine(
  dir: string,
  modules: readonly string[],
  programs: readonly string[] = [],
): string[] {
  const all = [...CARD_MODULES, ...modules];
  const disk = makeDisk(dir, all, init(all), (root) => {
    mkdirSync(join(root, 'sys'));
    for (const program of [...PROGRAMS, ...programs]) addProgram(root, program);
  });
  return machine(disk, ['-m', '256']);
}

export class GuestShell {
  private guest: Background;
  private seen = 0;

  private constructor(guest: Background) {
    this.guest = guest;
  }

  /** Of a guest that is booting. */
  static async of(guest: Background): Promise<GuestShell> {
    const shell = new GuestShell(guest);
    await shell.booted();
    return shell;
  }

  /** Waits until it has booted, for the first time or again. */
  async booted(): Promise<void> {
    const ready = /guest is ready\r?\n/g;
    ready.lastIndex = this.seen;
    while (!ready.test(this.guest.stdout)) {
      ready.lastIndex = this.seen;
      await this.more();
    }
    this.seen = this.guest.stdout.length;
  }

  /** The guest runs in another process from now on. */
  follow(guest: Background): void {
    this.guest = guest;
    this.seen = guest.stdout.length;
  }

  /**
   * @param dir of its disk
   * @param modules of the kernel, beside those for network cards
   * @param cards QEMU's options for eth0, eth1, ...
   */
  static async boot(
    spawn: (command: readonly string[]) => Background,
    dir: string,
    modules: readonly string[],
    cards: readonly string[],
  ): Promise<GuestShell> {
    return GuestShell.of(spawn([...shellMachine(dir, modules), ...cards]));
  }

  /** Runs a script, in which `$b` is busybox; one at a time. Rejects if its last command fails. */
  async run(script: string): Promise<string> {
    const { guest } = this;
    guest.child.stdin?.write(`${HEAD}\n${script}\n.\n`);
    for (;;) {
      const text = guest.stdout.slice(this.seen).replaceAll('\r', '');
      const end = /^\.(\d+)\n/m.exec(text);
      if (end !== null) {
        this.seen = guest.stdout.length;
        const printed = text.slice(0, end.index);
        if (end[1] !== '0') throw new Error(`the guest's script ended with ${end[1]}: ${printed}\n${script}`);
        return printed;
      }
      await this.more();
    }
  }

  private async more(): Promise<void> {
    const { guest } = this;
    if (!guest.running) throw new Error(`the guest is gone: ${guest.output()}`);
    const data = once(guest.child.stdout as NodeJS.ReadableStream, 'data', {
      signal: AbortSignal.timeout(BOOT_MS),
    });
    await Promise.race([data, guest.exited]);
  }
}
