// Router advertisements of routers' interfaces, in a switch without threads.

import { expect, test } from 'vitest';
import { buildIpv6Frame, multicastMac, parseIpv6Frame } from '../../src/wire/ipv6_frame.ts';
import { isAdvertisement } from '../../src/wire/router_discovery.ts';
import { openPolled, type PolledSwitch } from '../support/polled_switch.ts';
import { ip } from '../support/router_world.ts';
import { guestMac } from '../wire/dhcp4/messages.ts';

const memory = { type: 'memory' as const };
const bridges = {
  br0: {
    local: false as const,
    vlan_filtering: true,
    multicast: { snooping: true },
    ports: {
      a: { ...memory, vlan: { access: 10 } },
      a2: { ...memory, vlan: { access: 10 } },
      b: { ...memory, vlan: { access: 20 } },
    },
  },
};
const ADDRESS = ['10.0.1.1/24', 'fd00:1::1/64'];

function config(web: object) {
  const interfaces = {
    web: { bridge: 'br0', vlan: 10, address: ADDRESS, ...web },
    db: { bridge: 'br0', vlan: 20, address: ['fd00:2::1/64'] },
  };
  return { version: 1 as const, bridges, routers: { r1: { interfaces } } };
}

const open = (web: object) => openPolled(config(web));

function solicitation(src: string, n = 7): Uint8Array {
  const dst = ip('ff02::2');
  const way = { srcMac: guestMac(n), dstMac: multicastMac(dst), src: ip(src), dst };
  return buildIpv6Frame(way, 58, 255, Uint8Array.of(133, 0, 0, 0, 0, 0, 0, 0));
}

interface Told {
  to: string;
  lifetime: number;
  message: string;
}

/** Advertisements that a port heard, their messages in hexadecimal. */
function told(world: PolledSwitch, port: string): Told[] {
  return world
    .heard(port)
    .filter(isAdvertisement)
    .map((frame) => {
      const packet = parseIpv6Frame(frame);
      if (typeof packet === 'string') throw new Error(packet);
      const message = Buffer.from(frame.subarray(packet.at, packet.end)).toString('hex');
      const to = packet.dst[0] === 0xff ? 'all' : 'one';
      return { to, lifetime: packet.view.getUint16(packet.at + 6), message };
    });
}

const status = (world: PolledSwitch) => world.taploom.routing.routers()[0].interfaces;

test('hosts behind the interface hear it, and nobody else', async () => {
  const world = await open({ advertise: true });
  const [{ to, lifetime, message }, ...more] = told(world, 'a');
  expect([to, lifetime, more.length]).toEqual(['all', 1800, 0]);
  expect(message).toContain('030440c0000151800000384000000000fd000001000000000000000000000000');
  expect(message).toContain('05010000000005dc');
  expect(told(world, 'b')).toEqual([]);
});

test('who asks is answered within half a second, and the question goes on to other routers', async () => {
  const world = await open({ advertise: true });
  for (const port of ['a', 'a2']) world.heard(port);
  world.send('a', solicitation('fe80::7'));
  await world.pass(20);
  expect(world.heard('a2')).toHaveLength(1);
  await world.pass(600);
  expect(told(world, 'a')).toMatchObject([{ to: 'one', lifetime: 1800 }]);
  expect(told(world, 'a2')).toEqual([]);
  // Who has no address yet can only be told with all others.
  await world.pass(3000, 100);
  world.send('a', solicitation('::'));
  await world.pass(600);
  expect(told(world, 'a')).toMatchObject([{ to: 'all', lifetime: 1800 }]);
  world.send('b', solicitation('fe80::8', 8));
  await world.pass(600);
  expect(told(world, 'b')).toEqual([]);
  const [web, db] = status(world);
  expect(web.advertised).toEqual({ sent: 3, solicited: 2 });
  expect(db.advertised).toBeUndefined();
});

test('it says what the configuration says', async () => {
  const world = await open({
    address: [...ADDRESS, 'fd00:3::1/64', 'fd00:4::1/80'],
    advertise: {
      lifetime: 0,
      prefixes: ['fd00:3::/64', 'fd00:4::/80'],
      valid_lifetime: 7200,
      preferred_lifetime: 3600,
      managed: true,
      dns: ['fd00:1::53'],
      search: ['lab.example'],
      mtu: 1400,
    },
  });
  const [{ lifetime, message }] = told(world, 'a');
  expect(lifetime).toBe(0);
  expect(message.slice(8, 12)).toBe('4080');
  expect(message).toContain('030440c000001c2000000e1000000000fd000003000000000000000000000000');
  // Hosts make addresses of 64 bits alone.
  expect(message).toContain('0304508000001c2000000e1000000000fd000004000000000000000000000000');
  expect(message).not.toContain('fd000001000000000000000000000000');
  expect(message).toContain('050100000000057819030000');
  expect(message).toContain('036c6162076578616d706c6500');
});

test.each([
  ['the key goes', (world: PolledSwitch) => world.taploom.apply(config({}))],
  ['the interface goes', (world: PolledSwitch) => world.taploom.apply({ version: 1, bridges })],
])('it is taken back when %s', async (_, end) => {
  const world = await open({ advertise: true });
  world.heard('a');
  await end(world);
  await world.pass(20);
  const [{ lifetime, message }] = told(world, 'a');
  expect(lifetime).toBe(0);
  expect(message).toContain('030440c000001c200000000000000000fd000001');
});

test('in a network the advertisements of guests are dropped, also where the router advertises', async () => {
  const network = { mode: 'isolated' as const, subnet: ['10.0.1.0/24', 'fd00:1::/64'], ra: false };
  const lan = { local: false as const, network, ports: { a: memory, a2: memory } };
  const web = { bridge: 'lan', address: ['fd00:1::1/64'], advertise: true };
  const world = await openPolled({
    version: 1,
    bridges: { lan },
    routers: { r1: { interfaces: { web } } },
  });
  expect(told(world, 'a')).toHaveLength(1);
  world.heard('a2');
  const dst = ip('ff02::1');
  const way = { srcMac: guestMac(9), dstMac: multicastMac(dst), src: ip('fe80::9'), dst };
  world.send('a', buildIpv6Frame(way, 58, 255, Uint8Array.of(134, ...new Array<number>(15).fill(0))));
  await world.pass(20);
  expect(told(world, 'a2')).toEqual([]);
});

test('of another prefix the old one is taken back, and the new one said at once', async () => {
  const world = await open({ advertise: true });
  world.heard('a');
  await world.taploom.apply(config({ address: ['fd00:9::1/64'], advertise: true }));
  await world.pass(30);
  const [before, now] = told(world, 'a');
  expect(before).toMatchObject({ lifetime: 0, message: expect.stringContaining('fd000001') });
  expect(now).toMatchObject({ lifetime: 1800, message: expect.stringContaining('fd000009') });
});
