import { expect, test } from 'vitest';
import * as ethernet from '../../src/wire/ethernet.ts';
import { TAGGED_TCP4, viewOf } from './frames.ts';

test('addresses are read as two words and the EtherType follows them', () => {
  const { view } = viewOf('fe dc ba 98 76 54 01 80 c2 00 00 0e 86 dd');
  expect(ethernet.dstHi(view, 0)).toBe(0xfedc);
  expect(ethernet.dstLo(view, 0)).toBe(0xba987654 | 0);
  expect(ethernet.srcHi(view, 0)).toBe(0x0180);
  expect(ethernet.srcLo(view, 0)).toBe(0xc200000e | 0);
  expect(ethernet.etherType(view, 0)).toBe(ethernet.TYPE_IPV6);
});

test('a header written field by field equals the one on the wire', () => {
  const { bytes } = viewOf('fe dc ba 98 76 54 01 80 c2 00 00 0e 08 00');
  const built = viewOf('00'.repeat(14));
  ethernet.setDst(built.view, 0, 0xfedc, 0xba987654 | 0);
  ethernet.setSrc(built.view, 0, 0x0180, 0xc200000e | 0);
  ethernet.setEtherType(built.view, 0, ethernet.TYPE_IPV4);
  expect(built.bytes).toEqual(bytes);
});

test('copying the addresses copies these 12 bytes and no others', () => {
  const { bytes, view } = viewOf(`${TAGGED_TCP4} ${'ee'.repeat(14)}`);
  const to = bytes.length - 14;
  ethernet.copyMacs(view, 0, to);
  expect([...bytes.subarray(to, to + 12)]).toEqual([...bytes.subarray(0, 12)]);
  expect([...bytes.subarray(to + 12)]).toEqual([0xee, 0xee]);
});

test('only addresses with the lowest bit of the first byte set are groups', () => {
  expect(ethernet.isGroup(0xffff)).toBe(true);
  expect(ethernet.isGroup(0x0180)).toBe(true);
  expect(ethernet.isGroup(0x3333)).toBe(true);
  expect(ethernet.isGroup(0x02ff)).toBe(false);
  expect(ethernet.isGroup(0x0001)).toBe(false);
});

test('reserved groups are 01:80:C2:00:00:00 to 0F and not their neighbours', () => {
  for (let x = 0; x < 16; x++) {
    expect(ethernet.isReservedGroup(0x0180, 0xc200_0000 | x | 0)).toBe(true);
  }
  expect(ethernet.isReservedGroup(0x0180, 0xc200_0010 | 0)).toBe(false);
  expect(ethernet.isReservedGroup(0x0180, 0xc100_0000 | 0)).toBe(false);
  expect(ethernet.isReservedGroup(0x0181, 0xc200_0000 | 0)).toBe(false);
});
