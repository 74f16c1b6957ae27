// What looks like a packet of a connection that is there, and is of another, or of none.

import { expect, test } from 'vitest';
import { ACK, FIN, type Fields, packet, RST, SYN, TCP } from '../support/nat/packets.ts';
import { openPolicy } from '../support/policy/rig.ts';

const [A, B] = ['10.0.0.1', '10.0.0.2'];
const PORTS = { br0: { ports: { p1: { groups: ['client'] }, p2: { groups: ['server'] }, up: {} } } };
const GROUPS = {
  client: { in: [] },
  server: { in: [{ protocol: 'tcp' as const, ports: 80, from: 'any' }] },
};
const asked = (flags: number): Fields => ({
  protocol: TCP,
  src: A,
  dst: B,
  sport: 5000,
  dport: 80,
  flags,
});
const answered = (flags: number): Fields => ({
  protocol: TCP,
  src: B,
  dst: A,
  sport: 80,
  dport: 5000,
  flags,
});

async function open(keep = false) {
  const rig = await openPolicy(PORTS, {
    groups: GROUPS,
    connections: { keep_established: keep },
  });
  for (const line of ['p1 a', 'p2 b', 'up c']) rig.say(line.slice(0, 2), `${line.slice(3)} > *`);
  const say = (...segments: [string, number][]) => {
    for (const [who, flags] of segments) {
      const told =
        who === 'a' ? rig.send('p1', 'a > b', asked(flags)) : rig.send('p2', 'b > a', answered(flags));
      expect(told).toEqual([expect.stringMatching(/^p[12]: tcp/)]);
    }
  };
  const answer = (flags: number) => rig.send('p2', 'b > a', answered(flags));
  return { rig, say, answer };
}

test('whom a connection led to begins none of its own when it is over', async () => {
  const { say, answer } = await open();
  say(['a', SYN], ['b', SYN | ACK], ['a', ACK], ['a', RST], ['b', ACK]);
  // A RST all the same.
  say(['a', RST], ['b', SYN | RST]);
  expect(answer(SYN)).toEqual(['p1 drops: policy_in']);
  // Nor does what would follow.
  expect(answer(ACK)).toEqual(['p1 drops: policy_in']);
  say(['a', SYN], ['b', SYN | ACK], ['a', ACK], ['a', FIN | ACK], ['b', FIN | ACK]);
  expect(answer(SYN)).toEqual(['p1 drops: policy_in']);
  // While it lasts, a SYN of either end changes nothing (RFC 9293, 3.5: simultaneous open).
  say(['a', SYN], ['b', SYN], ['a', SYN | ACK], ['b', SYN | ACK], ['a', ACK]);
});

test('rules that keep what is established are asked about another connection between the same ports', async () => {
  const { rig, say } = await open(true);
  say(['a', SYN], ['b', SYN | ACK], ['a', ACK]);
  await rig.change((config) => {
    Object.assign(config.groups ?? {}, { server: { in: [], out: 'any', members: [] } });
  });
  say(['a', ACK], ['b', ACK], ['a', FIN | ACK], ['b', FIN | ACK], ['a', ACK]);
  expect(rig.send('p1', 'a > b', asked(SYN))).toEqual(['p2 drops: policy_in']);
});

test('what is not whole is of no connection, whatever the frame before it was of', async () => {
  const { rig, say } = await open();
  say(['a', SYN], ['b', SYN | ACK], ['a', ACK]);
  for (const length of [1, 12, 19]) {
    say(['a', ACK]);
    const part = packet(asked(ACK)).subarray(0, length);
    expect(rig.sendBytes('p1', 'a > b', part)).toEqual(['p1 drops: policy_invalid']);
  }
  // Without its first fragment, also where ports of a connection are 0.
  expect(rig.send('p1', 'a > b', { src: A, dst: B, sport: 0, dport: 0 })).toEqual(['p2 drops: policy_in']);
  const back: Fields = { src: B, dst: A, sport: 0, dport: 0 };
  rig.send('p2', 'b > a', back);
  expect(rig.send('p2', 'b > a', { ...back, id: 7, fragment: 100 })).toEqual(['p2 drops: policy_fragment']);
});
