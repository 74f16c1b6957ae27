// Leases on their way to the disk and back, and answers that wait for it.

import { expect, test } from 'vitest';
import { Commit } from '../../../src/protocol/dhcp/commit.ts';
import { type Lease, leaseKey, storedLease, storedLeases } from '../../../src/protocol/dhcp/lease.ts';
import { emptyOutcome } from '../../../src/protocol/dhcp/outcome.ts';
import { ip } from './world.ts';

const ADDRESS = ip('192.168.122.100');
const LEASE: Lease = {
  address: ADDRESS,
  state: 'bound',
  client: 'id 01',
  mac: '02:00:00:00:00:01',
  port: 'p1',
  relayed: false,
  hostName: 'vm1',
  verified: true,
  since: 1000,
  until: 61_000,
};
const OFFSET = 1.7e12;

const again = (value: unknown, offset = OFFSET) =>
  storedLeases('br0', new Map([[leaseKey('br0', ADDRESS), JSON.parse(JSON.stringify(value))]]), offset);

test('a lease comes back as it was, by the clock that there is then', () => {
  expect(again(storedLease(LEASE, OFFSET))).toEqual([LEASE]);
  expect(again(storedLease(LEASE, OFFSET), OFFSET + 1000)).toEqual([{ ...LEASE, since: 0, until: 60_000 }]);
  const forEver = { ...LEASE, until: Number.POSITIVE_INFINITY };
  expect(again(storedLease(forEver, OFFSET))).toEqual([forEver]);
});

test('what is no lease, or is of another network, is left out', () => {
  const stored = storedLease(LEASE, OFFSET);
  const bad = [
    null,
    1,
    [],
    {},
    { ...stored, state: 'offered' },
    { ...stored, mac: 1 },
    { ...stored, until: 'x' },
  ];
  expect(bad.flatMap((value) => again(value))).toEqual([]);
  const keys = ['br0 192.168.122', 'br0 ::1', 'br01 192.168.122.100', 'br1 192.168.122.100', 'br0'];
  expect(storedLeases('br0', new Map(keys.map((key) => [key, stored])), OFFSET)).toEqual([]);
});

test('an answer leaves when its lease is on the disk, and not at all if that fails', async () => {
  const did: string[] = [];
  let isBroken = false;
  const store = {
    put: (key: string) => void did.push(`put ${key}`),
    flushed: async () => {
      await Promise.resolve();
      if (isBroken) throw new Error('ENOSPC');
      did.push('flushed');
    },
  };
  const commit = new Commit(
    'br0',
    store,
    () => OFFSET,
    ({ port }) => void did.push(`sent to ${port}`),
  );
  const frame = { port: 'p1', vlan: 0, tag: 0, frame: new Uint8Array() };
  await commit.take({ ...emptyOutcome(), leases: [LEASE], frames: [frame] });
  expect(did.splice(0)).toEqual(['put br0 192.168.122.100', 'flushed', 'sent to p1']);
  const isSent = commit.take({ ...emptyOutcome(), frames: [frame] });
  expect(did.splice(0)).toEqual(['sent to p1']);
  await isSent;
  isBroken = true;
  await expect(commit.take({ ...emptyOutcome(), leases: [LEASE], frames: [frame] })).rejects.toThrow(
    'ENOSPC',
  );
  expect(did).toEqual(['put br0 192.168.122.100']);
});
