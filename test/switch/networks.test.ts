// The network of a bridge, as its guests see it.

import { expect, onTestFinished, test } from 'vitest';
import { Switch } from '../../src/switch/switch.ts';
import { MAX_NEIGHBOURS, type Neighbours } from '../../src/table/neighbours.ts';
import { arpProbe, buildArp, parseArp, REPLY } from '../../src/wire/arp.ts';
import { buildDhcpFrame, CLIENT_PORT, SERVER_PORT } from '../../src/wire/dhcp4/frame.ts';
import { buildMessage } from '../../src/wire/dhcp4/message.ts';
import { ADDRESS, lease, openWorld, replies, SUBNET } from '../support/network_world.ts';
import { BROADCAST, BROADCAST_MAC, clientFrame, clientMessage, guestMac } from '../wire/dhcp4/messages.ts';

function open(network: object = {}, bridge: object = {}, ports: object = {}) {
  return openWorld({
    local: false,
    network: { mode: 'isolated', subnet: SUBNET, ...network },
    ...bridge,
    ports: { vm1: { type: 'memory' }, vm2: { type: 'memory' }, ...ports },
  });
}

test('a guest gets an address, and nobody else hears that it asks', async () => {
  const world = await open();
  const ack = await lease(world, 'vm1', 1);
  expect(ack?.yiaddr).toBe(ADDRESS(2));
  // Probes for the address are all that came there.
  const others = world.heard('vm2');
  expect(others.map((frame) => parseArp(frame)?.target)).toEqual([ADDRESS(2), ADDRESS(2)]);
  expect(world.taploom.leases()).toMatchObject([
    { bridge: 'br0', address: '10.7.0.2', mac: '02:00:00:00:00:01', port: 'vm1', state: 'bound' },
  ]);
  expect(world.events.map(({ message }) => message)).toContain(
    '02:00:00:00:00:01 on port vm1 has address 10.7.0.2',
  );
  const [{ dhcp, problems }] = world.taploom.networks();
  expect(problems).toEqual([]);
  expect(dhcp).toMatchObject({
    leases: 1,
    free: 252,
    received: { discover: 1, request: 1 },
    sent: { offer: 1, ack: 1 },
  });
});

test('an address that somebody uses is not given', async () => {
  const world = await open();
  world.send('vm1', clientFrame(clientMessage({ mac: guestMac(1) })));
  await world.pass(50);
  const [probe] = world.heard('vm2');
  expect(parseArp(probe)).toMatchObject({ sender: 0, target: ADDRESS(2) });
  const squatter = guestMac(9);
  const to = guestMac(0);
  const claim = { operation: REPLY, senderMac: squatter, sender: ADDRESS(2), targetMac: to, target: 0 };
  world.send('vm2', buildArp(to, claim));
  await world.pass(400);
  expect(replies(world.heard('vm1')).map(({ yiaddr }) => yiaddr)).toEqual([ADDRESS(3)]);
  expect(world.taploom.leases()).toMatchObject([
    { address: '10.7.0.2', state: 'quarantined', mac: '02:00:00:00:00:09' },
    { address: '10.7.0.3', state: 'offered' },
  ]);
});

/** ARP from guest `n`, who says that it has `address`. */
function claim(n: number, address: number, operation = REPLY, target = ADDRESS(78)): Uint8Array {
  return buildArp(BROADCAST_MAC, {
    operation,
    senderMac: guestMac(n),
    sender: address,
    targetMac: guestMac(0),
    target,
  });
}

test('a guest cannot take the address of the gateway, nor one that was given to another', async () => {
  const world = await open();
  await lease(world, 'vm1', 1);
  world.heard('vm1');
  world.heard('vm2');
  // The gateway's; the guest's by a reply, by an announcement, and by a request for somebody else.
  const taken = ADDRESS(2);
  for (const [address, operation, target] of [
    [ADDRESS(1), REPLY, ADDRESS(78)],
    [taken, REPLY, ADDRESS(78)],
    [taken, 1, taken],
    [taken, 1, ADDRESS(78)],
  ])
    world.send('vm2', claim(9, address, operation, target));
  await world.pass(20);
  expect(world.heard('vm1')).toEqual([]);
  const told = world.events.filter(({ type }) => type === 'network').map(({ message }) => message);
  expect(told.filter((message) => message.includes('claims'))).toEqual([
    "02:00:00:00:00:09 on port vm2 of network br0 claims 10.7.0.1, which is another's: nobody hears it",
    "02:00:00:00:00:09 on port vm2 of network br0 claims 10.7.0.2, which is another's: nobody hears it",
  ]);
  const vm2 = world.taploom.ports().find(({ name }) => name === 'vm2');
  expect(vm2?.counters.receiveDropped).toEqual({ address_taken: 4 });
});

test('whose address it is may say so, anywhere; so may who has one by hand, and who only asks', async () => {
  const world = await open();
  await lease(world, 'vm1', 1);
  world.heard('vm1');
  world.heard('vm2');
  world.send('vm1', claim(1, ADDRESS(2)));
  world.send('vm1', claim(5, ADDRESS(77)));
  world.send('vm1', arpProbe(guestMac(5), ADDRESS(1)));
  await world.pass(20);
  expect(world.heard('vm2')).toHaveLength(3);
  // It has moved.
  world.send('vm2', claim(1, ADDRESS(2)));
  await world.pass(20);
  expect(world.heard('vm1')).toHaveLength(1);
  // What nobody has by a lease any more is free.
  world.taploom.endLeases({ port: 'vm1' });
  world.send('vm2', claim(9, ADDRESS(2)));
  await world.pass(20);
  expect(world.heard('vm1')).toHaveLength(1);
});

test('the gateway is guarded without DHCP, too, and a network that is gone guards nothing', async () => {
  const world = await open({ dhcp: false });
  world.send('vm2', claim(9, ADDRESS(1)));
  await world.pass(20);
  expect(world.heard('vm1')).toEqual([]);
  const ports = { vm1: { type: 'memory' as const }, vm2: { type: 'memory' as const } };
  await world.taploom.apply({ version: 1, bridges: { br0: { local: false, ports } } });
  world.send('vm2', claim(9, ADDRESS(1)));
  await world.pass(20);
  expect(world.heard('vm1')).toHaveLength(1);
});

test('ARP of guests goes its way, and the host has a copy', async () => {
  const world = await open();
  const frame = arpProbe(guestMac(1), ADDRESS(77));
  const claim = {
    operation: REPLY,
    senderMac: guestMac(1),
    sender: ADDRESS(77),
    targetMac: guestMac(2),
    target: ADDRESS(78),
  };
  world.send('vm1', frame);
  world.send('vm1', buildArp(guestMac(2), claim));
  await world.pass(20);
  expect(world.heard('vm2').map((one) => parseArp(one)?.operation)).toEqual([1, REPLY]);
});

test("a guest's own server is heard by nobody", async () => {
  const world = await open();
  const { bytes } = buildMessage(clientMessage({ type: 'offer', isReply: true, yiaddr: ADDRESS(66) }));
  const way = { srcMac: guestMac(6), dstMac: BROADCAST_MAC, src: ADDRESS(6), dst: BROADCAST };
  world.send('vm1', buildDhcpFrame({ ...way, srcPort: SERVER_PORT, dstPort: CLIENT_PORT }, bytes));
  await world.pass(20);
  expect(world.heard('vm2')).toEqual([]);
  expect(world.events.at(-1)).toMatchObject({
    type: 'lease',
    change: 'rogue',
    port: 'vm1',
    address: '10.7.0.6',
  });
  expect(world.taploom.networks()[0].dhcp?.ignored).toEqual({ other_server: 1 });
});

test('without DHCP a bridge leaves that of guests alone', async () => {
  const world = await open({ dhcp: false });
  world.send('vm1', clientFrame(clientMessage({ mac: guestMac(1) })));
  await world.pass(20);
  expect(world.heard('vm2')).toHaveLength(1);
});

test('who is behind a port that blocks is not heard', async () => {
  const world = await open();
  await world.taploom.setPortState('vm1', 0, 'blocking');
  world.send('vm1', clientFrame(clientMessage({ mac: guestMac(1) })));
  await world.pass(400);
  expect(world.taploom.networks()[0].dhcp?.received).toEqual({});
});

test('behind a locked port only those get an address who are admitted', async () => {
  const entry = { mac: '02:00:00:00:00:02', port: 'vm1' };
  const world = await open({}, { static: [entry] }, { vm1: { type: 'memory', locked: true } });
  expect(await lease(world, 'vm1', 1)).toBeUndefined();
  expect(await lease(world, 'vm1', 2)).toBeDefined();
});

test('a port has as many leases as it may', async () => {
  const world = await open({ dhcp: { leases_per_port: 2 } });
  expect(await lease(world, 'vm1', 1)).toBeDefined();
  expect(await lease(world, 'vm1', 2)).toBeDefined();
  expect(await lease(world, 'vm1', 3)).toBeUndefined();
  expect(await lease(world, 'vm2', 4)).toBeDefined();
  expect(world.events.map(({ message }) => message)).toContain(
    '02:00:00:00:00:03 on port vm1 gets no address: its port has 2 leases: raise leases_per_port, or look who asks for so many',
  );
});

test('leases survive that their network goes and comes again', async () => {
  const world = await open();
  await lease(world, 'vm1', 1);
  const { config } = world.taploom;
  await world.taploom.apply({ ...config, bridges: { br0: { ...config.bridges.br0, network: undefined } } });
  expect(world.taploom.leases()).toEqual([]);
  await world.taploom.apply(config);
  expect(world.taploom.leases()).toMatchObject([{ address: '10.7.0.2', mac: '02:00:00:00:00:01' }]);
  expect((await lease(world, 'vm2', 2))?.yiaddr).toBe(ADDRESS(3));
});

test('who waits for an offer gets it, whatever else changes in the switch', async () => {
  const world = await open();
  world.send('vm1', clientFrame(clientMessage({ mac: guestMac(1) })));
  await world.pass(50);
  const { config } = world.taploom;
  const ports = { ...config.bridges.br0.ports, vm3: { type: 'memory' as const } };
  await world.taploom.apply({ ...config, bridges: { br0: { ...config.bridges.br0, ports } } });
  await world.pass(400);
  expect(replies(world.heard('vm1')).map(({ type }) => type)).toEqual(['offer']);
});

test('leases survive another configuration of the network, and end by hand', async () => {
  const world = await open();
  await lease(world, 'vm1', 1);
  const { config } = world.taploom;
  const { br0 } = config.bridges;
  await world.taploom.apply({
    ...config,
    bridges: { br0: { ...br0, network: { ...br0.network, mode: 'isolated', dhcp: { lease_time: 600 } } } },
  });
  expect(world.taploom.leases()).toMatchObject([{ address: '10.7.0.2' }]);
  expect(world.taploom.endLeases({ bridge: 'br0', port: 'vm1' })).toBe(1);
  expect(world.taploom.leases()).toEqual([]);
});

test('a bridged network has an uplink, or is told to get one', async () => {
  const statusOf = async (ports: object) => {
    const { taploom } = await open({ mode: 'bridged', subnet: undefined }, {}, ports);
    return taploom.networks()[0];
  };
  expect((await statusOf({})).problems).toEqual([
    expect.stringContaining('`taploom port add br0 eth0 --type af_packet`'),
  ]);
  const members = { m1: { type: 'memory' }, m2: { type: 'memory' } };
  expect(await statusOf({ lan: { type: 'aggregate', lacp: 'off', members } })).toMatchObject({
    uplink: 'lan',
    problems: [],
  });
});

test('leases of what is no address are asked for in vain, and it is said', async () => {
  const sw = await Switch.open({ version: 1, bridges: {} }, { threaded: false });
  onTestFinished(() => sw.close());
  expect(() => sw.leases({ mac: 'zz' })).toThrow('zz is not a MAC address');
  expect(() => sw.endLeases({ address: '10.7.0' })).toThrow('10.7.0 is not an IPv4 or IPv6 address');
});

test('an address that there is no room to guard is told of, until there is', async () => {
  const world = await open();
  const { owned } = (Reflect.get(world.taploom, 'plane') as { neighbours: Neighbours }).neighbours;
  const slots: number[] = [];
  for (let n = 0; owned.count < MAX_NEIGHBOURS; n++) slots.push(owned.set4(60_000, n, 0x0200, n));
  expect(await lease(world, 'vm1', 1)).toBeDefined();
  expect(world.taploom.networks()[0].problems).toEqual([
    expect.stringMatching(/^1 of its addresses can be claimed by other guests: .* guard 65536/),
  ]);
  for (const slot of slots) if (slot >= 0) owned.remove(slot);
  expect(await lease(world, 'vm1', 1)).toBeDefined();
  expect(world.taploom.networks()[0].problems).toEqual([]);
});
