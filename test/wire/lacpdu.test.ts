import fc from 'fast-check';
import { expect, test } from 'vitest';
import { buildLacpdu, type LacpEnd, markerResponse, parseLacpdu, STATE_BIT } from '../../src/wire/lacpdu.ts';
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
  expect(parseLacpdu(FRAME)).toEqual({ actor: ACTOR, partner: PARTNER });
  expect(Buffer.from(buildLacpdu(SOURCE, { actor: ACTOR, partner: PARTNER })).toString('hex')).toBe(
    FRAME.toString('hex'),
  );
});

test('a later version is read as the first one, and nothing that is short or has other TLVs is', () => {
  const later = Buffer.from(FRAME);
  later[15] = 2;
  expect(parseLacpdu(later)?.actor).toEqual(ACTOR);
  expect(parseLacpdu(Buffer.concat([FRAME, Buffer.alloc(10)]))?.actor).toEqual(ACTOR);
  for (let length = 0; length < FRAME.length; length++) {
    expect(parseLacpdu(FRAME.subarray(0, length))).toBeUndefined();
  }
  for (const at of [12, 13, 14, 16, 17, 36, 37, 56, 57]) {
    const other = Buffer.from(FRAME);
    other[at] ^= 0x40;
    expect(parseLacpdu(other)).toBeUndefined();
  }
});

test('a marker is answered with what it says', () => {
  const marker = Buffer.concat([
    Buffer.from(
      '0180c20000020200000000018809' + '0201' + '0110' + '0001' + '020000000001' + 'deadbeef0000',
      'hex',
    ),
    Buffer.alloc(92),
  ]);
  const answer = markerResponse(SOURCE, marker);
  const expected = Buffer.from(marker);
  expected.write('0219e1000001', 6, 'hex');
  expected[16] = 2;
  expect(answer && Buffer.from(answer).toString('hex')).toBe(expected.toString('hex'));
  expect(answer && markerResponse(SOURCE, answer)).toBeUndefined();
  expect(markerResponse(SOURCE, FRAME)).toBeUndefined();
});

test('no bytes make it throw, and what is read can be written', () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 140 }),
      fc.array(fc.tuple(fc.nat(FRAME.length - 1), fc.nat(255)), { maxLength: 8 }),
      (noise, edits) => {
        parseLacpdu(noise);
        markerResponse(SOURCE, noise);
        const frame = Buffer.from(FRAME);
        for (const [at, value] of edits) frame[at] = value;
        const read = parseLacpdu(frame);
        if (read !== undefined) expect(parseLacpdu(buildLacpdu(SOURCE, read))).toEqual(read);
      },
    ),
  );
});

test('the bits of a state are in the order of the standard', () => {
  expect(Object.values(STATE_BIT)).toEqual([1, 2, 4, 8, 16, 32, 64, 128]);
});
