// Guests that the configuration knows by MAC, client identifier or port.

import { expect, test } from 'vitest';
import type { DhcpHost } from '../../../src/protocol/dhcp/settings.ts';
import { OPTION } from '../../../src/wire/dhcp4/codes.ts';
import { text } from '../../../src/wire/dhcp4/values.ts';
import { guestMac } from '../../wire/dhcp4/messages.ts';
import { dotted, ip, number, SUBNET, World } from './world.ts';

const FIXED = ip('192.168.122.10');
const DYNAMIC = ip('192.168.122.100');
const id = (...value: number[]) => ({ options: [[OPTION.clientId, Uint8Array.from(value)] as const] });

test('a host has its address by MAC, client identifier or port, and nobody else has', () => {
  const hosts: DhcpHost[] = [
    { mac: '02:00:00:00:00:01', address: FIXED },
    { clientId: '01AB', address: FIXED + 1 },
    { port: 'p3', address: FIXED + 2 },
    { mac: '02:00:00:00:00:04', port: 'here', address: FIXED + 3 },
  ];
  const world = new World({ hosts });
  expect(world.join(1)).toBe(FIXED);
  expect(world.join(2, id(1, 0xab))).toBe(FIXED + 1);
  expect(world.join(3)).toBe(FIXED + 2);
  expect(world.join(4, { port: 'there' })).toBe(DYNAMIC);
  expect(world.join(4, { port: 'here' })).toBe(FIXED + 3);
  expect(world.join(5, { options: [[OPTION.requestedAddress, Uint8Array.of(192, 168, 122, 10)]] })).toBe(
    DYNAMIC + 1,
  );
  expect(world.reboot(5, FIXED)?.message.type).toBe('nak');
});

test('a fixed address in a range is given to nobody else', () => {
  const world = new World({ hosts: [{ mac: '02:00:00:00:00:09', address: DYNAMIC }] });
  expect(world.join(1)).toBe(DYNAMIC + 1);
  expect(world.join(9)).toBe(DYNAMIC);
});

test('a host whose ports are full, or that is in no range, has its address all the same', () => {
  const subnets = [{ ...SUBNET, ranges: [] }];
  const world = new World({ subnets, leasesPerPort: 0, hosts: [{ port: 'p1', address: FIXED }] });
  expect(world.join(1)).toBe(FIXED);
  expect(world.join(2)).toBe(0);
});

test('a host that gets a fixed address later moves to it when it renews', () => {
  const world = new World();
  expect(world.join(1)).toBe(DYNAMIC);
  world.restart({ hosts: [{ mac: '02:00:00:00:00:01', address: FIXED }] });
  expect(world.renew(1, DYNAMIC)?.message.type).toBe('nak');
  expect(world.join(1)).toBe(FIXED);
});

test('while another one holds it, a host gets another address, and moves when it is free', () => {
  const world = new World({ leasesPerPort: 1 });
  expect(world.join(1)).toBe(DYNAMIC);
  world.restart({ hosts: [{ mac: '02:00:00:00:00:02', address: DYNAMIC }] });
  world.squatters.set(DYNAMIC, { mac: guestMac(1), port: 'p1' });
  expect(world.join(2)).toBe(DYNAMIC + 1);
  expect(world.renew(2, DYNAMIC + 1)?.message.type).toBe('ack');
  expect(world.renew(1, DYNAMIC)?.message.type).toBe('nak');
  world.squatters.clear();
  expect(world.renew(2, DYNAMIC + 1)?.message.type).toBe('nak');
  expect(world.join(2)).toBe(DYNAMIC);
});

test('a machine has the same fixed address from its boot ROM and its system, which have other identifiers', () => {
  const world = new World({ hosts: [{ mac: '02:00:00:00:00:01', address: FIXED }] });
  world.squatters.set(FIXED, { mac: guestMac(1), port: 'p1' });
  expect(world.join(1)).toBe(FIXED);
  expect(world.join(1, id(255, 1, 2))).toBe(FIXED);
  expect(world.server.leases().length).toBe(1);
});

test('a new machine behind a port takes over its address once nobody answers for it', () => {
  const world = new World({ hosts: [{ port: 'p1', address: FIXED }] });
  expect(world.join(1, { port: 'p1' })).toBe(FIXED);
  world.squatters.set(FIXED, { mac: guestMac(1), port: 'p1' });
  expect(world.join(2, { port: 'p1' })).toBe(DYNAMIC);
  expect(world.events).toContain(`conflict ${dotted(FIXED)} p1`);
  // The first one is there, and keeps it.
  expect(world.renew(1, FIXED, { port: 'p1' })?.message.type).toBe('ack');
  expect(world.renew(2, DYNAMIC, { port: 'p1' })?.message.type).toBe('ack');
  world.squatters.clear();
  expect(world.join(3, { port: 'p1' })).toBe(FIXED);
  expect(world.renew(1, FIXED, { port: 'p1' })?.message.type).toBe('nak');
});

test('a machine that renews while its address is probed for keeps it', () => {
  const world = new World({ hosts: [{ port: 'p1', address: FIXED }] });
  world.join(1, { port: 'p1' });
  world.say('discover', 2, { port: 'p1' });
  world.pass(100);
  expect(world.renew(1, FIXED, { port: 'p1' })?.message.type).toBe('ack');
  expect(world.pass(1000)).toEqual([]);
  expect(world.renew(1, FIXED, { port: 'p1' })?.message.type).toBe('ack');
});

test('of two new machines that want the address of their port, the later one is offered it', () => {
  const world = new World({ hosts: [{ port: 'p1', address: FIXED }] });
  world.join(1, { port: 'p1' });
  world.say('discover', 2, { port: 'p1' });
  world.pass(100);
  world.say('discover', 3, { port: 'p1' });
  expect(world.pass(1000).map(({ message }) => message.mac)).toEqual([guestMac(3)]);
});

test('without probes a machine keeps its address until its lease is over', () => {
  const world = new World({ probe: false, hosts: [{ port: 'p1', address: FIXED }] });
  expect(world.join(1, { port: 'p1' })).toBe(FIXED);
  expect(world.join(2, { port: 'p1' })).toBe(DYNAMIC);
  world.pass(3_600_000);
  expect(world.join(2, { port: 'p1' })).toBe(FIXED);
});

test('machines behind one port do not take its address from each other while they are offered it', () => {
  const world = new World({ hosts: [{ port: 'p1', address: FIXED }] });
  expect(world.offer(1, { port: 'p1' })?.message.yiaddr).toBe(FIXED);
  expect(world.offer(2, { port: 'p1' })?.message.yiaddr).toBe(DYNAMIC);
  expect(world.select(1, FIXED, { port: 'p1' })?.message.type).toBe('ack');
});

test('a fixed address that somebody else uses is not given to its owner until its quarantine is over', () => {
  const world = new World({ hosts: [{ mac: '02:00:00:00:00:01', address: FIXED }] });
  expect(world.join(1)).toBe(FIXED);
  world.decline(1, FIXED);
  expect(world.join(1)).toBe(DYNAMIC);
  expect(world.renew(1, DYNAMIC)?.message.type).toBe('ack');
  world.pass(600_000);
  expect(world.renew(1, DYNAMIC)?.message.type).toBe('nak');
  expect(world.join(1)).toBe(FIXED);
});

test('a guest that is no longer a host is known by the address that it has now', () => {
  const world = new World({ hosts: [{ mac: '02:00:00:00:00:01', address: FIXED }] });
  world.join(1);
  world.restart({ hosts: [] });
  expect(world.join(1)).toBe(DYNAMIC);
  world.pass(3_000_000);
  expect(world.renew(1, DYNAMIC)?.message.type).toBe('ack');
  world.pass(700_000);
  expect(world.events.at(-1)).toBe(`expired ${dotted(FIXED)} p1`);
  expect(world.say('discover', 1)[0]?.message.yiaddr).toBe(DYNAMIC);
});

test('a host may have a lease time of its own', () => {
  const world = new World({ hosts: [{ mac: '02:00:00:00:00:01', leaseTime: 99 }] });
  expect(number(world.offer(1), OPTION.leaseTime)).toBe(99);
  expect(number(world.offer(2), OPTION.leaseTime)).toBe(3600);
});

test('the name of a host is the configured one, whatever it says', () => {
  const world = new World({ hosts: [{ mac: '02:00:00:00:00:01', options: { hostName: 'web' } }] });
  const options = [[OPTION.hostName, text('db')] as const];
  world.join(1, { options });
  world.join(2, { options });
  expect(world.server.leases().map(({ hostName }) => hostName)).toEqual(['web', 'db']);
});
