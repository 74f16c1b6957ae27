import { expect, test } from 'vitest';
import { RFC2544_SIZES } from '../../src/tester/sizes.ts';
import { station, testFrame } from '../../src/tester/test_frame.ts';
import { add } from '../../src/wire/checksum.ts';
import * as ipv4 from '../../src/wire/ipv4.ts';

const view = (bytes: Uint8Array) => new DataView(bytes.buffer);

test('the frame is a whole UDP datagram to the echo port, of every size of RFC 2544', () => {
  for (const size of RFC2544_SIZES) {
    const frame = testFrame(size, 0, 1);
    const at = view(frame);
    expect(frame.length).toBe(size - 4);
    expect(at.getUint16(12)).toBe(0x0800);
    expect(ipv4.packetLength(at, 14, frame.length)).toBe(frame.length - 14);
    expect(ipv4.transport(at, 14, frame.length)).toBe((20 << 8) | ipv4.PROTOCOL_UDP);
    expect(add(at, 14, 34), 'header checksum').toBe(0xffff);
    expect([...frame.subarray(26, 34)]).toEqual([198, 18, 0, 2, 198, 19, 0, 2]);
    expect(at.getUint16(36), 'destination port').toBe(7);
    expect(at.getUint16(38), 'UDP length').toBe(frame.length - 34);
    expect(Buffer.from(frame.subarray(42, 46)).toString()).toBe('TLBM');
  }
});

test('the way back has the two addresses of each kind exchanged', () => {
  const [there, back] = [testFrame(64, 0, 1), testFrame(64, 1, 0)];
  expect([...back.subarray(26, 34)]).toEqual([198, 19, 0, 2, 198, 18, 0, 2]);
  expect(back.subarray(0, 6)).toEqual(there.subarray(6, 12));
  expect(back.subarray(6, 12)).toEqual(there.subarray(0, 6));
});

test('stations are single stations, locally administered, and no two are alike', () => {
  const seen = new Set(Array.from({ length: 100_000 }, (_, n) => station(0, n)));
  expect(seen.size).toBe(100_000);
  expect([...seen].every((mac) => mac.startsWith('02:'))).toBe(true);
  // of all 2^24: a factor that has no inverse would show among the powers of two
  expect(new Set(Array.from({ length: 24 }, (_, bit) => station(0, 2 ** bit))).add(station(0, 0)).size).toBe(
    25,
  );
  expect(station(1, 5)).not.toBe(station(0, 5));
  expect(station(0, 2 ** 24 - 1)).toMatch(/^02(:[0-9a-f]{2}){5}$/);
});
