// A host takes a frame with priority tags as one without: what guests must not say they must not say behind such tags either.

import { expect, test } from 'vitest';
import { buildArp, REPLY } from '../../src/wire/arp.ts';
import { ADDRESS, openWorld, SUBNET } from '../support/network_world.ts';
import { BROADCAST_MAC, guestMac } from '../wire/dhcp4/messages.ts';

const PRIORITY_TAG = Buffer.from('8100a000', 'hex');
const SERVICE_PRIORITY_TAG = Buffer.from('88a80000', 'hex');
const GATEWAY = ADDRESS(1);

/** ARP from a guest that says it has `address`, behind tags. */
function claim(address: number, ...tags: Buffer[]): Buffer {
  const arp = buildArp(BROADCAST_MAC, {
    operation: REPLY,
    senderMac: guestMac(9),
    sender: address,
    targetMac: guestMac(0),
    target: ADDRESS(78),
  });
  return Buffer.concat([arp.subarray(0, 12), ...tags, arp.subarray(12)]);
}

const NETWORK = { network: { mode: 'isolated', subnet: SUBNET } };

function open(bridge: object = NETWORK) {
  return openWorld({ local: false, ...bridge, ports: { vm1: { type: 'memory' }, vm2: { type: 'memory' } } });
}

test.each([
  ['a bridge that does not look at tags', NETWORK],
  ['a bridge that takes the first one for its own', { vlan_filtering: true, vlans: { 1: NETWORK } }],
])('in %s the gateway’s address is its own, behind any number of them', async (_name, bridge) => {
  const world = await open(bridge);
  const frames = [1, 2, 8, 9, 12].map((count) => claim(GATEWAY, ...Array(count).fill(PRIORITY_TAG)));
  frames.push(claim(GATEWAY, PRIORITY_TAG, SERVICE_PRIORITY_TAG));
  for (const frame of frames) world.send('vm2', frame);
  await world.pass(20);
  expect(world.heard('vm1')).toEqual([]);
  const vm2 = world.taploom.ports().find(({ name }) => name === 'vm2');
  expect(vm2?.counters.receiveDropped).toEqual({ address_taken: frames.length });
  const told = world.events.filter((event) => event.type === 'network' && event.change === 'address_taken');
  expect(told).toMatchObject([{ address: '10.7.0.1', port: 'vm2' }]);
  // What is dropped is kept as it came.
  const last = await world.taploom.lastDrops();
  expect(last.map(({ length, head }) => [length, head])).toEqual(
    frames.map((frame) => [frame.length, frame.toString('hex')]),
  );
});

test('what claims nothing of others passes behind them, and so do tags of VLANs that are no business of the bridge', async () => {
  const world = await open();
  const frames = [claim(ADDRESS(77), PRIORITY_TAG), claim(GATEWAY, Buffer.from('81000007', 'hex'))];
  for (const frame of frames) world.send('vm2', frame);
  await world.pass(20);
  expect(world.heard('vm1').map((frame) => Buffer.from(frame))).toEqual(frames);
});
