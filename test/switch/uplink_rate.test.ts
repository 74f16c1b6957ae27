// A device with a queue that takes so much, and the rate that is found for it by refusals alone.

import { expect, test } from 'vitest';
import { UplinkRate } from '../../src/switch/uplink_rate.ts';
import { Random } from '../support/engine/random.ts';

/** Bytes of a frame, and frames that the device's queue holds. */
const FRAME = 1000;
const ROOM = 100;

interface Second {
  /** Of what the device takes: what it was given, and what was offered there in vain. */
  used: number;
  refused: number;
  /** Of the capacity: the rate at its end. */
  rate: number;
}

/** Looks each 100 ms at a device of `capacity` bit/s for so many seconds, while `wanted` bit/s are there. */
class Rig {
  readonly rate: UplinkRate;
  private queue = 0;
  private readonly random = new Random(7);

  constructor(taken: number) {
    this.rate = new UplinkRate(taken);
  }

  /** @param noise how much a thread may be late, of a look */
  run(capacity: number, wanted: number, seconds: number, noise = 0): Second[] {
    return Array.from({ length: seconds }, () => {
      let [used, refused, offered] = [0, 0, 0];
      for (let look = 0; look < 10; look++) {
        const ms = 100 * (1 + noise * (this.random.between(0, 200) / 100 - 1));
        const sent = (Math.min(wanted, this.rate.bits) * ms) / 8000 / FRAME;
        const drained = (capacity * ms) / 8000 / FRAME;
        const fits = Math.min(sent, drained - this.queue + ROOM);
        this.queue = Math.max(0, this.queue + fits - drained);
        this.rate.look({
          taken: (fits * FRAME * 8000) / ms,
          refused: Math.round(sent - fits),
          isBusy: wanted > this.rate.bits,
        });
        used += fits * FRAME * 8;
        offered += sent;
        refused += sent - fits;
      }
      return { used: used / capacity, refused: refused / offered, rate: this.rate.bits / capacity };
    });
  }
}

const mean = (all: number[]) => all.reduce((sum, one) => sum + one, 0) / all.length;

test.each([1e6, 40e6, 1e9, 10e9])(
  'what a device of %d bit/s takes is used, and little is refused',
  (capacity) => {
    const rig = new Rig(capacity * 0.9);
    const seconds = rig.run(capacity, 5 * capacity, 60, 0.05).slice(5);
    expect(mean(seconds.map(({ used }) => used))).toBeGreaterThan(0.97);
    expect(mean(seconds.map(({ refused }) => refused))).toBeLessThan(0.02);
  },
);

test('it follows a device that takes a quarter from now on, and four times as much again', () => {
  const rig = new Rig(40e6);
  rig.run(40e6, 200e6, 5);
  expect(rig.run(10e6, 200e6, 3).at(-1)?.rate).toBeLessThan(1.1);
  expect(rig.run(40e6, 200e6, 7).at(-1)?.used).toBeGreaterThan(0.95);
});

test('a device that takes all there is is free soon', () => {
  const rig = new Rig(40e6);
  expect(rig.rate.isFree).toBe(false);
  rig.run(1e9, 500e6, 10);
  expect(rig.rate.isFree).toBe(true);
});

test('where nothing waits the rate stays, and after half a minute the device counts as free', () => {
  const rig = new Rig(40e6);
  rig.run(40e6, 10e6, 29);
  expect(rig.rate.isFree).toBe(false);
  expect(rig.rate.bits).toBeCloseTo(40e6 * 0.98, -3);
  rig.run(40e6, 10e6, 2);
  expect(rig.rate.isFree).toBe(true);
});

test('one that refuses frames whatever the rate is left alone after four seconds, and not one whose capacity falls', () => {
  const rig = new Rig(40e6);
  rig.run(40e6, 200e6, 3);
  rig.run(4e6, 200e6, 5);
  expect(rig.rate.isFutile).toBe(false);
  for (let n = 0; n < 39; n++) rig.rate.look({ taken: rig.rate.bits, refused: 1, isBusy: true });
  expect(rig.rate.isFutile).toBe(false);
  rig.rate.look({ taken: rig.rate.bits, refused: 1, isBusy: true });
  expect(rig.rate.isFutile).toBe(true);
});

test('a device that is cut off altogether leaves a rate to ask with, and is free soon after', () => {
  const rig = new Rig(40e6);
  for (let n = 0; n < 200; n++) rig.rate.look({ taken: 0, refused: 5, isBusy: true });
  expect(rig.rate.bits).toBeGreaterThan(60_000);
  rig.run(40e6, 200e6, 8);
  expect(rig.rate.isFree).toBe(true);
});
