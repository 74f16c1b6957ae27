import { expect, test } from 'vitest';
import { RateMeter } from '../src/rates.ts';
import { counters, portStatus } from './control/fake_switch.ts';

const received = (receivedFrames: number, receivedBytes = 0) =>
  portStatus('vm1', { counters: counters({ receivedFrames, receivedBytes }) });

test('a rate is the difference by the time that has gone by', () => {
  const meter = new RateMeter();
  const before = { receivedFrames: 10, receivedBytes: 1000, transmittedFrames: 1, transmittedBytes: 50 };
  const after = { receivedFrames: 30, receivedBytes: 6000, transmittedFrames: 2, transmittedBytes: 150 };
  const drops = { receiveDropped: { runt: 4 }, transmitDropped: { too_big: 2 } };
  const first = portStatus('vm1', { queueDropped: 1, counters: counters(before) });
  expect(meter.next([first], 100)).toEqual([{ status: first, history: [] }]);
  const second = portStatus('vm1', { queueDropped: 5, counters: counters({ ...after, ...drops }) });
  expect(meter.next([second], 102)).toEqual([
    {
      status: second,
      rx: 10,
      rxBits: 20_000,
      rxDrops: 2,
      lost: 2,
      tx: 0.5,
      txBits: 400,
      txDrops: 1,
      history: [20_400],
    },
  ]);
});

test('a port that began anew has no rate, instead of a wrong one, nor has a moment of no length', () => {
  const meter = new RateMeter();
  meter.next([received(10)], 100);
  meter.next([received(20)], 101);
  expect(meter.next([received(3)], 102)).toEqual([{ status: received(3), history: [] }]);
  expect(meter.next([received(5)], 103)[0].rx).toBe(2);
  expect(meter.next([received(9)], 103)[0].rx).toBeUndefined();
});

test('the past is bounded, and goes with its port', () => {
  const meter = new RateMeter(60);
  let history: readonly number[] = [];
  for (let second = 0; second < 120; second++) {
    history = meter.next([received(second, second * second)], second)[0].history;
  }
  expect(history).toHaveLength(60);
  expect(history.at(-1)).toBe((119 ** 2 - 118 ** 2) * 8);
  meter.next([], 1000);
  expect(meter.next([received(0)], 1001)[0].history).toEqual([]);
});
