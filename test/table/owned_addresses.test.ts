import { expect, test } from 'vitest';
import { MAX_NEIGHBOURS, Neighbours } from '../../src/table/neighbours.ts';
import { OwnedAddresses } from '../../src/table/owned_addresses.ts';

const open = () => new Neighbours(Neighbours.allocate(7));
const address6 = (last: number) => {
  const bytes = new Uint8Array(16).fill(0xfd, 0, 1);
  new DataView(bytes.buffer).setInt32(12, last);
  return bytes;
};

test('neighbours take no room from addresses that networks own', () => {
  const table = open();
  let found = 0;
  for (let n = 0; n < MAX_NEIGHBOURS + 1000; n++) found += Number(table.set4(1, n, 0x0200, n) >= 0);
  expect(found).toBe(MAX_NEIGHBOURS);
  const owned = new OwnedAddresses(table.owned, 3);
  for (let n = 0; n < 1000; n++) owned.set6(`${n}`, address6(n), 0x0200, n);
  expect(owned.unguarded).toBe(0);
  table.clear(1);
  expect([table.count, table.owned.count]).toEqual([0, 1000]);
});

test('owned addresses take none from neighbours, and what found no room is told', () => {
  const table = open();
  const owned = new OwnedAddresses(table.owned, 3);
  // A few addresses find no room sooner, as many others have their place.
  for (let n = 0; table.owned.count < MAX_NEIGHBOURS; n++) owned.set(n, 0x0200, n);
  expect(owned.unguarded).toBeLessThan(100);
  const other = new OwnedAddresses(table.owned, 4);
  other.set(7, 0x0200, 7);
  other.set6('fd00::7', address6(7), 0x0200, 7);
  expect(other.unguarded).toBe(2);
  expect(table.set4(1, 7, 0x0200, 7)).toBeGreaterThanOrEqual(0);
  // Whoever comes when there is room again is guarded.
  owned.delete(5);
  other.set(7, 0x0200, 7);
  expect(other.unguarded).toBe(1);
  other.delete('fd00::7');
  expect(other.unguarded).toBe(0);
  owned.clear();
  other.clear();
  expect([table.count, table.owned.count]).toEqual([1, 0]);
});
