// ICMP errors and fragments through NAT.

import { expect, test } from 'vitest';
import { ICMP, icmpError, packet, SYN, TCP } from '../support/nat/packets.ts';
import { NatRig, OUTSIDE, type Rule } from '../support/nat/rig.ts';

const MASQUERADE: Rule = { kind: 'source', match: '10.0.1.0/24' };
const PUBLISH: Rule = {
  kind: 'destination',
  match: '',
  protocol: TCP,
  ports: [8080, 8080],
  to: '10.0.1.5',
  toPort: 80,
};
const GUEST = '10.0.1.5';
const OTHER = '10.0.1.6';
const SERVER = '198.51.100.7';
const HOP = '203.0.113.1';

/** Opens a connection of OTHER, so that GUEST's gets another port, or identifier; returns the guest's packet outside. */
function outside(rig: NatRig, fields: object): Uint8Array {
  rig.out(packet({ src: OTHER, dst: SERVER, sport: 5000, dport: 53, ...fields }));
  return rig.passBytes(1, [packet({ src: GUEST, dst: SERVER, sport: 5000, dport: 53, ...fields })])[0].bytes;
}

test.each([
  ['udp', {}, `udp ${GUEST}:5000 > ${SERVER}:53`],
  ['udp without a checksum', { unsummed: true }, `udp ${GUEST}:5000 > ${SERVER}:53 no sum`],
  ['tcp', { protocol: TCP, flags: SYN }, `tcp ${GUEST}:5000 > ${SERVER}:53`],
  ['ping', { protocol: ICMP }, `icmp 8 ${GUEST} > ${SERVER} id 5000`],
])('an error about a guest’s packet reaches the guest as if there were no NAT: %s', (_, fields, about) => {
  const rig = new NatRig([MASQUERADE]);
  const sent = outside(rig, fields);
  expect(rig.in(icmpError(HOP, sent))).toEqual([`in icmp 3/1 ${HOP} > ${GUEST} about [${about}]`]);
  // Eight bytes behind the header are what every router quotes.
  const short = rig.in(icmpError(HOP, sent, { type: 11, code: 0 }, 28));
  expect(short).toEqual([`in icmp 11/0 ${HOP} > ${GUEST} about [${about.replace(' no sum', '')}]`]);
  // The server itself says it.
  expect(rig.in(icmpError(SERVER, sent))).toEqual([`in icmp 3/1 ${SERVER} > ${GUEST} about [${about}]`]);
});

test('a guest’s error, and one of a router before it, leave with the outside address', () => {
  const rig = new NatRig([PUBLISH, MASQUERADE]);
  const syn = packet({ protocol: TCP, src: SERVER, dst: OUTSIDE, sport: 4000, dport: 8080, flags: SYN });
  const [{ bytes }] = rig.passBytes(2, [syn]);
  const about = `about [tcp ${SERVER}:4000 > ${OUTSIDE}:8080]`;
  expect(rig.out(icmpError(GUEST, bytes))).toEqual([`out icmp 3/1 ${OUTSIDE} > ${SERVER} ${about}`]);
  expect(rig.out(icmpError('10.0.1.99', bytes))).toEqual([`out icmp 3/1 ${OUTSIDE} > ${SERVER} ${about}`]);
});

test('errors about nothing that is known, or that are not whole, go nowhere', () => {
  const rig = new NatRig([MASQUERADE]);
  const sent = outside(rig, {});
  const unknown = packet({ src: GUEST, dst: SERVER, sport: 1, dport: 1 });
  expect(rig.out(icmpError(GUEST, packet({ src: SERVER, dst: GUEST, sport: 9, dport: 9 })))[0]).toMatch(
    /^drop nat_invalid/,
  );
  // To somebody else than who sent what it quotes.
  expect(rig.in(packet({ protocol: ICMP, src: HOP, dst: GUEST, type: 3, payload: sent }))[0]).toMatch(
    /^drop nat_invalid/,
  );
  expect(rig.in(icmpError(HOP, packet({ src: OUTSIDE, dst: SERVER, sport: 9, dport: 9 })))[0]).toMatch(
    /^local/,
  );
  for (let length = 0; length < 28; length++) {
    const [line] = rig.passBytes(2, [icmpError(HOP, sent, {}, length)]);
    expect(line.where).toBe('drop nat_invalid:');
  }
  expect(rig.out(icmpError(GUEST, unknown, { type: 11 }))[0]).toMatch(/^drop nat_invalid/);
});

test('an error keeps no connection alive', () => {
  const rig = new NatRig([MASQUERADE]);
  const sent = outside(rig, {});
  rig.wait(200);
  rig.in(icmpError(HOP, sent));
  rig.wait(101);
  expect(rig.connections.used).toBe(0);
});

test('fragments follow the first one, also in the same poll; without it they go nowhere', () => {
  const rig = new NatRig([MASQUERADE]);
  const first = (id: number) =>
    packet({
      src: GUEST,
      dst: SERVER,
      sport: 5000,
      dport: 53,
      id,
      fragment: 0x2000,
      payload: new Uint8Array(16),
    });
  const later = (id: number, src = GUEST) => packet({ src, dst: SERVER, id, fragment: 3 });
  expect(rig.out(first(1), later(1))).toEqual([
    `out udp ${OUTSIDE}:5000 > ${SERVER}:53`,
    `out fragment ${OUTSIDE} > ${SERVER}`,
  ]);
  expect(rig.out(later(1), later(2), later(1, OTHER))).toEqual([
    `out fragment ${OUTSIDE} > ${SERVER}`,
    `drop nat_fragment: fragment ${GUEST} > ${SERVER}`,
    `drop nat_fragment: fragment ${OTHER} > ${SERVER}`,
  ]);
  rig.wait(40);
  expect(rig.out(later(1))[0]).toMatch(/^drop nat_fragment/);
});
