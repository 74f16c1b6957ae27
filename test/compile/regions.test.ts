import { expect, test } from 'vitest';
import { RegionMaker } from '../../src/compile/regions.ts';
import { Slab } from '../../src/table/frame_store.ts';

test('regions of a slab begin where the one before ends, and none is entry 0', () => {
  const slabs = new RegionMaker();
  const [a, b] = [slabs.make(100), slabs.make(100)];
  expect([a.at, b.at]).toEqual([1, 101]);
  expect(b.memory).toBe(a.memory);
});

test('what does not fit the rest of a slab has another one, and a large region its own', () => {
  const slabs = new RegionMaker();
  const most = Math.floor(slabs.make(1).memory.byteLength / Slab.size(1)) - 2;
  const full = slabs.make(most / 2 - 1);
  const large = slabs.make(most);
  const after = slabs.make(100);
  const next = slabs.make(most / 2);
  expect(large.memory).not.toBe(full.memory);
  expect(after.memory).toBe(full.memory);
  expect(next.memory).not.toBe(full.memory);
  for (const { memory, at } of [full, large, after, next])
    expect(Slab.size(at)).toBeLessThan(memory.byteLength);
});
