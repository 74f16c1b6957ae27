// IPv6 of networks in a switch without threads: advertisements, DHCPv6, and what guests must not say.

import { expect, test } from 'vitest';
import { OPTION6 } from '../../src/wire/dhcp6/codes.ts';
import { buildFrame6 } from '../../src/wire/dhcp6/frame.ts';
import { buildMessage6, type Message6 } from '../../src/wire/dhcp6/message.ts';
import { buildIpv6Frame, multicastMac, parseIpv6Frame } from '../../src/wire/ipv6_frame.ts';
import { isAdvertisement } from '../../src/wire/router_discovery.ts';
import { openWorld, SUBNET } from '../support/network_world.ts';
import type { PolledSwitch } from '../support/polled_switch.ts';
import { guestMac } from '../wire/dhcp4/messages.ts';
import { answerIn, type ClientFields, clientFrame6, ip } from '../wire/dhcp6/messages.ts';

const RANGE = 'fd00:7::1000-fd00:7::1fff';

function open(network: object = {}, bridge: object = {}, ports: object = {}): Promise<PolledSwitch> {
  return openWorld({
    local: false,
    network: { mode: 'isolated', subnet: [SUBNET, 'fd00:7::/64'], ...network },
    ...bridge,
    ports: { vm1: { type: 'memory' }, vm2: { type: 'memory' }, ...ports },
  });
}

function icmpv6(type: number, from: string, to: string, n = 7, more: number[] = []): Uint8Array {
  const way = { srcMac: guestMac(n), dstMac: multicastMac(ip(to)), src: ip(from), dst: ip(to) };
  const length = type === 134 ? 16 : 8;
  const message = [type, ...new Array<number>(length - 1).fill(0), ...more];
  return buildIpv6Frame(way, 58, 255, Uint8Array.from(message));
}

const advertisements = (frames: readonly Uint8Array[]) => frames.filter(isAdvertisement);
const answers = (frames: readonly Uint8Array[]) => frames.flatMap((frame) => answerIn(frame) ?? []);

async function ask(world: PolledSwitch, port: string, fields: ClientFields): Promise<Message6 | undefined> {
  world.heard(port);
  world.send(port, clientFrame6(fields));
  await world.pass(50);
  return answers(world.heard(port))[0];
}

async function lease6(world: PolledSwitch, port: string, n: number) {
  const mac = guestMac(n);
  const offer = await ask(world, port, { mac, items: [] });
  const server = offer?.options.get(OPTION6.serverId);
  const [{ items } = { items: [] }] = offer?.associations ?? [];
  const reply = await ask(world, port, { mac, type: 'request', server, items: [...items] });
  return { server, reply, items: reply?.associations[0]?.items ?? [] };
}

test('guests hear an advertisement at once, and who asks another one, alone', async () => {
  const world = await open();
  for (const port of ['vm1', 'vm2']) expect(advertisements(world.heard(port))).toHaveLength(1);
  world.send('vm1', icmpv6(133, 'fe80::7', 'ff02::2'));
  await world.pass(510);
  expect(advertisements(world.heard('vm1'))).toHaveLength(1);
  expect(world.heard('vm2')).toEqual([]);
  expect(world.taploom.networks()[0].ipv6).toMatchObject({
    subnet: 'fd00:7::/64',
    gateway: 'fd00:7::1',
    advertisements: 2,
    solicitations: 1,
  });
});

test('no guest has the addresses of the gateway, the link-local one and the other', async () => {
  const world = await open();
  world.heard('vm1');
  for (const [address, kind] of [
    ['fe80::1', 'target'],
    ['fd00:7::1', 'target'],
    ['fe80::1', 'source'],
    ['fd00:7::77', 'target'],
  ] as const) {
    const target = [...ip(kind === 'target' ? address : 'fd00:7::5'), 2, 1, 2, 0, 0, 0, 0, 7];
    const type = kind === 'target' ? 136 : 135;
    world.send('vm2', icmpv6(type, kind === 'target' ? 'fe80::7' : address, 'ff02::1', 7, target));
  }
  await world.pass(20);
  expect(world.heard('vm1')).toHaveLength(1);
  const claimed = world.events.filter(({ type }) => type === 'network').map(({ message }) => message);
  expect(claimed.filter((message) => message.includes('claims'))).toHaveLength(2);
});

test('it is taken back when the network goes', async () => {
  const world = await open();
  world.heard('vm1');
  const { config } = world.taploom;
  const { network: _, ...br0 } = config.bridges.br0;
  await world.taploom.apply({ ...config, bridges: { br0 } });
  await world.pass(20);
  const [frame] = advertisements(world.heard('vm1'));
  const packet = parseIpv6Frame(frame);
  if (typeof packet === 'string') throw new Error(packet);
  expect(packet.view.getUint32(packet.at + 24 + 8)).toBe(0);
});

test('a guest gets an address from DHCPv6, keeps it, and gives it back', async () => {
  const world = await open({ dhcp6: { range: RANGE } });
  const { server, items } = await lease6(world, 'vm1', 1);
  expect(items).toHaveLength(1);
  expect(world.heard('vm2').filter((frame) => answerIn(frame) !== undefined)).toEqual([]);
  const [lease] = world.taploom.leases();
  expect(lease).toMatchObject({ network: 'br0', mac: '02:00:00:00:00:01', port: 'vm1', state: 'bound' });
  expect(lease.address).toMatch(/^fd00:7::1[0-9a-f]{3}$/);
  expect(world.events.map(({ message }) => message)).toContain(
    `02:00:00:00:00:01 on port vm1 has address ${lease.address}`,
  );
  const mac = guestMac(1);
  const renewed = await ask(world, 'vm1', { mac, type: 'renew', server, items: [...items] });
  expect(renewed?.associations[0].items).toEqual(items);
  await ask(world, 'vm2', { mac, type: 'release', server, items: [...items] });
  expect(world.taploom.leases()).toHaveLength(1);
  await ask(world, 'vm1', { mac, type: 'release', server, items: [...items] });
  expect(world.taploom.leases()).toEqual([]);
});

test('leases survive that their network goes and comes again', async () => {
  const world = await open({ dhcp6: { range: RANGE } });
  await lease6(world, 'vm1', 1);
  const leases = world.taploom.leases().map(({ address }) => address);
  const { config } = world.taploom;
  await world.taploom.apply({ ...config, bridges: { br0: { ...config.bridges.br0, network: undefined } } });
  await world.taploom.apply(config);
  expect(world.taploom.leases().map(({ address }) => address)).toEqual(leases);
});

test('in a VLAN answers leave with its tag', async () => {
  const network = { mode: 'isolated', subnet: [SUBNET, 'fd00:7::/64'] };
  const world = await openWorld({
    local: false,
    vlan_filtering: true,
    vlans: { 10: { network } },
    ports: {
      vm1: { type: 'memory', vlan: { access: 10 } },
      vm2: { type: 'memory', vlan: { access: 20 } },
      up: { type: 'memory', vlan: { trunk: [10, 20] } },
    },
  });
  expect(advertisements(world.heard('vm1'))).toHaveLength(1);
  expect(world.heard('vm2')).toEqual([]);
  const [frame] = world.heard('up');
  expect(Buffer.from(frame.subarray(12, 18)).toString('hex')).toBe('8100000a86dd');
});

function behindTags(count: number): Buffer {
  const frame = icmpv6(134, 'fe80::7', 'ff02::1');
  return Buffer.concat([
    frame.subarray(0, 12),
    Buffer.from('81000000'.repeat(count), 'hex'),
    frame.subarray(12),
  ]);
}

test.each([
  ['an advertisement', icmpv6(134, 'fe80::7', 'ff02::1'), 'router'],
  ['an advertisement behind a priority tag', behindTags(1), 'router'],
  ['an advertisement behind eight priority tags', behindTags(8), 'router'],
  [
    'an advertisement behind another header',
    (() => {
      const way = {
        srcMac: guestMac(7),
        dstMac: multicastMac(ip('ff02::1')),
        src: ip('fe80::7'),
        dst: ip('ff02::1'),
      };
      const frame = buildIpv6Frame(
        way,
        58,
        255,
        Uint8Array.from([58, 0, 0, 0, 0, 0, 0, 0, 134, 0, ...new Array<number>(14).fill(0)]),
      );
      frame[20] = 60; // destination options
      return frame;
    })(),
    undefined,
  ],
  [
    'the beginning of one in fragments',
    (() => {
      const way = {
        srcMac: guestMac(7),
        dstMac: multicastMac(ip('ff02::1')),
        src: ip('fe80::7'),
        dst: ip('ff02::1'),
      };
      const frame = buildIpv6Frame(
        way,
        58,
        255,
        Uint8Array.from([58, 0, 0, 1, 0, 0, 0, 9, 134, 0, ...new Array<number>(14).fill(0)]),
      );
      frame[20] = 44;
      frame.set([0, 1], 56); // the first one, and more follow
      return frame;
    })(),
    undefined,
  ],
  [
    'an advertisement behind more headers than anybody needs',
    (() => {
      const dst = ip('ff02::1');
      const way = { srcMac: guestMac(7), dstMac: multicastMac(dst), src: ip('fe80::7'), dst };
      const options = Array.from({ length: 9 }, (_, n) => [n < 8 ? 60 : 58, 0, 1, 4, 0, 0, 0, 0]);
      const frame = buildIpv6Frame(
        way,
        58,
        255,
        Uint8Array.from([...options.flat(), 134, ...new Array<number>(15).fill(0)]),
      );
      frame[20] = 60;
      return frame;
    })(),
    undefined,
  ],
  [
    'what a DHCPv6 server says',
    buildFrame6(
      { srcMac: guestMac(7), dstMac: guestMac(1), src: ip('fe80::7'), dst: ip('fe80::1') },
      547,
      546,
      buildMessage6('advertise', 1, []),
    ),
    'dhcp6',
  ],
])('%s of a guest is heard by nobody', async (_, frame, reason) => {
  const world = await open();
  world.heard('vm2');
  world.send('vm1', frame);
  world.send('vm1', frame);
  await world.pass(20);
  expect(world.heard('vm2')).toEqual([]);
  const port = world.taploom.ports().find(({ name }) => name === 'vm1');
  expect(port?.counters.receiveDropped).toEqual({ rogue_server: 2 });
  const rogues = world.events.filter((event) => event.type === 'lease' && event.change === 'rogue');
  expect(rogues.map((event) => event.type === 'lease' && event.reason)).toEqual(
    reason === undefined ? [] : [reason],
  );
});

test('in mode bridged nobody hides an advertisement behind more priority tags than the switch looks through', async () => {
  const world = await openWorld({
    local: false,
    network: { mode: 'bridged' },
    ports: { vm1: { type: 'memory' }, vm2: { type: 'memory' } },
  });
  for (const count of [1, 8, 9, 12]) world.send('vm1', behindTags(count));
  await world.pass(20);
  expect(world.heard('vm2')).toEqual([]);
  const port = world.taploom.ports().find(({ name }) => name === 'vm1');
  expect(port?.counters.receiveDropped).toEqual({ rogue_server: 4 });
});

test('where the configuration allows it, guests may be routers and servers', async () => {
  const world = await open({ ra: false, dhcp6: false });
  world.send('vm1', icmpv6(134, 'fe80::7', 'ff02::1'));
  world.send('vm1', icmpv6(133, 'fe80::7', 'ff02::2'));
  world.send('vm1', clientFrame6({ mac: guestMac(1), items: [] }));
  await world.pass(20);
  expect(world.heard('vm2')).toHaveLength(3);
});

test('in a network without IPv6 guests are no routers either, but their other packets pass', async () => {
  const world = await open({ subnet: SUBNET });
  world.send('vm1', icmpv6(134, 'fe80::7', 'ff02::1'));
  world.send('vm1', icmpv6(133, 'fe80::7', 'ff02::2'));
  world.send('vm1', icmpv6(128, 'fe80::7', 'fe80::8'));
  await world.pass(20);
  expect(world.heard('vm2')).toHaveLength(2);
});

test('nobody claims the address of the gateway, or one that was given to another guest', async () => {
  const world = await open({ dhcp6: { range: RANGE } });
  const { items } = await lease6(world, 'vm1', 1);
  const claim = (address: Uint8Array, n: number) => {
    const way = {
      srcMac: guestMac(n),
      dstMac: multicastMac(ip('ff02::1')),
      src: address,
      dst: ip('ff02::1'),
    };
    return buildIpv6Frame(way, 58, 255, Uint8Array.from([136, 0, 0, 0, 0x20, 0, 0, 0, ...address]));
  };
  world.heard('vm1');
  world.heard('vm2');
  for (const address of [ip('fe80::1'), ip('fd00:7::1'), items[0].address])
    world.send('vm2', claim(address, 2));
  world.send('vm1', claim(items[0].address, 1));
  world.send('vm2', claim(ip('fd00:7::99'), 2));
  await world.pass(20);
  expect(world.heard('vm1')).toHaveLength(1);
  expect(world.heard('vm2')).toHaveLength(1);
  const told = world.events.filter((event) => event.type === 'network' && event.change === 'address_taken');
  expect(told).toHaveLength(3);
});
