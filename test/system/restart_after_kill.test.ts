// kill -9 of the daemon: what comes back, and by what means.

import { expect, test } from 'vitest';
import { openLab } from '../support/lab.ts';
import { needs } from '../support/needs.ts';
import { Taploomd } from '../support/taploomd.ts';
import { ping, reaches } from '../support/traffic.ts';

needs('ping');

test('after kill -9 the daemon starts on the same socket and forwards again', async () => {
  const lab = await openLab();
  const [sw, h1, h2] = await lab.netnsList(['sw', 'h1', 'h2']);
  // Persistent TAPs keep their addresses while nobody holds them.
  const ports = {
    h1: { type: 'tap', netns: h1.name, persist: true },
    h2: { type: 'tap', netns: h2.name, persist: true },
  };
  const config = { version: 1, bridges: { br0: { ports } } };
  const first = await Taploomd.start(lab, sw, config);
  await h1.up('h1', '10.0.0.1/24');
  await h2.up('h2', '10.0.0.2/24');
  expect(await ping(h1, '10.0.0.2')).toMatchObject({ received: 5 });

  await first.process.stop('SIGKILL');
  expect(await ping(h1, '10.0.0.2', { count: 1, waitSeconds: 0.3 })).toMatchObject({ received: 0 });
  expect(await sw.hasLink('br0')).toBe(false); // the bridge's own interface was not persistent

  const second = await Taploomd.start(lab, sw, config, { socket: first.socket });
  expect(await reaches(h1, '10.0.0.2')).toBe(true);
  expect(await second.port('h1')).toMatchObject({ state: 'up' });
  expect(await sw.hasLink('br0')).toBe(true);
});

test('TAPs that were not persistent are made again', async () => {
  const lab = await openLab();
  const [sw, h1] = await lab.netnsList(['sw', 'h1']);
  const config = { version: 1, bridges: { br0: { ports: { h1: { type: 'tap', netns: h1.name } } } } };
  const first = await Taploomd.start(lab, sw, config);
  await sw.up('br0', '10.0.0.254/24');
  await first.process.stop('SIGKILL');
  expect(await h1.hasLink('h1')).toBe(false);

  await Taploomd.start(lab, sw, config, { socket: first.socket });
  await sw.up('br0', '10.0.0.254/24');
  await h1.up('h1', '10.0.0.1/24');
  expect(await ping(h1, '10.0.0.254')).toMatchObject({ received: 5 });
});

test('changes made through the client survive kill -9 with --state', async () => {
  const lab = await openLab();
  const [sw] = await lab.netnsList(['sw']);
  const config = { version: 1, bridges: { br0: { ports: { p1: { type: 'tap' } } } } };
  const args = ['--state', `${lab.dir}/state.json`];
  const first = await Taploomd.start(lab, sw, config, { args });
  await first.request('PUT', '/v1/bridges/br0/ports/p2', { type: 'tap' });
  await first.request('DELETE', '/v1/bridges/br0/ports/p1');
  await first.request('PATCH', '/v1/bridges/br0', { ageing_time: 17 });
  await first.process.stop('SIGKILL');

  const second = await Taploomd.start(lab, sw, config, { args, socket: first.socket });
  const names = (await second.ports()).filter(({ type }) => type === 'tap').map(({ name }) => name);
  expect(names).toEqual(['p2']);
  expect(await second.get('/v1/bridges/br0')).toMatchObject({ status: { ageingTime: 17 } });
});

test('a second daemon on the same socket is refused, and the first is not disturbed', async () => {
  const lab = await openLab();
  const [sw, other] = await lab.netnsList(['sw', 'other']);
  const config = { version: 1, bridges: { br0: {} } };
  const first = await Taploomd.start(lab, sw, config);
  const second = await Taploomd.launch(lab, other, config, { socket: first.socket });
  expect(await second.process.exit()).not.toBe(0);
  expect(second.process.stderr + second.process.stdout).toMatch(/already running|in use|answers/i);
  expect(await first.ports()).toHaveLength(1);
});

test('SIGTERM ends the daemon with code 0 and takes its interfaces and socket with it', async () => {
  const lab = await openLab();
  const [sw] = await lab.netnsList(['sw']);
  const daemon = await Taploomd.start(lab, sw, {
    version: 1,
    bridges: { br0: { ports: { p1: { type: 'tap' } } } },
  });
  expect(await sw.hasLink('p1')).toBe(true);
  expect(await daemon.process.stop('SIGTERM')).toBe(0);
  expect(await sw.hasLink('p1')).toBe(false);
  expect(await sw.hasLink('br0')).toBe(false);
});
