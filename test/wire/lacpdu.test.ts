import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  BAD_SLOW,
  buildLacpdu,
  type LacpEnd,
  type Marker,
  markerResponse,
  parseSlow,
  STATE_BIT,
} from '../../src/wire/lacpdu.ts';
import { parseMac } from '../../src/wire/mac.ts';

// Sent by Open vSwitch 3.1 from a bond of two ports, caught on the wire.
const FRAME = Buffer.from(
  '0180c2000002' +
    '0219e1000001' +
    '8809' +
    '0101' +
    '0114' +
    'ffff0219e1000001000a00070001' +
    '3d000000' +
    '0214' +
    '8000020000000002000b800000' +
    '02' +
    '3f000000' +
    '03100000' +
    '00'.repeat(12) +
    '00'.repeat(52),
  'hex',
);
const ACTOR: LacpEnd = {
  systemPriority: 0xffff,
  system: '02:19:e1:00:00:01',
  key: 10,
  portPriority: 7,
  port: 1,
  state: 0x3d,
};
const PARTNER: LacpEnd = {
  systemPriority: 0x8000,
  system: '02:00:00:00:00:02',
  key: 11,
  portPriority: 0x8000,
  port: 2,
  state: 0x3f,
};
const SOURCE = parseMac('02:19:e1:00:00:01') ?? { hi: 0, lo: 0 };

test('an LACPDU is read and written byte for byte', () => {
  expect(parseSlow(FRAME)).toEqual({ actor: ACTOR, partner: PARTNER });
  expect(Buffer.from(buildLacpdu(SOURCE, { actor: ACTOR, partner: PARTNER })).toString('hex')).toBe(
    FRAME.toString('hex'),
  );
});

test('a later version is read as the first one, and so is one with something behind it', () => {
  const later = Buffer.from(FRAME);
  later[15] = 2;
  expect(parseSlow(later)).toMatchObject({ actor: ACTOR });
  expect(parseSlow(Buffer.concat([FRAME, Buffer.alloc(10)]))).toMatchObject({ actor: ACTOR });
});

test('what is neither LACPDU nor marker says why', () => {
  for (let length = 0; length < FRAME.length; length++)
    expect(parseSlow(FRAME.subarray(0, length))).toBe('too_short');
  const reasons = [12, 13, 14, 16, 17, 36, 37, 56, 57].map((at) => {
    const other = Buffer.from(FRAME);
    other[at] ^= 0x40;
    return parseSlow(other);
  });
  expect(reasons).toEqual(['ether_type', 'ether_type', 'subtype', ...new Array(6).fill('tlv')]);
});

test('a marker is answered with what it says', () => {
  const marker = Buffer.concat([
    Buffer.from(
      '0180c20000020200000000018809' + '0201' + '0110' + '0001' + '020000000001' + 'deadbeef0000',
      'hex',
    ),
    Buffer.alloc(92),
  ]);
  const answer = markerResponse(SOURCE, parseSlow(marker) as Marker);
  const expected = Buffer.from(marker);
  expected.write('0219e1000001', 6, 'hex');
  expected[16] = 2;
  expect(Buffer.from(answer).toString('hex')).toBe(expected.toString('hex'));
  expect(parseSlow(answer)).toBe('tlv');
});

test('no bytes make it throw, and what is read can be written', () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 140 }),
      fc.array(fc.tuple(fc.nat(FRAME.length - 1), fc.nat(255)), { maxLength: 8 }),
      (noise, edits) => {
        const frame = Buffer.from(FRAME);
        for (const [at, value] of edits) frame[at] = value;
        for (const read of [parseSlow(noise), parseSlow(frame)]) {
          if (typeof read === 'string') expect(BAD_SLOW).toContain(read);
          else if ('marker' in read) expect(markerResponse(SOURCE, read)).toHaveLength(FRAME.length);
          else expect(parseSlow(buildLacpdu(SOURCE, read))).toEqual(read);
        }
      },
    ),
  );
});

test('the bits of a state are in the order of the standard', () => {
  expect(Object.values(STATE_BIT)).toEqual([1, 2, 4, 8, 16, 32, 64, 128]);
});
