import fc from 'fast-check';
import { expect, test } from 'vitest';
import { formatMac, isGroupMac, isZeroMac, macAt, parseMac, setMac } from '../../src/wire/mac.ts';

test('text becomes two numbers, the lower one signed', () => {
  expect(parseMac('aa:bb:cc:dd:ee:ff')).toEqual({ hi: 0xaabb, lo: 0xccddeeff | 0 });
  expect(parseMac('02-00-00-00-00-0A')).toEqual({ hi: 0x0200, lo: 10 });
});

test.each([
  '',
  'aa:bb:cc:dd:ee',
  'aa:bb:cc:dd:ee:ff:00',
  'aa:bb:cc:dd:ee:fg',
  'aabbccddeeff',
  'aa:bb-cc:dd:ee:ff',
  ' aa:bb:cc:dd:ee:ff',
])('%j is not a MAC address', (text) => {
  expect(parseMac(text)).toBeUndefined();
});

test('every address survives text and bytes', () => {
  const view = new DataView(new ArrayBuffer(16));
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 0xffff }), fc.integer(), (hi, lo) => {
      expect(parseMac(formatMac(hi, lo))).toEqual({ hi, lo });
      setMac(view, 3, hi, lo);
      expect(macAt(view, 3)).toEqual({ hi, lo });
    }),
  );
});

test('bytes are in network order', () => {
  const view = new DataView(new ArrayBuffer(6));
  setMac(view, 0, 0x0102, 0x03040506);
  expect([...new Uint8Array(view.buffer)]).toEqual([1, 2, 3, 4, 5, 6]);
});

test('the group bit is the lowest bit of the first byte', () => {
  expect(isGroupMac(0x0180)).toBe(true);
  expect(isGroupMac(0xffff)).toBe(true);
  expect(isGroupMac(0x0201)).toBe(false);
  expect(isZeroMac(0, 0)).toBe(true);
  expect(isZeroMac(0, 1)).toBe(false);
});
