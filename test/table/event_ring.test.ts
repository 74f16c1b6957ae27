import { expect, test } from 'vitest';
import { EVENT_WORDS, EventReader, EventRing, PER_SECOND } from '../../src/table/event_ring.ts';

const KIND = 2;
const SECOND = 8; // ticks of 128 ms

function ring() {
  const words = new Int32Array(new SharedArrayBuffer(EVENT_WORDS * 4));
  return { writer: new EventRing(words), reader: new EventReader(words), words };
}

test('what was written is read once, in order', () => {
  const { writer, reader } = ring();
  expect(reader.isEmpty).toBe(true);
  writer.add(KIND, 1, 7, 1, 2, 0x0200, -5);
  writer.add(3, 1, 8, 0, 3, 0x0201, 6);
  expect(reader.isEmpty).toBe(false);
  expect(reader.read()).toEqual([
    { kind: KIND, domain: 7, from: 1, to: 2, hi: 0x0200, lo: -5 },
    { kind: 3, domain: 8, from: 0, to: 3, hi: 0x0201, lo: 6 },
  ]);
  expect(reader.read()).toEqual([]);
});

test('of a flood only so many are recorded in a second, by kind, and the rest is counted', () => {
  const { writer, reader } = ring();
  for (let n = 0; n < 1000; n++) writer.add(KIND, 0, 1, 1, 2, 0, n);
  writer.add(3, 0, 1, 1, 2, 0, 0);
  expect(reader.read()).toHaveLength(PER_SECOND + 1);
  expect(reader.takeUntold(KIND)).toBe(1000 - PER_SECOND);
  expect(reader.takeUntold(KIND)).toBe(0);
  expect(reader.takeUntold(3)).toBe(0);
  writer.add(KIND, SECOND, 1, 1, 2, 0, 0);
  expect(reader.read()).toHaveLength(1);
});

test('who reads too rarely gets the newest, whole', () => {
  const { writer, reader } = ring();
  for (let n = 0; n < 3000; n++) writer.add(KIND, Math.floor(n / 50) * SECOND, n, n, n, n, n);
  const records = reader.read();
  expect(records.length).toBeGreaterThan(1000);
  expect(records.at(-1)?.lo).toBe(2999);
  for (const { domain, from, to, hi, lo } of records)
    expect([domain, from, to, hi]).toEqual([lo, lo, lo, lo]);
});

test('the number of records may wrap around', () => {
  const { writer, reader, words } = ring();
  words[0] = 0x7fff_ffff;
  reader.read();
  for (let n = 0; n < 3; n++) writer.add(KIND, 0, 1, 1, 2, 0, n);
  expect(words[0]).toBeLessThan(0);
  expect(reader.read().map(({ lo }) => lo)).toEqual([0, 1, 2]);
});
