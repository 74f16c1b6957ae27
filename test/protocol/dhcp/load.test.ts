// Many clients at once, and many that mean no good: time and memory stay bounded.

import { expect, test } from 'vitest';
import { MAX_LEASES } from '../../../src/protocol/dhcp/pool.ts';
import { DhcpServer } from '../../../src/protocol/dhcp/server.ts';
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

test('a subnet remembers so many leases, and gives those again that ended first', () => {
  const world = new World(settings);
  const lease = {
    state: 'ended',
    port: 'p1',
    relayed: false,
    hostName: '',
    verified: true,
    since: 0,
  } as const;
  const leases = Array.from({ length: MAX_LEASES }, (_, n) => {
    return { ...lease, address: ip('10.1.0.0') + n, client: `mac ${n}`, mac: String(n), until: 1000 - n };
  });
  world.server = new DhcpServer(world.settings, leases, world.now);
  const offered = [1, 2].map((n) => world.offer(n)?.message.yiaddr);
  expect(offered).toEqual([ip('10.1.255.255'), ip('10.1.255.254')]);
  expect(world.server.leases().length).toBe(MAX_LEASES);
});

test('leases that are over all at once end a bounded number at a time', () => {
  const world = new World(settings);
  const lease = {
    state: 'bound',
    port: 'p1',
    relayed: false,
    hostName: '',
    verified: true,
    since: 0,
  } as const;
  const leases = Array.from({ length: 5000 }, (_, n) => {
    return { ...lease, address: ip('10.1.0.0') + n, client: `mac ${n}`, mac: String(n), until: 2000 };
  });
  world.server = new DhcpServer(world.settings, leases, world.now);
  world.now = 2000;
  const ended: number[] = [];
  while (world.server.deadline() <= world.now) ended.push(world.server.tick(world.now).events.length);
  expect(ended).toEqual(new Array(5).fill(1000));
});
