// Address caching capacity (RFC 2889, 5.7) of a table that is modelled here: so many places, and, as in a Taploom whose
// bridge is full, now and then one station that gives way to the test port's own.

import { expect, test } from 'vitest';
import { cachingCapacity } from '../../src/tester/addresses.ts';
import type { Bench } from '../../src/tester/bench.ts';
import type { Stream } from '../../src/tester/stream.ts';
import type { TestPort } from '../../src/tester/test_port.ts';

/** How many of the learning port's stations the table has, trial by trial. */
type Table = (stations: number, trial: number) => number;

function benchOf(table: Table): Bench {
  let known = 0;
  let trial = 0;
  let flooded = 0;
  let sent = 0;
  const port = (name: string): TestPort => {
    const send = (_plan: unknown, _frame: Uint8Array) => {
      const finished = async () => ({ sent, refused: 0, elapsedSeconds: 0.1, slippedSeconds: 0 });
      return { finished, stop() {} };
    };
    const receive = ({ limit }: { limit: number }) => {
      sent = limit;
      if (name === 'test') known = table(limit, trial++);
      if (name === 'monitor') flooded = limit - known;
      const received = name === 'monitor' ? flooded : limit;
      return { progress: received, finished: async () => ({ received, overrun: 0 }), stop() {} };
    };
    return { name, sockets: { send, receive } } as unknown as Stream['from'];
  };
  return {
    ports: [port('learning'), port('test'), port('monitor')],
    settle: 0,
    signal: new AbortController().signal,
    witness: async () => new Map(),
    say() {},
    forget: async () => {},
    learned: async () => 0,
  };
}

const OPTIONS = { size: 64, addresses: 576, learningRate: 1e5, testRate: 1e5 };
const exact: Table = (stations) => Math.min(stations, 512);

test('a table of 512 places has 512', async () => {
  expect(await cachingCapacity(benchOf(exact), OPTIONS)).toMatchObject({ addresses: 512, atLeast: false });
});

test('one station that now and then gives way to that of the test port is not a missing place', async () => {
  const gives: Table = (stations, trial) => exact(stations, 0) - (stations >= 512 && trial % 2 === 0 ? 1 : 0);
  const odd: Table = (stations, trial) => gives(stations, trial + 1);
  for (const table of [gives, odd]) {
    expect(await cachingCapacity(benchOf(table), OPTIONS)).toMatchObject({ addresses: 512, atLeast: false });
  }
});

test('one place too few is found, and more than one is not asked again', async () => {
  const trials = new Map<number, number>();
  const table: Table = (stations) => {
    trials.set(stations, (trials.get(stations) ?? 0) + 1);
    return Math.min(stations, 511);
  };
  expect(await cachingCapacity(benchOf(table), OPTIONS)).toMatchObject({ addresses: 511, atLeast: false });
  expect(trials.get(512)).toBe(4);
  expect([...trials.values()].filter((times) => times > 1)).toEqual([4]);
});
