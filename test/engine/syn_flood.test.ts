// A flood of SYNs through the table of connections: it fills the attacker's share, and neighbours go on, and begin anew.

import { expect, test } from 'vitest';
import { ACK, type Fields, packet, SYN, TCP } from '../support/nat/packets.ts';
import { openPolicy, type PolicyRig } from '../support/policy/rig.ts';

const LIMIT = 1024;
const EVERYBODY = { guests: { in: 'any' as const, out: 'any' as const } };
const [A, B] = ['10.0.0.1', '10.0.0.2'];

async function open(evil: string[]): Promise<PolicyRig> {
  const rig = await openPolicy(
    { br0: { ports: { a: { groups: ['guests'] }, b: { groups: ['guests'] }, evil: { groups: evil } } } },
    { groups: EVERYBODY, connections: { limit: LIMIT, tcp_transitory_timeout: 10 } },
  );
  for (const station of ['a', 'b']) rig.say(station, `${station} > *`);
  rig.say('evil', 'e > *');
  return rig;
}

const segment = (flags: number, sport: number, isBack = false): Fields => ({
  protocol: TCP,
  src: isBack ? B : A,
  dst: isBack ? A : B,
  sport: isBack ? 80 : sport,
  dport: isBack ? sport : 80,
  flags,
});

function connect(rig: PolicyRig, sport: number): void {
  expect(rig.send('a', 'a > b', segment(SYN, sport))).toEqual([`b: tcp ${A}:${sport} > ${B}:80`]);
  expect(rig.send('b', 'b > a', segment(SYN | ACK, sport, true))).toHaveLength(1);
  goOn(rig, sport);
}

function goOn(rig: PolicyRig, sport: number): void {
  expect(rig.send('a', 'a > b', segment(ACK, sport))).toEqual([`b: tcp ${A}:${sport} > ${B}:80`]);
  expect(rig.send('b', 'b > a', segment(ACK, sport, true))).toEqual([`a: tcp ${B}:80 > ${A}:${sport}`]);
}

/** SYNs from many addresses and ports, that nobody answers. */
function flood(rig: PolicyRig, count: number): number {
  const head = [2, 0, 0, 0, 0, 0x62, 2, 0, 0, 0, 0, 0x65, 8, 0];
  const port = rig.taploom.memoryPort('evil');
  for (let n = 0; n < count; n++) {
    const src = `203.0.${(n >> 8) & 255}.${n & 255}`;
    port.send(
      Uint8Array.from([...head, ...packet({ protocol: TCP, src, dst: B, sport: n, dport: 80, flags: SYN })]),
    );
    if (n % 32 === 31) rig.taploom.poll(0, rig.now);
  }
  rig.run();
  return rig.counters('b').transmitDropped.connection_limit ?? 0;
}

test.each([
  ['a guest', ['guests']],
  ['a stranger', []],
])('%s floods: neighbours keep their connections, and begin others', async (_, groups) => {
  const rig = await open(groups);
  connect(rig, 1000);
  expect(flood(rig, 3 * LIMIT)).toBeGreaterThan(LIMIT);
  const { connections, ports } = rig.taploom.policy.status();
  expect(connections).toBeLessThan(LIMIT * 0.95);
  // A guest's count for it; a stranger's for whom they go to.
  const owner = groups.length > 0 ? 'evil' : 'b';
  expect(ports.find(({ port }) => port === owner)?.connections).toBe(connections - 1);
  for (let n = 1; n <= 20; n++) {
    goOn(rig, 1000);
    connect(rig, 2000 + n);
    flood(rig, 64);
  }
  // What nobody answered is over soon.
  rig.wait(12);
  expect(rig.taploom.policy.status().connections).toBe(21);
  rig.say('a', 'a > *');
  rig.say('b', 'b > *');
  goOn(rig, 1000);
});
