// Sockets between processes that are no guests: two switches of several workers each, and passt as a way out.

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { runClient } from '../support/dhcp_clients.ts';
import { openLab } from '../support/lab.ts';
import { expectLaws } from '../support/laws.ts';
import { needs } from '../support/needs.ts';
import { Taploomd } from '../support/taploomd.ts';
import { ping, tcp } from '../support/traffic.ts';

needs('ping', 'curl', 'nstat');

test('two switches with two workers each are joined by a stream, under load from both sides, also after one was killed', async () => {
  const lab = await openLab();
  const [one, two, a, b, c, d] = await lab.netnsList(['one', 'two', 'a', 'b', 'c', 'd']);
  const path = join(lab.dir, 'link');
  const tap = (netns: string) => ({ type: 'tap', netns });
  const workers = { args: ['--workers', '2'] };
  const config = (link: object, ports: object) => ({
    version: 1,
    bridges: { br0: { local: false, ports: { link: { type: 'stream', path, ...link }, ...ports } } },
  });
  const left = await Taploomd.start(lab, one, config({}, { a: tap(a.name), b: tap(b.name) }), workers);
  const far = config({ mode: 'client' }, { c: tap(c.name), d: tap(d.name) });
  const right = await Taploomd.start(lab, two, far, workers);
  const addresses = [a, b, c, d].map((netns, n) => [netns, 'abcd'[n], `10.0.0.${n + 1}/24`] as const);
  for (const [netns, device, address] of addresses) await netns.up(device, address);
  // Both workers of each switch write into the one stream.
  const results = await Promise.all([
    tcp(a, c, '10.0.0.3', 2, 5001),
    tcp(b, d, '10.0.0.4', 2, 5002),
    tcp(d, a, '10.0.0.1', 2, 5003),
  ]);
  for (const { bytes } of results) expect(bytes).toBeGreaterThan(1_000_000);
  await expectLaws(left);
  await expectLaws(right);

  right.process.child.kill('SIGKILL');
  await expect.poll(async () => (await left.port('link')).state, { timeout: 5000 }).toBe('down');
  await Taploomd.start(lab, two, far, { ...workers, socket: right.socket });
  for (const [netns, device, address] of addresses.slice(2)) await netns.up(device, address);
  expect((await ping(d, '10.0.0.1', { count: 3 })).received).toBeGreaterThan(0);
});

test('passt is a way out', async ({ skip }) => {
  skip(!existsSync('/usr/bin/passt'), 'needs passt: apt-get install passt');
  const lab = await openLab();
  const [sw, guest, world] = await lab.netnsList(['sw', 'guest', 'world']);
  await lab.veth(sw, 'out', world, 'in');
  await sw.up('out', '192.0.2.1/24');
  await sw.ip('route add default via 192.0.2.2');
  await world.up('in', '192.0.2.2/24');
  const path = join(lab.dir, 'passt');
  const ports = { out: { type: 'stream', path, mode: 'client' }, vm1: { type: 'tap', netns: guest.name } };
  const daemon = await Taploomd.start(lab, sw, { version: 1, bridges: { br0: { local: false, ports } } });
  expect((await daemon.port('out')).reason).toContain('nobody listens there');
  sw.spawn(['passt', '-f', '-q', '-4', '--no-map-gw', '--runas', '0', '-s', path]);
  await expect.poll(async () => (await daemon.port('out')).state, { timeout: 5000 }).toBe('up');
  await guest.up('vm1');
  const told = await runClient(lab, guest, 'vm1', 'udhcpc');
  expect(told).toMatchObject({ ip: '192.0.2.1', router: '192.0.2.2' });
  await guest.ip(`route replace default via ${told?.router} dev vm1`);
  const server =
    "require('http').createServer((q, r) => r.end('x'.repeat(300000))).listen(8000, '192.0.2.2')";
  world.spawn([process.execPath, '-e', server]);
  const fetch = () =>
    guest.run([
      'curl',
      '-s',
      '-m',
      '5',
      '-o',
      '/dev/null',
      '-w',
      '%{size_download}',
      'http://192.0.2.2:8000/',
    ]);
  await expect.poll(async () => (await fetch()).stdout, { timeout: 10_000 }).toBe('300000');
  await expectLaws(daemon);
});
