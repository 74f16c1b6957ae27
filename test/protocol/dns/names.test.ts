// Whose name it is.

import { expect, test } from 'vitest';
import type { Lease } from '../../../src/protocol/dhcp/lease.ts';
import { guestNames } from '../../../src/protocol/dns/names.ts';

const lease = (address: number, hostName: string, more: Partial<Lease> = {}): Lease => ({
  address,
  hostName,
  state: 'bound',
  client: '',
  mac: '',
  port: 'vm1',
  relayed: false,
  verified: true,
  since: address,
  until: 1e9,
  ...more,
});

const names = (leases: Lease[], configured: Record<number, string> = {}, fixed: [string, number][] = []) =>
  guestNames(new Map(fixed), leases, ({ address }) => configured[address], [
    ...fixed.map(([name]) => name),
    ...Object.values(configured),
    'absent',
  ]).map(({ name, address }) => `${name} ${address}`);

test('who had a name longest goes first', () => {
  expect(names([lease(2, 'b', { since: 9 }), lease(3, 'b', { since: 5 }), lease(4, '')])).toEqual([
    'b 3',
    'b 2',
  ]);
});

test('nobody gets a name of the configuration by asking for it, nor one that machines trust blindly', () => {
  const leases = [lease(2, 'web'), lease(3, 'db'), lease(4, 'wpad'), lease(5, 'absent'), lease(6, 'x')];
  expect(names(leases, { 3: 'DB2' }, [['Web', 7]])).toEqual(['web 7', 'db2 3', 'x 6']);
});

test('only who has its address now has a name', () => {
  const states = ['offered', 'ended', 'declined'] as const;
  expect(names(states.map((state, n) => lease(n, `n${n}`, { state })))).toEqual([]);
});
