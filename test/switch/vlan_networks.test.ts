// Networks of VLANs of one bridge: each has its own leases, and says what it says with the tag that a port has for its VLAN.

import { expect, test } from 'vitest';
import { buildArp, parseArp, REPLY } from '../../src/wire/arp.ts';
import { ADDRESS, lease, openWorld, replies, SUBNET } from '../support/network_world.ts';
import type { PolledSwitch } from '../support/polled_switch.ts';
import { clientFrame, clientMessage, guestMac } from '../wire/dhcp4/messages.ts';

const OTHER = (n: number) => (0x0a08_0000 + n) >>> 0;

function open(bridge: object = {}, ports: object = {}): Promise<PolledSwitch> {
  return openWorld({
    local: false,
    vlan_filtering: true,
    vlans: {
      10: { network: { mode: 'isolated', subnet: SUBNET } },
      20: { network: { mode: 'isolated', subnet: '10.8.0.0/24' } },
    },
    ...bridge,
    ports: {
      vm1: { type: 'memory', vlan: { access: 10 } },
      vm2: { type: 'memory', vlan: { access: 20 } },
      vm3: { type: 'memory', vlan: { access: 30 } },
      up: { type: 'memory', vlan: { trunk: [10, 20], native: 30 } },
      ...ports,
    },
  });
}

function tagged(frame: Uint8Array, vid: number): Uint8Array {
  return Uint8Array.from([...frame.subarray(0, 12), 0x81, 0, vid >> 8, vid & 0xff, ...frame.subarray(12)]);
}

/** By tag: what of DHCP came out of a port. */
function answers(frames: readonly Uint8Array[]): [number, string, number][] {
  return frames.flatMap((frame) => {
    const view = new DataView(frame.buffer, frame.byteOffset);
    const isTagged = view.getUint16(12) === 0x8100;
    const plain = isTagged ? Uint8Array.from([...frame.subarray(0, 12), ...frame.subarray(16)]) : frame;
    return replies([plain]).map(({ type, yiaddr }): [number, string, number] => [
      isTagged ? view.getUint16(14) & 0xfff : 0,
      type,
      yiaddr,
    ]);
  });
}

test('each VLAN has addresses of its own, and answers leave with its tag', async () => {
  const world = await open();
  expect((await lease(world, 'vm1', 1))?.yiaddr).toBe(ADDRESS(2));
  expect((await lease(world, 'vm2', 2, OTHER(1)))?.yiaddr).toBe(OTHER(2));
  const ask = clientFrame(clientMessage({ mac: guestMac(3) }));
  world.heard('up');
  world.send('up', tagged(ask, 20));
  await world.pass(400);
  expect(answers(world.heard('up'))).toEqual([[20, 'offer', OTHER(3)]]);
  expect(world.taploom.leases().map(({ network, bridge, address }) => [network, bridge, address])).toEqual([
    ['br0.10', 'br0', '10.7.0.2'],
    ['br0.20', 'br0', '10.8.0.2'],
    ['br0.20', 'br0', '10.8.0.3'],
  ]);
  expect(world.taploom.leases({ network: 'br0.10' })).toHaveLength(1);
  expect(world.taploom.leases({ network: 'br0' })).toHaveLength(3);
  expect(world.taploom.networks()).toMatchObject([
    { network: 'br0.10', bridge: 'br0', vlan: 10, dhcp: { leases: 1 } },
    { network: 'br0.20', bridge: 'br0', vlan: 20, dhcp: { leases: 1 } },
  ]);
  expect(world.events.find(({ type }) => type === 'lease')).toMatchObject({
    network: 'br0.10',
    bridge: 'br0',
  });
});

test('a VLAN without a network keeps its DHCP to itself, and so does a VLAN that a port does not carry', async () => {
  const world = await open();
  world.send('vm3', clientFrame(clientMessage({ mac: guestMac(1) })));
  world.send('vm1', tagged(clientFrame(clientMessage({ mac: guestMac(2) })), 20));
  await world.pass(400);
  expect(replies(world.heard('up'))).toHaveLength(1);
  expect(world.heard('vm2')).toEqual([]);
  expect(world.taploom.leases()).toEqual([]);
});

test('tagged ARP goes its way whole, and the host has a copy', async () => {
  const world = await open();
  world.send('vm1', clientFrame(clientMessage({ mac: guestMac(1) })));
  await world.pass(50);
  world.heard('vm1');
  const claim = {
    operation: REPLY,
    senderMac: guestMac(9),
    sender: ADDRESS(2),
    targetMac: guestMac(0),
    target: 0,
  };
  const frame = buildArp(guestMac(0), claim);
  world.send('up', tagged(frame, 10));
  await world.pass(400);
  const heard = world.heard('vm1');
  expect(heard.find((one) => parseArp(one)?.operation === REPLY)).toEqual(frame);
  expect(replies(heard).map(({ yiaddr }) => yiaddr)).toEqual([ADDRESS(3)]);
});

test('a private VLAN is one network', async () => {
  const world = await open(
    { vlans: { 10: { private: { isolated: 11 }, network: { mode: 'isolated', subnet: SUBNET } } } },
    { vm2: { type: 'memory', vlan: { access: 11 } }, vm3: { type: 'memory', vlan: { access: 11 } } },
  );
  expect((await lease(world, 'vm2', 2))?.yiaddr).toBe(ADDRESS(2));
  expect((await lease(world, 'vm3', 3))?.yiaddr).toBe(ADDRESS(3));
  expect((await lease(world, 'vm1', 1))?.yiaddr).toBe(ADDRESS(4));
});

test('a trunk with translated tags gets its own', async () => {
  const up = { type: 'memory', vlan: { trunk: [10], translate: { 110: 10 } } };
  const world = await open({}, { up });
  world.send('up', tagged(clientFrame(clientMessage({ mac: guestMac(3) })), 110));
  await world.pass(400);
  expect(answers(world.heard('up'))).toEqual([[110, 'offer', ADDRESS(2)]]);
});
