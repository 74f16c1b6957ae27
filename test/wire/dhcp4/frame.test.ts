import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseDhcpFrame } from '../../../src/wire/dhcp4/frame.ts';
import { completeChecksum } from '../../../src/wire/ipv4.ts';
import { BROADCAST, BROADCAST_MAC, clientFrame, clientMessage, guestMac, PARAMETERS } from './messages.ts';

const IP = 14;
const UDP = 34;
const frame = () => clientFrame(clientMessage({}, [[55, PARAMETERS]]));

/** With another byte, and an IP header that is right again. */
function changed(at: number, ...bytes: number[]): Uint8Array {
  const copy = frame();
  copy.set(bytes, at);
  if (at >= IP && at < UDP) completeChecksum(new DataView(copy.buffer), IP);
  return copy;
}

test('a frame that is written reads the same', () => {
  expect(parseDhcpFrame(frame())).toMatchObject({
    srcMac: guestMac(1),
    dstMac: BROADCAST_MAC,
    src: 0,
    dst: BROADCAST,
    srcPort: 68,
    dstPort: 67,
    message: { type: 'discover', xid: 0x1234_5678, mac: guestMac(1) },
  });
});

test('padding behind the packet is not looked at', () => {
  const padded = new Uint8Array(600).fill(0xff);
  padded.set(frame());
  expect(parseDhcpFrame(padded)).toMatchObject({ message: { type: 'discover' } });
});

describe('a bad frame says why', () => {
  test.each([
    ['not_udp', frame().subarray(0, 10)],
    ['not_udp', changed(12, 0x86, 0xdd)],
    ['not_udp', changed(IP + 9, 6)],
    ['not_udp', changed(UDP + 2, 0, 53)],
    ['ip_header', frame().subarray(0, 100)],
    ['ip_header', changed(IP, 0x65)],
    ['ip_header', changed(IP, 0x44)],
    ['fragment', changed(IP + 6, 0x20, 0)],
    ['fragment', changed(IP + 6, 0, 1)],
    ['udp_header', changed(UDP + 4, 0xff, 0xff)],
    ['udp_header', changed(UDP + 4, 0, 7)],
    ['checksum', changed(60, 1)],
  ])('%s', (reason, bytes) => {
    expect(parseDhcpFrame(bytes)).toBe(reason);
  });

  test('a wrong IP header', () => {
    const copy = frame();
    copy[IP + 8] ^= 1;
    expect(parseDhcpFrame(copy)).toBe('ip_header');
  });

  test('but a frame without a UDP checksum is read', () => {
    expect(parseDhcpFrame(changed(UDP + 6, 0, 0))).toMatchObject({ message: { type: 'discover' } });
  });
});

test('whatever comes, parsing ends without an exception', () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.nat(340), fc.nat(255)), { maxLength: 8 }),
      fc.nat(340),
      fc.boolean(),
      (changes, length, isWhole) => {
        const copy = changed(UDP + 6, 0, 0).slice(0, isWhole ? undefined : length);
        for (const [at, value] of changes) if (at < copy.length) copy[at] = value;
        parseDhcpFrame(copy);
      },
    ),
    { numRuns: 5000 },
  );
});
