// Ethernet frames at random in which filters find something: tags, ARP, IPv4 with options and fragments, IPv6, and few
// addresses and ports, so that hits are not rare.

import fc from 'fast-check';

const octets = (...choices: number[][]) => fc.constantFrom(...choices.map((bytes) => Buffer.from(bytes)));
export const MACS = ['02:00:00:00:00:01', '02:00:00:00:00:02', '01:00:5e:00:00:fb', 'ff:ff:ff:ff:ff:ff'];
export const IPV4 = ['10.0.0.1', '10.0.0.2', '192.0.2.7', '172.16.5.4'];
export const IPV6 = ['fd00::1', 'fd00::2', '2001:db8::7'];
export const PORTS = [22, 53, 80, 443, 8080];
const mac = fc.constantFrom(...MACS.map((text) => Buffer.from(text.replaceAll(':', ''), 'hex')));
const ipv4Address = fc.constantFrom(...IPV4.map((text) => Buffer.from(text.split('.').map(Number))));
const ipv6Address = fc.constantFrom(
  ...[
    'fd000000000000000000000000000001',
    'fd000000000000000000000000000002',
    '20010db8000000000000000000000007',
  ].map((hex) => Buffer.from(hex, 'hex')),
);
const be16 = (value: number) => Buffer.from([value >> 8, value & 255]);
const port = fc.constantFrom(...PORTS).map(be16);
const tag = fc
  .tuple(fc.constantFrom(0x8100, 0x88a8, 0x9100), fc.constantFrom(0, 7, 10, 4094), fc.constantFrom(0, 0xe000))
  .map(([tpid, vid, priority]) => Buffer.concat([be16(tpid), be16(priority | vid)]));
const transport = fc.tuple(port, port).map((two) => Buffer.concat(two));
const filling = fc.uint8Array({ minLength: 60, maxLength: 120 }).map((bytes) => Buffer.from(bytes));

const ipv4 = fc
  .tuple(
    fc.constantFrom(5, 6, 15),
    fc.constantFrom(1, 6, 17, 132, 58),
    fc.constantFrom(0, 0, 0, 0x2000, 0x2010, 0x0010, 0x4000),
    ipv4Address,
    ipv4Address,
    transport,
  )
  .map(([words, protocol, fragment, from, to, ports]) =>
    Buffer.concat([
      Buffer.from([0x08, 0x00, 0x40 | words, 0, 0, 100, 0, 1]),
      be16(fragment),
      Buffer.from([64, protocol, 0, 0]),
      from,
      to,
      Buffer.alloc(4 * (words - 5), 1),
      ports,
    ]),
  );
const ipv6 = fc
  .tuple(
    fc.constantFrom(6, 17, 58, 44, 132, 0),
    fc.constantFrom(6, 17, 58),
    ipv6Address,
    ipv6Address,
    transport,
  )
  .map(([next, after, from, to, ports]) =>
    Buffer.concat([
      Buffer.from([0x86, 0xdd, 0x60, 0, 0, 0, 0, 60, next, 64]),
      from,
      to,
      next === 44 ? Buffer.from([after, 0, 0, 0, 0, 0, 0, 1]) : Buffer.alloc(0),
      ports,
    ]),
  );
const arp = fc
  .tuple(octets([0x08, 0x06], [0x80, 0x35]), mac, ipv4Address, mac, ipv4Address)
  .map(([type, from, ip, to, target]) =>
    Buffer.concat([type, Buffer.from([0, 1, 8, 0, 6, 4, 0, 1]), from, ip, to, target]),
  );
const other = octets([0x88, 0xcc], [0x88, 0x63]);

export const frames: fc.Arbitrary<Buffer> = fc
  .tuple(mac, mac, fc.array(tag, { maxLength: 2 }), fc.oneof(ipv4, ipv4, ipv6, ipv6, arp, other), filling)
  .map(([to, from, tags, payload, rest]) => Buffer.concat([to, from, ...tags, payload, rest]));

/** pcap with microseconds, in this machine's order or not: tcpdump reads both. */
export function pcapOf(list: readonly Buffer[]): Buffer {
  const head = Buffer.alloc(24);
  head.writeUInt32LE(0xa1b2c3d4, 0);
  head.writeUInt16LE(2, 4);
  head.writeUInt16LE(4, 6);
  head.writeUInt32LE(262_144, 16);
  head.writeUInt32LE(1, 20);
  const records = list.flatMap((frame, n) => {
    const record = Buffer.alloc(16);
    record.writeUInt32LE(n + 1, 0);
    record.writeUInt32LE(frame.length, 8);
    record.writeUInt32LE(frame.length, 12);
    return [record, frame];
  });
  return Buffer.concat([head, ...records]);
}
