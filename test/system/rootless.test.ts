// What an unprivileged user can have: without any rights, and in a user namespace of his own. docs/rootless.md says the same.

import { chmodSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { bootGuestOn, missingForGuests } from '../support/guest.ts';
import { type Lab, openLab } from '../support/lab.ts';
import { needs } from '../support/needs.ts';
import { check, runCommand } from '../support/process.ts';
import { program, Taploomd } from '../support/taploomd.ts';

needs('ping', 'setpriv', 'unshare', 'nsenter');

const file = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const USER = ['setpriv', '--reuid=1234', '--regid=1234', '--clear-groups'];
/** Nothing is left of root, nor can it be had. */
const WITHOUT_RIGHTS = [...USER, '--inh-caps=-all', '--bounding-set=-all', '--'];

async function openLabForAll(): Promise<Lab> {
  const lab = await openLab();
  chmodSync(lab.dir, 0o777);
  return lab;
}

test('without rights: sockets, vhost-user, tunnels and memory forward, and devices of the kernel say what is missing', async () => {
  const lab = await openLabForAll();
  const sw = await lab.netns('sw');
  await sw.ip('link add e0 type veth peer name e1', 'link set e0 up', 'link set e1 up', 'link set lo up');
  const path = (name: string) => join(lab.dir, `${name}.sock`);
  const ports = {
    v1: { type: 'vhost_user', path: path('v1') },
    v2: { type: 'vhost_user', path: path('v2') },
    s: { type: 'stream', path: path('s') },
    d: { type: 'dgram', path: path('d') },
    m: { type: 'memory' },
    x: { type: 'vxlan', vni: 1, local: '127.0.0.1', remotes: ['127.0.0.2'] },
    t: { type: 'tap' },
    u: { type: 'tun' },
    e0: { type: 'af_packet' },
  };
  const config = { version: 1, bridges: { br0: { local: false, ports }, br1: {} } };
  const daemon = await Taploomd.start(lab, sw, config, { wrap: WITHOUT_RIGHTS });
  const states = Object.fromEntries((await daemon.ports()).map(({ name, state }) => [name, state]));
  expect(states).toEqual({
    ...{ v1: 'down', v2: 'down', s: 'down', d: 'down', m: 'up', x: 'up' },
    ...{ t: 'failed', u: 'failed', e0: 'failed', br1: 'failed' },
  });
  for (const name of ['t', 'u', 'br1'])
    expect((await daemon.port(name)).reason).toMatch(/CAP_NET_ADMIN.*user namespace \(unshare -rn\)/);
  expect((await daemon.port('e0')).reason).toMatch(/CAP_NET_RAW/);

  const guest = (name: string, ...words: string[]) => [
    ...[...WITHOUT_RIGHTS, process.execPath, program('taploom'), 'fake-guest', '--path', path(name)],
    ...words,
  ];
  const answering = sw.spawn(guest('v1', '--address', '10.0.0.1', '--seconds', '30'));
  await daemon.until('its driver is there', async () => (await daemon.port('v1')).state === 'up', 15_000);
  const asked = guest(
    'v2',
    '--address',
    '10.0.0.2',
    '--ping',
    '10.0.0.1',
    '--count',
    '3',
    '--interval',
    '0.05',
  );
  expect(await sw.check(asked)).toMatch(/3 of 3 own pings were answered/);
  await answering.stop();
});

test('the library without rights: memory ports, inline and threaded; a TAP is an error that says why', async () => {
  const { stdout } = await runCommand([...WITHOUT_RIGHTS, process.execPath, file('../support/rootless.mjs')]);
  const [inline, threaded, ...errors] = stdout.trim().split('\n');
  expect([inline, threaded]).toEqual(['inline true', 'threaded true']);
  expect(errors[0]).toMatch(/^not_applied .*CAP_NET_ADMIN/);
  expect(errors[1]).toMatch(/^not_permitted Cannot open TAP vm1: .*CAP_NET_ADMIN/);
});

test('in a user namespace: everything, interfaces of containers and guests of QEMU by the bridge helper included', async ({
  skip,
}) => {
  const lab = await openLabForAll();
  const sw = await lab.netns('outside');
  // Interfaces first, then the daemon in their place: one process, the namespace's first.
  const links =
    'ip link set lo up; ip link add e0 type veth peer name e1; ip link set e0 up; ip link set e1 up';
  const config = {
    version: 1,
    bridges: {
      br0: {
        bridge_helper: {},
        ports: {
          t: { type: 'tap' },
          u: { type: 'tun', address: ['10.9.0.1/24'] },
          e0: { type: 'af_packet' },
          x: { type: 'vxlan', vni: 1, local: '127.0.0.1', remotes: ['127.0.0.2'] },
        },
      },
    },
  };
  const wrap = [...USER, '--', 'unshare', '-Urn', '--', 'sh', '-c', `${links}; exec "$@"`, 'sh'];
  const daemon = await Taploomd.start(lab, sw, config, { wrap });
  const enter = ['nsenter', '-t', String(daemon.process.child.pid), '-U', '-n', '--'];
  const inside = (...words: string[]) => check([...enter, ...words]);
  expect((await daemon.ports()).map(({ name, state }) => `${name} ${state}`).sort()).toEqual([
    ...['br0 up', 'e0 up', 't up', 'u up', 'x up'],
  ]);
  expect(await inside('cat', '/proc/self/uid_map')).toMatch(/^ +0 +1234 +1$/m);
  await inside('ip', 'address', 'add', '10.0.0.254/24', 'dev', 'br0');

  // A container within.
  const container = lab.spawn([
    ...enter,
    'unshare',
    '--net',
    '--',
    'sh',
    '-c',
    'echo started; exec sleep 60',
  ]);
  await container.waitFor(/started/);
  const port = {
    ...{ type: 'tap', netns: `/proc/${container.child.pid}/ns/net`, ifname: 'eth0' },
    ...{ address: ['10.0.0.5/24'], gateway: ['10.0.0.254'], when_deleted: 'forget' },
  };
  await daemon.request('PUT', '/v1/bridges/br0/ports/web', port);
  expect(await inside('ping', '-c', '2', '-i', '0.05', '-W', '2', '10.0.0.5')).toContain('2 received');

  const reason = missingForGuests();
  skip(reason !== undefined, reason);
  const helper = file('../../build/taploom-bridge-helper');
  const card = [
    '-netdev',
    `bridge,id=n,br=br0,helper=${helper}`,
    '-device',
    'virtio-net-pci,netdev=n,romfile=',
  ];
  const within = {
    spawn: (words: readonly string[], options?: object) => lab.spawn([...enter, ...words], options),
  };
  const env = { TAPLOOM_SOCKET: daemon.socket };
  await bootGuestOn(lab, within as never, '10.0.0.9/24', card, { env });
  expect(await inside('ping', '-c', '2', '-i', '0.2', '-W', '5', '10.0.0.9')).toMatch(/[12] received/);
});
