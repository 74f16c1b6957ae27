// A machine that lacks something: the error names it, and what helps.

import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { test } from 'vitest';
import { openLab } from '../support/lab.ts';
import { needs } from '../support/needs.ts';

needs('unshare', 'setpriv', 'sysctl');

const TAPLOOMD = fileURLToPath(new URL('../../dist/src/programs/taploomd.js', import.meta.url));
const TAP = { type: 'tap' };
const TUNNEL = { type: 'vxlan', vni: 7, local: 'fd00::1', remotes: ['fd00::2'] };
const NET_ADMIN = ['--inh-caps=-all,+net_admin', '--ambient-caps=-all,+net_admin'];
const AS_NOBODY = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups', ...NET_ADMIN];

test.each([
  [
    'no /dev/net/tun',
    TAP,
    'mount -t tmpfs t /dev/net',
    [],
    /there is no \/dev\/net\/tun: load the driver \(modprobe tun\)/,
  ],
  [
    'no driver behind it',
    TAP,
    'mount -t tmpfs t /dev/net; mknod -m 666 /dev/net/tun c 10 199',
    [],
    /there is no \/dev\/net\/tun: load the driver .* \(ENODEV\)/,
  ],
  [
    '/dev/net/tun for root alone',
    TAP,
    'mount -t tmpfs t /dev/net; mknod -m 600 /dev/net/tun c 10 200',
    AS_NOBODY,
    /this user may not open \/dev\/net\/tun: .*chmod 666 \/dev\/net\/tun/,
  ],
  ['no IPv6', TUNNEL, 'sysctl -qw net.ipv6.conf.all.disable_ipv6=1', [], /fd00::1 yet; IPv6 is off here/],
  [
    'no /proc',
    TAP,
    'mount -t tmpfs t /proc',
    [],
    /Cannot start: There is no \/proc.*: mount -t proc proc \/proc\n/,
  ],
])('%s', async (_, port, without, as, message) => {
  const lab = await openLab();
  const host = await lab.netns('poor');
  const config = `${lab.dir}/config`;
  writeFileSync(
    config,
    JSON.stringify({ version: 1, bridges: { b: { local: false, ports: { vm1: port } } } }),
  );
  const shell = `mount --make-rprivate / && chmod 777 ${lab.dir} && ${without} && exec "$@"`;
  const daemon = [
    process.execPath,
    TAPLOOMD,
    '--config',
    config,
    '--socket',
    `${lab.dir}/s`,
    '--metrics-address',
    'off',
  ];
  const running = host.spawn(['unshare', '-m', 'sh', '-c', shell, 'sh', ...as, ...daemon]);
  await running.waitFor(message);
});
