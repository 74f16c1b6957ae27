// Bindings that nobody wrote are of the VLAN in which somebody has the address: p1 is a trunk of two networks.

import { expect, test } from 'vitest';
import { formatMac } from '../../src/wire/mac.ts';
import { tagged } from '../support/engine/attacker.ts';
import { packet } from '../support/engine/packets.ts';
import { ADDRESS, lease, openWorld, SUBNET } from '../support/network_world.ts';
import { given, openSnooped, passes, type World } from '../support/snooped_world.ts';
import { clientFrame, clientMessage, guestMac } from '../wire/dhcp4/messages.ts';

const OTHER = '10.8.0.0/24';
const OTHER_ADDRESS = (n: number) => ADDRESS(n) + 0x1_0000;
const macOf = (n: number) => formatMac(guestMac(n).hi, guestMac(n).lo);
const says = (n: number, src: string, vlan: number) =>
  tagged(packet({ from: macOf(n), to: 'x', src, dst: '10.7.0.99' }), [0x8100, vlan]);

const vlan = { trunk: [10, 20] };
const filtering = { vlan_filtering: true };

function open(guard: object = { source: 'strict' }, ofOther = guard): Promise<World> {
  const network = (subnet: string) => ({ network: { mode: 'isolated', subnet } });
  return openSnooped({
    br0: {
      ...filtering,
      ports: { p1: { guard, vlan }, p2: { guard: ofOther, vlan }, up: { guard: { trusted: true }, vlan } },
    },
    br1: { ...filtering, vlans: { 10: network(SUBNET), 20: network(OTHER) }, ports: { down: { vlan } } },
  });
}

const bindingsOf = (world: World, port = 'p1') =>
  world.taploom.guards().find((one) => one.port === port)?.bindings;
const journal = ({ store }: World) => [...store.keys()].filter((key) => key.startsWith('guard:'));

test('what DHCP snooping learns holds in the VLAN of the lease, also after a restart', async () => {
  const world = await open();
  expect(await given(world, 'p1', 1, 7, 10)).toBe(ADDRESS(2));
  expect(bindingsOf(world)).toMatchObject([{ mac: macOf(1), ip: '10.7.0.2', vlan: 10, from: 'dhcp' }]);
  const holds = async () => {
    expect(await passes(world, says(1, '10.7.0.2', 10))).toBe(true);
    expect(await passes(world, says(1, '10.7.0.2', 20))).toBe(false);
  };
  await holds();
  expect(journal(world)).toEqual(['guard:p1 10.7.0.2 10']);
  await world.reopen();
  await holds();
  // The same host, in the other VLAN, with the transaction of the first.
  expect(await given(world, 'p1', 1, 7, 20)).toBe(OTHER_ADDRESS(2));
  expect(await passes(world, says(1, '10.8.0.2', 20))).toBe(true);
  const release = clientFrame(clientMessage({ type: 'release', mac: guestMac(1), ciaddr: ADDRESS(2) }));
  // Whoever gives it back elsewhere had it not there.
  world.send('p1', tagged(release, [0x8100, 20]));
  await world.pass(50);
  expect(await passes(world, says(1, '10.7.0.2', 10))).toBe(true);
  world.send('p1', tagged(release, [0x8100, 10]));
  await world.pass(50);
  expect(await passes(world, says(1, '10.7.0.2', 10))).toBe(false);
  expect(journal(world)).toEqual(['guard:p1 10.8.0.2 20']);
  await world.close();
});

test('a binding of no VLAN in the journal is replaced by that of a lease', async () => {
  const world = await open();
  const key = 'guard:p1 10.7.0.2';
  for (const vid of ['', ' x', ' 4095', ' 0', ' 10 20']) world.store.set(key + vid, { mac: macOf(1) });
  await world.reopen();
  expect(bindingsOf(world)).toEqual([{ mac: macOf(1), ip: '10.7.0.2', from: 'dhcp' }]);
  expect(await passes(world, says(1, '10.7.0.2', 20))).toBe(true);
  expect(await given(world, 'p1', 1, 7, 10)).toBe(ADDRESS(2));
  expect(bindingsOf(world)).toMatchObject([{ ip: '10.7.0.2', vlan: 10 }]);
  expect(await passes(world, says(1, '10.7.0.2', 20))).toBe(false);
  expect(world.store.has(key)).toBe(false);
  await world.close();
});

test('a guest that moves to another port keeps what it has in other VLANs', async () => {
  const world = await open();
  await given(world, 'p1', 1, 7, 10);
  await given(world, 'p1', 1, 8, 20);
  await given(world, 'p2', 1, 9, 10);
  expect(bindingsOf(world)).toMatchObject([{ ip: '10.8.0.2', vlan: 20 }]);
  expect(bindingsOf(world, 'p2')).toMatchObject([{ ip: '10.7.0.2', vlan: 10 }]);
  await world.close();
});

test('an address has a first owner in each VLAN', async () => {
  const world = await open({ source: 'first', limit: 3 });
  expect(await passes(world, says(1, '10.9.0.1', 10))).toBe(true);
  expect(await passes(world, says(2, '10.9.0.1', 10), 'p2')).toBe(false);
  expect(await passes(world, says(2, '10.9.0.1', 20), 'p2')).toBe(true);
  expect(await passes(world, says(1, '10.9.0.1', 20))).toBe(false);
  expect(bindingsOf(world)).toMatchObject([{ vlan: 10, from: 'first' }]);
  expect(bindingsOf(world, 'p2')).toMatchObject([{ vlan: 20, from: 'first' }]);
  await world.close();
});

test('who is listed in one VLAN is not the first in another', async () => {
  const world = await open({ source: 'first', bindings: [{ mac: macOf(1), vlan: 10 }] }, {});
  expect(await passes(world, says(1, '10.9.0.1', 10))).toBe(true);
  expect(await passes(world, says(1, '10.9.0.1', 20))).toBe(false);
  await world.close();
});

test('what a network gives holds in its VLAN', async () => {
  const network = { mode: 'isolated', subnet: SUBNET };
  const world = await openWorld({
    local: false,
    ...filtering,
    vlans: { 10: { network } },
    ports: {
      p1: { type: 'memory', guard: { source: 'strict' }, vlan: { trunk: [20], native: 10 } },
      p2: { type: 'memory', vlan },
    },
  });
  expect((await lease(world, 'p1', 1))?.yiaddr).toBe(ADDRESS(2));
  const heard = async (frame: Uint8Array) => {
    world.heard('p2');
    world.send('p1', frame);
    await world.pass(10);
    return world.heard('p2').length;
  };
  expect(world.taploom.guards()[0].bindings).toEqual([
    { mac: macOf(1), ip: '10.7.0.2', vlan: 10, from: 'lease' },
  ]);
  expect(await heard(says(1, '10.7.0.2', 10))).toBe(1);
  expect(await heard(says(1, '10.7.0.2', 20))).toBe(0);
});

test('a bridge that filters no VLANs any more knows none, nor do its bindings', async () => {
  const world = await open();
  expect(await given(world, 'p1', 1, 7, 10)).toBe(ADDRESS(2));
  const config = structuredClone(world.taploom.config);
  const { br0 } = config.bridges;
  br0.vlan_filtering = false;
  for (const port of Object.values(br0.ports)) delete port.vlan;
  expect((await world.taploom.apply(config)).filter(({ ok }) => !ok)).toEqual([]);
  expect(await passes(world, says(1, '10.7.0.2', 10))).toBe(true);
  expect(await passes(world, says(1, '10.7.0.3', 10))).toBe(false);
  await world.close();
});
