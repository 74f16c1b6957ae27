// NAT between guests and the rest, packet by packet.

import { expect, test } from 'vitest';
import { NAT_FLAG } from '../../src/table/nat_table.ts';
import { pseudo4 } from '../../src/wire/checksum.ts';
import { ACK, ICMP, packet, SYN, TCP, UDP } from '../support/nat/packets.ts';
import { NatRig, OUTSIDE, type Rule } from '../support/nat/rig.ts';

const MASQUERADE: Rule = { kind: 'source', match: '10.0.1.0/24' };
const GUEST = '10.0.1.5';
const OTHER = '10.0.1.6';
const SERVER = '198.51.100.7';
const out = (fields = {}) => packet({ src: GUEST, dst: SERVER, sport: 5000, dport: 53, ...fields });
const back = (fields = {}) => packet({ src: SERVER, dst: OUTSIDE, sport: 53, dport: 5000, ...fields });

test('a guest’s packets leave with the address of the interface, and answers reach the guest', () => {
  const rig = new NatRig([MASQUERADE]);
  expect(rig.out(out())).toEqual([`out udp ${OUTSIDE}:5000 > ${SERVER}:53`]);
  expect(rig.in(back())).toEqual([`in udp ${SERVER}:53 > ${GUEST}:5000`]);
  expect(rig.out(out({ unsummed: true }))).toEqual([`out udp ${OUTSIDE}:5000 > ${SERVER}:53 no sum`]);
  const tcp = { protocol: TCP, flags: SYN };
  expect(rig.out(out(tcp))).toEqual([`out tcp ${OUTSIDE}:5000 > ${SERVER}:53`]);
  expect(rig.in(back({ protocol: TCP, flags: SYN | ACK }))).toEqual([`in tcp ${SERVER}:53 > ${GUEST}:5000`]);
  expect(rig.out(out({ protocol: 47 }))).toEqual([`out 47 ${OUTSIDE} > ${SERVER}`]);
  expect(rig.in(back({ protocol: 47 }))).toEqual([`in 47 ${SERVER} > ${GUEST}`]);
  expect(rig.connections.used).toBe(3);
});

test.each([
  ['TCP', TCP, 16],
  ['UDP', UDP, 6],
])(
  'a checksum that is still to be completed is the sum of the new addresses: %s',
  (_, protocol, csumOffset) => {
    const rig = new NatRig([MASQUERADE]);
    rig.out(out({ protocol, src: OTHER, flags: SYN })); // so that the port is another
    const partial = out({ protocol, flags: SYN });
    const sumOf = (bytes: Uint8Array) => pseudo4(new DataView(bytes.buffer), 0, protocol, bytes.length - 20);
    new DataView(partial.buffer).setUint16(20 + csumOffset, sumOf(partial));
    const [{ where, bytes }] = rig.passBytes(1, [partial], csumOffset);
    expect(where).toBe('out');
    expect(new DataView(bytes.buffer).getUint16(20)).not.toBe(5000);
    expect(new DataView(bytes.buffer).getUint16(20 + csumOffset)).toBe(sumOf(bytes));
  },
);

test('ping: the identifier tells guests apart', () => {
  const rig = new NatRig([MASQUERADE]);
  const ping = (src: string) => packet({ protocol: ICMP, src, dst: SERVER, sport: 77 });
  expect(rig.out(ping(GUEST))).toEqual([`out icmp 8 ${OUTSIDE} > ${SERVER} id 77`]);
  const [other] = rig.out(ping(OTHER));
  const id = Number(/id (\d+)$/.exec(other)?.[1]);
  expect(id).not.toBe(77);
  const pong = (sport: number) => packet({ protocol: ICMP, type: 0, src: SERVER, dst: OUTSIDE, sport });
  expect(rig.in(pong(77), pong(id))).toEqual([
    `in icmp 0 ${SERVER} > ${GUEST} id 77`,
    `in icmp 0 ${SERVER} > ${OTHER} id 77`,
  ]);
  // Nobody asked for this one; the router is asked itself.
  expect(rig.in(pong(5))).toEqual([`local icmp 0 ${SERVER} > ${OUTSIDE} id 5`]);
  expect(rig.in(packet({ protocol: ICMP, src: SERVER, dst: OUTSIDE, sport: 77 }))).toEqual([
    `local icmp 8 ${SERVER} > ${OUTSIDE} id 77`,
  ]);
});

test('two guests with the same port get two, and each keeps its own for all destinations', () => {
  const rig = new NatRig([MASQUERADE]);
  rig.out(out());
  const [line] = rig.out(out({ src: OTHER }));
  const port = Number(/^out udp 192\.0\.2\.1:(\d+) > /.exec(line)?.[1]);
  expect(port).not.toBe(5000);
  expect(port % 2).toBe(0);
  expect(port).toBeGreaterThan(1023);
  expect(rig.out(out({ src: OTHER, dst: '203.0.113.9' }))).toEqual([
    `out udp ${OUTSIDE}:${port} > 203.0.113.9:53`,
  ]);
  expect(rig.in(back({ dport: port }))).toEqual([`in udp ${SERVER}:53 > ${OTHER}:5000`]);
});

test('only who was asked may answer, unless the rule is open to all', () => {
  const stranger = packet({ src: '203.0.113.9', dst: OUTSIDE, sport: 53, dport: 5000 });
  const strict = new NatRig([MASQUERADE]);
  strict.out(out());
  expect(strict.in(stranger)).toEqual([`local udp 203.0.113.9:53 > ${OUTSIDE}:5000`]);
  const open = new NatRig([{ ...MASQUERADE, flags: NAT_FLAG.sameForAll | NAT_FLAG.openToAll }]);
  expect(open.in(stranger)).toEqual([`local udp 203.0.113.9:53 > ${OUTSIDE}:5000`]);
  open.out(out());
  expect(open.in(stranger)).toEqual([`in udp 203.0.113.9:53 > ${GUEST}:5000`]);
  const answer = packet({ src: GUEST, dst: '203.0.113.9', sport: 5000, dport: 53 });
  expect(open.out(answer)).toEqual([`out udp ${OUTSIDE}:5000 > 203.0.113.9:53`]);
});

test('packets of a connection that begins arrive together', () => {
  const rig = new NatRig([MASQUERADE]);
  expect(rig.out(out(), out(), out({ src: OTHER, sport: 6000 }))).toEqual([
    `out udp ${OUTSIDE}:5000 > ${SERVER}:53`,
    `out udp ${OUTSIDE}:5000 > ${SERVER}:53`,
    `out udp ${OUTSIDE}:6000 > ${SERVER}:53`,
  ]);
  expect(rig.connections.used).toBe(2);
});

test('a published port is reached from outside, and by the guests themselves (hairpin)', () => {
  const publish: Rule = {
    kind: 'destination',
    match: '',
    protocol: TCP,
    ports: [8080, 8089],
    to: GUEST,
    toPort: 80,
  };
  const rig = new NatRig([publish, MASQUERADE]);
  const syn = (src: string, dport: number) =>
    packet({ protocol: TCP, src, dst: OUTSIDE, sport: 4000, dport, flags: SYN });
  expect(rig.in(syn(SERVER, 8080), syn(SERVER, 8083), syn(SERVER, 8090))).toEqual([
    `in tcp ${SERVER}:4000 > ${GUEST}:80`,
    `in tcp ${SERVER}:4000 > ${GUEST}:83`,
    `local tcp ${SERVER}:4000 > ${OUTSIDE}:8090`,
  ]);
  const answer = (dst: string, sport: number, dport: number) =>
    packet({ protocol: TCP, src: GUEST, dst, sport, dport, flags: SYN | ACK });
  expect(rig.out(answer(SERVER, 80, 4000), answer(SERVER, 83, 4000))).toEqual([
    `out tcp ${OUTSIDE}:8080 > ${SERVER}:4000`,
    `out tcp ${OUTSIDE}:8083 > ${SERVER}:4000`,
  ]);
  expect(rig.out(syn(OTHER, 8080))).toEqual([`in tcp ${OUTSIDE}:4000 > ${GUEST}:80`]);
  expect(rig.out(answer(OUTSIDE, 80, 4000))).toEqual([`in tcp ${OUTSIDE}:8080 > ${OTHER}:4000`]);
});

test('one to one, both ways, all protocols', () => {
  const rig = new NatRig([{ kind: 'one_to_one', match: '10.0.1.5/32', to: '192.0.2.5' }, MASQUERADE]);
  expect(rig.in(packet({ src: SERVER, dst: '192.0.2.5', sport: 1, dport: 2 }))).toEqual([
    `in udp ${SERVER}:1 > ${GUEST}:2`,
  ]);
  expect(rig.out(packet({ src: GUEST, dst: SERVER, sport: 2, dport: 1 }))).toEqual([
    `out udp 192.0.2.5:2 > ${SERVER}:1`,
  ]);
  expect(rig.out(out({ sport: 99 }), out({ src: OTHER }))).toEqual([
    `out udp 192.0.2.5:99 > ${SERVER}:53`,
    `out udp ${OUTSIDE}:5000 > ${SERVER}:53`,
  ]);
});

test('one to one, a subnet: each guest has the address outside that has its number, both ways', () => {
  const rig = new NatRig([{ kind: 'one_to_one', match: '10.0.1.0/24', to: '192.0.3.0', toCount: 256 }]);
  for (const host of [2, 77, 254]) {
    const guest = `10.0.1.${host}`;
    const outside = `192.0.3.${host}`;
    expect(rig.out(out({ src: guest, sport: 99 }))).toEqual([`out udp ${outside}:99 > ${SERVER}:53`]);
    expect(rig.in(packet({ src: SERVER, dst: outside, sport: 1, dport: 2 }))).toEqual([
      `in udp ${SERVER}:1 > ${guest}:2`,
    ]);
  }
});

test('a pool: a guest keeps its address; what nobody waits for there goes to nobody', () => {
  const pool: Rule = {
    kind: 'source',
    match: '10.0.1.0/24',
    to: '192.0.2.16',
    toCount: 4,
    flags: NAT_FLAG.sameForAll | NAT_FLAG.exclusive,
  };
  const rig = new NatRig([pool]);
  const used = new Set<string>();
  for (let host = 2; host < 40; host++) {
    const of = (dst: string) =>
      rig.out(packet({ src: `10.0.1.${host}`, dst, sport: 100 + host, dport: 53 }))[0].split(/[ :]/)[2];
    const address = of(SERVER);
    expect(of('203.0.113.1')).toBe(address);
    used.add(address);
  }
  expect([...used].sort()).toEqual(['192.0.2.16', '192.0.2.17', '192.0.2.18', '192.0.2.19']);
  expect(rig.in(packet({ src: SERVER, dst: '192.0.2.17', sport: 1, dport: 2 }))).toEqual([
    `drop nat_unknown: udp ${SERVER}:1 > 192.0.2.17:2`,
  ]);
});

test('between guests nothing is translated, and what comes from outside to a guest is answered as it came', () => {
  const rig = new NatRig([MASQUERADE]);
  expect(rig.in(packet({ src: SERVER, dst: GUEST, sport: 1, dport: 2 }))).toEqual([
    `in udp ${SERVER}:1 > ${GUEST}:2`,
  ]);
  expect(rig.out(packet({ src: GUEST, dst: SERVER, sport: 2, dport: 1 }))).toEqual([
    `out udp ${GUEST}:2 > ${SERVER}:1`,
  ]);
  expect(rig.out(packet({ src: GUEST, dst: OTHER, sport: 2, dport: 1 }))).toEqual([
    `in udp ${GUEST}:2 > ${OTHER}:1`,
  ]);
});

test('ports that nobody has left: new connections share, and then there are none', () => {
  const rig = new NatRig([{ ...MASQUERADE, ports: [4000, 4003] }]);
  const lines = [0, 1, 2, 3, 4, 5].flatMap((n) => rig.out(out({ sport: 5000 + n })));
  const taken = lines.map((line) => /^out.*:(\d+) > /.exec(line)?.[1] ?? line);
  expect(new Set(taken.slice(0, 4)).size).toBe(4);
  expect(taken[4]).toMatch(/^drop nat_ports/);
  // Towards another destination a port can be shared.
  expect(rig.out(out({ sport: 5009, dst: '203.0.113.9' }))[0]).toMatch(/:400\d > 203/);
});

test('nobody outside reaches what a private rule hides, by whatever way', () => {
  const knock = packet({ src: SERVER, dst: GUEST, sport: 53, dport: 5000 });
  expect(new NatRig([MASQUERADE]).in(knock)).toEqual([`in udp ${SERVER}:53 > ${GUEST}:5000`]);
  const rig = new NatRig([{ ...MASQUERADE, flags: NAT_FLAG.sameForAll | NAT_FLAG.private }]);
  expect(rig.in(knock)).toEqual([`drop nat_unknown: udp ${SERVER}:53 > ${GUEST}:5000`]);
  rig.out(out());
  expect(rig.in(knock)).toEqual([`drop nat_unknown: udp ${SERVER}:53 > ${GUEST}:5000`]);
  expect(rig.in(back())).toEqual([`in udp ${SERVER}:53 > ${GUEST}:5000`]);
});
