// What guests' kernels leave to network cards, through NAT: super-frames, and checksums that hold the pseudo-header's sum alone. The
// checksum is completed as a card would; then all must be right.

import { expect, test } from 'vitest';
import { sumOf } from '../support/engine/packets.ts';
import { packet, SYN, TCP, tell, UDP } from '../support/nat/packets.ts';
import { GUESTS, NatWorld, type OffloadedPacket, OUTSIDE, SERVER } from '../support/nat/world.ts';

const [GUEST, OTHER] = GUESTS;
const ACK = 16;
const LONGEST = 65_535;
const RULES = [
  { destination: 'tcp/8080', to: `${GUEST}:80` },
  { destination: 'udp/8080', to: `${GUEST}:80` },
  { source: '10.0.1.0/24', to: 'interface' as const },
];

interface Way {
  src: string;
  dst: string;
  sport: number;
  dport: number;
}

/** A packet of so many bytes, of which network cards make segments of 1,400. */
function offloaded(way: Way, protocol: number, length: number, flags = ACK): OffloadedPacket {
  const headers = 20 + (protocol === TCP ? 20 : 8);
  const payload = Uint8Array.from({ length: length - headers }, (_, n) => (n * 7) & 0xff);
  const bytes = packet({ ...way, protocol, flags, payload });
  const csumOffset = protocol === TCP ? 16 : 6;
  const pseudo = [...bytes.subarray(12, 20), 0, protocol, (length - 20) >>> 8, (length - 20) & 0xff];
  new DataView(bytes.buffer).setUint16(20 + csumOffset, sumOf(pseudo));
  const isSuper = length > 1500;
  const gsoType = isSuper ? (protocol === TCP ? 1 : 5) : 0;
  return { bytes, offload: { gsoType, gsoSize: isSuper ? 1400 : 0, csumStart: 34, csumOffset } };
}

/** As text, once a card has completed the checksum. */
function completed({ bytes, offload }: OffloadedPacket): string {
  const copy = Uint8Array.from(bytes);
  const sum = ~sumOf(copy, offload.csumStart - 14) & 0xffff;
  new DataView(copy.buffer).setUint16(offload.csumStart - 14 + offload.csumOffset, sum || 0xffff);
  return tell(copy);
}

const outside = (sport: number, dport: number): Way => ({ src: SERVER, dst: OUTSIDE, sport, dport });
const FLOWS = [
  {
    what: 'from a guest, and back',
    there: { port: 'g1', way: { src: GUEST, dst: SERVER, sport: 5000, dport: 443 } },
    shown: `${OUTSIDE}:5000 > ${SERVER}:443`,
    back: { port: 'u1', way: outside(443, 5000) },
    shownBack: `${SERVER}:443 > ${GUEST}:5000`,
  },
  {
    what: 'to a published port, and back',
    there: { port: 'u1', way: outside(4000, 8080) },
    shown: `${SERVER}:4000 > ${GUEST}:80`,
    back: { port: 'g1', way: { src: GUEST, dst: SERVER, sport: 80, dport: 4000 } },
    shownBack: `${OUTSIDE}:8080 > ${SERVER}:4000`,
  },
  {
    what: 'from a neighbour to a published port (hairpin), and back',
    there: { port: 'g2', way: { src: OTHER, dst: OUTSIDE, sport: 4000, dport: 8080 } },
    shown: `${OUTSIDE}:4000 > ${GUEST}:80`,
    back: { port: 'g1', way: { src: GUEST, dst: OUTSIDE, sport: 80, dport: 4000 } },
    shownBack: `${OUTSIDE}:8080 > ${OTHER}:4000`,
  },
];

const CASES = FLOWS.flatMap((flow) =>
  [TCP, UDP].flatMap((protocol) =>
    [100, 20_000, LONGEST].map((length) => ({
      ...flow,
      protocol,
      length,
      name: protocol === TCP ? 'tcp' : 'udp',
    })),
  ),
);

test.each(CASES)(
  '$name of $length bytes $what',
  ({ there, shown, back, shownBack, protocol, length, name }) => {
    const world = new NatWorld(RULES);
    for (const [n, src] of GUESTS.entries())
      world.send(`g${n + 1}`, packet({ src, dst: '10.0.1.1', protocol: 99 }));
    world.send('u1', packet({ src: SERVER, dst: OUTSIDE, protocol: 99 }));
    world.send(there.port, offloaded(there.way, protocol, 60, SYN));
    world.send(back.port, offloaded(back.way, protocol, 60, SYN | ACK));
    for (const [{ port, way }, text] of [
      [there, shown],
      [back, shownBack],
    ] as const) {
      const one = offloaded(way, protocol, length);
      world.send(port, one);
      const sent = world.sent();
      expect(sent.map(completed)).toEqual([`${name} ${text}`]);
      expect(sent[0].offload).toEqual(one.offload);
      expect(sent[0].bytes.length).toBe(length);
      const l4 = 20 + (protocol === TCP ? 20 : 8);
      expect(Buffer.compare(sent[0].bytes.subarray(l4), one.bytes.subarray(l4))).toBe(0);
    }
  },
);

test('a super-frame that has no hop left is told of as its sender knows it', () => {
  const world = new NatWorld(RULES);
  const one = offloaded({ src: GUEST, dst: SERVER, sport: 5000, dport: 443 }, TCP, 20_000, SYN);
  one.bytes.set(
    packet({ src: GUEST, dst: SERVER, protocol: TCP, ttl: 1, payload: one.bytes.subarray(40) }).subarray(
      0,
      20,
    ),
  );
  expect(world.send('g1', one)).toEqual([
    `g1: icmp 11/0 10.0.1.1 > ${GUEST} about [tcp ${GUEST}:5000 > ${SERVER}:443]`,
    'g1 drops: ttl_exceeded',
  ]);
});
