// How long connections live, and how many there may be.

import { expect, test } from 'vitest';
import { STATE_NAMES } from '../../src/table/connection_state.ts';
import { CONNECTION, FLOW } from '../../src/table/connections.ts';
import { firstOf } from '../../src/table/line_table.ts';
import { ACK, FIN, ICMP, packet, RST, SYN, TCP } from '../support/nat/packets.ts';
import { NatRig, OUTSIDE, type Rule } from '../support/nat/rig.ts';

const MASQUERADE: Rule = { kind: 'source', match: '10.0.1.0/24' };
const GUEST = '10.0.1.5';
const SERVER = '198.51.100.7';
const out = (flags: number) =>
  packet({ protocol: TCP, src: GUEST, dst: SERVER, sport: 5000, dport: 80, flags });
const back = (flags: number) =>
  packet({ protocol: TCP, src: SERVER, dst: OUTSIDE, sport: 80, dport: 5000, flags });

function stateOf(rig: NatRig): string {
  const word = rig.connections.flows.lines[firstOf(1) + CONNECTION.state];
  return STATE_NAMES[word & FLOW.state];
}

test('TCP: its states, and that a RST alone ends nothing', () => {
  const rig = new NatRig([MASQUERADE]);
  const states: string[] = [];
  const step = (lines: string[]) => {
    expect(lines[0]).not.toMatch(/^drop/);
    states.push(stateOf(rig));
  };
  step(rig.out(out(SYN)));
  step(rig.in(back(SYN | ACK)));
  step(rig.out(out(ACK)));
  step(rig.in(back(RST)));
  step(rig.out(out(ACK)));
  step(rig.out(out(FIN | ACK)));
  step(rig.in(back(ACK)));
  step(rig.in(back(FIN | ACK)));
  step(rig.out(out(ACK)));
  step(rig.out(out(SYN)));
  expect(states).toEqual([
    'syn_sent',
    'syn_received',
    'established',
    'reset',
    'established',
    'fin',
    'fin',
    'time_wait',
    'time_wait',
    'syn_sent',
  ]);
  expect(rig.connections.used).toBe(1);
});

test('what begins no TCP connection goes nowhere; one that was there before is picked up', () => {
  const rig = new NatRig([MASQUERADE]);
  for (const flags of [RST, RST | ACK, FIN | ACK, SYN | ACK, 0])
    expect(rig.out(out(flags))[0]).toMatch(/^drop nat_invalid/);
  expect(rig.out(packet({ protocol: ICMP, type: 0, src: GUEST, dst: SERVER, sport: 1 }))[0]).toMatch(
    /^drop nat_invalid/,
  );
  expect(rig.connections.used).toBe(0);
  expect(rig.out(out(ACK))).toEqual([`out tcp ${OUTSIDE}:5000 > ${SERVER}:80`]);
  expect(stateOf(rig)).toBe('established');
});

test.each([
  ['UDP', () => packet({ src: GUEST, dst: SERVER, sport: 5, dport: 6 }), 300],
  ['ping', () => packet({ protocol: ICMP, src: GUEST, dst: SERVER, sport: 5 }), 60],
  ['half-open TCP', () => out(SYN), 240],
  ['established TCP', () => out(ACK), 7440],
])('%s may be silent for so long', (_, made, seconds) => {
  const rig = new NatRig([MASQUERADE]);
  rig.out(made());
  rig.wait(seconds - 2);
  expect(rig.connections.used).toBe(1);
  rig.out(made());
  rig.wait(seconds - 2);
  expect(rig.connections.used).toBe(1);
  rig.wait(4);
  expect(rig.connections.used).toBe(0);
});

test('a closed connection goes soon, although an established one may stay', () => {
  const rig = new NatRig([MASQUERADE]);
  rig.out(out(ACK));
  rig.wait(10);
  rig.out(out(FIN | ACK));
  rig.in(back(FIN | ACK));
  rig.wait(239);
  expect(rig.connections.used).toBe(1);
  rig.wait(4);
  expect(rig.connections.used).toBe(0);
});

test('what is over leaves nothing behind: no mapping, no guest, no port', () => {
  const rig = new NatRig([MASQUERADE]);
  for (let n = 0; n < 500; n++)
    rig.out(packet({ src: `10.0.1.${(n % 200) + 2}`, dst: SERVER, sport: 1000 + n, dport: n }));
  expect(rig.connections.used).toBe(500);
  rig.wait(310);
  expect(rig.connections.used).toBe(0);
  expect(rig.connections.ofZone[1]).toBe(0);
  const { table } = rig.connections.mappings;
  for (let pair = 1; pair < table.high; pair++) expect(table.lines[firstOf(pair)]).toBe(0);
});

test('a greedy guest leaves room for others', () => {
  const rig = new NatRig([MASQUERADE], 100);
  const from = (src: string, n: number) =>
    rig.out(packet({ src, dst: SERVER, sport: 2000 + n, dport: 9 }))[0];
  let opened = 0;
  for (let n = 0; n < 150; n++) if (from(GUEST, n).startsWith('out')) opened++;
  expect(opened).toBeGreaterThan(80);
  expect(opened).toBeLessThan(100);
  expect(from(GUEST, 200)).toMatch(/^drop nat_full/);
  expect(from('10.0.1.6', 300)).toMatch(/^out/);
  expect(from('10.0.1.6', 301)).toMatch(/^out/);
});

test('ports, too', () => {
  const rig = new NatRig([{ ...MASQUERADE, ports: [4000, 4099] }]);
  for (let n = 0; n < 200; n++) rig.out(packet({ src: GUEST, dst: SERVER, sport: 2000 + n, dport: 9 }));
  const taken = rig.connections.mappings.portsTaken(1, 17, rig.router.address4[2]);
  expect(taken).toBeGreaterThan(80);
  expect(taken).toBeLessThan(95);
});

test('counters of both ways', () => {
  const rig = new NatRig([MASQUERADE]);
  rig.out(out(SYN));
  rig.in(back(SYN | ACK));
  rig.out(out(ACK), out(ACK));
  const first = firstOf(1);
  const { sums } = rig.connections;
  expect(sums[(first + CONNECTION.packets) / 2]).toBe(3);
  expect(sums[(first + 16 + CONNECTION.packets) / 2]).toBe(1);
  expect(sums[(first + CONNECTION.bytes) / 2]).toBe(3 * 43);
});
