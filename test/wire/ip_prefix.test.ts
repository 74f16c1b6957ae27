import { expect, test } from 'vitest';
import { parseIp } from '../../src/wire/ip_address.ts';
import { formatPrefix, parsePrefix, prefixContains, prefixMask } from '../../src/wire/ip_prefix.ts';

const prefix = (text: string) => parsePrefix(text) ?? expect.fail(text);
const ip = (text: string) => parseIp(text) ?? expect.fail(text);

test.each([
  ['10.0.0.0/8', '10.0.0.0/8'],
  ['10.1.2.3/20', '10.1.0.0/20'],
  ['10.1.2.3/32', '10.1.2.3/32'],
  ['0.0.0.0/0', '0.0.0.0/0'],
  ['2001:DB8::1/64', '2001:db8::/64'],
  ['fd00::ffff/113', 'fd00::8000/113'],
  ['::1/128', '::1/128'],
])('%s is %s', (text, canonical) => {
  expect(formatPrefix(prefix(text))).toBe(canonical);
});

test.each([
  '10.0.0.0',
  '10.0.0.0/33',
  '10.0.0.0/-1',
  '10.0.0.0/08',
  '10.0.0.0/',
  '/8',
  '::/129',
  'a/8',
  '10.0.0.0/8/8',
])('%s is no prefix', (text) => {
  expect(parsePrefix(text)).toBeUndefined();
});

test('a mask has so many bits', () => {
  for (let bits = 0; bits <= 32; bits++) {
    const text = [...prefixMask(4, bits)].map((byte) => byte.toString(2).padStart(8, '0')).join('');
    expect(text).toBe('1'.repeat(bits).padEnd(32, '0'));
  }
});

test('an address belongs to a prefix of its family', () => {
  expect(prefixContains(prefix('10.1.0.0/20'), ip('10.1.15.255'))).toBe(true);
  expect(prefixContains(prefix('10.1.0.0/20'), ip('10.1.16.0'))).toBe(false);
  expect(prefixContains(prefix('0.0.0.0/0'), ip('::'))).toBe(false);
});
