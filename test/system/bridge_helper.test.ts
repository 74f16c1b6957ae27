// taploom-bridge-helper, as `qemu -netdev bridge` and libvirt call it: a guest whose TAP the daemon made, and who may have one.

import { chmodSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { bootGuestOn, missingForGuests } from '../support/guest.ts';
import { type Lab, openLab } from '../support/lab.ts';
import { needs } from '../support/needs.ts';
import type { Netns } from '../support/netns.ts';
import { Taploomd } from '../support/taploomd.ts';
import { ping, reaches } from '../support/traffic.ts';

needs('ping', 'python3', 'setpriv');

const HELPER = fileURLToPath(new URL('../../build/taploom-bridge-helper', import.meta.url));
const ASK = fileURLToPath(new URL('../support/ask_for_tap.py', import.meta.url));
const NOBODY = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups', '--'];
const KVM = ['setpriv', '--reuid=1234', '--regid=1234', '--groups=4321', '--'];
// A system's own Python: one in root's folder is not for everybody.
const PYTHON = '/usr/bin/python3';

function asking(daemon: Taploomd, bridge: string, ...options: string[]) {
  const socket = daemon.socket.replace(/\.sock$/, '-bridge.sock');
  return [PYTHON, ASK, HELPER, `--socket=${socket}`, `--br=${bridge}`, ...options];
}

async function startDaemon(lab: Lab, where: Netns, bridges: object, args: string[] = []) {
  chmodSync(lab.dir, 0o755);
  return Taploomd.start(lab, where, { version: 1, bridges }, { args });
}

const names = async (daemon: Taploomd) => (await daemon.ports()).map(({ name }) => name).sort();

test('the bridge says who gets a TAP; what comes is as QEMU wants it, and its port goes with it', async () => {
  const lab = await openLab();
  const sw = await lab.netns('sw');
  const daemon = await startDaemon(lab, sw, {
    br0: { bridge_helper: { users: ['nobody'], groups: [4321], limit: 2, template: { isolated: true } } },
    br1: {},
  });
  const nobody = sw.spawn([...NOBODY, ...asking(daemon, 'br0', '--use-vnet')]);
  // IFF_TAP, IFF_NO_PI, IFF_VNET_HDR, beside one byte.
  await nobody.waitFor(/^1 1 tap0 0x5002$/m);
  const kvm = sw.spawn([...KVM, ...asking(daemon, 'br0')]);
  await kvm.waitFor(/^1 1 tap1 0x1002$/m);
  expect(await daemon.port('tap0')).toMatchObject({ type: 'af_packet', state: 'up', mtu: 1500 });
  expect(await daemon.request('GET', '/v1/bridges/br0/ports/tap0')).toMatchObject({
    config: { isolated: true, when_deleted: 'forget' },
  });
  expect(await sw.check(['cat', '/proc/sys/net/ipv6/conf/tap0/disable_ipv6'])).toBe('1\n');
  // Another interface of the next name is left alone.
  await sw.ip('tuntap add dev tap2 mode tap');

  const refused = async (words: string[]) => {
    const { code, stderr } = await sw.run(words, { input: '' });
    expect(code).toBe(1);
    return stderr;
  };
  expect(await refused([...NOBODY, ...asking(daemon, 'br0')])).toBe(
    'taploom-bridge-helper: Bridge br0 has 2 TAPs of guests already, and its bridge_helper.limit is 2\n',
  );
  const stranger = ['setpriv', '--reuid=1', '--regid=1', '--clear-groups', '--'];
  expect(await refused([...stranger, ...asking(daemon, 'br0')])).toMatch(
    /user 1 may not have a TAP of bridge br0: users and groups under bridges\.br0\.bridge_helper/,
  );
  expect(await refused(asking(daemon, 'br1'))).toMatch(/Bridge br1 lets nobody have TAPs/);
  expect(await refused(asking(daemon, 'br9'))).toMatch(/There is no bridge br9/);
  expect(await refused([PYTHON, ASK, HELPER, '--br=br0', '--nonsense'])).toMatch(
    /usage: taploom-bridge-helper/,
  );

  nobody.child.stdin?.end();
  await daemon.until('tap0 is forgotten', async () => (await names(daemon)).join() === 'br0,br1,tap1');
  const next = sw.spawn(asking(daemon, 'br0'));
  await next.waitFor(/^1 1 tap0 /m);

  expect(await daemon.process.stop()).toBe(0);
  expect(await refused(asking(daemon, 'br0'))).toMatch(
    /no socket at .*-bridge\.sock: taploomd is not running, or none/,
  );
});

test('the socket is there while a bridge wants it', async () => {
  const lab = await openLab();
  const sw = await lab.netns('sw');
  const daemon = await startDaemon(lab, sw, { br0: {} });
  const ask = () => sw.run(asking(daemon, 'br0'), { input: '' });
  expect((await ask()).stderr).toMatch(/no socket at/);
  await daemon.cli('bridge', 'set', 'br0', '--bridge-helper', 'users=all');
  await daemon.until('it listens', async () => (await ask()).code === 0);
  await daemon.cli('bridge', 'set', 'br0', '--unset', 'bridge_helper');
  await daemon.until('it does not', async () => /no socket at/.test((await ask()).stderr));
});

test('a guest of `-netdev bridge` is in the network, and stays there over a reload and restarts of the daemon', async ({
  skip,
}) => {
  const reason = missingForGuests();
  skip(reason !== undefined, reason);
  const lab = await openLab();
  const [sw, h1] = await lab.netnsList(['sw', 'h1']);
  const config = {
    version: 1,
    bridges: { br0: { bridge_helper: {}, ports: { h1: { type: 'tap', netns: h1.name } } } },
  };
  const daemon = await startDaemon(lab, sw, config.bridges);
  const env = { TAPLOOM_SOCKET: daemon.socket };
  const card = [
    '-netdev',
    `bridge,id=net,br=br0,helper=${HELPER}`,
    '-device',
    'virtio-net-pci,netdev=net,romfile=',
  ];
  const guest = await bootGuestOn(lab, sw, '10.0.0.9/24', card, { env });
  await h1.up('h1', '10.0.0.1/24');
  expect(await reaches(h1, '10.0.0.9')).toBe(true);
  expect(await ping(h1, '10.0.0.9')).toMatchObject({ received: 5 });
  await h1.check(['curl', '-sS', '-m', '20', '-o', '/dev/null', 'http://10.0.0.9/busybox']);
  expect(await h1.checksumErrors()).toBe(0);

  // A whole configuration that knows nothing of the guest lets it be.
  await daemon.apply(config);
  expect(await names(daemon)).toEqual(['br0', 'h1', 'tap0']);

  // Also after `kill -9`, and with no state: the TAP itself tells.
  await daemon.process.stop('SIGKILL');
  rmSync(join(lab.dir, 'taploom.yaml'));
  const again = await Taploomd.start(lab, sw, config, { socket: daemon.socket });
  expect(await names(again)).toEqual(['br0', 'h1', 'tap0']);
  await h1.up('h1', '10.0.0.1/24');
  expect(await reaches(h1, '10.0.0.9')).toBe(true);

  await guest.stop('SIGKILL');
  await again.until('its port is forgotten', async () => (await names(again)).join() === 'br0,h1');
});
