import { expect, test } from 'vitest';
import { PROTOCOL_UDP } from '../../src/wire/ipv4.ts';
import * as ipv6 from '../../src/wire/ipv6.ts';
import { UDP6, viewOf } from './frames.ts';

const IP = 14;
/** Fixed header, 8 bytes of hop-by-hop and 16 of destination options. */
const TRANSPORT = ((40 + 8 + 16) << 8) | PROTOCOL_UDP;

test('every field of a header is read from its place', () => {
  const { view } = viewOf(UDP6);
  expect(ipv6.version(view, IP)).toBe(6);
  expect(ipv6.trafficClass(view, IP)).toBe(0x2f);
  expect(ipv6.payloadLength(view, IP)).toBe(35);
  expect(ipv6.nextHeader(view, IP)).toBe(0);
});

test('writing traffic class and length leaves version and flow label alone', () => {
  const { bytes, view } = viewOf('60 0a bc de 00 00 00 40');
  ipv6.setTrafficClass(view, 0, 0x2f);
  ipv6.setPayloadLength(view, 0, 35);
  expect(bytes).toEqual(viewOf(UDP6).bytes.subarray(IP, IP + 8));
});

test('the transport header is found behind extension headers', () => {
  const { bytes, view } = viewOf(UDP6);
  expect(ipv6.transport(view, IP, bytes.length)).toBe(TRANSPORT);
});

test('wherever the frame ends within the extension headers, no transport header is found', () => {
  const { view } = viewOf(UDP6);
  for (let end = IP; end < IP + 64; end++) expect(ipv6.transport(view, IP, end)).toBe(-1);
  expect(ipv6.transport(view, IP, IP + 64)).toBe(TRANSPORT);
});

test('an extension header that claims to reach beyond the frame is refused', () => {
  const { bytes, view } = viewOf(UDP6);
  view.setUint8(IP + 41, 255);
  expect(ipv6.transport(view, IP, bytes.length)).toBe(-1);
});

test('a fragment has no transport header', () => {
  const { bytes, view } = viewOf(UDP6);
  view.setUint8(IP + 40, 44);
  expect(ipv6.transport(view, IP, bytes.length)).toBe(-1);
});

test('an authentication header counts its length in words', () => {
  const { bytes, view } = viewOf(UDP6);
  view.setUint8(IP + 40, 51);
  view.setUint8(IP + 49, 2); // (2 + 2) * 4 = 16 bytes
  expect(ipv6.transport(view, IP, bytes.length)).toBe(TRANSPORT);
});

test('more than six extension headers are refused', () => {
  const header = `60 00 00 00 00 00 3c 40 ${'00'.repeat(32)}`;
  const options = '3c 00 01 04 00 00 00 00';
  const last = '11 00 01 04 00 00 00 00';
  const six = viewOf(`${header} ${options.repeat(5)} ${last}`);
  expect(ipv6.transport(six.view, 0, six.bytes.length)).toBe((88 << 8) | PROTOCOL_UDP);
  const seven = viewOf(`${header} ${options.repeat(6)} ${last}`);
  expect(ipv6.transport(seven.view, 0, seven.bytes.length)).toBe(-1);
});

test('the packet length leaves out padding and refuses more than is there', () => {
  const { bytes, view } = viewOf(`${UDP6} 00 00`);
  expect(ipv6.packetLength(view, IP, bytes.length)).toBe(75);
  expect(ipv6.packetLength(view, IP, IP + 74)).toBe(-1);
  expect(ipv6.packetLength(view, IP, IP + 39)).toBe(-1);
});

test('the first fragment of a packet has its transport header, later ones have none', () => {
  const { bytes, view } = viewOf(UDP6);
  view.setUint8(IP + 40, 44); // what were hop-by-hop options is now ...
  view.setUint8(IP + 6, 0);
  view.setUint8(IP + 48, 17);
  // ... hop-by-hop options, fragment header: 8 bytes each, then UDP where options were
  const first = ((40 + 8 + 8) << 8) | PROTOCOL_UDP;
  view.setUint16(IP + 50, 0x0001); // more fragments follow
  expect(ipv6.firstTransport(view, IP, bytes.length)).toBe(first);
  expect(ipv6.transport(view, IP, bytes.length)).toBe(-1);
  expect(ipv6.firstTransport(view, IP, IP + 55)).toBe(-1);
  view.setUint16(IP + 50, 0x0008);
  expect(ipv6.firstTransport(view, IP, bytes.length)).toBe(-1);
});

test('without fragments both ways to the transport header agree', () => {
  const { bytes, view } = viewOf(UDP6);
  expect(ipv6.firstTransport(view, IP, bytes.length)).toBe(TRANSPORT);
});

test.each([
  ['::', '00'.repeat(16), false],
  ['::1', `${'00'.repeat(15)}01`, false],
  ['::2', `${'00'.repeat(15)}02`, true],
  ['fd00::1', `fd${'00'.repeat(14)}01`, true],
  ['ff02::1', `ff02${'00'.repeat(13)}01`, false],
  ['1::', `0001${'00'.repeat(14)}`, true],
])('is %s the address of a host', (_, hex, isHost) => {
  expect(ipv6.isHost(viewOf(hex).view, 0)).toBe(isHost);
});
