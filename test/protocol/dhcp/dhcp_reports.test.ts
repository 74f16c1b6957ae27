// What was reported of other switches' DHCP, tried on ours.

import { expect, test } from 'vitest';
import { ip, World } from './world.ts';

const DYNAMIC = ip('192.168.122.100');

test('lxc/incus#1265: an old lease does not stand above the address that is fixed for its client now', () => {
  const world = new World();
  expect(world.join(1)).toBe(DYNAMIC);
  const fixed = ip('192.168.122.12');
  world.restart({ hosts: [{ mac: '02:00:00:00:00:01', address: fixed }] });
  // Whether it comes anew, or as if it had never been away.
  expect(world.reboot(1, DYNAMIC)?.message.type).toBe('nak');
  expect(world.join(1)).toBe(fixed);
});

test('canonical/lxd#7397: the lease of a guest that is gone does not keep its address from the next one', () => {
  const world = new World({ hosts: [{ mac: '02:00:00:00:00:01', address: DYNAMIC }] });
  expect(world.join(1)).toBe(DYNAMIC);
  world.restart({ hosts: [{ mac: '02:00:00:00:00:02', address: DYNAMIC }] });
  expect(world.join(2)).toBe(DYNAMIC);
  expect(world.renew(1, DYNAMIC)?.message.type).toBe('nak');
});
