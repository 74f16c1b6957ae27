import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  COMPLETE,
  completeChecksum,
  MAX_SEGMENTS,
  needs,
  PASS,
  SEGMENT,
  Segmenter,
} from '../../src/engine/segment.ts';
import { COLUMN, type FrameBatch } from '../../src/frame/frame_batch.ts';
import { OFFLOAD } from '../../src/wire/virtio_net.ts';
import {
  build,
  classified,
  type OffloadFrame,
  payloadOf,
  type Shape,
  shapes,
  smallBatch,
  verifies,
} from './offload_frames.ts';

const tcp4 = (more: Partial<Shape> = {}): Shape => ({
  version: 4,
  protocol: 'tcp',
  payload: payloadOf(3001),
  gsoSize: 1000,
  ...more,
});

/** All segments of the frame in slot 0, each written to the same odd place, or undefined if it was refused. */
function segment(batch: FrameBatch): Uint8Array[] | undefined {
  const segmenter = new Segmenter();
  const count = segmenter.begin(batch, 0);
  if (count < 0) {
    expect(segmenter.next(batch, batch.aux)).toBe(0);
    return undefined;
  }
  const at = batch.aux + 17;
  const segments: Uint8Array[] = [];
  for (;;) {
    const length = segmenter.next(batch, at);
    if (length === 0) break;
    expect(length).toBeLessThanOrEqual(segmenter.maxLength);
    segments.push(Uint8Array.from(batch.bytes.subarray(at, at + length)));
  }
  expect(segments.length).toBe(count);
  return segments;
}

function segmentShape(shape: Shape, stripped = false): { frame: OffloadFrame; segments?: Uint8Array[] } {
  const batch = smallBatch();
  const frame = build(shape);
  classified(batch, 0, frame, stripped);
  return { frame, segments: segment(batch) };
}

const word = (bytes: Uint8Array, at: number) => (bytes[at] << 8) | bytes[at + 1];
const long = (bytes: Uint8Array, at: number) => word(bytes, at) * 65_536 + word(bytes, at + 2);

describe('segments', () => {
  test('carry the payload once and in order, verify, and count on from the frame', () => {
    const batch = smallBatch();
    fc.assert(
      fc.property(shapes, fc.boolean(), (shape, stripped) => {
        const frame = build(shape);
        classified(batch, 0, frame, stripped);
        const before = Buffer.from(batch.bytes.subarray(0, batch.aux));
        const segments = segment(batch) ?? [];
        expect(batch.bytes.subarray(0, batch.aux).equals(before)).toBe(true);

        const payloads = segments.map((bytes) => bytes.subarray(frame.headerLength));
        expect(Buffer.concat(payloads).equals(Buffer.from(shape.payload))).toBe(true);
        expect(payloads.slice(0, -1).every((payload) => payload.length === shape.gsoSize)).toBe(true);
        for (const [n, bytes] of segments.entries()) {
          expect(verifies(bytes, frame)).toBe(true);
          expect(bytes.subarray(0, frame.l3)).toEqual(frame.bytes.subarray(0, frame.l3));
          if (shape.version === 4) expect(word(bytes, frame.l3 + 4)).toBe((shape.id! + n) & 0xffff);
          if (shape.protocol === 'tcp') {
            expect(long(bytes, frame.l4 + 4)).toBe((shape.seq! + n * shape.gsoSize) % 2 ** 32);
            expect(bytes.subarray(frame.l4 + 20, frame.headerLength)).toEqual(
              frame.bytes.subarray(frame.l4 + 20, frame.headerLength),
            );
          }
        }
      }),
      { numRuns: 200 },
    );
  });

  test('say FIN and PSH at the end, CWR at the beginning, and everything else each time', () => {
    const { frame, segments } = segmentShape(tcp4({ flags: 0xff }));
    expect(segments?.map((bytes) => bytes[frame.l4 + 13])).toEqual([0xf6, 0x76, 0x76, 0x7f]);
  });

  test('of a frame with padding do not contain the padding', () => {
    const { frame, segments } = segmentShape(tcp4({ payload: payloadOf(1500), padding: 7 }));
    expect(segments?.map((bytes) => bytes.length - frame.headerLength)).toEqual([1000, 500]);
  });

  test('take the final destination of a source-routed packet from the checksum field', () => {
    const finalDst = [...new Array(15).fill(0), 9];
    const routing: [number, number[]] = [43, [0, 2, 0, 1, 0, 0, 0, 0, ...finalDst]];
    const { frame, segments } = segmentShape({ ...tcp4(), version: 6, extensions: [routing], finalDst });
    expect(segments).toHaveLength(4);
    expect(segments?.every((bytes) => verifies(bytes, frame))).toBe(true);
  });

  test('of the largest frame come out whole', () => {
    const { frame, segments } = segmentShape(tcp4({ payload: payloadOf(65_535 - 40), gsoSize: 1448 }));
    expect(segments).toHaveLength(Math.ceil((65_535 - 40) / 1448));
    expect(segments?.every((bytes) => verifies(bytes, frame))).toBe(true);
  });

  test('are written to their place and to nowhere else', () => {
    const batch = smallBatch();
    classified(batch, 0, build(tcp4()), true);
    batch.bytes.fill(0xc3, batch.aux);
    const segmenter = new Segmenter();
    segmenter.begin(batch, 0);
    const length = segmenter.next(batch, batch.aux + 100);
    expect(length).toBe(segmenter.maxLength);
    const untouched = [
      ...batch.bytes.subarray(batch.aux, batch.aux + 100),
      ...batch.bytes.subarray(batch.aux + 100 + length),
    ];
    expect(untouched.every((byte) => byte === 0xc3)).toBe(true);
  });
});

describe('a frame is refused', () => {
  const cases: [string, Shape, (bytes: Uint8Array, frame: OffloadFrame) => void][] = [
    ['whose IPv4 total length exceeds it', tcp4(), (b, f) => b.set([0x7f, 0xff], f.l3 + 2)],
    ['whose IPv4 total length ends before the payload', tcp4(), (b, f) => b.set([0, 40], f.l3 + 2)],
    ['whose IPv4 header is shorter than 20 bytes', tcp4(), (b, f) => b.set([0x44], f.l3)],
    ['whose IP version is not that of its EtherType', tcp4(), (b, f) => b.set([0x65], f.l3)],
    ['that is a first fragment', tcp4(), (b, f) => b.set([0x20, 0], f.l3 + 6)],
    ['that is a later fragment', tcp4(), (b, f) => b.set([0, 9], f.l3 + 6)],
    ['whose protocol is another', tcp4(), (b, f) => b.set([17], f.l3 + 9)],
    ['whose TCP header is shorter than 20 bytes', tcp4(), (b, f) => b.set([0x40], f.l4 + 12)],
    ['whose IPv6 payload length exceeds it', { ...tcp4(), version: 6 }, (b, f) => b.set([0x7f, 0], f.l3 + 4)],
    ['whose UDP length is another', { ...tcp4(), protocol: 'udp' }, (b, f) => b.set([0, 9], f.l4 + 4)],
    ['whose EtherType is not IP', tcp4(), (b, f) => b.set([0x08, 0x06], f.l3 - 2)],
  ];
  test.each(cases)('%s', (_, shape, spoil) => {
    const batch = smallBatch();
    const frame = build(shape);
    spoil(frame.bytes, frame);
    classified(batch, 0, frame, false);
    expect(segment(batch)).toBeUndefined();
  });

  const columns: [string, (batch: FrameBatch) => void][] = [
    ['whose gso_size is 0', (batch) => batch.rows.fill(0, COLUMN.gsoSize, COLUMN.gsoSize + 1)],
    ['whose gso_type is UFO', (batch) => batch.rows.fill(3, COLUMN.gsoType, COLUMN.gsoType + 1)],
    [
      'whose gso_type is of the other IP version',
      (batch) => batch.rows.fill(4, COLUMN.gsoType, COLUMN.gsoType + 1),
    ],
    [
      'whose gso_type is of the other protocol',
      (batch) => batch.rows.fill(5, COLUMN.gsoType, COLUMN.gsoType + 1),
    ],
    [
      'whose csum_start is not at the TCP header',
      (batch) => batch.rows.fill(38, COLUMN.csumStart, COLUMN.csumStart + 1),
    ],
    [
      'whose csum_offset is not the checksum field',
      (batch) => batch.rows.fill(6, COLUMN.csumOffset, COLUMN.csumOffset + 1),
    ],
    ['whose headers are cut off', (batch) => batch.rows.fill(53, COLUMN.length, COLUMN.length + 1)],
    ['that makes too many segments', (batch) => batch.rows.fill(1, COLUMN.gsoSize, COLUMN.gsoSize + 1)],
  ];
  test.each(columns)('%s', (_, spoil) => {
    const batch = smallBatch();
    classified(batch, 0, build(tcp4()), false);
    spoil(batch);
    expect(segment(batch)).toBeUndefined();
  });

  test('only beyond the greatest number of segments', () => {
    const most = segmentShape(tcp4({ payload: payloadOf(MAX_SEGMENTS * 8), gsoSize: 8 }));
    expect(most.segments).toHaveLength(MAX_SEGMENTS);
    expect(
      segmentShape(tcp4({ payload: payloadOf(MAX_SEGMENTS * 8 + 1), gsoSize: 8 })).segments,
    ).toBeUndefined();
  });
});

describe('completing a checksum', () => {
  test('gives the whole frame, and one that verifies', () => {
    const batch = smallBatch();
    fc.assert(
      fc.property(shapes, fc.boolean(), (shape, stripped) => {
        const frame = { ...build({ ...shape, finished: false }), gsoType: 0 };
        classified(batch, 0, frame, stripped);
        const before = Buffer.from(batch.bytes.subarray(0, batch.aux));
        const at = batch.aux + 3;
        const length = completeChecksum(batch, 0, at);
        expect(length).toBe(frame.bytes.length);
        expect(batch.bytes.subarray(0, batch.aux).equals(before)).toBe(true);
        const bytes = Uint8Array.from(batch.bytes.subarray(at, at + length));
        expect(verifies(bytes, frame)).toBe(true);
        const field = frame.csumStart + frame.csumOffset;
        bytes.set(frame.bytes.subarray(field, field + 2), field);
        expect(Buffer.from(bytes).equals(frame.bytes)).toBe(true);
      }),
      { numRuns: 200 },
    );
  });

  test('writes a UDP checksum of zero as ffff', () => {
    const batch = smallBatch();
    const probe = { ...build({ ...tcp4(), protocol: 'udp', payload: Uint8Array.of(0, 0) }), gsoType: 0 };
    classified(batch, 0, probe, false);
    completeChecksum(batch, 0, batch.aux);
    const field = probe.csumStart + probe.csumOffset;
    const payload = batch.bytes.subarray(batch.aux + field, batch.aux + field + 2);
    const zero = { ...build({ ...tcp4(), protocol: 'udp', payload: Uint8Array.from(payload) }), gsoType: 0 };
    classified(batch, 0, zero, false);
    const length = completeChecksum(batch, 0, batch.aux);
    const bytes = Uint8Array.from(batch.bytes.subarray(batch.aux, batch.aux + length));
    expect(word(bytes, field)).toBe(0xffff);
    expect(verifies(bytes, zero)).toBe(true);
  });

  test('of another protocol sums from csum_start to the end', () => {
    const batch = smallBatch();
    const bytes = Uint8Array.from([...new Array(12).fill(2), 0x12, 0x34, 0x11, 0x11, 0, 0, 0x22, 0x22, 0x30]);
    const frame = { ...build(tcp4()), bytes, l3: 14, gsoType: 0, csumStart: 14, csumOffset: 2 };
    classified(batch, 0, frame, false);
    expect(completeChecksum(batch, 0, batch.aux)).toBe(21);
    expect(word(batch.bytes.subarray(batch.aux), 16)).toBe(~(0x1111 + 0x2222 + 0x3000) & 0xffff);
  });

  test('of a request within the padding sums to the end of the frame', () => {
    const batch = smallBatch();
    const built = build(tcp4({ payload: payloadOf(10), padding: 6 }));
    const csumStart = built.bytes.length - 4;
    classified(batch, 0, { ...built, gsoType: 0, csumStart, csumOffset: 0 }, false);
    completeChecksum(batch, 0, batch.aux);
    expect(word(batch.bytes.subarray(batch.aux), csumStart)).toBe(~(0x5a5a + 0x5a5a) & 0xffff);
  });

  test('that lies outside the frame or in its MAC header is refused', () => {
    const batch = smallBatch();
    const frame = { ...build(tcp4()), gsoType: 0 };
    const refused = (csumStart: number, csumOffset: number) => {
      classified(batch, 0, { ...frame, csumStart, csumOffset }, false);
      return completeChecksum(batch, 0, batch.aux) === -1;
    };
    expect(refused(13, 16)).toBe(true);
    expect(refused(34, frame.bytes.length - 34 - 1)).toBe(true);
    expect(refused(65_535, 65_535)).toBe(true);
    expect(refused(34, frame.bytes.length - 34 - 2)).toBe(false);
  });
});

test('a device gets a frame as it is only if it takes all that the frame asks for', () => {
  const batch = smallBatch();
  const { csum, tso4, tso6, ecn, uso } = OFFLOAD;
  const ask = (gsoType: number, csumStart: number, offloads: number) => {
    batch.rows[COLUMN.gsoType] = gsoType;
    batch.rows[COLUMN.csumStart] = csumStart;
    return needs(batch, 0, 0, offloads);
  };
  expect(ask(0, 0, 0)).toBe(PASS);
  expect(ask(0, 34, 0)).toBe(COMPLETE);
  expect(ask(0, 34, tso4)).toBe(COMPLETE);
  expect(ask(0, 34, csum)).toBe(PASS);
  expect(ask(1, 34, csum | tso6)).toBe(SEGMENT);
  expect(ask(1, 34, csum | tso4)).toBe(PASS);
  expect(ask(0x81, 34, csum | tso4)).toBe(SEGMENT);
  expect(ask(0x81, 34, csum | tso4 | ecn)).toBe(PASS);
  expect(ask(4, 54, csum | tso4)).toBe(SEGMENT);
  expect(ask(4, 54, csum | tso6)).toBe(PASS);
  expect(ask(5, 34, csum | tso4 | tso6 | ecn)).toBe(SEGMENT);
  expect(ask(5, 34, csum | uso)).toBe(PASS);
  expect(ask(3, 34, 0xff)).toBe(SEGMENT);
});

describe('scapy', () => {
  const python = '/usr/bin/python3';
  const missing = spawnSync(python, ['-c', 'import scapy.all']).status !== 0;

  test('builds the same segments and the same completed frames, byte by byte', ({ skip }) => {
    skip(missing, 'needs scapy (apt-get install python3-scapy)');
    const samples = fc.sample(shapes, { numRuns: 60, seed: 2024 });
    const frames = samples.flatMap((shape) => {
      const frame = build(shape);
      return [frame, { ...build({ ...shape, finished: false }), gsoType: 0 }];
    });
    const script = readFileSync(new URL('./segment_oracle.py', import.meta.url), 'utf8');
    const input = JSON.stringify(
      frames.map(({ bytes, gsoType, shape }) => ({
        frame: Buffer.from(bytes).toString('hex'),
        size: gsoType === 0 ? 0 : shape.gsoSize,
      })),
    );
    const output = execFileSync(python, ['-c', script], { input, maxBuffer: 1 << 26 });
    const expected = JSON.parse(output.toString()) as string[][];
    const batch = smallBatch();
    for (const [k, frame] of frames.entries()) {
      classified(batch, 0, frame, k % 3 === 0);
      if (frame.gsoType === 0) {
        const length = completeChecksum(batch, 0, batch.aux);
        expect(batch.bytes.toString('hex', batch.aux, batch.aux + length)).toBe(expected[k][0]);
      } else {
        expect(segment(batch)?.map((bytes) => Buffer.from(bytes).toString('hex'))).toEqual(expected[k]);
      }
    }
  }, 60_000);
});
