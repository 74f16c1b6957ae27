import { expect, test } from 'vitest';
import { LldpTransmitter } from '../../../src/protocol/lldp/transmitter.ts';

/** When the transmitter sends, in seconds, if it is asked at its deadlines only. */
function sends(transmitter: LldpTransmitter, from: number, to: number): number[] {
  const times: number[] = [];
  for (let now = from; now <= to * 1000; ) {
    if (transmitter.take(now)) times.push(now / 1000);
    const next = transmitter.deadline();
    expect(next).toBeGreaterThan(now);
    now = next;
  }
  return times;
}

test('it sends at once and then every 30 s', () => {
  const transmitter = new LldpTransmitter();
  expect(transmitter.deadline()).toBe(Number.POSITIVE_INFINITY);
  transmitter.start(5_000);
  expect(sends(transmitter, 5_000, 100)).toEqual([5, 35, 65, 95]);
});

test('for a new neighbour four times a second apart', () => {
  const transmitter = new LldpTransmitter();
  transmitter.start(0);
  expect(sends(transmitter, 0, 29)).toEqual([0]);
  transmitter.neighborAppeared(10_000);
  expect(sends(transmitter, 10_000, 80)).toEqual([10, 11, 12, 13, 43, 73]);
});

test('neighbours without end make it send five in a row at most, and then one a second', () => {
  const transmitter = new LldpTransmitter();
  transmitter.start(0);
  const times: number[] = [];
  for (let now = 0; now < 60_000; now += 10) {
    transmitter.neighborAppeared(now);
    transmitter.localChanged(now);
    if (transmitter.take(now)) times.push(now);
  }
  expect(times.length).toBeLessThanOrEqual(5 + 60);
  expect(times.length).toBeGreaterThan(55);
  expect(times.filter((time) => time < 1000)).toHaveLength(5);
});

test('a link that flaps does not earn credit', () => {
  const transmitter = new LldpTransmitter();
  let frames = 0;
  for (let now = 0; now < 10_000; now += 5) {
    transmitter.start(now);
    if (transmitter.take(now)) frames++;
    transmitter.stop();
    expect(transmitter.take(now)).toBe(false);
  }
  expect(frames).toBeLessThanOrEqual(5 + 10);
});

test('after a shutdown it is silent for two seconds', () => {
  const transmitter = new LldpTransmitter();
  transmitter.start(0);
  transmitter.take(0);
  transmitter.shutDown(10_000);
  expect(transmitter.deadline()).toBe(Number.POSITIVE_INFINITY);
  transmitter.start(10_500);
  transmitter.neighborAppeared(10_600);
  transmitter.localChanged(10_700);
  expect(sends(transmitter, 10_700, 14)).toEqual([12, 13, 14]);
});

test('a change is told at once, a frame that got lost again in a second', () => {
  const transmitter = new LldpTransmitter();
  transmitter.start(0);
  transmitter.take(0);
  transmitter.localChanged(7_000);
  expect(transmitter.take(7_000)).toBe(true);
  transmitter.failed(7_000);
  expect(sends(transmitter, transmitter.deadline(), 40)).toEqual([8, 38]);
});
