// What was reported of other switches' and routers' NAT, tried on ours.

import { expect, test } from 'vitest';
import { type Fields, ICMP, packet, SYN, TCP, tell } from '../support/nat/packets.ts';
import { GUESTS, type NatRules, NatWorld, OUTSIDE, SERVER } from '../support/nat/world.ts';

const [GUEST, OTHER] = GUESTS;
const MASQUERADE = { source: '10.0.1.0/24', to: 'interface' as const };
const publish = (guest: string) => ({ destination: 'udp/9000', to: `${guest}:53` });
const fromOutside = packet({ src: SERVER, dst: OUTSIDE, sport: 4000, dport: 9000 });

/** Everybody has said where he is. */
function open(rules: NatRules): NatWorld {
  const world = new NatWorld(rules);
  for (const [n, src] of GUESTS.entries())
    world.send(`g${n + 1}`, packet({ src, dst: '10.0.1.1', protocol: 99 }));
  world.send('u1', packet({ src: SERVER, dst: OUTSIDE, protocol: 99 }));
  return world;
}

test('moby/moby#44742: datagrams that already came are for a port that is published later', () => {
  const world = open([MASQUERADE]);
  for (let n = 0; n < 3; n++) expect(world.send('u1', fromOutside).at(-1)).toBe('u1 drops: no_service');
  world.configure([publish(GUEST), MASQUERADE]);
  expect(world.send('u1', fromOutside)).toEqual([`g1: udp ${SERVER}:4000 > ${GUEST}:53`]);
});

test('moby/moby#53384: datagrams go to the guest that has the published port now, although they never pause', () => {
  const world = open([publish(GUEST), MASQUERADE]);
  expect(world.send('u1', fromOutside)).toEqual([`g1: udp ${SERVER}:4000 > ${GUEST}:53`]);
  world.configure([publish(OTHER), MASQUERADE]);
  expect(world.send('u1', fromOutside)).toEqual([`g2: udp ${SERVER}:4000 > ${OTHER}:53`]);
  // And answers still have the address that was asked.
  const answer = packet({ src: OTHER, dst: SERVER, sport: 53, dport: 4000 });
  expect(world.send('g2', answer)).toEqual([`u1: udp ${OUTSIDE}:9000 > ${SERVER}:4000`]);
});

test('moby/moby#12946: a guest reaches itself by its own outside address', () => {
  const own = '192.0.2.3';
  const world = open([{ one_to_one: GUEST, to: own }, MASQUERADE]);
  const ping = packet({ protocol: ICMP, src: GUEST, dst: own, sport: 7 });
  const [asked] = world.send('g1', ping);
  const [, source, id] = asked.match(/^g1: icmp 8 (\S+) > 10\.0\.1\.5 id (\d+)$/) ?? [];
  expect(source).not.toBe(GUEST); // which would answer itself, past the router
  const pong = packet({ protocol: ICMP, type: 0, src: GUEST, dst: source, sport: Number(id) });
  expect(world.send('g1', pong)).toEqual([`g1: icmp 0 ${own} > ${GUEST} id 7`]);
});

test('containers/gvisor-tap-vsock#428: nobody answers in the place of a host that does not', () => {
  const world = open([MASQUERADE]);
  const ping = packet({ protocol: ICMP, src: GUEST, dst: '7.7.7.7', sport: 7 });
  expect(world.send('g1', ping)).toEqual([`u1: icmp 8 ${OUTSIDE} > 7.7.7.7 id 7`]);
});

test.each([
  ['TCP', { protocol: TCP, flags: SYN }],
  ['UDP', {}],
  ['ICMP', { protocol: ICMP }],
])('rootless-containers/slirp4netns#282: a fixed outside address counts for %s', (_, kind) => {
  const world = open([{ source: '10.0.1.0/24', to: '192.0.2.9' }]);
  world.send('g1', packet({ ...kind, src: GUEST, dst: SERVER, sport: 5000, dport: 53 }));
  const [sent] = world.sent();
  expect(tell(sent.bytes)).toContain(' 192.0.2.9');
});

test('martin-ger/esp_slip_router#17: a port below 1024 is as good as any', () => {
  const world = open([MASQUERADE]);
  const [line] = world.send('g1', packet({ src: GUEST, dst: SERVER, sport: 57, dport: 53 }));
  const [, port] = line.match(/192\.0\.2\.1:(\d+)/) as RegExpMatchArray;
  const answer = packet({ src: SERVER, dst: OUTSIDE, sport: 53, dport: Number(port) });
  expect(world.send('u1', answer)).toEqual([`g1: udp ${SERVER}:53 > ${GUEST}:57`]);
});

test('antrea-io/antrea#348: a ping in fragments goes through, and its answer', () => {
  const world = open([MASQUERADE]);
  type Ends = Pick<Fields, 'src' | 'dst' | 'id' | 'type'>;
  const whole = (ends: Ends) =>
    packet({ protocol: ICMP, sport: 7, payload: new Uint8Array(1472), fragment: 0x2000, ...ends });
  const rest = (ends: Ends) =>
    packet({ protocol: ICMP, fragment: 185, payload: new Uint8Array(500), ...ends });
  const there = { src: GUEST, dst: SERVER, id: 5 };
  expect(world.send('g1', whole(there), rest(there))).toEqual([
    `u1: icmp 8 ${OUTSIDE} > ${SERVER} id 7`,
    `u1: fragment ${OUTSIDE} > ${SERVER}`,
  ]);
  const back = { src: SERVER, dst: OUTSIDE, id: 9 };
  expect(world.send('u1', whole({ ...back, type: 0 }), rest(back))).toEqual([
    `g1: icmp 0 ${SERVER} > ${GUEST} id 7`,
    `g1: fragment ${SERVER} > ${GUEST}`,
  ]);
});
