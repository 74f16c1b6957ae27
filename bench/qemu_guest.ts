// A virtual machine under QEMU without KVM, with one network card, busybox and iperf3: it does what it is told by its
// console, line by line. Its kernel is the one of the tests (test/support/guest_kernel.sh).

import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Skip } from './bench.ts';
import { needTool } from './contenders/contender.ts';
import type { Lab } from './lab.ts';
import type { Process } from './process.ts';

const KERNEL = fileURLToPath(new URL('../../build/guest', import.meta.url));
const BUSYBOX = '/bin/busybox';
const BOOT_MS = 90_000;
/** MB. */
const MEMORY = '192';

/** Of the kernel, in the order in which they need each other. */
const MODULES = [
  ...['virtio_ring', 'virtio', 'virtio_pci_legacy_dev', 'virtio_pci_modern_dev', 'virtio_pci'].map(
    (name) => `drivers/virtio/${name}`,
  ),
  'net/core/failover',
  'drivers/net/net_failover',
  'drivers/net/virtio_net',
];

const INIT = `#!${BUSYBOX} sh
export PATH=/usr/bin:/bin
${BUSYBOX} --install -s /bin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
echo 1 > /proc/sys/kernel/printk
echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6
for module in ${MODULES.map((path) => basename(path)).join(' ')}; do insmod /lib/$module.ko; done
ip link set lo up
stty -echo
echo guest is ready
while read -r line; do eval "$line"; echo "done $?"; done
`;

export interface GuestNetwork {
  /** QEMU's, without its id. */
  netdev: string;
  /** Of a vhost-user back end: where its socket is, which is a chardev, and why the guest's memory is shared. */
  vhostUser?: string;
  netns?: string;
  address: string;
}

/** @throws Skip without QEMU, or what its guests need */
export function needGuests(): void {
  needTool('qemu-system-x86_64', 'iperf3');
  if (!existsSync(BUSYBOX)) throw new Skip('busybox is not installed: apt-get install busybox-static');
  if (!existsSync(join(KERNEL, 'boot')))
    throw new Skip('There is no kernel for guests: test/support/guest_kernel.sh');
}

/** A disk that all guests of a bench start from. */
export function guestDisk(lab: Lab): string {
  const folder = lab.folder();
  const root = join(folder, 'root');
  for (const name of ['bin', 'lib', 'proc', 'sys', 'dev', 'tmp', 'usr/bin'])
    mkdirSync(join(root, name), { recursive: true });
  const [version] = readdirSync(join(KERNEL, 'lib/modules'));
  for (const module of MODULES) {
    const file = `${module}.ko`;
    cpSync(join(KERNEL, 'lib/modules', version, 'kernel', file), join(root, 'lib', basename(file)));
  }
  const libraries = execFileSync('ldd', ['/usr/bin/iperf3'], { encoding: 'utf8' }).match(/\/\S+/g) ?? [];
  for (const file of [BUSYBOX, '/usr/bin/iperf3', ...libraries]) {
    mkdirSync(join(root, dirname(file)), { recursive: true });
    cpSync(file, join(root, file), { dereference: true });
  }
  writeFileSync(join(root, 'init'), INIT, { mode: 0o755 });
  const disk = join(folder, 'guest.img');
  execFileSync('sh', ['-c', `cd ${root} && find . | ${BUSYBOX} cpio -o -H newc > ${disk}`], {
    stdio: 'pipe',
  });
  return disk;
}

function shared(path: string): string[] {
  return [
    ...['-object', `memory-backend-memfd,id=memory,size=${MEMORY}M,share=on`, '-numa', 'node,memdev=memory'],
    ...['-chardev', `socket,id=char,path=${path}`],
  ];
}

export class QemuGuest {
  readonly address: string;
  private readonly process: Process;

  private constructor(running: Process, address: string) {
    this.process = running;
    this.address = address;
  }

  static async boot(
    lab: Lab,
    disk: string,
    { netdev, vhostUser, netns, address }: GuestNetwork,
  ): Promise<QemuGuest> {
    const [type, ...rest] = netdev.split(',');
    const boot = join(KERNEL, 'boot');
    const kernel = readdirSync(boot).find((file) => file.startsWith('vmlinuz-')) as string;
    // All cards of QEMU have one address unless they are told another.
    const mac = `52:54:00:12:34:${(Number(address.split('.')[3]) + 16).toString(16)}`;
    const command = [
      ...['qemu-system-x86_64', '-accel', 'tcg', '-m', MEMORY, '-nodefaults', '-nographic', '-no-reboot'],
      ...['-serial', 'stdio', '-kernel', join(boot, kernel), '-initrd', disk],
      ...['-append', 'console=ttyS0 quiet panic=-1'],
      ...(vhostUser === undefined ? [] : shared(vhostUser)),
      ...[
        '-netdev',
        [type, 'id=net', ...rest].join(','),
        '-device',
        // QEMU 7.2 does not survive interrupts of a vhost-user device by MSI-X without KVM.
        `virtio-net-pci,netdev=net,romfile=,mac=${mac}${vhostUser === undefined ? '' : ',vectors=0'}`,
      ],
    ];
    const running = lab.start(command, { netns });
    await running.waitFor(/guest is ready/, BOOT_MS);
    const guest = new QemuGuest(running, address);
    await guest.run(`ip addr add ${address}/24 dev eth0; ip link set eth0 up`);
    return guest;
  }

  /** Runs a line of shell; what it printed. */
  async run(line: string, timeoutMs = 20_000): Promise<string> {
    this.process.stdout = '';
    this.process.child.stdin?.write(`${line}\n`);
    await this.process.waitFor(/^done \d+\r?\n/m, timeoutMs);
    return this.process.stdout.replaceAll('\r', '');
  }

  /** Mb/s of one TCP connection to another guest, as that one received them. */
  async sendTcp(to: QemuGuest, seconds: number): Promise<number> {
    await to.run('killall iperf3 2> /dev/null; iperf3 -s -1 > /dev/null 2>&1 &');
    const command = `until iperf3 -c ${to.address} -t ${Math.max(1, Math.round(seconds))} -J > /tmp/result 2>&1; do sleep 0.2; n=x$n; [ $n = xxxxxxxxxxxxxxxxxxxx ] && break; done; n=`;
    await this.run(command, 1000 * seconds + 30_000);
    const result = await this.run('cat /tmp/result');
    const bits = Number(
      /"sum_received":[^}]*"bits_per_second":\s*([\d.e+]+)/.exec(result)?.[1] ?? Number.NaN,
    );
    if (!(bits > 0)) throw new Error(`iperf3 between guests: ${result.slice(0, 300)}`);
    return bits / 1e6;
  }
}
