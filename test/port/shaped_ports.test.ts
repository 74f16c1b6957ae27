import { expect, test } from 'vitest';
import type { Sink } from '../../src/engine/port.ts';
import { SHAPED, SHAPED_WORDS, ShapedPorts } from '../../src/port/shaped_ports.ts';

const sink = (): Sink => ({ transmit: () => {} });
const memory = () => new SharedArrayBuffer(1024);

test('slabs and sinks that ports have in common are there once, and go with the last of them', () => {
  const ports = new ShapedPorts();
  const slab = memory();
  const [one, other] = [sink(), sink()];
  ports.add(1, { memory: slab, at: 1 }, one, 0);
  ports.add(2, { memory: slab, at: 3 }, one, 1);
  ports.add(3, { memory: memory(), at: 1 }, other, 2);
  expect(ports.sinks).toEqual([one, other]);
  expect(ports.slabs).toHaveLength(2);
  ports.remove(1);
  expect(ports.has(1)).toBe(false);
  expect(ports.innerOf(2)).toBe(one);
  expect(ports.isSame(2, { memory: slab, at: 3 }, one)).toBe(true);
  expect(ports.isSame(2, { memory: slab, at: 1 }, one)).toBe(false);
  ports.remove(2);
  expect(ports.sinks).toEqual([other]);
  // Numbers that are free are given again.
  const third = sink();
  ports.add(4, { memory: slab, at: 1 }, third, 0);
  expect(ports.slabs).toHaveLength(2);
  expect(ports.innerOf(3)).toBe(other);
  expect(ports.words[4 * SHAPED_WORDS + SHAPED.slab]).toBe(0);
});
