import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Deadlines } from '../../../src/protocol/dhcp/deadlines.ts';

test('things come out when they are due, however often their time was changed, and each is there once', () => {
  const change = fc.tuple(fc.nat(9), fc.oneof(fc.nat(100), fc.constantFrom(-1, Number.POSITIVE_INFINITY)));
  fc.assert(
    fc.property(fc.array(change, { maxLength: 60 }), (changes) => {
      const heap = new Deadlines<{ name: number; dueAt: number; place: number }>();
      const things = Array.from({ length: 10 }, (_, name) => ({ name, dueAt: 0, place: -1 }));
      const model = new Map<number, number>();
      for (const [name, at] of changes) {
        if (at < 0) heap.delete(things[name]);
        else heap.set(things[name], at);
        if (at < 0 || at === Number.POSITIVE_INFINITY) model.delete(name);
        else model.set(name, at);
        expect(heap.next).toBe(Math.min(Number.POSITIVE_INFINITY, ...model.values()));
      }
      const times: number[] = [];
      for (let thing = heap.take(100); thing !== undefined; thing = heap.take(100)) {
        expect(thing.dueAt).toBe(model.get(thing.name));
        times.push(thing.dueAt);
      }
      expect(times).toEqual([...model.values()].sort((a, b) => a - b));
    }),
  );
});

test('nothing comes out before its time', () => {
  const heap = new Deadlines<{ dueAt: number; place: number }>();
  heap.set({ dueAt: 0, place: -1 }, 10);
  expect(heap.take(9.9)).toBeUndefined();
});
