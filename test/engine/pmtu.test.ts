// What a sender hears when its frame is too big for a tunnel, and when it hears nothing.

import { describe, expect, test } from 'vitest';
import type { Offload } from '../../src/port/memory.ts';
import { openRig, type Rig } from '../support/engine/rig.ts';
import { build, type OffloadFrame, payloadOf, type Shape, sumWords } from './offload_frames.ts';

const MTU = 1450;
const REMOTES = ['127.0.0.32', '127.0.0.33', '127.0.0.34'];
const tunnel = (keys = {}) => ({
  type: 'vxlan',
  vni: 7,
  local: '127.0.0.31',
  remotes: REMOTES,
  dst_port: 14_831,
  ...keys,
});
/** The destination of the frames of offload_frames.ts, behind one remote. */
const STATION = { mac: '02:00:00:00:00:02', port: 'vx', remote: REMOTES[0] };

const home = (keys = {}) =>
  openRig({ br0: { static: [STATION], ports: { p1: {}, p2: {}, vx: tunnel() }, ...keys } });

/** A packet of 1,451 bytes, one too many. */
const big = (version: 4 | 6, shape: Partial<Shape> = {}) => {
  const payload = payloadOf(MTU + 1 - (version === 4 ? 28 : 48));
  return build({ version, protocol: 'udp', payload, gsoSize: 0, finished: true, ...shape });
};

/** Changes header bytes, offsets from the IP header; an IPv4 header verifies afterwards. */
function changed(frame: OffloadFrame, changes: Record<number, number>): Uint8Array {
  const bytes = Uint8Array.from(frame.bytes);
  for (const [at, value] of Object.entries(changes)) bytes[frame.l3 + Number(at)] = value;
  if (frame.shape.version === 4) {
    const header = bytes.subarray(frame.l3, frame.l3 + 20);
    header.set([0, 0], 10);
    const sum = ~sumWords(header) & 0xffff;
    header.set([sum >>> 8, sum & 0xff], 10);
  }
  return bytes;
}

function send(rig: Rig, bytes: Uint8Array, offload?: Offload, port = 'p1'): Uint8Array[] {
  expect(rig.taploom.memoryPort(port).send(bytes, offload)).toBe(true);
  rig.taploom.poll(0, rig.now);
  rig.expectLaws();
  const answers = rig.received().get(port) ?? [];
  expect(answers.every(({ offload }) => offload === undefined)).toBe(true);
  return answers.map(({ bytes }) => bytes);
}

const hex = (bytes: ArrayLike<number>) => Buffer.from(Uint8Array.from(bytes)).toString('hex');

describe('the answer', () => {
  test('IPv4: fragmentation needed, from the destination to the source, quoting 548 bytes', async () => {
    const rig = await home();
    const frame = big(4);
    const [answer] = send(rig, frame.bytes);
    expect(answer).toHaveLength(14 + 576);
    expect(hex(answer.subarray(0, 14))).toBe('0200000000010200000000020800');
    const ip = answer.subarray(14, 34);
    expect(hex([...ip.subarray(0, 10), ...ip.subarray(12)])).toBe(
      '45c00240000040004001' + '0a000002' + '0a000001',
    );
    expect(sumWords(ip)).toBe(0xffff);
    const icmp = answer.subarray(34);
    expect(hex([...icmp.subarray(0, 2), ...icmp.subarray(4, 8)])).toBe('0304' + '000005aa');
    expect(sumWords(icmp)).toBe(0xffff);
    expect(hex(icmp.subarray(8))).toBe(hex(frame.bytes.subarray(14, 14 + 548)));
  });

  test('IPv6: packet too big, from the destination to the source, quoting 1,232 bytes', async () => {
    const rig = await home();
    const frame = big(6);
    const [answer] = send(rig, frame.bytes);
    expect(answer).toHaveLength(14 + 1280);
    expect(hex(answer.subarray(0, 14))).toBe('02000000000102000000000286dd');
    const ip = answer.subarray(14, 54);
    expect(hex(ip.subarray(0, 8))).toBe('6c00000004d83a40');
    expect(hex(ip.subarray(8, 24))).toBe(hex(frame.bytes.subarray(14 + 24, 14 + 40)));
    expect(hex(ip.subarray(24, 40))).toBe(hex(frame.bytes.subarray(14 + 8, 14 + 24)));
    const icmp = answer.subarray(54);
    expect(hex([...icmp.subarray(0, 2), ...icmp.subarray(4, 8)])).toBe('0200' + '000005aa');
    expect(sumWords([...ip.subarray(8, 40), 0, 0, 0x04, 0xd8, 0, 0, 0, 58, ...icmp])).toBe(0xffff);
    expect(hex(icmp.subarray(8))).toBe(hex(frame.bytes.subarray(14, 14 + 1232)));
  });

  test('counts as a frame of the tunnel and as a copy for the sender', async () => {
    const rig = await home();
    send(rig, big(4).bytes);
    expect(rig.counters('vx')).toMatchObject({ generated: 1, forwarded: 1, receivedFrames: 0, copies: 1 });
    expect(rig.counters('vx').transmitDropped).toEqual({ too_big: 1 });
    expect(rig.counters('p1')).toMatchObject({ copies: 1, transmittedFrames: 1, transmittedBytes: 590 });
    expect(await rig.fdb()).toContainEqual(expect.stringContaining('02:00:00:00:00:01 p1'));
  });

  test('a packet that fits is sent and not answered', async () => {
    const rig = await home();
    expect(send(rig, big(4, { payload: payloadOf(MTU - 28) }).bytes)).toEqual([]);
    expect(rig.counters('vx')).toMatchObject({ generated: 0, transmittedFrames: 1 });
  });

  test('only its segments make a super-frame too big', async () => {
    const rig = await home();
    const tcp = (gsoSize: number) =>
      build({ version: 4, protocol: 'tcp', payload: payloadOf(9000), gsoSize });
    const offload = (gsoSize: number) => ({ gsoType: 1, gsoSize, csumStart: 34, csumOffset: 16 });
    expect(send(rig, tcp(1410).bytes, offload(1410))).toEqual([]);
    const [answer] = send(rig, tcp(1411).bytes, offload(1411));
    expect(hex(answer.subarray(34, 36))).toBe('0304');
    expect(hex(answer.subarray(40, 42))).toBe('05aa');
    expect(rig.counters('vx')).toMatchObject({ generated: 1, transmittedFrames: 1, transmittedSegments: 7 });
  });

  test('carries the tag that its port gives to the domain, and the priority of the frame', async () => {
    const rig = await openRig({
      br0: {
        vlan_filtering: true,
        static: [{ ...STATION, vlan: 10 }],
        ports: {
          p1: { vlan: { access: 10 } },
          up: { vlan: { trunk: [10] } },
          vx: tunnel({ vlan: { access: 10 } }),
        },
      },
    });
    const { bytes } = big(4);
    const tagged = Uint8Array.from([...bytes.subarray(0, 12), 0x81, 0, 0xa0, 10, ...bytes.subarray(12)]);
    const [answer] = send(rig, tagged, undefined, 'up');
    expect(hex(answer.subarray(12, 20))).toBe('8100a00a' + '080045c0');
    expect(sumWords(answer.subarray(38))).toBe(0xffff);
    const [plain] = send(rig, bytes);
    expect(hex(plain.subarray(12, 16))).toBe('080045c0');
  });

  test('repeats tags that a VLAN-unaware bridge leaves in the frame', async () => {
    const rig = await home();
    const [answer] = send(rig, big(4, { tags: [0x88a8_0064, 0x8100_2007] }).bytes);
    expect(hex(answer.subarray(12, 24))).toBe('88a80064' + '81002007' + '080045c0');
    expect(sumWords(answer.subarray(42))).toBe(0xffff);
  });

  test('to a flood comes once, however many remotes there are, and others have the frame', async () => {
    const rig = await home({ static: [], ports: { p1: {}, p2: { mtu: 1500 }, vx: tunnel() } });
    const { bytes } = big(4);
    expect(rig.taploom.memoryPort('p1').send(bytes)).toBe(true);
    rig.taploom.poll(0, rig.now);
    rig.expectLaws();
    expect(rig.counters('vx').transmitDropped).toEqual({ too_big: 3 });
    expect(rig.counters('vx').generated).toBe(1);
    const received = rig.received();
    expect(received.get('p1')).toHaveLength(1);
    expect(received.get('p2')).toEqual([{ bytes }]);
  });

  test('to the first fragment of a packet tells what fits, later ones are not answered', async () => {
    const rig = await home();
    const frame = big(6, { extensions: [[44, [0, 0, 0, 1, 0, 0, 0, 9]]], payload: payloadOf(MTU - 55) });
    expect(send(rig, frame.bytes)).toHaveLength(1);
    expect(send(rig, changed(frame, { 43: 9 }))).toEqual([]);
    const four = big(4);
    expect(send(rig, changed(four, { 6: 0x60 }))).toHaveLength(1);
    expect(send(rig, changed(four, { 6: 0x60, 7: 1 }))).toEqual([]);
  });
});

describe('no answer, only a count, goes to', () => {
  const icmp4 = (type: number) => changed(big(4), { 9: 1, 20: type });
  const icmp6 = (type: number) => changed(big(6), { 6: 58, 40: type });
  const group = (frame: OffloadFrame) => Uint8Array.from([1, 0, 94, 0, 0, 5, ...frame.bytes.subarray(6)]);
  const zeros = Object.fromEntries(Array.from({ length: 15 }, (_, k) => [8 + k, 0]));
  test.each<[string, () => Uint8Array]>([
    ['IPv4 without DF', () => changed(big(4), { 6: 0 })],
    ['an ICMP error', () => icmp4(3)],
    ['an ICMP redirect', () => icmp4(5)],
    ['an ICMP parameter problem', () => icmp4(12)],
    ['an ICMPv6 error', () => icmp6(1)],
    ['an ICMPv6 packet too big', () => icmp6(2)],
    ['an ICMPv6 redirect', () => icmp6(137)],
    ['a group MAC address', () => group(big(4))],
    ['a group MAC address over IPv6', () => group(big(6))],
    ['a multicast group', () => changed(big(4), { 16: 224 })],
    ['the broadcast address', () => changed(big(4), { 16: 255, 17: 255, 18: 255, 19: 255 })],
    ['a multicast group of IPv6', () => changed(big(6), { 24: 255 })],
    ['a sender without an address', () => changed(big(4), { 12: 0, 13: 0, 14: 0, 15: 0 })],
    ['a loopback sender', () => changed(big(4), { 12: 127 })],
    ['a multicast sender', () => changed(big(4), { 12: 239 })],
    ['a sender without an IPv6 address', () => changed(big(6), { ...zeros, 23: 0 })],
    ['an IPv6 loopback sender', () => changed(big(6), { ...zeros, 23: 1 })],
    ['an IPv6 multicast sender', () => changed(big(6), { 8: 255 })],
    ['a wrong IPv4 header checksum', () => changed(big(4), {}).with(14 + 10, 0x12)],
    ['an impossible header length', () => changed(big(4), { 0: 0x44 })],
    ['a length that the frame does not have', () => changed(big(4), { 2: 9 })],
    ['padding behind a short packet', () => big(4, { payload: payloadOf(100), padding: 1400 }).bytes],
    ['what is not IP', () => big(4).bytes.with(12, 0x88).with(13, 0xb5)],
    ['IPv6 in which no transport header is found', () => changed(big(6), { 6: 0, 41: 255 })],
  ])('%s', async (_, make) => {
    const rig = await home();
    expect(send(rig, make())).toEqual([]);
    expect(rig.counters('vx').generated).toBe(0);
    expect(rig.counters('vx').transmitDropped.too_big).toBeGreaterThan(0);
  });

  test('IPv6 where the tunnel carries less than every IPv6 link must', async () => {
    const rig = await home({ ports: { p1: { mtu: 1500 }, vx: tunnel({ mtu: 1279 }) } });
    expect(send(rig, big(6).bytes)).toEqual([]);
    expect(send(rig, big(4).bytes)).toHaveLength(1);
  });

  test('frames for other kinds of ports', async () => {
    const rig = await openRig({ br0: { ports: { p1: {}, p2: { mtu: MTU } } } });
    expect(send(rig, big(4).bytes)).toEqual([]);
    expect(rig.counters('p2').transmitDropped).toEqual({ too_big: 1 });
    expect(rig.counters('p2').generated).toBe(0);
  });
});

test('echo requests and answers are told like anything else', async () => {
  const rig = await home();
  expect(send(rig, changed(big(4), { 9: 1, 20: 8 }))).toHaveLength(1);
  expect(send(rig, changed(big(6), { 6: 58, 40: 129 }))).toHaveLength(1);
});

test('a port gets fifty answers at once and then one a millisecond, whatever others got', async () => {
  const rig = await home();
  const { bytes } = big(4);
  const burst = (port: string, frames: number) => {
    for (let n = 0; n < frames; n++) rig.taploom.memoryPort(port).send(bytes);
    for (let n = 0; n < Math.ceil(frames / 64); n++) rig.taploom.poll(0, rig.now);
    rig.expectLaws();
    return (rig.received().get(port) ?? []).length;
  };
  expect(burst('p1', 200)).toBe(50);
  expect(burst('p2', 60)).toBe(50);
  expect(burst('p1', 10)).toBe(0);
  rig.now += 3;
  expect(burst('p1', 64)).toBe(3);
  rig.now += 1000;
  expect(burst('p1', 200)).toBe(50);
  expect(rig.counters('vx').transmitDropped.too_big).toBe(200 + 60 + 10 + 64 + 200);
  expect(rig.counters('vx').generated).toBe(153);
});
