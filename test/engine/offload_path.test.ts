// Frames with offload requests on their way through the whole switch: the request moves with the tag, and is done in
// software where the egress port does not take it.

import { expect, test } from 'vitest';
import type { Offload, ReceivedFrame } from '../../src/port/memory.ts';
import { openRig, type Rig } from '../support/engine/rig.ts';
import { build, type OffloadFrame, payloadOf, type Shape, verifies } from './offload_frames.ts';

const TAG = [0x81, 0x00, 0x60, 0x0a]; // VLAN 10, PCP 3

const big = (shape: Partial<Shape> = {}) =>
  build({ version: 4, protocol: 'tcp', payload: payloadOf(4000), gsoSize: 1428, ...shape });

function offloadOf(frame: OffloadFrame, shift = 0): Offload {
  const { gsoType, csumStart, csumOffset, shape } = frame;
  const start = csumStart === 0 ? 0 : csumStart + shift;
  return gsoType === 0 || shape.gsoSize === 0
    ? { csumStart: start, csumOffset }
    : { gsoType, gsoSize: shape.gsoSize, csumStart: start, csumOffset };
}

function tagged(bytes: Uint8Array): Uint8Array {
  return Uint8Array.from([...bytes.subarray(0, 12), ...TAG, ...bytes.subarray(12)]);
}

function untagged(bytes: Uint8Array): Uint8Array {
  return Uint8Array.from([...bytes.subarray(0, 12), ...bytes.subarray(16)]);
}

function pass(rig: Rig, port: string, bytes: Uint8Array, offload?: Offload): Map<string, ReceivedFrame[]> {
  expect(rig.taploom.memoryPort(port).send(bytes, offload)).toBe(true);
  rig.taploom.poll(0, rig.now);
  rig.expectLaws();
  return rig.received();
}

const one = (frames: ReceivedFrame[] | undefined) => {
  expect(frames).toHaveLength(1);
  return (frames as ReceivedFrame[])[0];
};

const office = () =>
  openRig({
    br0: {
      vlan_filtering: true,
      ports: {
        in: { vlan: { access: 10 } },
        out: { vlan: { access: 10 } },
        up: { vlan: { trunk: [10] } },
        plain: { vlan: { access: 10 }, offloads: false },
        plainup: { vlan: { trunk: [10] }, offloads: false },
      },
    },
  });

const kinds: [string, Partial<Shape>][] = [
  ['TCP over IPv4', {}],
  ['TCP over IPv6', { version: 6 }],
  ['UDP over IPv4', { protocol: 'udp' }],
  ['UDP over IPv6', { version: 6, protocol: 'udp' }],
];

test.each(kinds)(
  '%s: a super-frame leaves untouched, and csum_start moves with the tag',
  async (_, shape) => {
    const rig = await office();
    const frame = big(shape);
    const received = pass(rig, 'in', frame.bytes, offloadOf(frame));
    expect(one(received.get('out'))).toEqual({ bytes: frame.bytes, offload: offloadOf(frame) });
    const { bytes, offload } = one(received.get('up'));
    expect(offload).toEqual(offloadOf(frame, 4));
    expect(bytes.subarray(12, 16)).toEqual(Uint8Array.of(0x81, 0, 0, 10));
    expect(untagged(bytes)).toEqual(frame.bytes);
  },
);

test.each(kinds)('%s: a tagged super-frame leaves untagged with csum_start moved back', async (_, shape) => {
  const rig = await office();
  const frame = big(shape);
  const received = pass(rig, 'up', tagged(frame.bytes), offloadOf(frame, 4));
  for (const port of ['in', 'out']) {
    expect(one(received.get(port))).toEqual({ bytes: frame.bytes, offload: offloadOf(frame) });
  }
});

test.each(kinds)('%s: a port without offloads gets segments with complete checksums', async (_, shape) => {
  const rig = await office();
  const frame = big(shape);
  for (const [port, bytes, shift] of [
    ['in', frame.bytes, 0],
    ['up', tagged(frame.bytes), 4],
  ] as const) {
    const received = pass(rig, port, bytes, offloadOf(frame, shift));
    const segments = received.get('plain') as ReceivedFrame[];
    expect(segments).toHaveLength(3);
    expect(segments.every((one) => one.offload === undefined && verifies(one.bytes, frame))).toBe(true);
    const payload = segments.flatMap(({ bytes }) => [...bytes.subarray(frame.headerLength)]);
    expect(Uint8Array.from(payload)).toEqual(frame.shape.payload);
    const tags = received.get('plainup') as ReceivedFrame[];
    expect(tags).toHaveLength(3);
    expect(tags.map(({ bytes }) => untagged(bytes))).toEqual(segments.map(({ bytes }) => bytes));
    expect(tags[0].bytes[14] >>> 5).toBe(port === 'up' ? 3 : 0);
  }
  expect(rig.counters('plain')).toMatchObject({ transmittedFrames: 2, transmittedSegments: 6, copies: 2 });
  expect(rig.counters('in')).toMatchObject({ receivedFrames: 1, receivedSegments: 3 });
});

test.each(kinds)(
  '%s: a partial checksum passes, or is completed for a port without offloads',
  async (_, shape) => {
    const rig = await office();
    const frame = big({ ...shape, payload: payloadOf(700), gsoSize: 0 });
    const offload = { csumStart: frame.csumStart, csumOffset: frame.csumOffset };
    const received = pass(rig, 'in', frame.bytes, offload);
    expect(one(received.get('out'))).toMatchObject({ bytes: frame.bytes, offload });
    const up = one(received.get('up'));
    expect(up.offload).toMatchObject({ csumStart: frame.csumStart + 4, csumOffset: frame.csumOffset });
    const plain = one(received.get('plain'));
    expect(plain.offload).toBeUndefined();
    expect(verifies(plain.bytes, frame)).toBe(true);
    expect(verifies(untagged(one(received.get('plainup')).bytes), frame)).toBe(true);
  },
);

test('a TCP super-frame with a finished checksum keeps its segment size', async () => {
  const rig = await office();
  const frame = big({ finished: true });
  const received = pass(rig, 'in', frame.bytes, offloadOf(frame));
  expect(one(received.get('out')).offload).toMatchObject({ gsoType: 1, gsoSize: 1428, csumStart: 0 });
  expect(one(received.get('up')).offload).toMatchObject({ gsoType: 1, gsoSize: 1428, csumStart: 0 });
  expect(received.get('plain')).toHaveLength(3);
});

test('a VLAN-unaware bridge leaves tags and their offsets alone', async () => {
  const rig = await openRig({ br0: { ports: { p1: {}, p2: {}, p3: { offloads: false } } } });
  const frame = big();
  const received = pass(rig, 'p1', tagged(frame.bytes), offloadOf(frame, 4));
  expect(one(received.get('p2'))).toEqual({ bytes: tagged(frame.bytes), offload: offloadOf(frame, 4) });
  const segments = received.get('p3') as ReceivedFrame[];
  expect(segments).toHaveLength(3);
  expect(segments.every(({ bytes }) => verifies(untagged(bytes), frame))).toBe(true);
});

test('the MTU limits the segments of a super-frame, not its length', async () => {
  const rig = await openRig({
    br0: {
      ports: { p1: {}, p2: {}, p3: { mtu: 1467 }, p4: { mtu: 1468 }, p5: { mtu: 1467, offloads: false } },
    },
  });
  const frame = big(); // 20 + 20 + 1428 = 1468
  const received = pass(rig, 'p1', frame.bytes, offloadOf(frame));
  expect([...received].map(([port, frames]) => [port, frames.length])).toEqual([
    ['p1', 0],
    ['p2', 1],
    ['p3', 0],
    ['p4', 1],
    ['p5', 0],
  ]);
  expect(rig.counters('p3').transmitDropped).toEqual({ too_big: 1 });
  expect(rig.counters('p5').transmitDropped).toEqual({ too_big: 1 });
});

test('tags count against no MTU, in the frame or stripped from a super-frame', async () => {
  const trunk = { vlan: { trunk: [10] } };
  const rig = await openRig({
    br0: {
      vlan_filtering: true,
      ports: { p1: trunk, p2: { ...trunk, mtu: 1468 }, p3: { ...trunk, mtu: 1467 } },
    },
    br1: { ports: { q1: {}, q2: { mtu: 1468 }, q3: { mtu: 1467 } } },
  });
  const frame = big();
  const twice = tagged(tagged(frame.bytes));
  for (const [port, bytes, shift] of [
    ['p1', tagged(frame.bytes), 4],
    ['p1', twice, 8],
    ['q1', tagged(frame.bytes), 4],
    ['q1', twice, 8],
  ] as const) {
    const received = pass(rig, port, bytes, offloadOf(frame, shift));
    const others = [...received].filter(([name]) => name[0] === port[0]).map(([, frames]) => frames.length);
    expect(others).toEqual([0, 1, 0]);
  }
});

test('a request that contradicts its frame is dropped before anybody hears of its source', async () => {
  const rig = await openRig({ br0: { ports: { p1: {}, p2: {} } } });
  const frame = big();
  const good = offloadOf(frame);
  for (const bad of [
    { ...good, gsoSize: 0 },
    { ...good, gsoType: 4 },
    { ...good, gsoType: 5 },
    { ...good, gsoType: 99 },
    { ...good, csumStart: good.csumStart + 1 },
    { ...good, csumOffset: 6 },
    { csumStart: 4, csumOffset: 2 },
    { csumStart: 60_000, csumOffset: 16 },
  ]) {
    const received = pass(rig, 'p1', frame.bytes, bad);
    expect(received.get('p2')).toEqual([]);
  }
  expect(rig.counters('p1').receiveDropped).toEqual({ bad_offload: 8 });
  expect(await rig.fdb()).toEqual([]);
});

test.each([
  [1448, [6]],
  [36, [2, 2, 2]],
])(
  'six super-frames with segments of %i bytes are forwarded in as many polls as they may cost',
  async (gsoSize, polls) => {
    const rig = await openRig({ br0: { ports: { in: {}, out: {} } } });
    const frame = big({ payload: payloadOf(65_000), gsoSize });
    for (let n = 0; n < 6; n++) {
      expect(rig.taploom.memoryPort('in').send(frame.bytes, offloadOf(frame))).toBe(true);
    }
    for (const forwarded of polls) {
      rig.taploom.poll(0, rig.now);
      expect(rig.received().get('out')).toHaveLength(forwarded);
    }
    rig.expectLaws();
  },
);
