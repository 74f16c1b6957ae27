import { expect, test } from 'vitest';
import { TYPE_ARP, TYPE_IPV4, TYPE_IPV6 } from '../../src/wire/ethernet.ts';
import * as ip from '../../src/wire/ip.ts';
import { TAGGED_TCP4, UDP6, viewOf } from './frames.ts';

test('the EtherType chooses the IP version, and the version in the packet must agree', () => {
  const four = viewOf(TAGGED_TCP4);
  const six = viewOf(UDP6);
  expect(ip.transport(four.view, TYPE_IPV4, 18, four.bytes.length)).toBe((20 << 8) | 6);
  expect(ip.transport(six.view, TYPE_IPV6, 14, six.bytes.length)).toBe((64 << 8) | 17);
  expect(ip.packetLength(four.view, TYPE_IPV4, 18, four.bytes.length)).toBe(57);
  expect(ip.packetLength(six.view, TYPE_IPV6, 14, six.bytes.length)).toBe(75);
  expect(ip.transport(four.view, TYPE_IPV6, 18, four.bytes.length)).toBe(-1);
  expect(ip.packetLength(six.view, TYPE_IPV4, 14, six.bytes.length)).toBe(-1);
});

test('other protocols have neither a transport header nor a length', () => {
  const { view, bytes } = viewOf(TAGGED_TCP4);
  expect(ip.transport(view, TYPE_ARP, 18, bytes.length)).toBe(-1);
  expect(ip.packetLength(view, TYPE_ARP, 18, bytes.length)).toBe(-1);
});
