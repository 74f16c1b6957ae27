import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  attribute,
  attributesOf,
  bigEndian,
  eachAttribute,
  littleEndian,
  message,
  messagesIn,
  nestedAttribute,
  numberAttribute,
  textAttribute,
  textOf,
} from '../../src/wire/netlink.ts';
import { parseChains, parseRules } from '../../src/wire/nf_listing.ts';
import { parseDefaultRoutes } from '../../src/wire/route_listing.ts';

test('a message is laid out as the kernel reads it', () => {
  const bytes = message(0x0a03, 0x400, 7, [Buffer.from([1, 0, 0, 10]), textAttribute(1, 'ab')]);
  expect(bytes.toString('hex')).toBe(
    ['1c000000 030a 0104 07000000 00000000', '0100000a', '0700 0100 61620000'].join('').replaceAll(' ', ''),
  );
});

test('attributes are padded to four bytes, inside others too, and their length tells without padding', () => {
  const inner = attribute(2, Uint8Array.of(1, 2, 3, 4, 5));
  expect(inner.toString('hex')).toBe('09000200' + '0102030405000000');
  expect(nestedAttribute(3, [inner, numberAttribute(4, -100)]).toString('hex')).toBe(
    '18000380' + '09000200' + '0102030405000000' + '08000400' + 'ffffff9c',
  );
  expect(attribute(9, new Uint8Array(0)).toString('hex')).toBe('04000900');
});

test('what was written is read', () => {
  const list = nestedAttribute(3, [textAttribute(1, 'one'), textAttribute(1, 'two')]);
  const bytes = message(5, 0, 0, [numberAttribute(1, 70_000), attribute(2, Uint8Array.of(1, 2, 0, 0)), list]);
  const [{ type, body }, none] = messagesIn(bytes);
  expect([type, none]).toEqual([5, undefined]);
  const attributes = attributesOf(body);
  expect(bigEndian(attributes.get(1))).toBe(70_000);
  expect(littleEndian(attributes.get(2))).toBe(0x201);
  const texts = [...eachAttribute(attributes.get(3) ?? expect.fail())].map(([, value]) => textOf(value));
  expect(texts).toEqual(['one', 'two']);
  expect([bigEndian(undefined), littleEndian(Buffer.alloc(3)), textOf(undefined)]).toEqual([
    undefined,
    undefined,
    '',
  ]);
});

test.each([0, 1, 3, 9, 0xffff])('an attribute that says it has %d bytes is the last', (length) => {
  const wrong = attribute(2, Uint8Array.of(1, 2, 3, 4));
  wrong.writeUInt16LE(length);
  expect([...attributesOf(Buffer.concat([textAttribute(1, 'a'), wrong])).keys()]).toEqual([1]);
});

test.each([0, 15, 21, 0xffff_ffff])('a message that says it has %d bytes is the last', (length) => {
  const wrong = message(2, 0, 0, [Buffer.alloc(4)]);
  wrong.writeUInt32LE(length);
  expect([...messagesIn(Buffer.concat([message(1, 0, 0, []), wrong]))].map(({ type }) => type)).toEqual([1]);
});

test('lengths that lie end the reading, and nothing throws', () => {
  const parts = fc.array(
    fc.oneof(
      fc.uint8Array({ maxLength: 40 }),
      fc.record({
        type: fc.constantFrom(24, 25, 0x0a03, 0x0a06),
        flags: fc.nat(0xffff),
        body: fc.uint8Array({ maxLength: 80 }),
      }),
    ),
    { maxLength: 4 },
  );
  fc.assert(
    fc.property(parts, (some) => {
      const bytes = Buffer.concat(
        some.map((part) =>
          part instanceof Uint8Array ? part : message(part.type, part.flags, 0, [Buffer.from(part.body)]),
        ),
      );
      const read = [...parseChains(bytes), ...parseRules(bytes), ...parseDefaultRoutes(bytes)];
      expect(read.length).toBeLessThanOrEqual(3 * Math.floor(bytes.length / 16));
    }),
  );
});
