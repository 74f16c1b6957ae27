import { expect, test } from 'vitest';
import { readable, textOrHex } from '../../../src/wire/lldp/text.ts';

const bytes = (text: string) => new TextEncoder().encode(text);

test.each([
  ['lines become one', 'Cisco IOS\r\nVersion 12\n\tx', 'Cisco IOS Version 12 x'],
  ['zeros at the end go', 'switch\0\0\0', 'switch'],
  ['zeros in the middle show', 'a\0b', 'a\ufffdb'],
  ['escape sequences lose their escape', '\x1b]0;title\x07\x1b[2J', '\ufffd]0;title\ufffd\ufffd[2J'],
  ['8-bit controls too', '\u009b2J', '\ufffd2J'],
  ['text that turns round', 'a\u202eb\u2066c', 'a\ufffdb\ufffdc'],
  ['separators of lines', 'a\u2028b\u2029c', 'a\ufffdb\ufffdc'],
  ['letters of any language stay', 'Straße 東京 🧵', 'Straße 東京 🧵'],
])('%s', (_, sent, shown) => {
  expect(readable(bytes(sent))).toBe(shown);
});

test('Latin-1 is shown as far as it can be', () => {
  expect(readable(Uint8Array.of(0x4b, 0xf6, 0x6c, 0x6e))).toBe('K\ufffdln');
});

test('an ID that is no text is hexadecimal', () => {
  expect(textOrHex(bytes('Gi1/0/1'))).toBe('Gi1/0/1');
  expect(textOrHex(bytes('port\0'))).toBe('port');
  expect(textOrHex(Uint8Array.of(0xff, 0x01))).toBe('0xff01');
  expect(textOrHex(bytes('a\x1b[2J'))).toBe('0x611b5b324a');
  expect(textOrHex(bytes(' a'))).toBe('0x2061');
  expect(textOrHex(bytes('\0'))).toBe('0x00');
});
