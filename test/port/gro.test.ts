// Trains of datagrams, made by the TypeScript segmenter, and what becomes of them on receipt. The oracle is the segmenter
// again: cut once more, what was joined must give the very bytes that came.

import fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import { checkOffload } from '../../src/engine/offload.ts';
import { Segmenter } from '../../src/engine/segment.ts';
import { COLUMN, FRAMES_PER_SLOT, FrameBatch, ROW } from '../../src/frame/frame_batch.ts';
import { DEST_VALUE, PORT_MASK } from '../../src/frame/hop.ts';
import { Burst, RX } from '../../src/sys/burst.ts';
import { Counters } from '../../src/table/counters.ts';
import { DROPS } from '../../src/table/drops.ts';
import { Remotes } from '../../src/table/remotes.ts';
import { addressWords } from '../../src/wire/ip_address.ts';
import { build, classified, payloadOf, type Shape, shapes, smallBatch } from '../engine/offload_frames.ts';
import { tunnelOver } from '../support/engine/tunnel.ts';

const PEER = '192.0.2.2';
const VNI = 42;
const HEADER = [8, 0, 0, 0, 0, 0, VNI, 0];

const batch = new FrameBatch(4, 200_000);
const options = {
  slots: batch.slots,
  stride: batch.slotAt(1) - batch.slotAt(0),
  headroom: 64,
  vnetHeader: 12,
};
const burst = new Burst(batch.bytes, { ...options, txCapacity: 1 });

function open() {
  const remotes = new Remotes(100, 20, 5);
  remotes.configure([{ row: 1, port: 3, address: addressWords(PEER) }], () => true);
  const { decapsulation, registry } = tunnelOver(burst, Counters.allocate(16, 2), remotes);
  decapsulation.mtu = new Uint32Array(16).fill(65_535);
  const port = {
    port: 3,
    vni: VNI,
    vtep: 0,
    family: 4 as const,
    dstPort: 4789,
    senders: [],
    udpSegment: true,
  };
  registry.add({ ...port, tos: 0, remoteLearning: true, maxRemotes: 10 });
  registry.add({ ...port, port: 4, vni: 43, tos: 0, remoteLearning: true, maxRemotes: 10 });
  return decapsulation;
}

/** The segments of a frame, whole. */
function cut(shape: Shape): Uint8Array[] {
  const scratch = smallBatch();
  classified(scratch, 0, build(shape), false);
  return segmentsOf(scratch, 0);
}

function segmentsOf(from: FrameBatch, row: number): Uint8Array[] {
  const segmenter = new Segmenter();
  expect(segmenter.begin(from, row)).toBeGreaterThan(0);
  const segments: Uint8Array[] = [];
  for (let n = segmenter.next(from, from.aux); n > 0; n = segmenter.next(from, from.aux)) {
    segments.push(Uint8Array.from(from.bytes.subarray(from.aux, from.aux + n)));
  }
  return segments;
}

interface Received {
  bytes: Uint8Array;
  row: number;
  gsoType: number;
  drop?: string;
}

/** One buffer of datagrams: `stride` bytes each, the last may be shorter. */
function receive(frames: Uint8Array[], { tos = 0, vnis = [VNI], stride = 0, from = PEER } = {}): Received[] {
  const datagrams = frames.map((frame, n) => {
    const header = Uint8Array.from(HEADER);
    header[6] = vnis[n % vnis.length];
    return Buffer.concat([header, frame]);
  });
  const train = Buffer.concat(datagrams);
  batch.clear();
  batch.bytes.set(train, batch.slotAt(0));
  burst.rx.fill(0);
  burst.rx.set(addressWords(from), RX.address);
  burst.rx[RX.tos] = tos;
  burst.rx[RX.train] = stride || datagrams[0].length;
  open().receive(batch, 0, train.length, 0);
  return Array.from({ length: batch.count }, (_, n) => {
    const row = n * ROW;
    const start = batch.rows[row + COLUMN.start];
    const dest = batch.rows[row + COLUMN.dest];
    return {
      row,
      bytes: Uint8Array.from(batch.bytes.subarray(start, start + batch.rows[row + COLUMN.length])),
      gsoType: batch.rows[row + COLUMN.gsoType],
      ...(dest === 0 ? {} : { drop: DROPS[dest & DEST_VALUE].name }),
    };
  });
}

/** What goes out again, whoever segments. */
function cutAgain(received: Received[]): Uint8Array[] {
  return received.flatMap(({ row, gsoType, bytes }) => {
    if (gsoType === 0) return [bytes];
    expect(checkOffload(batch, row)).toBe(true);
    batch.rows[row + COLUMN.rest] = batch.rows[row + COLUMN.start] + 12;
    return segmentsOf(batch, row);
  });
}

const ACK = 0x10;
const PSH = 0x08;
const TIMESTAMPS = [1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2];
const tcp = (more: Partial<Shape> = {}): Shape => ({
  version: 4,
  protocol: 'tcp',
  payload: payloadOf(10_500),
  gsoSize: 1000,
  flags: ACK,
  ...more,
});

describe.each([4, 6] as const)('TCP over IPv%i', (version) => {
  test('the segments of one frame become that frame again', () => {
    for (const tags of [[], [0x8100_2064]]) {
      const shape = tcp({
        version,
        tags,
        flags: ACK | PSH,
        tcpOptions: TIMESTAMPS,
      });
      const frame = build(shape);
      const segments = cut(shape);
      const received = receive(segments);
      expect(received).toHaveLength(1);
      expect(received[0].bytes).toEqual(frame.bytes);
      const columns = batch.rows.subarray(0, ROW);
      expect(columns[COLUMN.gsoType]).toBe(version === 4 ? 1 : 4);
      expect(columns[COLUMN.gsoSize]).toBe(1000);
      expect(columns[COLUMN.csumStart]).toBe(frame.l4);
      expect(columns[COLUMN.csumOffset]).toBe(16);
      expect(columns[COLUMN.ingress] & PORT_MASK).toBe(3);
      expect(cutAgain(received)).toEqual(segments);
    }
  });

  test('a segment with a wrong checksum goes on alone, as it is, and the others are joined around it', () => {
    for (const broken of [0, 1, 5, 9, 10]) {
      for (const at of [0, 3, 500]) {
        const segments = cut(tcp({ version }));
        segments[broken][build(tcp({ version })).headerLength - 20 + 4 + at] ^= 0x40; // sequence, or payload
        const isSequence = at < 4;
        const received = receive(segments);
        expect(cutAgain(received)).toEqual(segments);
        const alone = received.filter(({ gsoType }) => gsoType === 0).map(({ bytes }) => bytes);
        if (!isSequence) expect(alone).toContainEqual(segments[broken]);
        expect(received.length).toBeLessThanOrEqual(4);
      }
    }
  });

  test('however many checksums are wrong, headers are compared and payloads summed once', () => {
    const readsOf = (count: number) => {
      const segments = cut(tcp({ version, payload: payloadOf(100 * count), gsoSize: 100 }));
      for (let n = 1; n < count; n += 2) segments[n][segments[n].length - 1] ^= 1;
      const read = vi.spyOn(batch.view, 'getInt32');
      const join = vi.spyOn(burst, 'join');
      try {
        expect(receive(segments).map(({ bytes }) => bytes)).toEqual(segments);
        expect(join).toHaveBeenCalledTimes(count / 2);
        return read.mock.calls.length;
      } finally {
        read.mockRestore();
        join.mockRestore();
      }
    };
    expect(readsOf(64)).toBeLessThan(2.2 * readsOf(32));
  });

  test('whatever header field differs, frames stay apart; so do tags, VNIs and what is out of order', () => {
    const { l3, l4 } = build(tcp({ version }));
    // Offset and bit, and of what; checksums are made right again.
    const fields: [string, number, number][] = [
      ['destination MAC', 5, 1],
      ['source MAC', 11, 1],
      ['traffic class', l3 + 1, version === 4 ? 0x04 : 0x40],
      ...(version === 4
        ? ([
            ['identification', l3 + 5, 0x40],
            ['DF', l3 + 6, 0x40],
            ['TTL', l3 + 8, 1],
          ] as [string, number, number][])
        : ([
            ['flow label', l3 + 3, 1],
            ['hop limit', l3 + 7, 1],
          ] as [string, number, number][])),
      ['source address', l3 + (version === 4 ? 15 : 23), 1],
      ['destination address', l3 + (version === 4 ? 19 : 39), 1],
      ['source port', l4 + 1, 1],
      ['destination port', l4 + 3, 1],
      ['sequence', l4 + 7, 1],
      ['acknowledgment', l4 + 11, 1],
      ['a reserved flag', l4 + 12, 1],
      ['FIN', l4 + 13, 1],
      ['SYN', l4 + 13, 2],
      ['RST', l4 + 13, 4],
      ['no ACK', l4 + 13, 0x10],
      ['URG', l4 + 13, 0x20],
      ['ECE', l4 + 13, 0x40],
      ['CWR', l4 + 13, 0x80],
      ['window', l4 + 15, 1],
      ['urgent pointer', l4 + 19, 1],
      ['timestamp', l4 + 27, 1],
    ];
    for (const [name, at, bit] of fields) {
      const [a, b, c] = cut(tcp({ version, payload: payloadOf(3000), tcpOptions: TIMESTAMPS }));
      b[at] ^= bit;
      repair(b, l3, l4, version);
      const received = receive([a, b, c]);
      expect(
        received.map(({ bytes }) => bytes),
        name,
      ).toEqual([a, b, c]);
    }
    const [a, b, c] = cut(tcp({ version, payload: payloadOf(3000) }));
    expect(receive([b, a, c])).toHaveLength(3);
    expect(receive([a, a, b])).toHaveLength(2);
    expect(receive([a, c])).toHaveLength(2);
    expect(
      receive([a, b, c], { vnis: [42, 43] }).map(({ row }) => batch.rows[row + COLUMN.ingress] & PORT_MASK),
    ).toEqual([3, 4, 3]);
    expect(receive([a, b, c])).toHaveLength(1);
  });

  test('PSH ends a frame, and so does a segment that is shorter', () => {
    const first = cut(tcp({ version, payload: payloadOf(3000), flags: ACK | PSH }));
    const second = cut(tcp({ version, payload: payloadOf(2500), seq: 3001, id: 4 }));
    expect(
      receive([...first, ...second]).map(({ bytes }) => bytes.length - build(tcp({ version })).headerLength),
    ).toEqual([3000, 2500]);
    // A shorter one in the middle of a train is padded by nobody: it cannot be told from a damaged one.
    const short = Buffer.concat([second[2], new Uint8Array(500)]);
    const received = receive([second[0], second[1], short, ...first.slice(0, 1)]);
    expect(received.map(({ bytes }) => bytes.length)).toEqual([
      build(tcp({ version, payload: payloadOf(2000) })).bytes.length,
      short.length,
      first[0].length,
    ]);
  });

  test('a frame of headers alone, or with nothing to join, is left as it is', () => {
    const one = build(tcp({ version, payload: payloadOf(400), finished: true })).bytes;
    const ack = build(tcp({ version, payload: payloadOf(0), finished: true })).bytes;
    expect(receive([one]).map(({ bytes }) => bytes)).toEqual([one]);
    const received = receive([ack, ack, ack]);
    expect(received.map(({ bytes }) => bytes)).toEqual([ack, ack, ack]);
    expect(received.every(({ gsoType }) => gsoType === 0)).toBe(true);
  });
});

/** Makes checksums right after a header field was changed. */
function repair(bytes: Uint8Array, l3: number, l4: number, version: 4 | 6): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const sum = (from: number, to: number, start = 0) => {
    let total = start;
    for (let at = from; at < to; at++) total += at % 2 === from % 2 ? bytes[at] << 8 : bytes[at];
    while (total > 0xffff) total = (total & 0xffff) + (total >>> 16);
    return total;
  };
  if (version === 4) {
    view.setUint16(l3 + 10, 0);
    view.setUint16(l3 + 10, ~sum(l3, l4));
  }
  view.setUint16(l4 + 16, 0);
  const addresses = version === 4 ? sum(l3 + 12, l3 + 20) : sum(l3 + 8, l3 + 40);
  view.setUint16(l4 + 16, ~sum(l4, bytes.length, addresses + 6 + bytes.length - l4));
}

test('an identification that stays the same is joined with DF only', () => {
  const segments = (df: boolean) =>
    cut(tcp({ payload: payloadOf(3000) })).map((bytes) => {
      bytes.set([0, 0, df ? 0x40 : 0], 18);
      repair(bytes, 14, 34, 4);
      return bytes;
    });
  expect(receive(segments(true))).toHaveLength(1);
  expect(receive(segments(false))).toHaveLength(3);
});

test('IPv4 with options, fragments and UDP are not joined', () => {
  const options = cut(tcp({ payload: payloadOf(3000), ipOptions: [1, 1, 1, 1] }));
  expect(receive(options)).toHaveLength(3);
  const udp = cut(tcp({ payload: payloadOf(3000), protocol: 'udp' }));
  expect(receive(udp)).toHaveLength(3);
  const fragments = cut(tcp({ payload: payloadOf(3000) })).map((bytes) => {
    bytes.set([0x20, 0], 20);
    repair(bytes, 14, 34, 4);
    return bytes;
  });
  expect(receive(fragments)).toHaveLength(3);
});

test('whatever was segmented, cut and joined again it is the same', () => {
  fc.assert(
    fc.property(fc.array(shapes, { minLength: 1, maxLength: 3 }), fc.nat(20), fc.nat(3), (all, swap, tos) => {
      const segments = all.flatMap((shape) => cut(shape));
      // Only what has the first one's length can be in one train, but for the last.
      const train = segments.filter(({ length }) => length === segments[0].length).slice(0, 100);
      if (train.length > 2) train.push(...train.splice(swap % train.length, 1));
      const received = receive(train, { tos: tos === 3 ? 0 : tos });
      if (tos === 0) expect(cutAgain(received)).toEqual(train);
      else expect(received.length).toBeGreaterThan(0);
    }),
    { numRuns: 150 },
  );
});

test('congestion marks are merged into every segment before they are compared', () => {
  const segments = cut(tcp({ payload: payloadOf(3000) })); // ECT(0) inside
  const [received] = receive(segments, { tos: 3 });
  expect(received.gsoType).toBe(1);
  expect(received.bytes[15] & 3).toBe(3);
  expect(cutAgain([received]).every((bytes) => (bytes[15] & 3) === 3)).toBe(true);
});

describe('a hostile train', () => {
  test('of tiny datagrams makes no more rows than a slot has, and each is counted', () => {
    const tiny = Array.from({ length: 60_000 }, () => Uint8Array.of(7));
    for (const stride of [1, 2, 9, 22]) {
      const received = receive(tiny.slice(0, 6000), { stride });
      expect(received).toHaveLength(FRAMES_PER_SLOT);
      expect(received[FRAMES_PER_SLOT - 1].drop).toBe('truncated');
    }
  });

  test('of 128 datagrams is taken whole', () => {
    const received = receive(cut(tcp({ payload: payloadOf(128 * 100), gsoSize: 100 })));
    expect(received).toHaveLength(1);
    expect(received[0].drop).toBeUndefined();
  });

  test('of anything else reaches nobody else: no throw, no byte behind the train', () => {
    fc.assert(
      fc.property(
        fc.array(fc.uint8Array({ maxLength: 120 }), { minLength: 1, maxLength: 30 }),
        fc.integer({ min: 1, max: 200 }),
        shapes,
        fc.nat(),
        fc.nat(255),
        (garbage, stride, shape, at, value) => {
          const segments = cut(shape).slice(0, 50);
          const damaged = segments[at % segments.length];
          damaged[at % Math.min(80, damaged.length)] = value;
          for (const [frames, size] of [
            [garbage, stride],
            [segments, 0],
          ] as const) {
            const end = batch.slotAt(0) + frames.reduce((sum, { length }) => sum + length + 8, 0);
            batch.bytes.fill(0xee, end, end + 64);
            receive([...frames], { stride: size });
            for (let row = 0; row < batch.count * ROW; row += ROW) {
              const start = batch.rows[row + COLUMN.start];
              expect(start + batch.rows[row + COLUMN.length]).toBeLessThanOrEqual(Math.max(end, start));
            }
            expect(batch.bytes.subarray(end, end + 64).every((byte) => byte === 0xee)).toBe(true);
          }
        },
      ),
      { numRuns: 200 },
    );
  });
});
