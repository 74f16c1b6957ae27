// The systemd unit: what it allows is enough for everything that a configuration may ask for, and its watchdog notices
// a worker that hangs.

import { chmodSync, mkdirSync, symlinkSync } from 'node:fs';
import { getPriority } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { hasLinux } from '../support/kernel.ts';
import { openLab } from '../support/lab.ts';
import { needs } from '../support/needs.ts';
import { check, runCommand } from '../support/process.ts';
import { program, Taploomd } from '../support/taploomd.ts';

needs('unshare', 'setpriv', 'systemd-analyze', 'python3', 'ping');

const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url));
const UNIT = path('../../docs/taploom.service');
// Mounts as a unit has them, and /dev/net/tun with the mode that udev gives it.
const PREPARE = 'mount -t tmpfs t /dev/net && mknod -m 666 /dev/net/tun c 10 200 && exec "$@"';
const CONFINED = [
  ...['unshare', '--mount', '--propagation', 'slave', 'sh', '-c', PREPARE, 'sh'],
  ...['python3', path('../support/confine.py'), UNIT],
];

async function eventually(what: () => Promise<unknown>): Promise<void> {
  await expect.poll(what, { timeout: 15_000, interval: 50 }).toBe(true);
}

test('under the unit every kind of port comes up, also if what it stands on comes after the daemon', async () => {
  const lab = await openLab();
  chmodSync(lab.dir, 0o777);
  const [host, guests, other] = await lab.netnsList(['host', 'guests', 'other']);
  const neighbour = other.spawn(['sh', '-c', 'echo ready; exec sleep 60']);
  await neighbour.waitFor(/ready/);
  // Where Docker keeps its namespaces only root may look.
  const closed = join(lab.dir, 'closed');
  mkdirSync(closed, { mode: 0o700 });
  symlinkSync(guests.path, join(closed, 'ns'));
  await host.sysctl('net.ipv4.ip_unprivileged_port_start=1024');
  const vxlan = { type: 'vxlan', local: '192.0.2.1', remotes: ['192.0.2.2'] };
  const ports = {
    eth0: { type: 'af_packet', lldp: true },
    shared0: { type: 'af_packet', host_stack: true },
    vm1: { type: 'tap', netns: guests.name, mac: '02:00:00:00:00:01' },
    vm2: { type: 'tap', netns: `/proc/${neighbour.pid}/ns/net`, owner: 'daemon', group: 'daemon' },
    vm3: { type: 'tap', netns: join(closed, 'ns') },
    vm4: { type: 'tap', offloads: false, persist: true },
    vx4: { ...vxlan, vni: 4, dst_port: 789 },
    vx6: { ...vxlan, vni: 6, local: 'fd00::1', remotes: ['fd00::2'], tos: 'inherit' },
    ...(hasLinux(6, 17) && {
      vxt: { ...vxlan, vni: 7, local: '198.51.100.1', udp_checksum: false, underlay_tap: 'up0' },
    }),
    ring: { type: 'memory' },
  };
  const daemon = await Taploomd.start(
    lab,
    host,
    { version: 1, bridges: { br0: { ports } } },
    {
      wrap: CONFINED,
      args: ['--workers', '2', '--state', join(lab.dir, 'state.json'), '--socket-group', 'daemon'],
    },
  );
  expect(getPriority(daemon.process.pid)).toBeLessThan(0);
  const missing = async () =>
    (await daemon.ports()).filter(({ state }) => !/^(up|down)$/.test(state)).map(({ name }) => name);
  expect(await missing()).toEqual(['eth0', 'shared0', 'vx4', 'vx6']);

  await lab.veth(host, 'eth0', other, 'eth1');
  await lab.veth(host, 'shared0', other, 'shared1');
  await host.up('shared0', '192.0.2.1/24', 'fd00::1/64');
  await eventually(async () => (await missing()).length === 0);
  await guests.up('vm1', '10.9.0.1/24');
  await other.up('eth1', '10.9.0.2/24');
  await guests.check(['ping', '-c1', '-W5', '10.9.0.2']);

  // A client says `vm5`, and means the namespace that it is in.
  const client = ['--socket', daemon.socket, 'port', 'add', 'br0', 'vm5'];
  await guests.check([process.execPath, program('taploom'), ...client]);
  expect(await guests.hasLink('vm5')).toBe(true);

  expect(daemon.process.output()).not.toMatch(/error|failed|not permitted|EPERM|EACCES|slower/i);
  expect(await daemon.process.stop()).toBe(0);
});

test('it is a unit that systemd understands, and that gives away as little as its tasks allow', async () => {
  // The program is not installed here; nothing else may be wrong.
  const { stderr } = await runCommand(['systemd-analyze', 'verify', '--man=no', UNIT]);
  expect(
    stderr.split('\n').filter((line) => /taploom/.test(line) && !/is not executable/.test(line)),
  ).toEqual([]);
  await check(['systemd-analyze', 'security', '--offline=true', '--threshold=40', UNIT]);
});

// A service manager that watches: prints what it is told.
const MANAGER = `
import socket, sys
manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
manager.bind(sys.argv[1])
print('bound', flush=True)
while True: print(manager.recv(4096).decode(), flush=True)
`;

test('the watchdog is fed while all workers answer, and not while one of them hangs', async () => {
  const lab = await openLab();
  const host = await lab.netns('host');
  const notify = join(lab.dir, 'notify');
  const manager = lab.spawn(['python3', '-c', MANAGER, notify]);
  await manager.waitFor(/bound/);
  const daemon = host.spawn(
    [
      ...[process.execPath, program('taploomd'), '--socket', join(lab.dir, 's')],
      ...['--metrics-address', 'off', '--workers', '2'],
    ],
    { env: { NOTIFY_SOCKET: notify, WATCHDOG_USEC: '400000' } },
  );
  const fed = () => manager.stdout.match(/WATCHDOG=1/g)?.length ?? 0;
  await manager.waitFor(/READY=1.*WATCHDOG=1.*WATCHDOG=1/s);

  const hold = lab.spawn(['python3', path('../support/hold_thread.py'), `${daemon.pid}`]);
  await hold.waitFor(/held/);
  await new Promise((resolve) => setTimeout(resolve, 200)); // one may have been under way
  const before = fed();
  await new Promise((resolve) => setTimeout(resolve, 1000));
  expect(fed()).toBe(before);
  await hold.stop();
  await eventually(async () => fed() > before + 1);
  expect(await daemon.stop()).toBe(0);
});
