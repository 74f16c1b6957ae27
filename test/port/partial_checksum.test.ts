import fc from 'fast-check';
import { expect, test } from 'vitest';
import { checkOffload } from '../../src/engine/offload.ts';
import { COLUMN, FrameBatch } from '../../src/frame/frame_batch.ts';
import { restoreOffload } from '../../src/port/partial_checksum.ts';
import { build, payloadOf, receive, type Shape, shapes } from '../engine/offload_frames.ts';

const MTU = 1450;
const batch = new FrameBatch(1, 1000);

/** The columns after a datagram with this frame in it, as it would come from a socket. */
function restore(shape: Shape, change: (bytes: Uint8Array) => void = () => {}) {
  const frame = build(shape);
  change(frame.bytes);
  receive(batch, 0, frame);
  batch.rows[COLUMN.gsoType] = 0;
  batch.rows[COLUMN.csumStart] = 0;
  batch.rows[COLUMN.csumOffset] = 0;
  restoreOffload(batch, 0, MTU);
  return {
    frame,
    gsoType: batch.rows[COLUMN.gsoType],
    csumStart: batch.rows[COLUMN.csumStart],
    csumOffset: batch.rows[COLUMN.csumOffset],
  };
}

test('a checksum that was left undone is asked for again', () => {
  fc.assert(
    fc.property(shapes, (shape) => {
      const short = { ...shape, payload: shape.payload.subarray(0, 1000), finished: false };
      const { frame, gsoType, csumStart, csumOffset } = restore(short);
      expect({ gsoType, csumStart, csumOffset }).toEqual({
        gsoType: 0,
        csumStart: frame.csumStart,
        csumOffset: frame.csumOffset,
      });
    }),
    { numRuns: 100 },
  );
});

test('a TCP super-frame is asked to be cut into segments that fit, and passes the check of requests', () => {
  for (const version of [4, 6] as const) {
    for (const tcpOptions of [[], new Array(40).fill(1)]) {
      const shape = { version, protocol: 'tcp', payload: payloadOf(9000), gsoSize: 0, tcpOptions } as const;
      const { frame, gsoType } = restore({ ...shape, tcpOptions: [...tcpOptions] });
      expect(gsoType).toBe(version === 4 ? 1 : 4);
      expect(checkOffload(batch, 0)).toBe(true);
      expect(batch.rows[COLUMN.headerLength]).toBe(frame.headerLength);
      expect(batch.rows[COLUMN.headerLength] + batch.rows[COLUMN.gsoSize] - 14).toBe(MTU);
    }
  }
});

test('finished checksums, damaged frames and frames of no checksum are left alone', () => {
  const tcp = { version: 4, protocol: 'tcp', payload: payloadOf(100), gsoSize: 0 } as const;
  expect(restore({ ...tcp, finished: true })).toMatchObject({ gsoType: 0, csumStart: 0 });
  const damaged = restore(tcp, (bytes) => {
    bytes[14 + 20 + 16] ^= 0x10;
  });
  expect(damaged).toMatchObject({ gsoType: 0, csumStart: 0 });
  const zero = restore({ ...tcp, protocol: 'udp' }, (bytes) => bytes.fill(0, 40, 42));
  expect(zero).toMatchObject({ gsoType: 0, csumStart: 0 });
});

test('fragments, other protocols and frames cut short are left alone', () => {
  const udp = { version: 4, protocol: 'udp', payload: payloadOf(100), gsoSize: 0 } as const;
  const fragment = restore(udp, (bytes) => {
    bytes[20] = 0x20;
  });
  expect(fragment).toMatchObject({ csumStart: 0 });
  const icmp = restore(udp, (bytes) => {
    bytes[23] = 1;
  });
  expect(icmp).toMatchObject({ csumStart: 0 });
  const frame = build(udp);
  for (let length = 0; length < 14 + 20 + 8; length++) {
    receive(batch, 0, frame);
    batch.rows[COLUMN.length] = length;
    batch.rows[COLUMN.gsoType] = 0;
    batch.rows[COLUMN.csumStart] = 0;
    restoreOffload(batch, 0, MTU);
    expect(batch.rows[COLUMN.csumStart]).toBe(0);
  }
});
