import fc from 'fast-check';
import { expect, test } from 'vitest';
import { formatIp, parseIp } from '../../src/wire/ip_address.ts';
import { parseNeighbourMessage, solicitation, unsolicited } from '../../src/wire/neighbour_frame.ts';

const ip = (text: string) => parseIp(text) as Uint8Array;
const ME = { hi: 0x0200, lo: 1 };
const YOU = { hi: 0x0200, lo: 2 };
const hex = (frame: Uint8Array) => Buffer.from(frame).toString('hex');

test('a solicitation goes to all whose address ends so', () => {
  const frame = solicitation(ME, ip('fd00::1'), ip('fd00::12:3456'));
  // As ndisc6 sends it, but for the addresses.
  expect(hex(frame)).toBe(
    '3333ff123456' +
      '020000000001' +
      '86dd' +
      '60000000' +
      '0020' +
      '3a' +
      'ff' +
      'fd000000000000000000000000000001' +
      'ff0200000000000000000001ff123456' +
      '8700' +
      hex(frame).slice(112, 116) +
      '00000000' +
      'fd000000000000000000000000123456' +
      '0101' +
      '020000000001',
  );
  expect(parseNeighbourMessage(frame)).toEqual({
    kind: 'solicitation',
    source: ip('fd00::1'),
    target: ip('fd00::12:3456'),
    mac: ME,
    isSolicited: false,
    overrides: false,
  });
});

test('or to one', () => {
  const frame = solicitation(ME, ip('fd00::1'), ip('fd00::2'), YOU);
  expect(hex(frame).slice(0, 12)).toBe('020000000002');
  expect(formatIp(frame.subarray(38, 54))).toBe('fd00::2');
});

test('who looks whether an address is free does not say where it is', () => {
  const frame = solicitation(ME, ip('::'), ip('fd00::2'));
  expect(frame).toHaveLength(14 + 40 + 24);
  expect(parseNeighbourMessage(frame)).toMatchObject({ source: ip('::'), mac: undefined });
});

test('an advertisement that nobody asked for overrides', () => {
  expect(parseNeighbourMessage(unsolicited(ME, ip('fd00::1')))).toMatchObject({
    kind: 'advertisement',
    target: ip('fd00::1'),
    mac: ME,
    isSolicited: false,
    overrides: true,
  });
});

test('what is cut, changed or forwarded is none', () => {
  const frame = solicitation(ME, ip('fd00::1'), ip('fd00::2'));
  for (let length = 0; length < frame.length; length++)
    expect(parseNeighbourMessage(frame.subarray(0, length))).toBeUndefined();
  for (const at of [12, 20, 21, 40, 54, 60, 70]) {
    const broken = frame.slice();
    broken[at] ^= 1;
    expect(parseNeighbourMessage(broken), `byte ${at}`).toBeUndefined();
  }
});

test('any bytes are read without an error', () => {
  const start = solicitation(ME, ip('fd00::1'), ip('fd00::2')).subarray(0, 54);
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 120 }), fc.boolean(), (bytes, isNear) => {
      parseNeighbourMessage(isNear ? Uint8Array.from([...start, ...bytes]) : bytes);
    }),
  );
});
