import fc from 'fast-check';
import { expect, test } from 'vitest';
import { arpProbe, buildArp, parseArp, REPLY } from '../../src/wire/arp.ts';

const OURS = { hi: 0x0200, lo: 0x5e10_0001 };
const GUEST = { hi: 0x0200, lo: 7 };

test('a probe asks everybody and tells no address', () => {
  const frame = arpProbe(OURS, 0xc0a8_7a02);
  expect(Buffer.from(frame).toString('hex')).toBe(
    'ffffffffffff02005e100001080600010800060400010200' + '5e1000010000000000000000' + '0000c0a87a02',
  );
});

test('an answer that is written reads the same', () => {
  const arp = { operation: REPLY, senderMac: GUEST, sender: 0xc0a8_7a02, targetMac: OURS, target: 0 };
  expect(parseArp(buildArp(OURS, arp))).toEqual(arp);
});

test('what is not whole, or not for IPv4 over Ethernet, is not ARP', () => {
  const frame = arpProbe(OURS, 1);
  expect(parseArp(frame.subarray(0, 41))).toBeUndefined();
  for (const at of [12, 15, 17, 18, 19]) {
    const copy = frame.slice();
    copy[at] ^= 0x40;
    expect(parseArp(copy), String(at)).toBeUndefined();
  }
  fc.assert(fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => void parseArp(bytes)));
});
