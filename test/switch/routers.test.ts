// Routers from the configuration to the wire: guests that are asked for, and what they are told.

import { expect, test } from 'vitest';
import { OPTION } from '../../src/wire/dhcp4/codes.ts';
import { formatIp, ipv4Bytes } from '../../src/wire/ip_address.ts';
import { macAt } from '../../src/wire/mac.ts';
import { lease } from '../support/network_world.ts';
import { openPolled, type PolledSwitch } from '../support/polled_switch.ts';
import { arpReply, arpRequest, BROADCAST, mac, ping, words } from '../support/router_world.ts';
import { guestMac } from '../wire/dhcp4/messages.ts';

const A = mac('02:00:00:00:00:0a');
const B = mac('02:00:00:00:00:0b');
const C = mac('02:00:00:00:00:0c');
const memory = { type: 'memory' as const };

const bridges = {
  br0: {
    local: false as const,
    vlan_filtering: true,
    ports: {
      a: { ...memory, vlan: { access: 10 } },
      b: { ...memory, vlan: { access: 20 } },
      b2: { ...memory, vlan: { access: 20 } },
    },
  },
};
const r1 = {
  interfaces: {
    web: { bridge: 'br0', vlan: 10, address: ['10.0.1.1/24', 'fd00:1::1/64'] },
    db: { bridge: 'br0', vlan: 20, address: ['10.0.2.1/24'], neighbours: {} },
  },
};

function open(more: object = {}) {
  return openPolled({ version: 1, bridges, routers: { r1, ...more } });
}

/** When interfaces have said who they are. */
async function settled(more?: object): Promise<PolledSwitch> {
  const world = await open(more);
  await world.pass(5000, 100);
  for (const port of ['a', 'b', 'b2']) world.heard(port);
  return world;
}

/** Asks for the gateway, as a guest does, and takes its MAC address from the answer. */
async function gateway(
  { send, pass, heard }: PolledSwitch,
  port: string,
  own: typeof A,
  from: string,
  to: string,
) {
  send(port, arpRequest(own, from, to));
  await pass(10);
  const answer = heard(port).find((frame) => words(frame).includes('arp!')) as Uint8Array;
  return macAt(new DataView(answer.buffer), 6);
}

test('an interface tells its VLAN who it is', async () => {
  const { heard, pass } = await open();
  await pass(5000, 100);
  const said = heard('a').map(words);
  const link = said
    .find((one) => one.includes('solicitation :: -> fe80'))
    ?.split(' ')
    .at(-1);
  expect(said).toEqual(
    expect.arrayContaining([
      'ff:ff:ff:ff:ff:ff arp? 0.0.0.0 -> 10.0.1.1',
      'ff:ff:ff:ff:ff:ff arp? 10.0.1.1 -> 10.0.1.1',
      '33:33:ff:00:00:01 solicitation :: -> fd00:1::1',
      '33:33:00:00:00:01 advertisement fd00:1::1 -> fd00:1::1',
      `33:33:00:00:00:01 advertisement ${link} -> ${link}`,
    ]),
  );
  expect(said).toHaveLength(9);
  expect(heard('b').map(words)).toHaveLength(3);
});

test('a packet waits until its next hop is found, and later ones do not', async () => {
  const world = await settled();
  const { send, pass, heard, taploom } = world;
  const router = await gateway(world, 'a', A, '10.0.1.9', '10.0.1.1');
  send('a', ping(A, router, '10.0.1.9', '10.0.2.9'));
  await pass(30);
  const [question] = heard('b');
  expect(words(question)).toBe('ff:ff:ff:ff:ff:ff arp? 10.0.2.1 -> 10.0.2.9');
  const own = macAt(new DataView(question.buffer), 6);
  send('b', arpReply(B, '10.0.2.9', own, '10.0.2.1'));
  await pass(30);
  expect(heard('b').map(words)).toEqual(['02:00:00:00:00:0b icmp 8/0 10.0.1.9 -> 10.0.2.9 ttl 63']);
  send('a', ping(A, router, '10.0.1.9', '10.0.2.9'));
  await pass(10);
  expect(heard('b').map(words)).toEqual(['02:00:00:00:00:0b icmp 8/0 10.0.1.9 -> 10.0.2.9 ttl 63']);
  expect(taploom.routing.neighbours({ address: '10.0.2.9' })).toMatchObject([
    { router: 'r1', interface: 'db', state: 'reachable', mac: '02:00:00:00:00:0b' },
  ]);
  // Who asked for the gateway is known without a question.
  expect(taploom.routing.neighbours({ interface: 'web' })).toMatchObject([
    { address: '10.0.1.9', state: 'stale' },
  ]);
});

test('who has no neighbour to send to is told after three questions', async () => {
  const world = await settled();
  const { send, pass, heard } = world;
  const router = await gateway(world, 'a', A, '10.0.1.9', '10.0.1.1');
  send('a', ping(A, router, '10.0.1.9', '10.0.2.77'));
  await pass(2900, 100);
  expect(heard('a')).toEqual([]);
  await pass(300, 100);
  expect(heard('b').map(words)).toEqual(
    Array.from({ length: 3 }, () => 'ff:ff:ff:ff:ff:ff arp? 10.0.2.1 -> 10.0.2.77'),
  );
  expect(heard('a').map(words)).toEqual(['02:00:00:00:00:0a icmp 3/1 10.0.1.1 -> 10.0.1.9 ttl 64']);
});

test('somebody with the address of an interface is told of, and answered', async () => {
  const { send, pass, heard, events } = await settled();
  send('a', arpRequest(A, '10.0.1.1', '10.0.1.1'));
  await pass(30);
  expect(heard('a').map(words)).toContain('ff:ff:ff:ff:ff:ff arp? 10.0.1.1 -> 10.0.1.1');
  expect(events.filter(({ type }) => type === 'address')).toMatchObject([
    { change: 'duplicate', port: 'r1.web', vlan: 10, address: '10.0.1.1', mac: '02:00:00:00:00:0a' },
  ]);
});

test('a guest that comes with another MAC address is found there, and that is told', async () => {
  const world = await settled();
  const { pass, events, taploom } = world;
  await gateway(world, 'b', B, '10.0.2.9', '10.0.2.1');
  await pass(2000, 100);
  await gateway(world, 'b2', C, '10.0.2.9', '10.0.2.1');
  await pass(30);
  expect(taploom.routing.neighbours({ address: '10.0.2.9' })).toMatchObject([{ mac: '02:00:00:00:00:0c' }]);
  expect(events.filter(({ type }) => type === 'address')).toMatchObject([
    { change: 'moved', address: '10.0.2.9', before: '02:00:00:00:00:0b', mac: '02:00:00:00:00:0c' },
  ]);
});

test('a guest that moves to another port keeps its gateway', async () => {
  const world = await settled();
  const { send, pass, heard } = world;
  const router = await gateway(world, 'a', A, '10.0.1.9', '10.0.1.1');
  const own = await gateway(world, 'b', B, '10.0.2.9', '10.0.2.1');
  heard('b2'); // what the guest asked was for everybody
  send('b2', ping(B, own, '10.0.2.9', '10.0.1.9'));
  await pass(10);
  expect(heard('a').map(words)).toEqual(['02:00:00:00:00:0a icmp 8/0 10.0.2.9 -> 10.0.1.9 ttl 63']);
  send('a', ping(A, router, '10.0.1.9', '10.0.2.9'));
  await pass(10);
  expect(heard('b2').map(words)).toEqual(['02:00:00:00:00:0b icmp 8/0 10.0.1.9 -> 10.0.2.9 ttl 63']);
  expect(heard('b')).toEqual([]);
});

test('neighbours can be forgotten, and go with their interface', async () => {
  const world = await settled();
  const { taploom, pass } = world;
  await gateway(world, 'b', B, '10.0.2.9', '10.0.2.1');
  await pass(10);
  expect(taploom.routing.flush({ router: 'r1', interface: 'web' })).toBe(0);
  expect(taploom.routing.flush({ address: '10.0.2.9' })).toBe(1);
  expect(taploom.routing.neighbours()).toEqual([]);
  await gateway(world, 'b', B, '10.0.2.9', '10.0.2.1');
  await pass(10);
  await taploom.apply({ version: 1, bridges, routers: { r1: { interfaces: { web: r1.interfaces.web } } } });
  await taploom.apply({ version: 1, bridges, routers: { r1 } });
  await pass(10);
  expect(taploom.routing.neighbours()).toEqual([]);
});

test('two tenants have equal addresses, and each reaches its own', async () => {
  const ports = (vlan: number) => ({ [`p${vlan}`]: { ...memory, vlan: { access: vlan } } });
  const tenant = (from: number, to: number) => ({
    interfaces: {
      in: { bridge: 'br1', vlan: from, address: ['10.0.1.1/24'] },
      out: {
        bridge: 'br1',
        vlan: to,
        address: ['10.0.2.1/24'],
        neighbours: { '10.0.2.9': `02:00:00:00:00:${to}` },
      },
    },
  });
  const world = await openPolled({
    version: 1,
    bridges: {
      br1: {
        local: false,
        vlan_filtering: true,
        ports: { ...ports(11), ...ports(12), ...ports(21), ...ports(22) },
      },
    },
    routers: { t1: tenant(11, 12), t2: tenant(21, 22) },
  });
  await world.pass(5000, 100);
  for (const port of ['p11', 'p12', 'p21', 'p22']) world.heard(port);
  for (const [from, to] of [
    ['p11', 'p12'],
    ['p21', 'p22'],
  ]) {
    const router = await gateway(world, from, A, '10.0.1.9', '10.0.1.1');
    world.send(from, ping(A, router, '10.0.1.9', '10.0.2.9'));
    await world.pass(20);
    const heard = ['p11', 'p12', 'p21', 'p22'].flatMap((port) =>
      world.heard(port).map((frame) => `${port} ${words(frame)}`),
    );
    expect(heard).toEqual([`${to} 02:00:00:00:00:${to.slice(1)} icmp 8/0 10.0.1.9 -> 10.0.2.9 ttl 63`]);
  }
});

test('tells of routers, routes, and ways', async () => {
  const { taploom } = await settled();
  const { routing } = taploom;
  await taploom.apply({
    version: 1,
    bridges,
    routers: {
      r1: {
        ...r1,
        routes: [
          { to: '0.0.0.0/0', via: '10.0.2.254' },
          { to: '10.9.0.0/16', type: 'blackhole' },
        ],
      },
    },
  });
  expect(routing.routers()).toMatchObject([
    {
      name: 'r1',
      routes: 2,
      interfaces: [
        {
          port: 'r1.web',
          bridge: 'br0',
          vlan: 10,
          mtu: 1500,
          state: 'up',
          linkLocal: expect.stringMatching(/^fe80::/),
        },
        { port: 'r1.db', addresses: ['10.0.2.1/24'] },
      ],
    },
  ]);
  expect(routing.routes({ router: 'r1' }).filter(({ type }) => type === 'static')).toEqual([
    {
      router: 'r1',
      to: '0.0.0.0/0',
      type: 'static',
      table: undefined,
      hops: [{ interface: 'db', via: '10.0.2.254' }],
    },
  ]);
  expect(routing.routeTo({ router: 'r1', address: '9.9.9.9' })).toMatchObject({
    to: '0.0.0.0/0',
    type: 'forward',
    hops: [{ interface: 'db', via: '10.0.2.254', mtu: 1500 }],
  });
  expect(routing.routeTo({ router: 'r1', address: '10.9.1.1' }).type).toBe('blackhole');
  expect(routing.routeTo({ router: 'r1', address: 'fd09::1' })).toMatchObject({ type: 'none', hops: [] });
  expect(() => routing.routeTo({ router: 'r1', address: '10.9.1' })).toThrow(
    '10.9.1 is not an IPv4 or IPv6 address',
  );
  expect(() => routing.routeTo({ router: 'r2', address: '10.9.1.1' })).toThrow('There is no router r2');
  expect(() => routing.routeTo({ router: 'r1', address: '10.9.1.1', interface: 'x' })).toThrow(
    'no interface x',
  );
});

test('guests of an isolated network are told that the router is their way out', async () => {
  const gate = { bridge: 'lan', address: ['10.7.0.254/24'] };
  const world = await openPolled({
    version: 1,
    bridges: {
      lan: { local: false, network: { mode: 'isolated', subnet: '10.7.0.0/24' }, ports: { vm1: memory } },
    },
    routers: { r1: { interfaces: { gate } } },
  });
  const offer = await lease(world, 'vm1', 1);
  expect(offer?.options.get(OPTION.routers)).toEqual(Uint8Array.of(10, 7, 0, 254));
  expect(offer?.yiaddr).not.toBe(0x0a07_00fe);
  const own = formatIp(ipv4Bytes(offer?.yiaddr ?? 0));
  const router = await gateway(world, 'vm1', guestMac(1), own, '10.7.0.254');
  // Another guest does not get into its place.
  world.send('vm1', arpReply(C, '10.7.0.254', BROADCAST, '10.7.0.254'));
  await world.pass(20);
  world.send('vm1', ping(guestMac(1), router, own, '10.7.0.254'));
  await world.pass(20);
  expect(world.heard('vm1').map(words).at(-1)).toContain(`icmp 0/0 10.7.0.254 -> ${own}`);
  const { receiveDropped } = world.taploom.ports()[0].counters;
  expect(Object.values(receiveDropped)).toContain(1);
});
