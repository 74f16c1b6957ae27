import { expect, test } from 'vitest';
import * as udp from '../../src/wire/udp.ts';
import { UDP6, viewOf } from './frames.ts';

const UDP = 78;

test('every field of a header is read from its place', () => {
  const { view } = viewOf(UDP6);
  expect(udp.srcPort(view, UDP)).toBe(5353);
  expect(udp.dstPort(view, UDP)).toBe(5353);
  expect(udp.length(view, UDP)).toBe(11);
  expect(udp.checksum(view, UDP)).toBe(0x159e);
});

test('length and checksum are written to their places', () => {
  const { bytes, view } = viewOf('14 e9 14 e9 00 00 00 00');
  udp.setLength(view, 0, 11);
  udp.setChecksum(view, 0, 0x159e);
  expect(bytes).toEqual(viewOf(UDP6).bytes.subarray(UDP, UDP + 8));
});

test('a header is written whole, without a checksum', () => {
  const { bytes, view } = viewOf('ff'.repeat(8));
  udp.write(view, 0, 50_000, 4789, 108);
  expect([...bytes]).toEqual([0xc3, 0x50, 0x12, 0xb5, 0, 108, 0, 0]);
});
