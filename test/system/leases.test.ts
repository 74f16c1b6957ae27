// As many guests as boot at once after a power failure, in a switch with a worker.

import { Switch } from 'taploom';
import { expect, onTestFinished, test } from 'vitest';
import { switchWith } from '../../bench/dhcp_servers.ts';
import { GUESTS, GUESTS_PORTS, secondsToLease } from '../../bench/lease_guests.ts';

test('1,000 guests that ask at once have an address each', async () => {
  const taploom = await Switch.open(switchWith('taploom', GUESTS_PORTS, ''));
  onTestFinished(() => taploom.close());
  await secondsToLease(taploom as Parameters<typeof secondsToLease>[0]);
  const bound = taploom.leases().filter(({ state }) => state === 'bound');
  expect(new Set(bound.map(({ address }) => address)).size).toBe(GUESTS);
  expect(new Set(bound.map(({ mac }) => mac)).size).toBe(GUESTS);
});
