// Super-frames and partial checksums through a router, with the frames of a guest's kernel.

import { expect, test } from 'vitest';
import { COLUMN } from '../../src/frame/frame_batch.ts';
import { mac } from '../support/engine/frame_text.ts';
import { sumOf } from '../support/engine/packets.ts';
import { openRouted } from '../support/engine/routed.ts';
import { say } from '../support/engine/say.ts';
import { build, type OffloadFrame, payloadOf } from './offload_frames.ts';

const BRIDGES = { lan: { ports: { p1: {} } }, out: { ports: { o1: { mtu: 9000 } } } };

function open(mtu = 1500) {
  const lan = { bridge: 'lan', address: ['10.0.0.254/30', 'fd00::ff/128'] };
  const out = { bridge: 'out', address: ['192.0.2.1/24', 'fd00:9::1/64'], mtu };
  const routes = [
    { to: '10.0.0.0/25', via: '192.0.2.2' },
    { to: 'fd00::/64', via: 'fd00:9::2' },
  ];
  const bench = openRouted(BRIDGES, { r1: { interfaces: { lan, out }, routes } });
  bench.know('r1.out', '192.0.2.2', 'z');
  bench.know('r1.out', 'fd00:9::2', 'z');
  return bench;
}

function send(bench: ReturnType<typeof open>, frame: OffloadFrame): string[] {
  const { gsoType, csumStart, csumOffset, bytes, shape } = frame;
  bytes.set(mac('A'));
  bench.source.add(bench.port('p1'), bytes, { gsoType, gsoSize: shape.gsoSize, csumStart, csumOffset });
  return say(bench, 'p1');
}

test.each([
  [4, 'tcp'],
  [6, 'tcp'],
  [4, 'udp'],
  [6, 'udp'],
] as const)('a super-frame of IPv%i %s is routed whole, its request as it was', (version, protocol) => {
  const bench = open();
  const frame = build({ version, protocol, payload: payloadOf(20_000), gsoSize: 1400 });
  const before = Uint8Array.from(frame.bytes);
  expect(send(bench, frame)).toHaveLength(1);
  const [bytes] = bench.sink.bytes;
  const [columns] = bench.sink.columns;
  expect(columns[COLUMN.gsoType]).toBe(frame.gsoType);
  expect(columns[COLUMN.gsoSize]).toBe(1400);
  expect(columns[COLUMN.csumStart]).toBe(frame.csumStart);
  expect(bytes.length).toBe(before.length);
  // Only MACs, the hops left and the checksum of IPv4 are others: the sum that is to be completed, too, is as it was.
  const changed = [...bytes.keys()].filter((at) => at >= 12 && bytes[at] !== before[at]);
  expect(changed).toEqual(version === 4 ? [22, 24] : [21]);
  if (version === 4) expect(sumOf(bytes, 14, 34)).toBe(0xffff);
});

test.each([4, 6] as const)('the segments of a super-frame of IPv%i must fit', (version) => {
  const header = version === 4 ? 40 : 60;
  for (const [gsoSize, isFit] of [
    [1500 - header, true],
    [1501 - header, false],
  ] as const) {
    const frame = build({ version, protocol: 'tcp', payload: payloadOf(20_000), gsoSize });
    expect(send(open(), frame).at(-1)?.includes('mtu_exceeded')).toBe(!isFit);
  }
});

test('a checksum that is to be completed stays so, and padding is none of it', () => {
  for (const version of [4, 6] as const) {
    const bench = open();
    const frame = build({ version, protocol: 'udp', payload: payloadOf(4), gsoSize: 0, padding: 14 });
    frame.gsoType = 0;
    expect(send(bench, frame)).toHaveLength(1);
    const [columns] = bench.sink.columns;
    expect(columns[COLUMN.csumStart]).toBe(frame.csumStart);
    expect(columns[COLUMN.csumOffset]).toBe(frame.csumOffset);
    expect(bench.sink.bytes[0].length).toBe(frame.bytes.length - 14);
  }
});
