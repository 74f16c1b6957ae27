import fc from 'fast-check';
import { expect, test } from 'vitest';
import * as values from '../../../src/wire/dhcp4/values.ts';

test('routes have only the significant bytes of their destination, RFC 3442', () => {
  const bytes = values.routes([
    { to: 0, prefix: 0, via: 0x0a00_0001 },
    { to: 0x0a00_0000, prefix: 8, via: 0x0a00_0001 },
    { to: 0x0a1b_8180, prefix: 25, via: 0 },
  ]);
  expect([...bytes]).toEqual([0, 10, 0, 0, 1, 8, 10, 10, 0, 0, 1, 25, 10, 27, 129, 128, 0, 0, 0, 0]);
});

test('a search list is names of DNS behind each other', () => {
  expect(Buffer.from(values.searchList(['eng.example', 'lan.'])).toString('latin1')).toBe(
    '\x03eng\x07example\0\x03lan\0',
  );
});

test('what DNS cannot carry is no domain', () => {
  expect(['lan', 'a.b-c.d', '_tcp.lan.'].every(values.isDomain)).toBe(true);
  expect(
    ['', '.', 'a..b', 'a b', 'ä', `${'a'.repeat(64)}.b`, 'a.'.repeat(128)].filter(values.isDomain),
  ).toEqual([]);
});

test('user classes come as RFC 3004 has them and as one string', () => {
  expect(values.readUserClasses(Buffer.from('\x04iPXE\x02ab'))).toEqual(['iPXE', 'ab']);
  expect(values.readUserClasses(Buffer.from('iPXE'))).toEqual(['iPXE']);
  expect(values.readUserClasses(undefined)).toEqual([]);
});

test('a full name comes as text and as DNS has it', () => {
  expect(values.readFqdn(Buffer.from('\0\0\0vm1.lan'))).toBe('vm1.lan');
  expect(values.readFqdn(Buffer.from('\x04\0\0\x03vm1\x03lan\0'))).toBe('vm1.lan');
  expect(values.readFqdn(Buffer.from('\x04\0\0\xc0\x03vm1'))).toBe('');
  expect(values.readFqdn(Buffer.from('\x04\0\0\x09vm1'))).toBe('');
});

test('a relay agent names the link beside its own address', () => {
  expect(values.readLinkSelection(Buffer.from([1, 2, 5, 5, 5, 4, 10, 0, 0, 1]))).toBe(0x0a00_0001);
  expect(values.readLinkSelection(Buffer.from([5, 3, 10, 0, 0]))).toBe(0);
  expect(values.readLinkSelection(undefined)).toBe(0);
});

test('whatever comes, reading ends without an exception', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
      for (const read of [
        values.readFqdn,
        values.readLinkSelection,
        values.readText,
        values.readUint16,
        values.readUint16s,
        values.readUint32,
        values.readUserClasses,
      ])
        read(bytes);
    }),
    { numRuns: 2000 },
  );
});
