import { expect, test } from 'vitest';
import {
  BRIDGE,
  Counters,
  POLL_FRAMES_BOUNDS,
  POLL_GAP_BOUNDS,
  PORT,
  SWITCH,
} from '../../src/table/counters.ts';
import { DROPS } from '../../src/table/drops.ts';

test('no two counters share a place', () => {
  const counters = Counters.allocate(3, 2);
  const places: number[] = [SWITCH.polls, SWITCH.pollGapSum, SWITCH.pollGapMax, SWITCH.pollFramesSum];
  for (let n = 0; n <= POLL_GAP_BOUNDS.length; n++) places.push(SWITCH.pollGapCounts + n);
  for (let n = 0; n <= POLL_FRAMES_BOUNDS.length; n++) places.push(SWITCH.pollFramesCounts + n);
  for (let bridge = 0; bridge < 2; bridge++) places.push(counters.bridge(bridge) + BRIDGE.learned);
  for (let port = 0; port < 3; port++) {
    const { drops, ...others } = PORT;
    for (const counter of Object.values(others)) places.push(counters.port(port) + counter);
    DROPS.forEach((_, code) => {
      places.push(counters.port(port) + drops + code);
    });
  }
  expect(new Set(places).size).toBe(places.length);
  expect(Math.max(...places)).toBeLessThan(counters.values.length);
});

test('a second view over the same memory sees the same counters', () => {
  const counters = Counters.allocate(4, 4);
  const other = new Counters(counters.memory, counters.maxBridges);
  counters.values[counters.port(3) + PORT.forwarded] = 2 ** 53;
  expect(other.values[other.port(3) + PORT.forwarded]).toBe(2 ** 53);
  expect(counters.memory).toBeInstanceOf(SharedArrayBuffer);
});

test('clearing a port leaves its neighbours alone', () => {
  const counters = Counters.allocate(4, 1);
  counters.values.fill(7);
  counters.clearPort(2);
  const cleared = counters.values.subarray(counters.port(2), counters.port(3));
  expect(cleared.every((value) => value === 0)).toBe(true);
  expect(counters.values[counters.port(2) - 1]).toBe(7);
  expect(counters.values[counters.port(3)]).toBe(7);
});

test('bounds of the poll-gap histogram ascend', () => {
  expect([...POLL_GAP_BOUNDS].sort((a, b) => a - b)).toEqual([...POLL_GAP_BOUNDS]);
});
