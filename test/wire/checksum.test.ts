import fc from 'fast-check';
import { expect, test } from 'vitest';
import * as checksum from '../../src/wire/checksum.ts';
import { TAGGED_TCP4, UDP6, viewOf } from './frames.ts';

/** RFC 1071 as its section 4.1 spells it, one word after the other. */
function reference(bytes: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < bytes.length; i += 2) {
    sum += bytes[i] * 256 + (i + 1 < bytes.length ? bytes[i + 1] : 0);
    if (sum > 0xffff) sum -= 0xffff;
  }
  return sum;
}

test('the example of RFC 1071 section 3 sums to ddf2', () => {
  const { view } = viewOf('00 01 f2 03 f4 f5 f6 f7');
  expect(checksum.add(view, 0, 8)).toBe(0xddf2);
  expect(checksum.finish(0xddf2)).toBe(0x220d);
});

test('any range, at any offset and of any length, has the sum of its words', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200, size: 'max' }), fc.nat(20), (bytes, skip) => {
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      const at = Math.min(skip, bytes.length);
      expect(checksum.add(view, at, bytes.length)).toBe(reference(bytes.subarray(at)));
    }),
  );
});

test('the largest frame of the largest words does not overflow', () => {
  const view = new DataView(new ArrayBuffer(131_072));
  for (let i = 0; i < view.byteLength; i += 2) view.setUint16(i, 0xffff);
  expect(checksum.add(view, 0, view.byteLength, 0xffff)).toBe(0xffff);
  view.setUint16(4000, 0);
  view.setUint16(4002, 7);
  expect(checksum.add(view, 0, view.byteLength)).toBe(7);
});

test('a sum may be continued over pieces of even length', () => {
  const { bytes, view } = viewOf(UDP6);
  const whole = checksum.add(view, 0, bytes.length);
  expect(checksum.add(view, 34, bytes.length, checksum.add(view, 0, 34))).toBe(whole);
});

test('headers and pseudo-headers of scapy frames verify', () => {
  const four = viewOf(TAGGED_TCP4);
  expect(checksum.add(four.view, 18, 38)).toBe(0xffff);
  const segment = four.bytes.length - 38;
  expect(checksum.add(four.view, 38, four.bytes.length, checksum.pseudo4(four.view, 18, 6, segment))).toBe(
    0xffff,
  );
  const six = viewOf(UDP6);
  expect(checksum.add(six.view, 78, six.bytes.length, checksum.pseudo6(six.view, 14, 17, 11))).toBe(0xffff);
});

test('a checksum field that may not be zero is written as ffff', () => {
  expect(checksum.finish(0xffff)).toBe(0);
  expect(checksum.finishNonZero(0xffff)).toBe(0xffff);
  expect(checksum.finishNonZero(0x1234)).toBe(0xedcb);
});

test('updating a checksum for one changed word still verifies', () => {
  const header = fc.uint8Array({ minLength: 20, maxLength: 20 });
  fc.assert(
    fc.property(header, fc.constantFrom(2, 4, 6, 8, 12, 14, 16, 18), fc.nat(0xffff), (bytes, word, after) => {
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      view.setUint8(0, 0x45); // a header of nothing but zeros is the one without a sum of ffff
      view.setUint16(10, 0);
      view.setUint16(10, checksum.finish(checksum.add(view, 0, 20)));
      view.setUint16(10, checksum.update(view.getUint16(10), view.getUint16(word), after));
      view.setUint16(word, after);
      expect(checksum.add(view, 0, 20)).toBe(0xffff);
    }),
  );
});

test('the example of RFC 1624 section 4 gives 0000, not ffff', () => {
  expect(checksum.update(0xdd2f, 0x5555, 0x3285)).toBe(0x0000);
});
