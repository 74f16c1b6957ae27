// Ports for containers: one command makes an interface in somebody's namespace, with name, addresses and a way out.

import { expect, test } from 'vitest';
import { openLab } from '../support/lab.ts';
import { needs } from '../support/needs.ts';
import type { Netns } from '../support/netns.ts';
import { Taploomd } from '../support/taploomd.ts';
import { reaches } from '../support/traffic.ts';

needs('ping', 'unshare');

const inside = async (where: Netns, words: string) => (await where.check(['ip', ...words.split(' ')])).trim();

test('an interface in a namespace by one command: name, addresses, routes; kept, changed, and taken again', async () => {
  const lab = await openLab();
  const [sw, c1, c2] = await lab.netnsList(['sw', 'c1', 'c2']);
  const daemon = await Taploomd.start(lab, sw, { version: 1, bridges: { br0: {} } });
  await sw.up('br0', '10.0.0.1/24', 'fd00::1/64');
  // The host may have one of the same name.
  await sw.ip('link add eth0 type veth peer name peer0');
  const add = (name: string, where: Netns, ...more: string[]) =>
    daemon.cli('port', 'add', 'br0', name, '--netns', where.name, '--ifname', 'eth0', ...more);
  const ways = ['--gateway', '10.0.0.1', '--gateway', 'fd00::1'];
  await add('c1', c1, '--address', '10.0.0.5/24,fd00::5/64', ...ways);
  await add('c2', c2, '--address', '10.0.0.6/24');
  expect(await inside(c1, '-br address show dev eth0')).toMatch(/^eth0 +\S+ +10\.0\.0\.5\/24 fd00::5\/64/);
  expect(await inside(c1, 'route show default')).toMatch(/^default via 10\.0\.0\.1 dev eth0 /);
  expect(await inside(c1, '-6 route show default')).toMatch(/^default via fd00::1 dev eth0 /);
  expect(await reaches(c1, '10.0.0.6')).toBe(true);
  expect(await reaches(c1, 'fd00::1')).toBe(true);
  const { interface: called } = await daemon.port('c1');
  expect(called).toBeUndefined(); // nobody has renamed it

  // What somebody takes away comes back.
  await c1.ip('address del 10.0.0.5/24 dev eth0');
  const isBack = async () => /via 10\.0\.0\.1/.test(await inside(c1, 'route show default'));
  await daemon.until('address and route are back', isBack);
  expect(await inside(c1, '-br address show dev eth0')).toContain('10.0.0.5/24');
  await c1.ip('link set eth0 down', 'link set eth0 up');
  await daemon.until('the IPv6 address is back', async () =>
    (await inside(c1, '-br address show dev eth0')).includes('fd00::5/64'),
  );

  // Others' things stay, and the interface itself, while ours change.
  await c1.ip('address add 192.0.2.1/32 dev eth0');
  const index = await inside(c1, '-o link show eth0');
  await daemon.cli('port', 'set', 'br0', 'c1', '--address', '10.0.0.7/24', '--unset', 'gateway');
  expect(await inside(c1, '-br address show dev eth0')).toMatch(/10\.0\.0\.7\/24/);
  expect(await inside(c1, '-br address show dev eth0')).toMatch(/192\.0\.2\.1\/32/);
  expect(await inside(c1, '-br address show dev eth0')).not.toMatch(/10\.0\.0\.5|fd00::5/);
  expect(await inside(c1, 'route show default')).toBe('');
  expect((await inside(c1, '-o link show eth0')).split(':')[0]).toBe(index.split(':')[0]);

  // Whatever it is called by now.
  await c1.ip('link set eth0 down', 'link set eth0 name wan', 'link set wan up');
  await daemon.cli('port', 'set', 'br0', 'c1', '--address', '10.0.0.8/24');
  expect(await inside(c1, '-br address show dev wan')).toMatch(/10\.0\.0\.8\/24/);

  await daemon.cli('port', 'del', 'br0', 'c1');
  expect(await c1.hasLink('wan')).toBe(false);
  await daemon.cli('port', 'del', 'br0', 'c2');
  expect(await c2.hasLink('eth0')).toBe(false);
});

test('what is in the way is said, and nothing is left behind', async () => {
  const lab = await openLab();
  const [sw, c1] = await lab.netnsList(['sw', 'c1']);
  const daemon = await Taploomd.start(lab, sw, { version: 1, bridges: { br0: {} } });
  const add = (...words: string[]) => daemon.cli('port', 'add', 'br0', 'c1', '--netns', c1.name, ...words);
  const links = async () =>
    (await sw.check(['ip', '-br', 'link'])).split('\n').map((line) => line.split(/\s/)[0]);
  const before = await links();
  await c1.ip(
    'link add eth0 type veth peer name peer0',
    'link set eth0 up',
    'link set peer0 up',
    'address add 192.0.2.1/24 dev eth0',
  );
  await c1.ip('route add default via 192.0.2.2');

  await expect(add('--ifname', 'eth0')).rejects.toThrow(
    /an interface eth0 in \S+ exists, and it is not a TAP/,
  );
  await expect(add('--address', '10.0.0.5/24', '--gateway', '10.0.0.1')).rejects.toThrow(
    /has a default route of IPv4 already, so 10\.0\.0\.1 cannot be one/,
  );
  await expect(add('--address', '10.0.0.5/24', '--gateway', '10.0.9.1')).rejects.toThrow(
    /gateway\[0\]: 10\.0\.9\.1 is in the subnet of none of the addresses/,
  );
  await expect(daemon.cli('port', 'add', 'br0', 'c1', '--address', '10.0.0.5/24')).rejects.toThrow(
    /address: is for an interface in a namespace of its own: give it netns/,
  );
  await expect(daemon.cli('port', 'add', 'br0', 'c1', '--netns', '4194000')).rejects.toThrow(
    /There is no process 4194000, and no network namespace of that name/,
  );
  await daemon.until('nothing is left', async () => (await links()).join() === before.join());
  expect(await c1.hasLink('c1')).toBe(false);

  await add('--address', '10.0.0.5/24', '--ifname', 'net1');
  await expect(add('--address', '10.0.0.5/24', '--ifname', 'net1')).rejects.toThrow(
    /is in bridge br0 already/,
  );
  await expect(
    daemon.cli('port', 'add', 'br0', 'c2', '--netns', c1.name, '--ifname', 'net1'),
  ).rejects.toThrow(/another process has the TAP open|net1/);
});

test('a container: by the number of its process, and gone with it', async () => {
  const lab = await openLab();
  const sw = await lab.netns('sw');
  const daemon = await Taploomd.start(lab, sw, { version: 1, bridges: { br0: {} } });
  await sw.up('br0', '10.0.0.1/24');
  const container = lab.spawn(['unshare', '--net', '--', 'sh', '-c', 'echo started; exec sleep 60']);
  await container.waitFor(/started/);
  const pid = String(container.child.pid);
  const words = ['--ifname', 'eth0', '--address', '10.0.0.5/24', '--gateway', '10.0.0.1'];
  await daemon.cli('port', 'add', 'br0', 'web', '--netns', pid, ...words);
  expect(await reaches(sw, '10.0.0.5')).toBe(true);
  await container.stop('SIGKILL');
  // The number may be another's soon: nothing waits for it.
  await daemon.until('the port is forgotten', async () =>
    (await daemon.ports()).every(({ name }) => name !== 'web'),
  );
});

test('a configuration waits for its namespace, and a restart takes a persistent interface as it is', async () => {
  const lab = await openLab();
  const [sw, c1] = await lab.netnsList(['sw', 'c1']);
  const port = {
    ...{ type: 'tap', netns: c1.name, ifname: 'eth0', persist: true },
    ...{ address: ['10.0.0.5/24'], gateway: ['10.0.0.1'] },
  };
  const config = { version: 1, bridges: { br0: { ports: { c1: port } } } };
  const first = await Taploomd.start(lab, sw, config);
  expect(await inside(c1, 'route show default')).toMatch(/^default via 10\.0\.0\.1 dev eth0 /);
  await first.process.stop('SIGKILL');
  expect(await inside(c1, '-br address show dev eth0')).toContain('10.0.0.5/24');
  const second = await Taploomd.start(lab, sw, config, { socket: first.socket });
  expect(await second.port('c1')).toMatchObject({ state: 'up' });
  expect(await inside(c1, 'route show default')).toMatch(/^default via 10\.0\.0\.1 dev eth0 /);

  // Nobody wants it any more: the interface is its owner's, without what it had from us.
  await second.cli('port', 'del', 'br0', 'c1');
  expect(await inside(c1, '-br address show dev eth0')).not.toContain('10.0.0.5');
});
