// What is wanted comes true, whatever happens: interfaces, namespaces and addresses that come late, go, and come back.

import { statSync } from 'node:fs';
import { symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { expect, test } from 'vitest';
import type { PortStatus } from '../../src/api.ts';
import { type Happening, KernelWatch } from '../../src/device/kernel_watch.ts';
import { frame } from '../support/frames.ts';
import { type Lab, openLab } from '../support/lab.ts';
import { needs } from '../support/needs.ts';
import type { Netns } from '../support/netns.ts';
import { check } from '../support/process.ts';
import { Taploomd } from '../support/taploomd.ts';
import { reaches, sendFrames } from '../support/traffic.ts';

needs('ping', 'ethtool', 'unshare');

const bridge = (ports: object, more: object = {}) => ({
  version: 1,
  bridges: { br0: { local: false, ...more, ports } },
});

/** Waits for a state as long as people would without wondering. */
async function becomes(daemon: Taploomd, name: string, state: PortStatus['state']): Promise<PortStatus> {
  await daemon.until(`${name} ${state}`, async () => (await daemon.port(name)).state === state, 3000);
  return daemon.port(name);
}

async function remake(netns: Netns, doBetween: () => Promise<void> = async () => {}): Promise<void> {
  await check(['ip', 'netns', 'del', netns.name]);
  await doBetween();
  await check(['ip', 'netns', 'add', netns.name]);
}

async function veth(lab: Lab, sw: Netns, host: Netns, name: string, address: string): Promise<void> {
  await lab.veth(sw, name, host, 'eth0');
  await host.up('eth0', address);
}

test('a start with everything missing ends in the same switch as a start with all of it', async () => {
  const lab = await openLab();
  const [sw, other] = await lab.netnsList(['sw', 'other']);
  const late = await lab.netns('late');
  await check(['ip', 'netns', 'del', late.name]);
  const ports = {
    h1: { type: 'tap', netns: late.name },
    eth0: { type: 'af_packet' },
    vx: { type: 'vxlan', vni: 7, local: '192.0.2.1', remotes: ['192.0.2.2'] },
  };
  const config = bridge(ports, { static: [{ mac: '02:00:00:00:00:99', port: 'eth0' }] });
  const daemon = await Taploomd.start(lab, sw, config);
  const reasons = Object.fromEntries((await daemon.ports()).map(({ name, reason }) => [name, reason]));
  expect(reasons).toEqual({
    h1: `there is no network namespace ${late.name}: \`ip netns add ${late.name}\` makes it`,
    eth0: 'there is no interface eth0',
    vx: 'no interface has the address 192.0.2.1 yet',
  });
  expect((await daemon.ports()).map(({ state }) => state)).toEqual(['waiting', 'waiting', 'waiting']);
  expect((await daemon.metrics()).get('taploom_port_up{bridge="br0",port="eth0"}')).toBe(0);
  expect(await daemon.cli('show')).toContain('eth0 waits: there is no interface eth0\n');
  expect(daemon.process.output().match(/port eth0 waits: there is no interface eth0/g)).toHaveLength(1);

  await check(['ip', 'netns', 'add', late.name]);
  await becomes(daemon, 'h1', 'up');
  await veth(lab, sw, other, 'eth0', '10.0.0.2/24');
  await becomes(daemon, 'eth0', 'up');
  await sw.up('lo', '192.0.2.1/32');
  await becomes(daemon, 'vx', 'up');
  await late.up('h1', '10.0.0.1/24');
  expect(await reaches(late, '10.0.0.2')).toBe(true);
  expect((await daemon.fdb()).find(({ type }) => type === 'static')?.port).toBe('eth0');

  // The other switch, which had everything from the beginning.
  const again = await Taploomd.start(lab, other, bridge({}));
  expect(await daemon.get('/v1/config')).toMatchObject(config);
  expect(Object.keys(await again.get('/v1/config'))).toEqual(Object.keys(await daemon.get('/v1/config')));
});

test('an interface that is deleted and made again is taken again', async () => {
  const lab = await openLab();
  const [sw, a, b] = await lab.netnsList(['sw', 'a', 'b']);
  await veth(lab, sw, a, 'v1', '10.0.0.1/24');
  const daemon = await Taploomd.start(
    lab,
    sw,
    bridge({ v1: { type: 'af_packet' }, b: { type: 'tap', netns: b.name } }),
  );
  await b.up('b', '10.0.0.2/24');
  expect(await reaches(a, '10.0.0.2')).toBe(true);
  for (let round = 0; round < 3; round++) {
    await sw.ip('link del v1');
    expect((await becomes(daemon, 'v1', 'gone')).reason).toMatch(/was deleted|there is no interface v1/);
    await veth(lab, sw, a, 'v1', '10.0.0.1/24');
    await becomes(daemon, 'v1', 'up');
    expect(await reaches(a, '10.0.0.2')).toBe(true);
  }
});

test('a port that brctl added is forgotten when its interface is deleted, as on Linux, and can be added again', async () => {
  const lab = await openLab();
  const [sw, a] = await lab.netnsList(['sw', 'a']);
  const state = `${lab.dir}/state.json`;
  const daemon = await Taploomd.start(lab, sw, bridge({}), { args: ['--state', state] });
  for (let round = 0; round < 2; round++) {
    await veth(lab, sw, a, 'v1', '10.0.0.1/24');
    expect((await daemon.brctl('addif', 'br0', 'v1')).code).toBe(0);
    await sw.ip('link del v1');
    await daemon.until('forgotten', async () => (await daemon.ports()).length === 0);
  }
  // Nobody's later interface of that name is bridged by surprise.
  await veth(lab, sw, a, 'v1', '10.0.0.1/24');
  await setTimeout(300);
  expect(await daemon.ports()).toEqual([]);
  const { events } = await daemon.get<{ events: { message: string }[] }>('/v1/events?follow=false&type=port');
  expect(events.map(({ message }) => message)).toContain(
    'port v1 was removed from bridge br0: its interface was deleted, or has left its namespace',
  );
});

test('a namespace that is deleted dies, its host no longer answers, and a new one of its name is taken', async () => {
  const lab = await openLab();
  const [sw, h1, h2] = await lab.netnsList(['sw', 'h1', 'h2']);
  const mac = '02:00:00:00:00:02';
  const ports = { h1: { type: 'tap', netns: h1.name }, h2: { type: 'tap', netns: h2.name, mac } };
  const daemon = await Taploomd.start(lab, sw, bridge(ports));
  await h1.up('h1', '10.0.0.1/24');
  await h2.up('h2', '10.0.0.2/24');
  expect(await reaches(h1, '10.0.0.2')).toBe(true);
  await remake(h2, async () => {
    await becomes(daemon, 'h2', 'gone');
    expect(await reaches(h1, '10.0.0.2', 1000)).toBe(false);
  });
  await becomes(daemon, 'h2', 'up');
  await h2.up('h2', '10.0.0.2/24');
  expect(await reaches(h1, '10.0.0.2')).toBe(true);
  // At once, so that there is never none of this name to be seen.
  await remake(h2);
  await daemon.until('h2 in the new namespace', () => h2.hasLink('h2'));
});

test('a namespace that its port finds first, by the clock, is known from then on: the port is not lost once more', async () => {
  const lab = await openLab();
  const [sw, h1] = await lab.netnsList(['sw', 'h1']);
  const daemon = await Taploomd.start(lab, sw, bridge({ h1: { type: 'tap', netns: h1.name } }));
  await becomes(daemon, 'h1', 'up');
  await check(['ip', 'netns', 'del', h1.name]);
  await becomes(daemon, 'h1', 'gone');
  // What `ip netns add` does, the second half when nobody looks at the folder any more.
  await writeFile(h1.path, '');
  await setTimeout(700);
  await check(['unshare', `--net=${h1.path}`, 'true']);
  await becomes(daemon, 'h1', 'up');
  // Somebody else's namespace comes: all names are looked at.
  await lab.netns('other');
  await setTimeout(700);
  const { events } = await daemon.get<{ events: { message: string }[] }>('/v1/events?follow=false&type=port');
  expect(events.filter(({ message }) => message.includes('was deleted, or is another one now'))).toHaveLength(
    1,
  );
});

test('a namespace that is found late is told of once, for all who wait for it; a file that is none is not told of', async () => {
  const lab = await openLab();
  const host = await lab.netns('late');
  await check(['ip', 'netns', 'del', host.name]);
  // A name in a folder of its own: in that of `ip netns` others come and go, and each time all names in it are looked at.
  const name = join(lab.dir, 'late');
  const touch = async () => {
    await writeFile(join(lab.dir, 'other'), '');
    await setTimeout(700);
  };
  const told: Happening[] = [];
  const watch = new KernelWatch((happenings) => told.push(...happenings));
  try {
    watch.follow(new Set([name]));
    await symlink(host.path, name);
    await writeFile(host.path, '');
    await touch();
    await check(['unshare', `--net=${host.path}`, 'true']);
    expect(told).toEqual([]);
    for (let n = 0; n < 2; n++) watch.follow(new Set([name]));
    expect(told).toEqual([{ kind: 'netns', netns: name }]);
    await check(['umount', host.path]);
    await touch();
    expect(told).toEqual(Array(2).fill({ kind: 'netns', netns: name }));
  } finally {
    watch.close();
  }
});

test('a TAP that was there before lets its namespace die', async () => {
  const lab = await openLab();
  const [sw, h1] = await lab.netnsList(['sw', 'h1']);
  await check(['ip', '-n', h1.name, 'tuntap', 'add', 'dev', 'p0', 'mode', 'tap']);
  const daemon = await Taploomd.start(lab, sw, bridge({ p0: { type: 'tap', netns: h1.name } }));
  await h1.up('p0');
  const before = statSync(h1.path).ino;
  await remake(h1);
  expect((await becomes(daemon, 'p0', 'up')).netns).toBe(h1.name);
  await daemon.until('p0 in the new namespace', () => h1.hasLink('p0'));
  expect(statSync(h1.path).ino).not.toBe(before);
});

test('the namespace of a process ends with it', async () => {
  const lab = await openLab();
  const sw = await lab.netns('sw');
  const guest = sw.spawn(['unshare', '--net', 'sh', '-c', 'echo in; exec sleep 60']);
  await guest.waitFor(/in/);
  const daemon = await Taploomd.start(
    lab,
    sw,
    bridge({ g: { type: 'tap', netns: `/proc/${guest.pid}/ns/net` } }),
  );
  await becomes(daemon, 'g', 'up');
  await guest.stop('SIGKILL');
  expect((await becomes(daemon, 'g', 'gone')).reason).toContain(`/proc/${guest.pid}/ns/net`);
});

test('a tunnel whose address leaves and returns works once it is there', async () => {
  const lab = await openLab();
  const [sw, r, h1] = await lab.netnsList(['sw', 'r', 'h1']);
  await lab.veth(sw, 'u0', r, 'u0');
  await sw.up('u0', '192.0.2.1/24', '2001:db8::1/64');
  await r.up('u0', '192.0.2.2/24', '2001:db8::2/64');
  await r.ip(
    'link add vx0 type vxlan id 42 local 192.0.2.2 remote 192.0.2.1 dstport 4789',
    'link set vx0 up',
    'addr add 10.0.0.2/24 dev vx0',
  );
  const tunnel = (local: string, remote: string) => ({ type: 'vxlan', vni: 42, local, remotes: [remote] });
  const ports = { h1: { type: 'tap', netns: h1.name }, vx: tunnel('192.0.2.1', '192.0.2.2') };
  const six = { vx6: tunnel('2001:db8::1', '2001:db8::2') };
  const daemon = await Taploomd.start(lab, sw, bridge({ ...ports, ...six }));
  await h1.up('h1', '10.0.0.1/24');
  expect(await reaches(h1, '10.0.0.2')).toBe(true);
  for (let round = 0; round < 2; round++) {
    await sw.ip('addr del 192.0.2.1/24 dev u0', 'addr del 2001:db8::1/64 dev u0');
    expect((await becomes(daemon, 'vx', 'gone')).reason).toContain('no interface has the address 192.0.2.1');
    await becomes(daemon, 'vx6', 'gone');
    // On probation (duplicate address detection) for a second or two.
    await sw.ip('addr add 192.0.2.1/24 dev u0', 'addr add 2001:db8::1/64 dev u0');
    await becomes(daemon, 'vx', 'up');
    expect(await reaches(h1, '10.0.0.2')).toBe(true);
    await daemon.until('vx6 up', async () => (await daemon.port('vx6')).state === 'up', 6000);
  }
});

test('a change that cannot be had leaves the port as it was, with its static entries', async () => {
  const lab = await openLab();
  const [sw, h1, h2] = await lab.netnsList(['sw', 'h1', 'h2']);
  const ports = { h1: { type: 'tap', netns: h1.name }, h2: { type: 'tap', netns: h2.name } };
  const statics = [{ mac: '02:00:00:00:00:99', port: 'h1' }];
  const daemon = await Taploomd.start(lab, sw, bridge(ports, { static: statics }));
  await h1.up('h1', '10.0.0.1/24');
  await h2.up('h2', '10.0.0.2/24');
  const wrong = [
    ['--netns', 'typo', 'there is no network namespace typo'],
    ['--owner', 'nosuchuser', 'Cannot find user nosuchuser'],
  ];
  for (const [option, value, reason] of wrong) {
    await expect(daemon.cli('port', 'set', 'br0', 'h1', option, value)).rejects.toThrow(reason);
    expect(await reaches(h1, '10.0.0.2')).toBe(true);
    expect((await daemon.fdb()).filter(({ type }) => type === 'static')).toHaveLength(1);
  }
  await expect(
    daemon.request('PUT', '/v1/bridges/br0/ports/h1', { type: 'af_packet', interface: 'nosuch' }),
  ).rejects.toThrow('there is no interface nosuch');
  expect(await reaches(h1, '10.0.0.2')).toBe(true);
  expect((await daemon.fdb()).filter(({ type }) => type === 'static')).toHaveLength(1);
  expect(await daemon.get('/v1/config')).toMatchObject(bridge(ports, { static: statics }));
});

test('a TAP changes in place: address, MTU, offloads, owner, namespace', async () => {
  const lab = await openLab();
  const [sw, h1, h2, h3] = await lab.netnsList(['sw', 'h1', 'h2', 'h3']);
  const ports = { h1: { type: 'tap', netns: h1.name }, h2: { type: 'tap', netns: h2.name } };
  const daemon = await Taploomd.start(lab, sw, bridge(ports));
  await h1.up('h1', '10.0.0.1/24');
  await h2.up('h2', '10.0.0.2/24');
  const patch = (change: object) => daemon.request('PATCH', '/v1/bridges/br0/ports/h1', change);
  await patch({ mac: '02:00:00:00:12:34', mtu: 1400, owner: 'nobody' });
  expect(await h1.link('h1')).toMatchObject({ address: '02:00:00:00:12:34', mtu: 1400 });
  await patch({ offloads: false });
  expect(await h1.check(['ethtool', '-k', 'h1'])).toContain('tx-checksumming: off');
  // Its addresses are still there: it is the same interface.
  expect(await reaches(h1, '10.0.0.2')).toBe(true);
  await patch({ netns: h3.name });
  expect(await h3.link('h1')).toMatchObject({ address: '02:00:00:00:12:34', mtu: 1400 });
  await h3.up('h1', '10.0.0.3/24');
  expect(await reaches(h3, '10.0.0.2')).toBe(true);
  expect(await daemon.port('h1')).toMatchObject({ netns: h3.name, state: 'up' });
});

test("the address of a bridge's own interface is the bridge's, and is never learned elsewhere", async () => {
  const lab = await openLab();
  const [sw, h1, h2] = await lab.netnsList(['sw', 'h1', 'h2']);
  const ports = { h1: { type: 'tap', netns: h1.name }, h2: { type: 'tap', netns: h2.name } };
  const daemon = await Taploomd.start(lab, sw, { version: 1, bridges: { br0: { ports } } });
  await sw.ip('link set br0 address 02:00:00:aa:bb:cc');
  await daemon.until(
    'bridge id',
    async () => (await daemon.brctl('show')).stdout.includes('8000.020000aabbcc'),
    1000,
  );
  await sw.up('br0', '10.0.0.9/24');
  await h1.up('h1', '10.0.0.1/24');
  await h2.up('h2', '10.0.0.2/24');
  expect(await reaches(h2, '10.0.0.9')).toBe(true);
  await sendFrames(h1, 'h1', [
    { hex: frame({ to: 'ff:ff:ff:ff:ff:ff', from: '02:00:00:aa:bb:cc' }), count: 3 },
  ]);
  expect(await reaches(h2, '10.0.0.9', 1000)).toBe(true);
  const entries = (await daemon.fdb()).filter(({ mac }) => mac === '02:00:00:aa:bb:cc');
  expect(entries.map(({ type, port }) => [type, port])).toEqual([['local', 'br0']]);
});

test('an interface that is renamed keeps its port, which answers to both names', async () => {
  const lab = await openLab();
  const [sw, a, b] = await lab.netnsList(['sw', 'a', 'b']);
  await veth(lab, sw, a, 'v1', '10.0.0.1/24');
  await veth(lab, sw, b, 'v2', '10.0.0.2/24');
  const daemon = await Taploomd.start(
    lab,
    sw,
    bridge({ v1: { type: 'af_packet' }, v2: { type: 'af_packet' } }),
  );
  await sw.ip('link set v1 down', 'link set v1 name lan0', 'link set lan0 up');
  await daemon.until('renamed', async () => (await daemon.port('v1')).interface === 'lan0', 1000);
  expect(await reaches(a, '10.0.0.2')).toBe(true);
  // A new interface under the old name is another one.
  await sw.ip('link add v1 type veth peer name v1p', 'link set v1 up');
  await setTimeout(200);
  expect(await daemon.port('v1')).toMatchObject({ interface: 'lan0', state: 'up' });
  await daemon.cli('port', 'set', 'br0', 'lan0', '--hairpin', 'on');
  expect(await daemon.get('/v1/bridges/br0/ports/lan0')).toMatchObject({
    status: { name: 'v1' },
    config: { hairpin: true },
  });
  await daemon.cli('port', 'del', 'br0', 'lan0');
  expect((await daemon.ports()).map(({ name }) => name)).toEqual(['v2']);
});

test('an MTU that is changed after a port was attached counts', async () => {
  const lab = await openLab();
  const [sw, a, b] = await lab.netnsList(['sw', 'a', 'b']);
  await veth(lab, sw, a, 'v1', '10.0.0.1/24');
  await veth(lab, sw, b, 'v2', '10.0.0.2/24');
  const daemon = await Taploomd.start(
    lab,
    sw,
    bridge({ v1: { type: 'af_packet' }, v2: { type: 'af_packet' } }),
  );
  await sw.ip('link set v1 mtu 9000', 'link set v2 mtu 9000');
  await a.ip('link set eth0 mtu 9000');
  await b.ip('link set eth0 mtu 9000');
  await daemon.until('jumbo', async () => (await daemon.ports()).every(({ mtu }) => mtu === 9000), 1000);
  const { stdout } = await a.run([
    'ping',
    '-c',
    '2',
    '-i',
    '0.1',
    '-W',
    '1',
    '-M',
    'do',
    '-s',
    '8900',
    '10.0.0.2',
  ]);
  expect(stdout).toContain('2 received');
});

test('an MTU that somebody gives to a TAP, or to the bridge, counts until the configuration says another', async () => {
  const lab = await openLab();
  const [sw, h1, h2] = await lab.netnsList(['sw', 'h1', 'h2']);
  const ports = { h1: { type: 'tap', netns: h1.name }, h2: { type: 'tap', netns: h2.name } };
  const daemon = await Taploomd.start(lab, sw, { version: 1, bridges: { br0: { ports } } });
  const mtu = async (name: string) => (await daemon.port(name)).mtu;
  for (const host of [h1, h2]) await host.ip(`link set dev ${host === h1 ? 'h1' : 'h2'} mtu 9000`);
  await daemon.until('jumbo', async () => (await mtu('h1')) === 9000 && (await mtu('h2')) === 9000, 1000);
  // As a kernel bridge's, which takes the least of its ports' until somebody says another.
  await daemon.until('the bridge follows', async () => (await sw.link('br0')).mtu === 9000, 1000);
  await sw.ip('link set br0 mtu 1280');
  await daemon.until('br0', async () => (await mtu('br0')) === 1280, 1000);
  await daemon.request('PATCH', '/v1/bridges/br0/ports/h1', { hairpin: true });
  expect([await mtu('h1'), await mtu('br0')]).toEqual([9000, 1280]);
  expect((await sw.link('br0')).mtu).toBe(1280);
  await daemon.request('PATCH', '/v1/bridges/br0/ports/h1', { mtu: 1400 });
  expect((await h1.link('h1')).mtu).toBe(1400);
  expect((await sw.link('br0')).mtu).toBe(1280);
});

test('a TAP that somebody else made is left as it was found', async () => {
  const lab = await openLab();
  const [sw] = await lab.netnsList(['sw']);
  await check(['ip', '-n', sw.name, 'tuntap', 'add', 'dev', 'p0', 'mode', 'tap']);
  const features = async () => (await sw.check(['ethtool', '-k', 'p0'])).replaceAll(' [requested on]', '');
  const before = await features();
  const daemon = await Taploomd.start(lab, sw, bridge({ p0: { type: 'tap' } }));
  expect(await features()).not.toBe(before);
  await daemon.process.stop('SIGTERM');
  expect(await features()).toBe(before);
  expect((await sw.link('p0')).flags).not.toContain('UP');
});
