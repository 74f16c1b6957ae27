// Ports of type `veth`: a pair whose other end is a container's, also while no switch runs.

import { join } from 'node:path';
import { expect, test } from 'vitest';
import { type Lab, openLab } from '../support/lab.ts';
import { needs } from '../support/needs.ts';
import type { Netns } from '../support/netns.ts';
import { program, Taploomd } from '../support/taploomd.ts';
import { reaches } from '../support/traffic.ts';

needs('ping');

const inside = async (where: Netns, words: string) => (await where.check(['ip', ...words.split(' ')])).trim();
const indexOf = async (where: Netns, name: string) =>
  (await inside(where, `-o link show ${name}`)).split(':')[0];
const start = (lab: Lab, sw: Netns, config: object) =>
  Taploomd.start(lab, sw, config, { args: ['--state', join(lab.dir, 'state.json')] });

test('one command makes the pair; it outlives kill -9 with carrier and addresses, and goes with the port', async () => {
  const lab = await openLab();
  const [sw, c1] = await lab.netnsList(['sw', 'c1']);
  const config = { version: 1, bridges: { br0: { local: { persist: true } } } };
  let daemon = await start(lab, sw, config);
  await sw.up('br0', '10.0.0.1/24', 'fd00::1/64');
  const words = ['--type', 'veth', '--netns', c1.name, '--ifname', 'eth0', '--mac', '02:00:00:00:00:05'];
  const addresses = ['--address', '10.0.0.5/24,fd00::5/64', '--gateway', '10.0.0.1', '--gateway', 'fd00::1'];
  await daemon.cli('port', 'add', 'br0', 'web', ...words, ...addresses);
  expect(await daemon.port('web')).toMatchObject({ state: 'up', type: 'veth', mac: '02:00:00:00:00:05' });
  expect(await inside(c1, 'route show default')).toMatch(/^default via 10\.0\.0\.1 dev eth0 /);
  expect(await inside(c1, '-6 route show default')).toMatch(/^default via fd00::1 dev eth0 /);
  expect(await reaches(c1, '10.0.0.1')).toBe(true);
  expect(await reaches(c1, 'fd00::1')).toBe(true);
  expect(await sw.run([process.execPath, program('taploomd'), '--cleanup'])).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/^br0 is in use.*\nweb is in use, by the daemon of /),
  });

  const index = await indexOf(c1, 'eth0');
  for (const signal of ['SIGKILL', 'SIGTERM'] as const) {
    await daemon.process.stop(signal, 20_000);
    expect(await inside(c1, '-br address show dev eth0')).toMatch(
      /^eth0\S* +UP +10\.0\.0\.5\/24 fd00::5\/64/,
    );
    // The host does not answer in the switch's place: who heard it would send there for a minute after the restart.
    await c1.ip('neigh flush dev eth0');
    expect(await reaches(c1, '10.0.0.1', 500)).toBe(false);
    daemon = await start(lab, sw, config);
    expect(await daemon.port('web')).toMatchObject({ state: 'up' });
    expect(await reaches(c1, '10.0.0.1')).toBe(true);
    expect(await indexOf(c1, 'eth0')).toBe(index);
  }

  // What somebody takes away comes back.
  await c1.ip('address del 10.0.0.5/24 dev eth0');
  const isBack = async () => /via 10\.0\.0\.1/.test(await inside(c1, 'route show default'));
  await daemon.until('address and route are back', isBack);
  await c1.ip('link set eth0 down');
  await daemon.until('it is down', async () => (await daemon.port('web')).state === 'down');
  await c1.ip('link set eth0 up');
  await daemon.until('it is up', async () => (await daemon.port('web')).state === 'up');

  await daemon.cli('port', 'del', 'br0', 'web');
  expect([await sw.hasLink('web'), await c1.hasLink('eth0')]).toEqual([false, false]);
});

test('a namespace that comes late, goes, and comes again; what changes in place; what is in the way', async () => {
  const lab = await openLab();
  const [sw, c2] = await lab.netnsList(['sw', 'c2']);
  const late = sw.name.replace(/sw$/, 'late');
  const veth = { type: 'veth', netns: late, ifname: 'eth0', address: ['10.0.0.5/24'] };
  const daemon = await start(lab, sw, { version: 1, bridges: { br0: { ports: { web: veth } } } });
  await sw.up('br0', '10.0.0.1/24');
  expect(await daemon.port('web')).toMatchObject({ state: 'waiting', reason: expect.stringContaining(late) });
  let there = sw;
  for (let n = 0; n < 2; n++) {
    if (n === 0) there = await lab.netns('late');
    else await sw.check(['ip', 'netns', 'add', late]);
    await daemon.until('it is up', async () => (await daemon.port('web')).state === 'up');
    await daemon.until('it is reached', () => reaches(sw, '10.0.0.5'), 10_000);
    if (n === 1) break;
    // A process keeps it alive: the name counts.
    const holder = there.spawn(['sleep', '20']);
    await inside(there, 'link show eth0');
    await sw.check(['ip', 'netns', 'delete', late]);
    await daemon.until('it is gone', async () => (await daemon.port('web')).state === 'gone');
    await daemon.until('nothing is left', async () => !(await sw.hasLink('web')));
    await holder.stop('SIGKILL');
  }

  // Into another namespace with all that it has, and an MTU for both ends.
  const change = (changes: object) =>
    daemon.request('PATCH', '/v1/bridges/br0/ports/web', { netns: c2.name, ...changes });
  await change({ mtu: 1400, gateway: ['10.0.0.1'] });
  expect(await inside(c2, 'link show eth0')).toContain('mtu 1400');
  expect(await inside(sw, 'link show web')).toContain('mtu 1400');
  expect(await inside(c2, 'route show default')).toMatch(/^default via 10\.0\.0\.1 dev eth0 /);
  await daemon.until('it is reached', () => reaches(sw, '10.0.0.5'), 10_000);
  await change({ ifname: 'net1' });
  expect([await c2.hasLink('eth0'), await c2.hasLink('net1')]).toEqual([false, true]);
  await daemon.until('it is reached', () => reaches(sw, '10.0.0.5'), 10_000);

  const add = (name: string, keys: object = {}) =>
    daemon.request('PUT', `/v1/bridges/br0/ports/${name}`, { type: 'veth', netns: c2.name, ...keys });
  await sw.ip('link add mine type veth peer name other');
  await expect(add('mine')).rejects.toThrow(/an interface of that name exists, and it is not ours/);
  await c2.ip('link add theirs type veth peer name other');
  await expect(add('db', { ifname: 'theirs' })).rejects.toThrow(/an interface theirs in \S+ exists/);
  await expect(add('db', { address: ['10.0.9.5/24'], gateway: ['10.0.9.1'] })).rejects.toThrow(
    /has a default route of IPv4 already/,
  );
  await daemon.until('nothing is left', async () => !(await sw.hasLink('db')));
  expect(await c2.hasLink('db')).toBe(false);

  // Without `persist` it ends with the switch; one that nobody wants any more goes at the next start.
  await add('db', { persist: false });
  await daemon.process.stop('SIGTERM', 20_000);
  expect([await sw.hasLink('db'), await sw.hasLink('web')]).toEqual([false, true]);
  await sw.check(['rm', join(lab.dir, 'state.json')]);
  await start(lab, sw, { version: 1 });
  expect(await sw.hasLink('web')).toBe(false);
});
