// Counts and limits of learned entries alone; fdb.test.ts has them in a table, against a Map.

import { expect, test } from 'vitest';
import { BRIDGE, Counters, PORT } from '../../src/table/counters.ts';
import { Learned, type LearnLimits } from '../../src/table/learned.ts';

const REMOTE = 1 << 12;

/** Domains 1 and 2 belong to bridge 1, domain 3 to bridge 2. */
function limitsOf(bridge: number[], port: number[]): LearnLimits {
  return {
    domainBridge: Uint16Array.of(0, 1, 1, 2),
    bridgeFdbLimit: Uint32Array.of(0, ...bridge),
    fdbLimit: Uint32Array.of(0, ...port),
  };
}

function setup(limits: LearnLimits, gauges?: Counters) {
  const own = Counters.allocate(4, 3);
  const counters = gauges === undefined ? own : new Counters(own.memory, 3, gauges.memory);
  const learned = new Learned(counters, limits);
  const onPort = (port: number) => counters.gauges[counters.port(port) + PORT.learned];
  const inBridge = (bridge: number) => counters.gauges[counters.bridge(bridge) + BRIDGE.learned];
  return { learned, counters, onPort, inBridge };
}

test('an entry counts for its port, whatever the remote, and for the bridge of its domain', () => {
  const { learned, onPort, inBridge } = setup(limitsOf([9, 9], [9, 9, 9]));
  learned.add(1, 1);
  learned.add(2, REMOTE | 1);
  learned.add(3, 2);
  expect([onPort(1), onPort(2), onPort(3)]).toEqual([2, 1, 0]);
  expect([inBridge(1), inBridge(2)]).toEqual([2, 1]);
  learned.remove(2, REMOTE | 1);
  expect([onPort(1), onPort(2), inBridge(1), inBridge(2)]).toEqual([1, 1, 1, 1]);
});

test('there is room until the port or the bridge is full, and again when an entry has gone', () => {
  const { learned } = setup(limitsOf([3, 9], [2, 9, 9]));
  learned.add(1, 1);
  expect(learned.hasRoom(1, 1)).toBe(true);
  learned.add(1, 1);
  expect(learned.hasRoom(1, 1)).toBe(false);
  expect(learned.hasRoom(1, 2)).toBe(true);
  learned.add(2, 2);
  expect(learned.hasRoom(1, 2)).toBe(false);
  expect(learned.hasRoom(3, 2)).toBe(true);
  learned.remove(1, 1);
  expect(learned.hasRoom(2, 1)).toBe(true);
});

test('a station may move to a port with room though its bridge is full, and between the remotes of a full port', () => {
  const { learned } = setup(limitsOf([2, 9], [1, 1, 1]));
  learned.add(1, 1);
  learned.add(1, 2);
  expect(learned.hasRoom(1, 3)).toBe(false);
  expect(learned.hasRoomToMove(1, 3)).toBe(true);
  expect(learned.hasRoomToMove(1, 2)).toBe(false);
  expect(learned.hasRoomToMove(1, REMOTE | 1)).toBe(true);
});

test('a limit below what is learned forgets nothing, and leaves no room until enough has gone', () => {
  const { learned, onPort } = setup(limitsOf([9, 9], [9, 9, 9]));
  for (let n = 0; n < 3; n++) learned.add(1, 1);
  learned.configure(limitsOf([9, 9], [2, 9, 9]));
  expect(onPort(1)).toBe(3);
  expect(learned.hasRoom(1, 1)).toBe(false);
  learned.remove(1, 1);
  expect(learned.hasRoom(1, 1)).toBe(false);
  learned.remove(1, 1);
  expect(learned.hasRoom(1, 1)).toBe(true);
});

test('workers count together, in the memory of the first', () => {
  const limits = limitsOf([9, 9], [2, 9, 9]);
  const first = setup(limits);
  const second = setup(limits, first.counters);
  first.learned.add(1, 1);
  second.learned.add(1, 1);
  expect(first.onPort(1)).toBe(2);
  expect(first.learned.hasRoom(1, 1)).toBe(false);
  expect(second.counters.values[second.counters.port(1) + PORT.learned]).toBe(0);
});
