// What hypervisors are told of ports, tried: a real QEMU, and stand-ins for those of which there is no package here.

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { bootGuestOn, machineOf, missingForGuests } from '../support/guest.ts';
import { openLab } from '../support/lab.ts';
import { needs } from '../support/needs.ts';
import { Taploomd } from '../support/taploomd.ts';
import { ping, reaches } from '../support/traffic.ts';

needs('ping', 'python3');

const file = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const VMM = ['python3', file('../support/fake_vmm.py')];
const PROGRAM = file('../support/guest_tap.mjs');
// Its boot ROM is another package.
const NO_ROM = ['-global', 'virtio-net-pci.romfile='];

const af_packet = { type: 'af_packet' };
const config = (ports: object) => ({ version: 1, bridges: { br0: { ports } } });

test('a guest of QEMU with the options that `port qemu-args` prints, on TAPs of one queue and of several', async ({
  skip,
}) => {
  const reason = missingForGuests();
  skip(reason !== undefined, reason);
  const lab = await openLab();
  const sw = await lab.netns('sw');
  await sw.ip('tuntap add dev vm1 mode tap', 'tuntap add dev vm2 mode tap multi_queue', 'link set vm1 up');
  await sw.ip('link set vm2 up');
  const daemon = await Taploomd.start(
    lab,
    sw,
    config({ vm1: af_packet, vm2: af_packet, h1: { type: 'tap' } }),
  );
  await sw.up('br0', '10.0.0.254/24');
  const args = async (port: string) =>
    JSON.parse(await daemon.cli('port', 'qemu-args', port, '--json')) as string[];
  expect((await args('vm2')).join(' ')).toMatch(/,queues=2,.*,mq=on,vectors=6$/);
  await Promise.all([
    bootGuestOn(lab, sw, '10.0.0.1/24', [...NO_ROM, ...(await args('vm1'))]),
    bootGuestOn(lab, sw, '10.0.0.2/24', [...NO_ROM, ...(await args('vm2'))]),
  ]);
  for (const address of ['10.0.0.1', '10.0.0.2']) {
    expect(await reaches(sw, address)).toBe(true);
    expect(await ping(sw, address)).toMatchObject({ received: 5 });
  }
  // Each its own address, the same as was printed.
  const stations = (await daemon.fdb('?bridge=br0')).filter(
    ({ type, port }) => type === 'learned' && port !== 'h1',
  );
  expect(new Set(stations.map(({ port }) => port))).toEqual(new Set(['vm1', 'vm2']));
  for (const { mac, port } of stations) expect((await args(port)).at(-1)).toContain(`mac=${mac}`);

  await expect(daemon.cli('port', 'qemu-args', 'h1')).rejects.toThrow(/the host is at its other end/);
  await expect(daemon.cli('port', 'qemu-args', 'vm9')).rejects.toThrow('There is no port vm9');
  await expect(daemon.cli('port', 'qemu-args', 'br0')).rejects.toThrow(/br0 is a bridge/);
  await expect(daemon.cli('port', 'qemu-args', 'vm2', '--firecracker')).rejects.toThrow(/several queues/);
});

test('the same for sockets and for vhost-user, on one switch', async ({ skip }) => {
  const reason = missingForGuests();
  skip(reason !== undefined, reason);
  const lab = await openLab();
  const sw = await lab.netns('sw');
  const ports = Object.fromEntries(
    ['stream', 'dgram', 'vhost_user'].map((type) => [type, { type, path: join(lab.dir, `${type}.sock`) }]),
  );
  const daemon = await Taploomd.start(lab, sw, config(ports));
  await sw.up('br0', '10.0.0.254/24');
  const boot = async (port: string, address: string) => {
    const words = ['port', 'qemu-args', port, '--tcg', '--memory', '192M', '--json'];
    const args = JSON.parse(await daemon.cli(...words)) as string[];
    return bootGuestOn(lab, sw, `${address}/24`, [...NO_ROM, ...args]);
  };
  const addresses = ['10.0.0.1', '10.0.0.2', '10.0.0.3'];
  await Promise.all(Object.keys(ports).map((port, n) => boot(port, addresses[n])));
  for (const address of addresses) expect(await reaches(sw, address)).toBe(true);
});

test('stand-ins for Firecracker and Cloud Hypervisor with what is printed for them', async () => {
  const lab = await openLab();
  const sw = await lab.netns('sw');
  await sw.ip('tuntap add dev vm1 mode tap', 'tuntap add dev vm2 mode tap multi_queue', 'link set vm1 up');
  await sw.ip('link set vm2 up');
  const daemon = await Taploomd.start(lab, sw, config({ vm1: af_packet, vm2: af_packet }));
  await sw.up('br0', '10.0.0.254/24');
  const told = async (...words: string[]) => (await daemon.cli('port', 'qemu-args', ...words)).trim();
  const firecracker = sw.spawn([...VMM, '10.0.0.1', 'firecracker', await told('vm1', '--firecracker')]);
  const words = (await told('vm2', '--cloud-hypervisor')).split(' ');
  const cloudHypervisor = sw.spawn([...VMM, '10.0.0.2', 'cloud-hypervisor', ...words]);
  await Promise.all([firecracker.waitFor(/guest is ready/), cloudHypervisor.waitFor(/guest is ready/)]);
  for (const address of ['10.0.0.1', '10.0.0.2'])
    expect(await ping(sw, address)).toMatchObject({ received: 5 });
});

test('a program that embeds a switch makes a TAP, and a guest inherits it or gets it through a socket', async ({
  skip,
}) => {
  const lab = await openLab();
  const [a, b, c] = await lab.netnsList(['a', 'b', 'c']);
  const run = (where: typeof a, ...words: string[]) => where.spawn([process.execPath, PROGRAM, ...words]);

  const socket = join(lab.dir, 'vmm.sock');
  const vmm = a.spawn([...VMM, '10.0.0.1', 'receive', socket]);
  await vmm.waitFor(/listening/);
  const passing = run(a, '1', 'pass', socket);
  await vmm.waitFor(/received vm1 1\nguest is ready/);
  expect(passing.stdout).toContain('"af_packet"');
  await a.up('br0', '10.0.0.254/24');
  expect(await ping(a, '10.0.0.1')).toMatchObject({ received: 5 });
  await vmm.stop('SIGKILL');
  await passing.waitFor(/vm1 is gone/);

  const inheriting = run(b, '2', ...VMM, '10.0.0.1', 'cloud-hypervisor');
  await inheriting.waitFor(/guest is ready/);
  await b.up('br0', '10.0.0.254/24');
  expect(await ping(b, '10.0.0.1')).toMatchObject({ received: 5 });

  const reason = missingForGuests();
  skip(reason !== undefined, reason);
  const qemu = run(c, '1', ...machineOf(lab, '10.0.0.1/24'), ...NO_ROM);
  await qemu.waitFor(/guest is ready/, 60_000);
  await c.up('br0', '10.0.0.254/24');
  expect(await reaches(c, '10.0.0.1')).toBe(true);
});

test('a port passes the other end of a TAP that stays, unless somebody holds it', async () => {
  const lab = await openLab();
  const sw = await lab.netns('sw');
  await sw.ip('tuntap add dev vm1 mode tap', 'link set vm1 up');
  const socket = join(lab.dir, 'vmm.sock');
  const vmm = sw.spawn([...VMM, '10.0.0.1', 'receive', socket]);
  await vmm.waitFor(/listening/);
  const embedding = sw.spawn([process.execPath, file('../support/held_tap.mjs'), socket]);
  await vmm.waitFor(/received vm1 1\nguest is ready/);
  await embedding.waitFor(/port_busy/);
  expect(embedding.stdout.split('\n')).toEqual([
    'tap,id=net-vm1,ifname=vm1,script=no,downscript=no,vhost=off',
    '{"iface_id":"eth1","guest_mac":"02:00:00:00:00:0f","host_dev_name":"vm1"}',
    'port_busy',
    '',
  ]);
  await sw.up('br0', '10.0.0.254/24');
  expect(await ping(sw, '10.0.0.1')).toMatchObject({ received: 5 });
});

test('a QEMU that runs gets a TAP through its QMP socket, and the port goes when it lets go', async ({
  skip,
}) => {
  const reason = missingForGuests();
  skip(reason !== undefined, reason);
  const lab = await openLab();
  const sw = await lab.netns('sw');
  const path = join(lab.dir, 'qmp.sock');
  const machine = ['-nodefaults', '-display', 'none', '-S', '-machine', 'none'];
  const qemu = sw.spawn(['qemu-system-x86_64', ...machine, '-qmp', `unix:${path},server=on,wait=off`]);
  await expect.poll(() => existsSync(path), { timeout: 10_000 }).toBe(true);
  const embedding = sw.spawn([process.execPath, file('../support/qmp_tap.mjs'), path]);
  const before = ['QMP', 'return', 'return', 'return', 'up'];
  const pattern = new RegExp(`^${before.join('\\n')}\\n(return\\nvm1 is gone|vm1 is gone\\nreturn)\\n`);
  // QEMU lets go of the TAP before it answers: which is seen first, nobody knows.
  await embedding.waitFor(pattern);
  expect(qemu.running).toBe(true);
});
