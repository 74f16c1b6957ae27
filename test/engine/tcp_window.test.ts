// Windows of TCP, with tcp_window: strict. Beside the kernel's: test/system/groups_oracle.test.ts.

import { expect, test } from 'vitest';
import { ACK, FIN, PSH, RST, SYN } from '../../src/wire/tcp.ts';
import { windowScale } from '../../src/wire/tcp_options.ts';
import { mac } from '../support/engine/frame_text.ts';
import { build, type Datagram, split, TCP } from '../support/policy/datagrams.ts';
import { openPolicy } from '../support/policy/rig.ts';

const [V4, V6] = [
  ['10.0.0.1', '10.0.0.2'],
  ['fd00::1', 'fd00::2'],
];

interface Segment {
  flags: number;
  seq: number;
  ack?: number;
  window?: number;
  length?: number;
  /** Window scale option. */
  scale?: number;
}

async function open([a, b]: string[], mode: 'strict' | 'loose' = 'strict') {
  const rig = await openPolicy(
    { br0: { ports: { p1: { groups: ['g'] }, p2: { groups: ['g'] } } } },
    { groups: { g: { in: [{ protocol: 'tcp', from: 'any' }] } }, connections: { tcp_window: mode } },
  );
  for (const [port, station] of [
    ['p1', 'a'],
    ['p2', 'b'],
  ])
    rig.say(port, `${station} > *`);
  const frameOf = (isBack: boolean, bytes: Uint8Array) => {
    const type = bytes[0] >>> 4 === 6 ? [0x86, 0xdd] : [8, 0];
    const ends = isBack ? [...mac('a'), ...mac('b')] : [...mac('b'), ...mac('a')];
    return Uint8Array.from([...ends, ...type, ...bytes]);
  };
  const bytesOf = (isBack: boolean, { flags, seq, ack = 0, window = 1000, length = 0, scale }: Segment) => {
    const datagram: Datagram = {
      protocol: TCP,
      src: isBack ? b : a,
      dst: isBack ? a : b,
      sport: isBack ? 80 : 5000,
      dport: isBack ? 5000 : 80,
      type: 0,
      flags,
      seq,
      ack,
      window,
      chunk: 0,
      tag: 0,
      payload: scale === undefined ? new Uint8Array(length) : Uint8Array.of(1, 3, 3, scale),
      id: 1,
    };
    const bytes = build(datagram);
    // The payload is options.
    if (scale !== undefined) bytes[(a.includes(':') ? 40 : 20) + 12] = 0x60;
    return bytes;
  };
  const send = (isBack: boolean) => (segment: Segment) => {
    const told = rig.sendFrame(isBack ? 'p2' : 'p1', frameOf(isBack, bytesOf(isBack, segment)));
    return told[0]?.includes('drops') ? told[0] : told.length === 1 ? 'passes' : told;
  };
  return { rig, ask: send(false), answer: send(true), frameOf, bytesOf };
}

async function handshake(family: string[], scale?: number, window = 1000) {
  const opened = await open(family);
  const { ask, answer } = opened;
  expect(ask({ flags: SYN, seq: 1000, window, scale })).toBe('passes');
  expect(answer({ flags: SYN | ACK, seq: 0xffff_fff0, ack: 1001, window, scale })).toBe('passes');
  expect(ask({ flags: ACK, seq: 1001, ack: 0xffff_fff1, window })).toBe('passes');
  return opened;
}

test.each([V4, V6])('what lies in the window passes, what does not is dropped (%s)', async (...family) => {
  const { ask, answer } = await handshake(family);
  const refused = 'p1 drops: policy_window';
  expect(ask({ flags: ACK | PSH, seq: 1001, ack: 0xffff_fff1, length: 500 })).toBe('passes');
  // Again, and what is behind a hole.
  expect(ask({ flags: ACK | PSH, seq: 1001, ack: 0xffff_fff1, length: 500 })).toBe('passes');
  expect(ask({ flags: ACK | PSH, seq: 1801, ack: 0xffff_fff1, length: 100 })).toBe('passes');
  expect(ask({ flags: ACK | PSH, seq: 2002, ack: 0xffff_fff1, length: 1 })).toBe(refused);
  expect(ask({ flags: ACK, seq: 200, ack: 0xffff_fff1 })).toBe(refused);
  // An ACK of what was not sent, and a RST that somebody guesses.
  expect(ask({ flags: ACK, seq: 1501, ack: 100 })).toBe(refused);
  expect(ask({ flags: RST, seq: 0x7000_0000 })).toBe(refused);
  expect(answer({ flags: RST | ACK, seq: 0x7000_0000, ack: 1501 })).toBe('p2 drops: policy_window');
  // Sequence numbers go around, and ACKs open the window.
  expect(answer({ flags: ACK | PSH, seq: 0xffff_fff1, ack: 1501, length: 100 })).toBe('passes');
  expect(answer({ flags: ACK | PSH, seq: 0x55, ack: 1901, length: 100 })).toBe('passes');
  expect(ask({ flags: ACK | PSH, seq: 2002, ack: 0xb9, length: 100 })).toBe('passes');
  for (const flags of [0, SYN | FIN, SYN | RST, FIN, PSH, 0x3f])
    expect(ask({ flags, seq: 2102, ack: 0xb9 })).toBe(refused);
  expect(ask({ flags: RST, seq: 2102 })).toBe('passes');
});

test('windows are scaled if both ends say so', async () => {
  const { ask, answer } = await handshake(V4, 7, 10);
  expect(answer({ flags: ACK, seq: 0xffff_fff1, ack: 1001, window: 10 })).toBe('passes');
  expect(ask({ flags: ACK, seq: 1001 + 1200, ack: 0xffff_fff1, length: 80 })).toBe('passes');
  expect(ask({ flags: ACK, seq: 1001 + 1281, ack: 0xffff_fff1, length: 80 })).toBe('p1 drops: policy_window');
});

test('both ends may open at once', async () => {
  const { ask, answer } = await open(V4);
  expect(ask({ flags: SYN, seq: 1000 })).toBe('passes');
  expect(answer({ flags: SYN, seq: 5000 })).toBe('passes');
  expect(ask({ flags: SYN | ACK, seq: 1000, ack: 5001 })).toBe('passes');
  expect(answer({ flags: SYN | ACK, seq: 5000, ack: 1001 })).toBe('passes');
  expect(ask({ flags: ACK, seq: 1001, ack: 5001, length: 100 })).toBe('passes');
  expect(answer({ flags: ACK, seq: 5001, ack: 1101, length: 100 })).toBe('passes');
  expect(answer({ flags: ACK, seq: 9001, ack: 1101, length: 100 })).toBe('p2 drops: policy_window');
});

test('a connection whose beginning nobody saw is taken as it comes, also after a change of the option', async () => {
  const { ask } = await open(V4);
  expect(ask({ flags: ACK, seq: 1000, ack: 1 })).toBe('passes');
  expect(ask({ flags: ACK, seq: 0x7000_0000, ack: 1 })).toBe('passes');
  const loose = await open(V4, 'loose');
  loose.ask({ flags: SYN, seq: 1000 });
  loose.answer({ flags: SYN | ACK, seq: 7, ack: 1001 });
  expect(loose.ask({ flags: ACK, seq: 0x7000_0000, ack: 0x9000_0000 })).toBe('passes');
  await loose.rig.change((config) => Object.assign(config.connections ?? {}, { tcp_window: 'strict' }));
  expect(loose.ask({ flags: ACK, seq: 0x7000_0000, ack: 8 })).toBe('passes');
  expect(loose.ask({ flags: SYN | FIN, seq: 0x7000_0000, ack: 8 })).toBe('p1 drops: policy_window');
});

test('a window outlives memory of another size', async () => {
  const { rig, ask } = await handshake(V6);
  await rig.change((config) => Object.assign(config.connections ?? {}, { limit: 4096 }));
  expect(ask({ flags: ACK, seq: 1001, ack: 0xffff_fff1, length: 100 })).toBe('passes');
  expect(ask({ flags: ACK, seq: 0x7000_0000, ack: 0xffff_fff1, length: 100 })).toBe(
    'p1 drops: policy_window',
  );
});

test.each([V4, V6])('a segment in fragments passes if its first does (%s)', async (...family) => {
  const { rig, ask, frameOf, bytesOf } = await handshake(family);
  const whole = bytesOf(false, { flags: ACK, seq: 1001, ack: 0xffff_fff1, length: 800 });
  const parts = split(whole, 408, 9).map((part) => frameOf(false, part));
  expect(rig.sendFrame('p1', ...parts).filter((line) => line.includes('drops'))).toEqual([]);
  expect(ask({ flags: ACK, seq: 1801, ack: 0xffff_fff1, length: 100 })).toBe('passes');
});

test('hostile options end the search for a scale', () => {
  const scaleOf = (...options: number[]) => {
    const bytes = new Uint8Array(20 + options.length);
    bytes[12] = 0xf0;
    bytes.set(options, 20);
    return windowScale(new DataView(bytes.buffer), 0, bytes.length);
  };
  expect(scaleOf(2, 4, 5, 180, 1, 3, 3, 9)).toBe(9);
  for (const options of [
    [3],
    [3, 3],
    [3, 0, 1],
    [5, 1, 3, 3, 7],
    [0, 3, 3, 7],
    [2, 200, 3, 3, 7],
    [3, 4, 7, 7],
  ])
    expect(scaleOf(...options)).toBe(-1);
});
