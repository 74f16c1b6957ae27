// A guest that runs Taploom itself: for what the kernel of this machine may lack. Its disk has Node, the built program with
// its packages, and iproute2. Without KVM each start of Node takes some seconds.

import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';
import { addFile, addProgram, BUSYBOX, insertModules, machine, makeDisk } from './guest.ts';
import { runCommand } from './process.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const PROGRAMS = ['/usr/sbin/ip', '/usr/bin/ping'];

/** In the order in which they need each other. */
const MODULES = [
  'drivers/net/tun',
  'drivers/net/veth',
  'net/llc/llc',
  'net/802/stp',
  'net/802/garp',
  'net/802/mrp',
  'net/bridge/bridge',
  'net/8021q/8021q',
  'lib/libcrc32c',
  'net/netfilter/nfnetlink',
  'net/netfilter/nf_tables',
];

const init = (script: string) => `#!${BUSYBOX} sh
b=${BUSYBOX}
export PATH=/usr/sbin:/usr/bin:/bin
$b mount -t proc proc /proc
$b mount -t sysfs sys /sys
$b mount -t devtmpfs dev /dev
$b mount -t tmpfs tmp /tmp
$b mount -t tmpfs run /run
$b mkdir -p /dev/net
[ -e /dev/net/tun ] || $b mknod /dev/net/tun c 10 200
${insertModules(MODULES)}
ip=/usr/sbin/ip ping=/usr/bin/ping
$ip link set lo up
# In the background, with this configuration.
start() {
  echo "$1" > /tmp/config
  /usr/bin/node /app/dist/src/programs/taploomd.js --config /tmp/config --socket /tmp/socket 2>/tmp/log &
  until $b grep -q 'is ready' /tmp/log; do $b sleep 0.2; done
}
metric() { $b wget -qO- http://127.0.0.1:9477/metrics | $b grep "$1" | $b sed 's/.* //'; }
${script}
$b cat /tmp/log
echo guest is done
$b poweroff -f
`;

/** Runs a shell script in a guest, with `start CONFIG`, `metric PATTERN`, `$ip`, `$ping` and `$b` for busybox; what it printed. */
export async function runInGuest(script: string, timeoutMs: number): Promise<string> {
  const dir = mkdtempSync(join(tmpdir(), 'tlguest-'));
  onTestFinished(() => rmSync(dir, { recursive: true }));
  const disk = makeDisk(dir, MODULES, init(script), fill);
  // QEMU writes byte by byte, and drops what a reader has no room for: a file has.
  const file = join(dir, 'console');
  const command = machine(disk, ['-m', '1024', '-smp', '2']).map((word) =>
    word === 'stdio' ? `file:${file}` : word,
  );
  const printed = () => readFileSync(file, 'utf8').replaceAll('\r', '');
  const { code } = await runCommand(command, { timeoutMs }).catch((cause: unknown) => {
    throw new Error(`the guest did not end: ${printed()}`, { cause });
  });
  if (code !== 0) throw new Error(`QEMU ended with ${code}: ${printed()}`);
  return printed();
}

function fill(root: string): void {
  for (const folder of ['sys', 'dev', 'tmp', 'run']) mkdirSync(join(root, folder));
  addProgram(root, process.execPath, '/usr/bin/node');
  for (const program of PROGRAMS) addProgram(root, program);
  for (const part of ['package.json', 'dist/src', 'build/libtaploom.so', ...packages()])
    addFile(root, join(ROOT, part), join('app', part));
}

/** Folders of the packages that the program needs. */
function packages(): string[] {
  const lock = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, { dev?: boolean; devOptional?: boolean }>;
  };
  return Object.entries(lock.packages)
    .filter(([path, { dev, devOptional }]) => path !== '' && !dev && !devOptional)
    .map(([path]) => path);
}
