// Addresses of interfaces, as the kernel lists them.

import { expect, test } from 'vitest';
import { addressesRequest, parseAddresses } from '../../src/wire/address_listing.ts';

/** From Linux 6.18: 10.9.0.1 with peer 10.9.0.2 on e1 (index 2), 10.0.0.1/24 on e0 (index 3). */
const LISTED = Buffer.from(
  [
    '4c0000001400020000000000386300000220800002000000080001000a090002080002000a0900010700030065310000',
    '080008008000000014000600ffffffffffffffff2d2716002d271600',
    '4c0000001400020000000000386300000218800003000000080001000a000001080002000a0000010700030065300000',
    '080008008000000014000600ffffffffffffffff2d2716002d271600',
  ].join(''),
  'hex',
);

test('an address comes with its interface and its prefix; of two ends it is our own', () => {
  const found = [...parseAddresses(LISTED)].map(({ index, address, bits }) => [index, [...address], bits]);
  expect(found).toEqual([
    [2, [10, 9, 0, 1], 32],
    [3, [10, 0, 0, 1], 24],
  ]);
});

test('what is cut or something else is skipped', () => {
  expect([...parseAddresses(LISTED.subarray(0, 20))]).toEqual([]);
  expect([...parseAddresses(addressesRequest(4))]).toEqual([]);
});
