import { expect, test } from 'vitest';
import { pseudo6 } from '../../src/wire/checksum.ts';
import * as icmpv6 from '../../src/wire/icmpv6.ts';
import * as ipv6 from '../../src/wire/ipv6.ts';
import { viewOf } from './frames.ts';

/** scapy: IPv6(tc 0xc0) / ICMPv6PacketTooBig(mtu 70000) about a UDP datagram of an odd length. */
const HEADERS = `
  6c 00 00 00 00 3d 3a 40
  fd 00 00 00 00 00 00 00 00 00 00 00 00 00 00 02 fd 00 00 00 00 00 00 00 00 00 00 00 00 00 00 01
  02 00 80 e3 00 01 11 70`;
const QUOTED = `
  60 00 00 00 00 0d 11 40
  fd 00 00 00 00 00 00 00 00 00 00 00 00 00 00 01 fd 00 00 00 00 00 00 00 00 00 00 00 00 00 00 02
  00 01 00 02 00 0d dc 05 61 62 63 64 65`;

test('headers written before a quotation make the packet that scapy builds', () => {
  const { bytes, view } = viewOf('ff '.repeat(48) + QUOTED);
  const length = bytes.length - ipv6.HEADER_LEN;
  ipv6.write(view, 0, 0xc0, length, icmpv6.NEXT_HEADER_ICMPV6, 64);
  ipv6.copyAddress(view, 48 + ipv6.DST, ipv6.SRC);
  ipv6.copyAddress(view, 48 + ipv6.SRC, ipv6.DST);
  const pseudo = pseudo6(view, 0, icmpv6.NEXT_HEADER_ICMPV6, length);
  icmpv6.writeError(view, ipv6.HEADER_LEN, bytes.length, icmpv6.ERROR.packet_too_big, 70_000, pseudo);
  expect(Buffer.from(bytes).toString('hex')).toBe(
    Buffer.from(viewOf(HEADERS + QUOTED).bytes).toString('hex'),
  );
});

test('errors and redirects are told from information', () => {
  const types = Array.from({ length: 256 }, (_, type) => type).filter(icmpv6.isError);
  expect(types).toEqual([...Array.from({ length: 128 }, (_, type) => type), 137]);
});
