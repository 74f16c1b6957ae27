// NAT in a router, from its configuration to frames.

import { expect, test } from 'vitest';
import { ICMP, icmpError, packet, SYN, TCP } from '../support/nat/packets.ts';
import { GUESTS, NatWorld, OUTSIDE, SERVER } from '../support/nat/world.ts';

const [GUEST, OTHER] = GUESTS;
const MASQUERADE = { source: '10.0.1.0/24', to: 'interface' };
const PUBLISH = { destination: 'tcp/8080', to: `${GUEST}:80` };
const out = packet({ src: GUEST, dst: SERVER, sport: 5000, dport: 53 });
const back = packet({ src: SERVER, dst: OUTSIDE, sport: 53, dport: 5000 });

/** A flood to the other guest's port is no news. */
const open = (...args: ConstructorParameters<typeof NatWorld>) => {
  const world = new NatWorld(...args);
  for (const [n, src] of GUESTS.entries())
    world.send(`g${n + 1}`, packet({ src, dst: '10.0.1.1', protocol: 99 }));
  world.send('u1', packet({ src: SERVER, dst: OUTSIDE, protocol: 99 }));
  return world;
};

test('a guest’s packets and their answers, pings and errors cross the router', () => {
  const world = open([MASQUERADE]);
  expect(world.send('g1', out)).toEqual([`u1: udp ${OUTSIDE}:5000 > ${SERVER}:53`]);
  expect(world.send('u1', back)).toEqual([`g1: udp ${SERVER}:53 > ${GUEST}:5000`]);
  const sent = packet({ src: OUTSIDE, dst: SERVER, sport: 5000, dport: 53 });
  expect(world.send('u1', icmpError('203.0.113.1', sent))).toEqual([
    `g1: icmp 3/1 203.0.113.1 > ${GUEST} about [udp ${GUEST}:5000 > ${SERVER}:53]`,
  ]);
  const ping = { protocol: ICMP, sport: 7 };
  expect(world.send('g1', packet({ ...ping, src: GUEST, dst: SERVER }))).toEqual([
    `u1: icmp 8 ${OUTSIDE} > ${SERVER} id 7`,
  ]);
  // The gateway answers itself, on both sides.
  expect(world.send('g1', packet({ ...ping, src: GUEST, dst: '10.0.1.1' }))).toEqual([
    `g1: icmp 0 10.0.1.1 > ${GUEST} id 7`,
  ]);
  expect(world.send('u1', packet({ ...ping, src: SERVER, dst: OUTSIDE }))).toEqual([
    `u1: icmp 0 ${OUTSIDE} > ${SERVER} id 7`,
  ]);
});

test('an error of the router itself is about the packet as its sender knows it', () => {
  const world = open([MASQUERADE]);
  const old = packet({ src: GUEST, dst: SERVER, sport: 5000, dport: 53, ttl: 1 });
  expect(world.send('g1', old)).toEqual([
    `g1: icmp 11/0 10.0.1.1 > ${GUEST} about [udp ${GUEST}:5000 > ${SERVER}:53]`,
    'g1 drops: ttl_exceeded',
  ]);
  world.send('g1', out);
  const late = packet({ src: SERVER, dst: OUTSIDE, sport: 53, dport: 5000, ttl: 1 });
  expect(world.send('u1', late)).toEqual([
    `u1: icmp 11/0 ${OUTSIDE} > ${SERVER} about [udp ${SERVER}:53 > ${OUTSIDE}:5000]`,
    'u1 drops: ttl_exceeded',
  ]);
});

test('a guest reaches its neighbour’s published port by the outside address', () => {
  const world = open([PUBLISH, MASQUERADE]);
  const syn = packet({ protocol: TCP, src: OTHER, dst: OUTSIDE, sport: 4000, dport: 8080, flags: SYN });
  expect(world.send('g2', syn)).toEqual([`g1: tcp ${OUTSIDE}:4000 > ${GUEST}:80`]);
  const answer = packet({ protocol: TCP, src: GUEST, dst: OUTSIDE, sport: 80, dport: 4000, flags: SYN | 16 });
  expect(world.send('g1', answer)).toEqual([`g2: tcp ${OUTSIDE}:8080 > ${OTHER}:4000`]);
});

test('connections outlive a change of rules, but those of a rule that is gone', () => {
  const world = open([PUBLISH, MASQUERADE]);
  const syn = packet({ protocol: TCP, src: SERVER, dst: OUTSIDE, sport: 4000, dport: 8080, flags: SYN });
  const answer = packet({ protocol: TCP, src: GUEST, dst: SERVER, sport: 80, dport: 4000, flags: SYN | 16 });
  world.send('g1', out);
  world.send('u1', syn);
  world.configure([{ destination: 'udp/9', to: GUEST }, PUBLISH, MASQUERADE]);
  expect(world.send('u1', back)).toEqual([`g1: udp ${SERVER}:53 > ${GUEST}:5000`]);
  expect(world.send('g1', answer)).toEqual([`u1: tcp ${OUTSIDE}:8080 > ${SERVER}:4000`]);
  world.configure([MASQUERADE]);
  expect(world.send('u1', back)).toEqual([`g1: udp ${SERVER}:53 > ${GUEST}:5000`]);
  expect(world.send('u1', syn)).toEqual([expect.stringMatching(/drops: no_service$/)]);
  // More room: they move.
  world.configure([MASQUERADE], { limit: 1_000_000 });
  expect(world.send('u1', back)).toEqual([`g1: udp ${SERVER}:53 > ${GUEST}:5000`]);
  world.configure([]);
  expect(world.send('u1', back).at(-1)).toBe('u1 drops: no_service');
});

test('with another address of the interface connections begin anew; those of fixed addresses go on', () => {
  const NEW = '192.0.2.77';
  const pool = { source: '10.0.1.6', to: '192.0.2.9' };
  const world = open([pool, MASQUERADE]);
  const ofPool = packet({ src: OTHER, dst: SERVER, sport: 6000, dport: 53 });
  world.send('g1', out);
  expect(world.send('g2', ofPool)).toEqual([`u1: udp 192.0.2.9:6000 > ${SERVER}:53`]);
  world.configure([pool, MASQUERADE], undefined, NEW);
  expect(world.send('g1', out)).toEqual([`u1: udp ${NEW}:5000 > ${SERVER}:53`]);
  const answer = packet({ src: SERVER, dst: '192.0.2.9', sport: 53, dport: 6000 });
  expect(world.send('u1', answer)).toEqual([`g2: udp ${SERVER}:53 > ${OTHER}:6000`]);
});

test('what nobody waits for at an address of NAT is refused', () => {
  const world = open([{ source: '10.0.1.0/24', to: '192.0.2.16/28' }]);
  const stray = packet({ src: SERVER, dst: '192.0.2.20', sport: 1, dport: 2 });
  expect(world.send('u1', stray)).toEqual(['u1 drops: nat_unknown']);
});

test('who is refused begins no connection: the next packet is refused, too', () => {
  const world = open([{ ...MASQUERADE, private: true }]);
  const knock = packet({ src: SERVER, dst: GUEST, sport: 53, dport: 5000 });
  for (let n = 0; n < 2; n++) expect(world.send('u1', knock)).toEqual(['u1 drops: nat_unknown']);
  world.send('g1', out);
  expect(world.send('u1', back)).toEqual([`g1: udp ${SERVER}:53 > ${GUEST}:5000`]);
  expect(world.send('u1', knock)).toEqual(['u1 drops: nat_unknown']);
});
