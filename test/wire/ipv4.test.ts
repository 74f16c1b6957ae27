import { expect, test } from 'vitest';
import * as ipv4 from '../../src/wire/ipv4.ts';
import { TAGGED_TCP4, viewOf } from './frames.ts';

const IP = 18;

test('every field of a header is read from its place', () => {
  const { view } = viewOf(TAGGED_TCP4);
  expect(ipv4.version(view, IP)).toBe(4);
  expect(ipv4.headerLength(view, IP)).toBe(20);
  expect(ipv4.tos(view, IP)).toBe(0xb9);
  expect(ipv4.totalLength(view, IP)).toBe(57);
  expect(ipv4.id(view, IP)).toBe(0x1234);
  expect(ipv4.dontFragment(view, IP)).toBe(true);
  expect(ipv4.isFragment(view, IP)).toBe(false);
  expect(ipv4.protocol(view, IP)).toBe(ipv4.PROTOCOL_TCP);
  expect(ipv4.checksum(view, IP)).toBe(0x14d0);
  expect(ipv4.src(view, IP)).toBe(0x0a000001);
  expect(ipv4.dst(view, IP)).toBe(0x0a000002);
});

test('changed fields and a fresh checksum make the header that scapy builds', () => {
  const { bytes, view } = viewOf('45 00 ff ff ff ff 40 00 3f 06 ff ff 0a 00 00 01 0a 00 00 02');
  ipv4.setTos(view, 0, 0xb9);
  ipv4.setTotalLength(view, 0, 57);
  ipv4.setId(view, 0, 0x1234 + 0x10000);
  ipv4.completeChecksum(view, 0);
  expect(bytes).toEqual(viewOf(TAGGED_TCP4).bytes.subarray(IP, IP + 20));
});

test('the header checksum covers options', () => {
  const { view } = viewOf(
    '46 00 00 21 00 01 00 00 40 11 00 00 0a 00 00 01 0a 00 00 02 01 01 01 01 00 01 00 02',
  );
  ipv4.completeChecksum(view, 0);
  expect(ipv4.checksum(view, 0)).toBe(0x63c7);
  expect(ipv4.transport(view, 0, 28)).toBe((24 << 8) | ipv4.PROTOCOL_UDP);
});

test('a fragment, first or later, has no transport header', () => {
  const { bytes, view } = viewOf(TAGGED_TCP4);
  expect(ipv4.transport(view, IP, bytes.length)).toBe((20 << 8) | ipv4.PROTOCOL_TCP);
  view.setUint16(IP + 6, 0x2000);
  expect(ipv4.isFragment(view, IP)).toBe(true);
  expect(ipv4.transport(view, IP, bytes.length)).toBe(-1);
  view.setUint16(IP + 6, 0x0001);
  expect(ipv4.transport(view, IP, bytes.length)).toBe(-1);
});

test('a header that is cut short, of another version or shorter than 20 bytes has no transport', () => {
  const { bytes, view } = viewOf(TAGGED_TCP4);
  expect(ipv4.transport(view, IP, IP + 19)).toBe(-1);
  view.setUint8(IP, 0x46);
  expect(ipv4.transport(view, IP, IP + 23)).toBe(-1);
  view.setUint8(IP, 0x65);
  expect(ipv4.transport(view, IP, bytes.length)).toBe(-1);
  view.setUint8(IP, 0x44);
  expect(ipv4.transport(view, IP, bytes.length)).toBe(-1);
});

test('the packet length leaves out padding and refuses more than is there', () => {
  const { bytes, view } = viewOf(`${TAGGED_TCP4} 00 00 00`);
  expect(ipv4.packetLength(view, IP, bytes.length)).toBe(57);
  expect(ipv4.packetLength(view, IP, IP + 56)).toBe(-1);
  ipv4.setTotalLength(view, IP, 19);
  expect(ipv4.packetLength(view, IP, bytes.length)).toBe(-1);
});

test('only a first fragment begins with the transport header', () => {
  const { view } = viewOf(TAGGED_TCP4);
  expect(ipv4.isLaterFragment(view, IP)).toBe(false);
  view.setUint16(IP + 6, 0x6000);
  expect(ipv4.isLaterFragment(view, IP)).toBe(false);
  view.setUint16(IP + 6, 0x0001);
  expect(ipv4.isLaterFragment(view, IP)).toBe(true);
});

test('a header verifies until any bit of it changes', () => {
  const { view } = viewOf(TAGGED_TCP4);
  expect(ipv4.verifies(view, IP)).toBe(true);
  for (let bit = 8; bit < 160; bit++) {
    const at = IP + (bit >>> 3);
    view.setUint8(at, view.getUint8(at) ^ (1 << (bit & 7)));
    expect(ipv4.verifies(view, IP)).toBe(false);
    view.setUint8(at, view.getUint8(at) ^ (1 << (bit & 7)));
  }
});

test.each([
  ['0.0.0.0', 0x0000_0000, false],
  ['10.0.0.1', 0x0a00_0001, true],
  ['127.0.0.1', 0x7f00_0001, false],
  ['192.0.2.1', 0xc000_0201 | 0, true],
  ['223.255.255.254', 0xdfff_fffe | 0, true],
  ['224.0.0.1', 0xe000_0001 | 0, false],
  ['240.0.0.1', 0xf000_0001 | 0, false],
  ['255.255.255.255', -1, false],
])('is %s the address of a host', (_, address, isHost) => {
  expect(ipv4.isHost(address)).toBe(isHost);
});

test('a hop less leaves a header that verifies, whatever its checksum was', () => {
  const view = new DataView(new ArrayBuffer(ipv4.HEADER_LEN));
  for (let id = 0; id < 0x1_0000; id++) {
    ipv4.write(view, 0, 0, 40, (id % 255) + 1, 17, 0x0a00_0001, 0x0a00_0002);
    ipv4.setId(view, 0, id);
    ipv4.completeChecksum(view, 0);
    ipv4.decrementTtl(view, 0);
    if (!ipv4.verifies(view, 0)) throw new Error(`identification ${id} with TTL ${(id % 255) + 1}`);
    if (ipv4.ttl(view, 0) !== id % 255) throw new Error(`TTL ${ipv4.ttl(view, 0)}`);
  }
});
