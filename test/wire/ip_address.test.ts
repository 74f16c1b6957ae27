import { isIPv4, isIPv6 } from 'node:net';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  canonicalIp,
  formatIp,
  ipFamily,
  ipv4Bytes,
  ipv4Number,
  isMulticastIp,
  isUnspecifiedIp,
  parseIp,
} from '../../src/wire/ip_address.ts';

// The examples of RFC 5952, sections 4 and 5, and some of ours.
test.each([
  ['192.0.2.1', '192.0.2.1'],
  ['2001:0db8::0001', '2001:db8::1'],
  ['2001:db8:0:0:0:0:2:1', '2001:db8::2:1'],
  ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
  ['2001:0:0:1:0:0:0:1', '2001:0:0:1::1'],
  ['2001:db8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
  ['2001:DB8::AAAA', '2001:db8::aaaa'],
  ['::ffff:c000:201', '::ffff:192.0.2.1'],
  ['64:ff9b::192.0.2.33', '64:ff9b::c000:221'],
  ['::', '::'],
  ['::1', '::1'],
  ['1::', '1::'],
])('%s is %s in canonical form', (text, canonical) => {
  expect(canonicalIp(text)).toBe(canonical);
});

test.each([
  '',
  '1.2.3',
  '1.2.3.4.5',
  '1.2.3.256',
  '01.2.3.4',
  '1.2.3.4 ',
  '1:2:3:4:5:6:7',
  '1:2:3:4:5:6:7:8:9',
  '1:2:3:4::5:6:7:8',
  '1::2::3',
  ':::',
  ':1',
  '12345::',
  'fe80::1%eth0',
  '1.2.3.4::',
  '1.2.3.4:1:2:3:4:5:6',
])('%j is not an IP address', (text) => {
  expect(parseIp(text)).toBeUndefined();
});

test('Node agrees about what an address is', () => {
  fc.assert(
    fc.property(fc.oneof(fc.ipV4(), fc.ipV6(), fc.stringMatching(/^[0-9a-f:.]{1,20}$/)), (text) => {
      const bytes = parseIp(text);
      expect(bytes !== undefined && ipFamily(bytes) === 4).toBe(isIPv4(text));
      expect(bytes !== undefined && ipFamily(bytes) === 6).toBe(isIPv6(text));
    }),
    { numRuns: 1000 },
  );
});

test('bytes survive text', () => {
  const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
  const sparse = fc
    .array(fc.constantFrom(0, 0, 0, 1, 255), { minLength: 16, maxLength: 16 })
    .map((a) => Uint8Array.from(a));
  fc.assert(
    fc.property(fc.oneof(bytes(4), bytes(16), sparse), (ip) => {
      expect(parseIp(formatIp(ip))).toEqual(ip);
    }),
  );
});

test('IPv4 has a number', () => {
  expect(ipv4Number(ipv4Bytes(0xc0000201))).toBe(0xc0000201);
  expect(formatIp(ipv4Bytes(0xc0000201))).toBe('192.0.2.1');
});

test('multicast and unspecified addresses are told apart', () => {
  const is = (check: (ip: Uint8Array) => boolean, text: string) => check(parseIp(text) as Uint8Array);
  expect(is(isMulticastIp, '224.0.0.1')).toBe(true);
  expect(is(isMulticastIp, '239.255.255.255')).toBe(true);
  expect(is(isMulticastIp, '240.0.0.1')).toBe(false);
  expect(is(isMulticastIp, 'ff02::1')).toBe(true);
  expect(is(isMulticastIp, 'fe80::1')).toBe(false);
  expect(is(isUnspecifiedIp, '::')).toBe(true);
  expect(is(isUnspecifiedIp, '0.0.0.0')).toBe(true);
  expect(is(isUnspecifiedIp, '0.0.0.1')).toBe(false);
});
