import { expect, test } from 'vitest';
import * as tcp from '../../src/wire/tcp.ts';
import { TAGGED_TCP4, viewOf } from './frames.ts';

const TCP = 38;

test('every field of a header is read from its place', () => {
  const { view } = viewOf(TAGGED_TCP4);
  expect(tcp.srcPort(view, TCP)).toBe(1000);
  expect(tcp.dstPort(view, TCP)).toBe(2000);
  expect(tcp.seq(view, TCP)).toBe(0xfffffff0);
  expect(tcp.headerLength(view, TCP)).toBe(32);
  expect(tcp.flags(view, TCP)).toBe(tcp.PSH | tcp.ACK | tcp.ECE | tcp.CWR);
  expect(tcp.checksum(view, TCP)).toBe(0x1069);
});

test('sequence number, flags and checksum are written to their places, the number modulo 2^32', () => {
  const { bytes, view } = viewOf(TAGGED_TCP4);
  tcp.setSeq(view, TCP, tcp.seq(view, TCP) + 0x20);
  tcp.setFlags(view, TCP, tcp.ACK);
  tcp.setChecksum(view, TCP, 0xabcd);
  const expected = viewOf(TAGGED_TCP4).bytes;
  expected.set([0x00, 0x00, 0x00, 0x10], TCP + 4);
  expected.set([0x10], TCP + 13);
  expected.set([0xab, 0xcd], TCP + 16);
  expect(bytes).toEqual(expected);
});
