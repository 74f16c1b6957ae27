// Many clients at once, and many that mean no good: time and memory stay bounded.

import { expect, test } from 'vitest';
import { ip, SUBNET, World } from './world.ts';

const WIDE = {
  ...SUBNET,
  network: ip('10.0.0.0'),
  prefix: 8,
  ranges: [{ first: ip('10.0.1.0'), last: ip('10.255.255.254') }],
};
const settings = { address: ip('10.0.0.1'), subnets: [WIDE] };

test('a thousand clients that come at once have their leases within five seconds of CPU', () => {
  const world = new World(settings);
  const start = process.cpuUsage();
  for (let n = 1; n <= 1000; n++) world.say('discover', n);
  const offers = world.pass(300);
  expect(offers.length).toBe(1000);
  const addresses = offers.map(({ message }) => {
    const ack = world.select(message.mac.lo, message.yiaddr, {}, settings.address);
    expect(ack?.message.type).toBe('ack');
    return message.yiaddr;
  });
  expect(new Set(addresses).size).toBe(1000);
  const { user, system } = process.cpuUsage(start);
  expect((user + system) / 1e6).toBeLessThan(5);
});

test('clients that only ask make it remember as much as a subnet may, and cost no more when it is full', () => {
  const world = new World({ ...settings, probe: false, leasesPerPort: Number.POSITIVE_INFINITY });
  for (let n = 1; n <= 70_000; n++) world.say('discover', n, { port: 'p1' });
  expect(world.server.leases().length).toBe(65_536);
  expect(world.server.counters.ignored.no_address).toBe(70_000 - 65_536);
  // What was offered to nobody who wanted it is free again, a bounded number at a time.
  world.now += 40_000;
  let ticks = 0;
  for (; world.server.deadline() <= world.now; ticks++) world.server.tick(world.now);
  expect(ticks).toBeGreaterThan(60);
  expect(world.say('discover', 80_000, { port: 'p1' }).length).toBe(1);
});
