// A virtual machine under QEMU without KVM: Debian's cloud kernel (guest_kernel.sh) and an initial RAM disk with nothing but
// busybox, made here. It boots in some seconds. Its serial console is the process' output.
//
//   port 80: HTTP, `/busybox` is the file of that name     port 9: the hash of what is sent there, on the console

import { execFileSync, spawnSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Lab } from './lab.ts';
import type { Netns } from './netns.ts';
import type { Background, RunOptions } from './process.ts';

const KERNEL = fileURLToPath(new URL('../../build/guest', import.meta.url));
export const BUSYBOX = '/bin/busybox';
const QEMU = '/usr/bin/qemu-system-x86_64';
const BOOT_MS = 60_000;

/** For network cards, in the order in which they need each other. */
export const CARD_MODULES = [
  'drivers/virtio/virtio_ring',
  'drivers/virtio/virtio',
  'drivers/virtio/virtio_pci_legacy_dev',
  'drivers/virtio/virtio_pci_modern_dev',
  'drivers/virtio/virtio_pci',
  'net/core/failover',
  'drivers/net/net_failover',
  'drivers/net/virtio_net',
];

/** As a line of a script, in which `$b` is busybox. */
export function insertModules(modules: readonly string[]): string {
  const names = modules.map((module) => module.replace(/.*\//, ''));
  return `for m in ${names.join(' ')}; do $b insmod /lib/$m.ko; done`;
}

const init = (cidr: string) => `#!${BUSYBOX} sh
b=${BUSYBOX}
$b mount -t proc proc /proc
${insertModules(CARD_MODULES)}
$b ip link set eth0 up
$b ip addr add ${cidr} dev eth0
$b httpd -p 80 -h /bin
echo guest is ready
while :; do echo "received $($b nc -l -p 9 | $b sha256sum)"; done
`;

/** What is missing for guests, as a sentence. */
export function missingForGuests(): string | undefined {
  if (!existsSync(QEMU)) return 'needs QEMU: apt-get install qemu-system-x86';
  if (!existsSync(BUSYBOX)) return 'needs busybox: apt-get install busybox-static';
  if (!existsSync(join(KERNEL, 'boot'))) return 'needs a kernel for guests: test/support/guest_kernel.sh';
  return undefined;
}

export const guestKernel = () => {
  const boot = join(KERNEL, 'boot');
  return join(boot, readdirSync(boot).find((file) => file.startsWith('vmlinuz-')) as string);
};

/** Options of QEMU, none with a space, that boot a guest with address `cidr` on its network card, which is not among them. */
export function guestOptions(dir: string, cidr: string): string[] {
  const disk = makeDisk(dir, CARD_MODULES, init(cidr));
  return ['-m', '192', '-nodefaults', '-nographic', '-kernel', guestKernel(), '-initrd', disk];
}

/** The command that boots a disk; what is printed is on its standard output. It ends when the guest does. */
export function machine(disk: string, options: readonly string[]): string[] {
  const console = ['-nodefaults', '-nographic', '-no-reboot', '-serial', 'stdio'];
  const system = ['-kernel', guestKernel(), '-initrd', disk, '-append', 'console=ttyS0 quiet panic=-1'];
  return [QEMU, '-accel', 'tcg', ...options, ...console, ...system];
}

/** Starts a guest with address `cidr` whose QEMU makes and holds the TAP `tap`, which is up; resolves when it has booted. */
export async function bootGuest(lab: Lab, where: Netns, tap: string, cidr: string): Promise<Background> {
  const guest = await bootGuestOn(lab, where, cidr, [
    '-netdev',
    `tap,id=net,ifname=${tap},script=no,downscript=no`,
    '-device',
    'virtio-net-pci,netdev=net,romfile=',
  ]);
  await where.ip(`link set dev ${tap} up`);
  return guest;
}

/** A network card whose back end listens at `path`. Under TCG, QEMU 7.2 crashes with interrupt vectors. @param queues pairs */
export function vhostUserCard(path: string, queues = 1): string[] {
  const [several, multiqueue] = queues === 1 ? ['', ''] : [`,queues=${queues}`, ',mq=on'];
  return [
    ...['-object', 'memory-backend-memfd,id=memory,size=192M,share=on', '-numa', 'node,memdev=memory'],
    ...['-chardev', `socket,id=socket,path=${path}`],
    ...['-netdev', `vhost-user,id=net,chardev=socket${several}`],
    ...['-device', `virtio-net-pci,netdev=net,romfile=,vectors=0${multiqueue}`],
  ];
}

/** The same with a network card of these words. */
export async function bootGuestOn(
  lab: Lab,
  where: Netns,
  cidr: string,
  card: readonly string[],
  options: RunOptions = {},
): Promise<Background> {
  const guest = where.spawn([...machineOf(lab, cidr), ...card], options);
  await guest.waitFor(/guest is ready/, BOOT_MS);
  return guest;
}

/** The command that boots a guest of this address, as far as its card. */
export function machineOf(lab: Lab, cidr: string): string[] {
  const dir = mkdtempSync(join(lab.dir, 'disk-'));
  chmodSync(dir, 0o755); // whoever runs QEMU
  const disk = makeDisk(dir, CARD_MODULES, init(cidr));
  return machine(disk, ['-m', '192']);
}

/** Copies a program and the libraries that it needs into a disk's folder, as `as`. */
export function addProgram(root: string, program: string, as = program): void {
  const libraries = execFileSync('ldd', [program], { encoding: 'utf8' }).match(/\/\S+/g) ?? [];
  for (const file of libraries) addFile(root, file);
  addFile(root, program, as);
}

export function addFile(root: string, file: string, as = file): void {
  mkdirSync(dirname(join(root, as)), { recursive: true });
  cpSync(file, join(root, as), {
    recursive: true,
    dereference: true,
    filter: (name) => !name.endsWith('/obj.target'),
  });
}

/** A disk with busybox, these modules of the kernel, and the first program, `init`; `fill` adds to its folder. */
export function makeDisk(
  dir: string,
  modules: readonly string[],
  init: string,
  fill: (root: string) => void = () => {},
): string {
  const root = join(dir, 'guest');
  for (const folder of ['bin', 'lib', 'proc']) mkdirSync(join(root, folder), { recursive: true });
  copyFileSync(BUSYBOX, join(root, BUSYBOX));
  const [version] = readdirSync(join(KERNEL, 'lib/modules'));
  for (const module of modules) {
    const file = `${module}.ko`;
    copyFileSync(
      join(KERNEL, 'lib/modules', version, 'kernel', file),
      join(root, 'lib', file.replace(/.*\//, '')),
    );
  }
  writeFileSync(join(root, 'init'), init, { mode: 0o755 });
  fill(root);
  const disk = join(dir, 'guest.img');
  const pack = `cd ${root} && ${BUSYBOX} find . | ${BUSYBOX} cpio -o -H newc > ${disk}`;
  const { status, stderr } = spawnSync('sh', ['-c', pack], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`cpio: ${stderr}`);
  return disk;
}
