// Clients in another network namespace than the daemon: what they name is there, or they are refused.

import { expect, test } from 'vitest';
import { type Lab, openLab } from '../support/lab.ts';
import { needs } from '../support/needs.ts';
import type { Netns } from '../support/netns.ts';
import { program, Taploomd } from '../support/taploomd.ts';
import { reaches } from '../support/traffic.ts';

needs('ping', 'unshare');

async function start(): Promise<{ lab: Lab; sw: Netns; ns1: Netns; daemon: Taploomd }> {
  const lab = await openLab();
  const [sw, ns1] = await lab.netnsList(['sw', 'ns1']);
  return { lab, sw, ns1, daemon: await Taploomd.start(lab, sw, { version: 1, bridges: {} }) };
}

const client = (daemon: Taploomd, name: 'taploom' | 'brctl', words: string) => [
  'env',
  `TAPLOOM_SOCKET=${daemon.socket}`,
  process.execPath,
  program(name),
  ...words.split(' '),
];

test('brctl makes bridges and takes interfaces where it is called', async () => {
  const { lab, sw, ns1, daemon } = await start();
  const h1 = await lab.netns('h1');
  await lab.veth(ns1, 'eth0', h1, 'eth0');
  await lab.veth(sw, 'eth1', h1, 'eth1');
  const brctl = (words: string) => ns1.run(client(daemon, 'brctl', words));
  for (const words of ['addbr br0', 'addif br0 eth0', 'addif br0 tap1']) {
    expect(await brctl(words)).toMatchObject({ code: 0, stderr: '' });
  }
  expect(await ns1.hasLink('br0')).toBe(true);
  expect(await ns1.hasLink('tap1')).toBe(true);
  for (const name of ['br0', 'eth0', 'tap1']) expect(await sw.hasLink(name)).toBe(false);
  await ns1.up('br0', '10.0.0.254/24');
  await h1.up('eth0', '10.0.0.1/24');
  expect(await reaches(h1, '10.0.0.254')).toBe(true);

  // There is an eth1 where the daemon is: the one that is made here is another.
  expect(await brctl('addif br0 eth1')).toMatchObject({ code: 0 });
  expect(await daemon.port('eth1')).toMatchObject({ type: 'tap', netns: ns1.name });
  expect(await brctl('delif br0 eth0')).toMatchObject({ code: 0, stderr: '' });
  expect(await brctl('delbr br0')).toMatchObject({ code: 0, stderr: '' });
  expect(await ns1.hasLink('tap1')).toBe(false);
});

test('so does taploom, unless --netns says another', async () => {
  const { lab, sw, ns1, daemon } = await start();
  const ns2 = await lab.netns('ns2');
  const taploom = (words: string) => ns1.check(client(daemon, 'taploom', words));
  await taploom('bridge add br0');
  await taploom('port add br0 t1');
  await taploom(`port add br0 t2 --netns ${ns2.name}`);
  await taploom('port add br0 vx1 --type vxlan --vni 1 --local 127.0.0.1 --remote 127.0.0.2');
  await daemon.cli('port', 'add', 'br0', 't3');
  expect(await ns1.hasLink('br0')).toBe(true);
  expect(await ns1.hasLink('t1')).toBe(true);
  expect(await ns2.hasLink('t2')).toBe(true);
  expect(await sw.hasLink('t3')).toBe(true);
  expect(await daemon.port('t3')).not.toHaveProperty('netns');
});

test('a namespace without a name is refused, with what helps', async () => {
  const { sw, ns1, daemon } = await start();
  for (const [name, words] of [
    ['brctl', 'addbr br0'],
    ['taploom', 'bridge add br0'],
  ] as const) {
    const { code, stderr } = await ns1.run(['unshare', '--net', ...client(daemon, name, words)]);
    expect(code).toBe(1);
    expect(stderr).toMatch(/has no name in \/var\/run\/netns.*`ip netns attach NAME PID`/);
  }
  expect(await sw.hasLink('br0')).toBe(false);
  expect((await daemon.brctl('show')).stdout).toBe('');
});
