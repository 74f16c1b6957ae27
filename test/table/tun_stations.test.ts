import fc from 'fast-check';
import { expect, test } from 'vitest';
import { TunStations } from '../../src/table/tun_stations.ts';

const address = fc.tuple(fc.nat(1), fc.nat(1), fc.constantFrom(0xffff, 7), fc.nat(300));

test('it knows what a Map knows, but for what had to make room', () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(address, fc.nat(0xffff), fc.integer(), fc.nat(100)), { maxLength: 300 }),
      (claims) => {
        const memory = TunStations.allocate();
        const [writer, reader] = [new TunStations(memory, 9), new TunStations(memory, 9)];
        const model = new Map<string, [number, number, number]>();
        for (const [[a, b, c, d], hi, lo, second] of claims) {
          writer.learn(a, b, c, d, hi, lo, second);
          model.set([a, b, c, d].join(), [hi, lo, second]);
        }
        let missing = 0;
        for (const [[a, b, c, d]] of claims) {
          if (!reader.find(a, b, c, d)) missing++;
          else expect([reader.hi, reader.lo, reader.second]).toEqual(model.get([a, b, c, d].join()));
        }
        expect(missing).toBeLessThanOrEqual(claims.length / 10);
        expect(reader.find(3, 3, 3, 3)).toBe(false);
      },
    ),
    { numRuns: 50 },
  );
});

test('one entry at a time makes room, and the newest is there', () => {
  const stations = new TunStations(TunStations.allocate(), 1);
  for (let n = 0; n < 20_000; n++) {
    stations.learn(0, 0, 0xffff, n, 2, n, 1);
    expect(stations.find(0, 0, 0xffff, n)).toBe(true);
  }
  let known = 0;
  for (let n = 0; n < 20_000; n++) if (stations.find(0, 0, 0xffff, n)) known++;
  expect(known).toBeGreaterThan(4000);
  expect(known).toBeLessThanOrEqual(4096);
});
