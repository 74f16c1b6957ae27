import { expect, test } from 'vitest';
import type { PortStatus } from '../../src/api.ts';
import { HISTORY, Rates, sumOf } from '../../src/web/rates.ts';
import { counters, portStatus } from '../control/fake_switch.ts';

const status = (uptimeSeconds: number, ports: PortStatus[], pid = 7) => ({
  version: '9.9.9',
  pid,
  uptimeSeconds,
  bridges: [],
  ports,
});

const received = (receivedFrames: number, receivedBytes = 0) =>
  portStatus('vm1', { counters: counters({ receivedFrames, receivedBytes }) });

test('a rate is the difference by the time that the daemon says has gone by', () => {
  const rates = new Rates();
  const before = { receivedFrames: 10, receivedBytes: 1000, transmittedFrames: 1, transmittedBytes: 50 };
  const after = { receivedFrames: 30, receivedBytes: 6000, transmittedFrames: 2, transmittedBytes: 150 };
  const drops = { receiveDropped: { runt: 4 }, transmitDropped: { too_big: 2 } };
  expect(
    rates.update(status(100, [portStatus('vm1', { queueDropped: 1, counters: counters(before) })])).size,
  ).toBe(0);
  const port = portStatus('vm1', { queueDropped: 5, counters: counters({ ...after, ...drops }) });
  expect(rates.update(status(102, [port])).get('vm1')).toEqual({
    receivedFrames: 10,
    receivedBits: 20_000,
    transmittedFrames: 0.5,
    transmittedBits: 400,
    dropped: 3,
  });
  expect(rates.history('vm1')).toEqual([20_400]);
});

test('a daemon or a port that began anew has no rate, instead of a wrong one', () => {
  const rates = new Rates();
  rates.update(status(100, [received(10)]));
  rates.update(status(101, [received(20)]));
  expect(rates.update(status(102, [received(3)])).has('vm1')).toBe(false);
  expect(rates.history('vm1')).toEqual([]);
  expect(rates.update(status(103, [received(5)])).get('vm1')?.receivedFrames).toBe(2);
  expect(rates.update(status(104, [received(9)], 8)).has('vm1')).toBe(false);
});

test('the past is bounded, and goes with its port', () => {
  const rates = new Rates();
  for (let second = 0; second < 2 * HISTORY; second++) {
    rates.update(status(second, [received(second, second * second)]));
  }
  expect(rates.history('vm1')).toHaveLength(HISTORY);
  expect(rates.history('vm1').at(-1)).toBe((4 * HISTORY - 3) * 8);
  rates.update(status(1000, []));
  expect(rates.history('vm1')).toEqual([]);
});

test('the sum of all is in the same terms', () => {
  const one = { receivedFrames: 1, receivedBits: 2, transmittedFrames: 3, transmittedBits: 4, dropped: 5 };
  expect(sumOf([one, one])).toEqual({
    receivedFrames: 2,
    receivedBits: 4,
    transmittedFrames: 6,
    transmittedBits: 8,
    dropped: 10,
  });
  expect(sumOf([]).dropped).toBe(0);
});
