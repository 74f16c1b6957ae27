// Whose name it is.

import { expect, test } from 'vitest';
import type { Lease } from '../../../src/protocol/dhcp/lease.ts';
import type { DhcpHost } from '../../../src/protocol/dhcp/settings.ts';
import { GuestNames } from '../../../src/protocol/dns/names.ts';
import { World } from '../dhcp/world.ts';

const lease = (address: number, hostName: string, more: Partial<Lease> = {}): Lease => ({
  address,
  hostName,
  state: 'bound',
  client: '',
  mac: `02:00:00:00:00:0${address}`,
  port: 'vm1',
  relayed: false,
  verified: true,
  since: address,
  until: 1e9,
  ...more,
});

function namesOf(leases: Lease[], hosts: DhcpHost[] = []): GuestNames {
  const names = new GuestNames(hosts);
  for (const one of leases) names.note(one);
  return names;
}

test('who had a name longest has it, and the next one when that leaves', () => {
  const [late, early, later] = [
    lease(2, 'b', { since: 9 }),
    lease(3, 'b', { since: 5 }),
    lease(4, 'b', { since: 10 }),
  ];
  const names = namesOf([late, early, later, lease(5, '')]);
  expect([names.addressOf('b'), names.nameOf(3), names.nameOf(2), names.size]).toEqual([
    3,
    'b',
    undefined,
    1,
  ]);
  names.note({ ...early, state: 'ended' });
  expect([names.addressOf('b'), names.nameOf(3), names.nameOf(2)]).toEqual([2, undefined, 'b']);
  names.note({ ...late, hostName: 'c' });
  expect([names.addressOf('b'), names.addressOf('c'), names.nameOf(2), names.size]).toEqual([4, 2, 'c', 2]);
  names.note({ ...later, state: 'declined' });
  expect([names.addressOf('b'), names.size]).toEqual([undefined, 1]);
});

test('so many wait for a name, and no more', () => {
  const names = namesOf(Array.from({ length: 100 }, (_, n) => lease(1 + n, 'b')));
  for (let n = 1; n <= 63; n++) names.note(lease(n, ''));
  expect(names.addressOf('b')).toBe(64);
  names.note(lease(64, ''));
  expect([names.addressOf('b'), names.size]).toEqual([undefined, 0]);
});

test('nobody gets a name of the configuration by asking for it, nor one that machines trust blindly', () => {
  const hosts: DhcpHost[] = [
    { port: 'vm9', address: 7, options: { hostName: 'Web' } },
    { mac: '02:00:00:00:00:03', options: { hostName: 'db' } },
    { clientId: '01ab', options: { hostName: 'id' } },
  ];
  const others = ['web', 'db', 'wpad', 'localhost', 'id'].map((name, n) => lease(n + 11, name, { since: 0 }));
  const known = [lease(3, 'x'), lease(4, 'y', { client: 'id 01ab 02:00:00:00:00:04' })];
  const names = namesOf([...others, ...known, lease(8, 'web2', { port: 'vm9' })], hosts);
  const found = ['web', 'db', 'id', 'wpad', 'localhost', 'x', 'web2'].map((name) => names.addressOf(name));
  expect(found).toEqual([7, 3, 4, undefined, undefined, undefined, undefined]);
  expect([7, 8, 3, 11].map((address) => names.nameOf(address))).toEqual(['web', undefined, 'db', undefined]);
});

test('names follow the leases of a server: when they are bound, released, over, and loaded', () => {
  const heard: Lease[] = [];
  const world = new World();
  world.join(1);
  const names = new GuestNames([]);
  world.restart({}, (one) => {
    heard.push({ ...one });
    names.note({ ...one, hostName: `guest${one.address & 0xff}` });
  });
  expect(names.addressOf('guest100')).toBeDefined();
  world.join(2);
  expect(names.size).toBe(2);
  world.release(1, heard[0].address);
  expect(names.addressOf('guest100')).toBeUndefined();
  world.pass(4_000_000);
  expect(names.size).toBe(0);
});
