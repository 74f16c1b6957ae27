import { expect, test } from 'vitest';
import { account, type PortSample } from '../../src/tester/losses.ts';
import type { Stream, StreamResult } from '../../src/tester/stream.ts';

const [a, b] = [{ name: 'a' }, { name: 'b' }] as unknown as Stream['to'];
const stream: Stream = { from: a, to: [b], frame: new Uint8Array(60) };
const result = (refused: number, overrun: number) =>
  ({ refused, at: [{ overrun }] }) as unknown as StreamResult;
const sample = (ofA: Partial<PortSample>, ofB: Partial<PortSample>) =>
  new Map([
    ['a', { queueDropped: 0, ...ofA }],
    ['b', { queueDropped: 0, ...ofB }],
  ]);

test('each counter explains what it has more than before', () => {
  const before = sample(
    { queueDropped: 5, receiveDropped: { same_port: 3 } },
    { queueDropped: 100, transmitDropped: { too_big: 1 } },
  );
  const after = sample(
    { queueDropped: 15, receiveDropped: { same_port: 3, bad_source: 2 }, transmitDropped: { too_big: 7 } },
    {
      queueDropped: 900,
      receiveDropped: { bad_source: 7 },
      transmitDropped: { too_big: 5, fault_transmit: 1 },
    },
  );
  expect(account(20, [result(4, 3)], [stream], before, after)).toEqual({
    queue: 10,
    receiveDropped: { bad_source: 2 },
    transmitDropped: { too_big: 4, fault_transmit: 1 },
    receiver: 3,
    unexplained: 0,
  });
});

test('a switch that tells nothing leaves the rest unexplained; a refusal is a loss in the queue', () => {
  expect(account(9, [result(4, 0)], [stream], sample({}, {}), sample({}, {}))).toEqual({
    queue: 4,
    receiver: 0,
    unexplained: 5,
  });
});
