import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Neighbours } from '../../src/table/neighbours.ts';

const open = () => new Neighbours(Neighbours.allocate(7));

const bytes = (last: number) => {
  const view = new DataView(new ArrayBuffer(16));
  view.setInt32(0, 0xfd00_0000 | 0);
  view.setInt32(12, last);
  return view;
};

/** The MAC behind an address, as text; undefined if nobody is known. */
function mac(table: Neighbours, port: number, family: number, address: number): string | undefined {
  const out = new Int32Array(3);
  const slot =
    family === 4
      ? table.find4(port, address, out, 1)
      : table.find6(port, 0xfd00_0000 | 0, 0, 0, address, out, 1);
  return slot < 0 ? undefined : `${out[1]}:${out[2]}`;
}

test('interfaces and families have neighbours of their own', () => {
  const table = open();
  table.set4(1, 0x0a00_0001, 0x0200, 5);
  table.set4(2, 0x0a00_0001, 0x0200, -6);
  table.set6(1, bytes(0x0a00_0001), 0, 0x0200, 7);
  expect(mac(table, 1, 4, 0x0a00_0001)).toBe('512:5');
  expect(mac(table, 2, 4, 0x0a00_0001)).toBe('512:-6');
  expect(mac(table, 1, 6, 0x0a00_0001)).toBe('512:7');
  expect(mac(table, 3, 4, 0x0a00_0001)).toBeUndefined();
  table.clear(1);
  expect(mac(table, 1, 4, 0x0a00_0001)).toBeUndefined();
  expect(mac(table, 1, 6, 0x0a00_0001)).toBeUndefined();
  expect(mac(table, 2, 4, 0x0a00_0001)).toBe('512:-6');
  expect(table.count).toBe(1);
});

test('an entry keeps its slot, and tells once that it was used', () => {
  const table = open();
  const slot = table.set4(1, 9, 0x0200, 5);
  expect(table.set4(1, 9, 0x0200, 6)).toBe(slot);
  expect(table.takeUsed(slot)).toBe(false);
  table.markUsed(slot);
  expect(table.takeUsed(slot)).toBe(true);
  expect(table.takeUsed(slot)).toBe(false);
  // Whoever comes next into the slot was not used.
  table.markUsed(slot);
  table.remove(slot);
  expect(table.takeUsed(table.set4(1, 9, 0x0200, 5))).toBe(false);
});

test('who looked up while an entry was written is told', () => {
  const table = open();
  const before = table.version();
  expect(table.isUnchanged(before)).toBe(true);
  const slot = table.set4(1, 9, 0x0200, 5);
  expect(table.isUnchanged(before)).toBe(false);
  const between = table.version();
  table.remove(slot);
  expect(table.isUnchanged(between)).toBe(false);
  const header = new Int32Array(table.memory);
  header[2] += 1; // somebody writes
  expect(table.isUnchanged(table.version())).toBe(false);
});

test('random changes leave what a map would have', () => {
  const step = fc.tuple(
    fc.constantFrom('set', 'remove', 'clear'),
    fc.integer({ min: 1, max: 3 }),
    fc.constantFrom(4, 6),
    fc.integer({ min: -20, max: 20 }),
    fc.integer({ min: 1, max: 0xffff }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const table = open();
      // One chain: what hashes far apart never meets.
      Reflect.set(table, 'hash4', () => 0x1fffc);
      Reflect.set(table, 'hash6', () => 0x1fffc);
      const model = new Map<string, string>();
      const slots = new Map<string, number>();
      for (const [what, port, family, address, hi] of steps) {
        const key = `${port}/${family}/${address}`;
        if (what === 'set') {
          const slot =
            family === 4 ? table.set4(port, address, hi, 9) : table.set6(port, bytes(address), 0, hi, 9);
          if (slot < 0) continue; // its chain is full
          model.set(key, `${hi}:9`);
          slots.set(key, slot);
        } else if (what === 'remove' && model.delete(key)) table.remove(slots.get(key) as number);
        else if (what === 'clear' && hi < 3000) {
          table.clear(port);
          for (const known of [...model.keys()]) if (known.startsWith(`${port}/`)) model.delete(known);
        }
      }
      expect(table.count).toBe(model.size);
      for (const port of [1, 2, 3]) {
        for (const family of [4, 6]) {
          for (let address = -20; address <= 20; address++)
            expect(mac(table, port, family, address)).toBe(model.get(`${port}/${family}/${address}`));
        }
      }
    }),
    { numRuns: 60 },
  );
});
