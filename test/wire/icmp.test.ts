import { expect, test } from 'vitest';
import * as icmp from '../../src/wire/icmp.ts';
import * as ipv4 from '../../src/wire/ipv4.ts';
import { viewOf } from './frames.ts';

/** scapy: IP(tos 0xc0, DF, id 0) / ICMP(3, 4, nexthopmtu 1450) about a UDP datagram of an odd length. */
const PACKET = `
  45 c0 00 3d 00 00 40 00 40 01 25 fe 0a 00 00 02 0a 00 00 01
  03 04 0b 73 00 00 05 aa
  45 00 00 21 00 07 40 00 40 11 26 c3 0a 00 00 01 0a 00 00 02 00 01 00 02 00 0d c2 07 61 62 63 64 65`;

test('headers written before a quotation make the packet that scapy builds', () => {
  const expected = viewOf(PACKET).bytes;
  const { bytes, view } = viewOf(`${'ff '.repeat(28)} ${PACKET.trim().split('\n')[2]}`);
  icmp.writeError(view, ipv4.HEADER_LEN, bytes.length, icmp.ERROR.fragmentation_needed, 1450);
  ipv4.write(view, 0, 0xc0, bytes.length, 64, icmp.PROTOCOL_ICMP, 0x0a00_0002, 0x0a00_0001);
  expect(Buffer.from(bytes).toString('hex')).toBe(Buffer.from(expected).toString('hex'));
});

test('errors are told from questions and their answers', () => {
  const errors = Array.from({ length: 256 }, (_, type) => type).filter(icmp.isError);
  expect(errors).toEqual([3, 4, 5, 11, 12]);
});
