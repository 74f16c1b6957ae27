import { expect, test } from 'vitest';
import { CounterView } from '../../src/switch/counter_view.ts';
import { Counters, PORT } from '../../src/table/counters.ts';

function count(counters: Counters, port: number, at: number, frames: number): void {
  counters.values[counters.port(port) + at] += frames;
}

test('drops of several ports and workers add up', () => {
  const workers = [Counters.allocate(4, 1), Counters.allocate(4, 1)];
  const view = new CounterView(workers);
  expect(view.dropTotal([1, 2])).toBe(0);
  count(workers[0], 1, PORT.receivedFrames, 5);
  count(workers[0], 1, PORT.drops, 2);
  count(workers[1], 2, PORT.copies, 3);
  count(workers[1], 2, PORT.drops + 1, 3);
  count(workers[1], 3, PORT.receivedFrames, 1);
  count(workers[1], 3, PORT.drops, 1);
  expect(view.dropTotal([1, 2])).toBe(5);
  expect(view.dropTotal([1, 2, 3])).toBe(6);
});

test('a frame that is dropped long after it came is counted', () => {
  const counters = Counters.allocate(4, 1);
  const view = new CounterView([counters]);
  count(counters, 1, PORT.receivedFrames, 1);
  count(counters, 1, PORT.forwarded, 1);
  count(counters, 2, PORT.copies, 1); // and held back by a fault port
  expect(view.dropTotal([1, 2])).toBe(0);
  count(counters, 2, PORT.drops, 1);
  expect(view.dropTotal([1, 2])).toBe(1);
});

test('without traffic nothing is counted again', () => {
  const counters = Counters.allocate(4, 1);
  const view = new CounterView([counters]);
  count(counters, 1, PORT.receivedFrames, 1);
  count(counters, 1, PORT.drops, 1);
  expect(view.dropTotal([1])).toBe(1);
  count(counters, 1, PORT.drops, 1); // which cannot happen
  expect(view.dropTotal([1])).toBe(1);
});
