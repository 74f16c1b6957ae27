// Guests behind a router with NAT, in a daemon with two workers: connections of all kinds, from both sides.
//
//   g1, g2 -- TAP -- lan, 10.0.1.0/24 -- r1 -- wan, 192.0.2.0/24 -- TAP -- world (and 198.51.100.7)

import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { openLab } from '../support/lab.ts';
import { expectLaws } from '../support/laws.ts';
import { needs } from '../support/needs.ts';
import type { Netns } from '../support/netns.ts';
import { Taploomd } from '../support/taploomd.ts';
import { reaches, tcp } from '../support/traffic.ts';

needs('ping', 'nstat', 'python3');

const OUTSIDE = '192.0.2.1';
const SERVER = '198.51.100.7';
const TRAINS = fileURLToPath(new URL('../support/udp_trains.py', import.meta.url));
const TRAIN = 40;

async function start() {
  const lab = await openLab();
  const [where, g1, g2, world] = await lab.netnsList(['switch', 'g1', 'g2', 'world']);
  const config = {
    version: 1,
    bridges: {
      lan: {
        local: false,
        ports: { g1: { type: 'tap', netns: g1.name }, g2: { type: 'tap', netns: g2.name } },
      },
      wan: { local: false, ports: { w1: { type: 'tap', netns: world.name } } },
    },
    routers: {
      r1: {
        interfaces: {
          lan: { bridge: 'lan', address: ['10.0.1.1/24'] },
          up: { bridge: 'wan', address: [`${OUTSIDE}/24`] },
        },
        routes: [{ to: '0.0.0.0/0', via: '192.0.2.254' }],
        nat: [
          { destination: 'tcp/8080', to: '10.0.1.2' },
          { destination: 'udp/9000', to: '10.0.1.2' },
          { source: '10.0.1.0/24', to: 'interface' },
        ],
      },
    },
  };
  const daemon = await Taploomd.start(lab, where, config, { args: ['--workers', '2'] });
  for (const [guest, name, address] of [
    [g1, 'g1', '10.0.1.2'],
    [g2, 'g2', '10.0.1.3'],
  ] as [Netns, string, string][]) {
    await guest.up(name, `${address}/24`);
    await guest.ip('route add default via 10.0.1.1');
  }
  await world.up('w1', '192.0.2.254/24');
  await world.ip(`addr add ${SERVER}/32 dev lo`, 'link set lo up');
  return { daemon, g1, g2, world };
}

test('guests reach the world, and it a published port', async () => {
  const { daemon, g1, g2, world } = await start();
  expect(await reaches(g1, SERVER)).toBe(true);
  expect(await reaches(g2, SERVER)).toBe(true);
  // The world knows no way to guests.
  expect((await world.run(['ping', '-c', '1', '-W', '1', '10.0.1.2'])).code).not.toBe(0);
  await tcp(g1, world, SERVER, 0.5);
  const { stdout: hop } = await g1.run(['ping', '-n', '-c', '1', '-W', '2', '-t', '1', SERVER]);
  expect(hop).toContain('From 10.0.1.1 icmp_seq=1 Time to live exceeded');
  // From the world, and from a neighbour by the outside address.
  await tcp(world, g1, OUTSIDE, 0.5, 8080);
  await tcp(g2, g1, OUTSIDE, 0.5, 8080);
  const shown = await daemon.cli('nat', 'show', '--filter', 'protocol=tcp');
  const rows = shown.split('\n').map((line) => line.split(/ +/).slice(3, 7));
  const ends = rows.map((row) => row.map((end) => end.replace(/:\d{5}$/, '')).join(' '));
  expect(ends).toContain(`10.0.1.2 ${SERVER}:5001 ${OUTSIDE} ${SERVER}:5001`);
  expect(ends).toContain(`192.0.2.254 ${OUTSIDE}:8080 192.0.2.254 10.0.1.2:8080`);
  expect(ends).toContain(`10.0.1.3 ${OUTSIDE}:8080 ${OUTSIDE} 10.0.1.2:8080`);
}, 60_000);

/** How many datagrams of a train came back that left, and came back, as one super-frame. */
async function train(from: Netns, to: Netns, own: string, address: string): Promise<number> {
  const server = to.spawn(['python3', TRAINS, 'serve', own, '9000']);
  await server.waitFor(/ready/);
  return Number(await from.check(['python3', TRAINS, 'ask', address, '9000', '7000'], { timeoutMs: 15_000 }));
}

test('super-frames of TCP and UDP go through whole, both ways and around, without a wrong checksum', async () => {
  const { daemon, g1, g2, world } = await start();
  expect(await reaches(g1, SERVER)).toBe(true);
  expect(await reaches(g2, SERVER)).toBe(true);
  const before = await daemon.ports();
  await tcp(g1, world, SERVER, 0.5);
  await tcp(world, g1, OUTSIDE, 0.5, 8080);
  await tcp(g2, g1, OUTSIDE, 0.5, 8080);
  for (const { name, counters } of await daemon.ports()) {
    if (name === 'g2') continue; // gets acknowledgements
    const old = before.find((port) => port.name === name)?.counters;
    const frames = counters.transmittedFrames - (old?.transmittedFrames ?? 0);
    const segments = counters.transmittedSegments - (old?.transmittedSegments ?? 0);
    expect(segments, name).toBeGreaterThan(2 * frames);
  }
  expect(await train(g1, world, SERVER, SERVER)).toBe(TRAIN);
  expect(await train(world, g1, '10.0.1.2', OUTSIDE)).toBe(TRAIN);
  expect(await train(g2, g1, '10.0.1.2', OUTSIDE)).toBe(TRAIN);
  for (const netns of [g1, g2, world]) expect(await netns.checksumErrors()).toBe(0);
  await expectLaws(daemon);
}, 60_000);
