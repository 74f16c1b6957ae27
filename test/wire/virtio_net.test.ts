import { expect, test } from 'vitest';
import * as virtio from '../../src/wire/virtio_net.ts';
import { viewOf } from './frames.ts';

/** As the kernel gives a TSO frame on a little-endian host: NEEDS_CSUM, TCPV4 with ECN, 66, 1448, 34, 16, 0. */
const TSO = '01 81 42 00 a8 05 22 00 10 00 00 00';

test('every field of a header is read from its place in host byte order', () => {
  const { view } = viewOf(TSO);
  expect(virtio.flags(view, 0)).toBe(virtio.NEEDS_CSUM);
  expect(virtio.gsoType(view, 0)).toBe(virtio.GSO_TCPV4 | virtio.GSO_ECN);
  expect(virtio.hdrLen(view, 0)).toBe(66);
  expect(virtio.gsoSize(view, 0)).toBe(1448);
  expect(virtio.csumStart(view, 0)).toBe(34);
  expect(virtio.csumOffset(view, 0)).toBe(16);
});

test('a written header overwrites all 12 bytes and asks for a checksum only if there is one', () => {
  const { bytes, view } = viewOf('ff'.repeat(12));
  virtio.write(view, 0, virtio.GSO_TCPV4 | virtio.GSO_ECN, 1448, 66, 34, 16);
  expect(bytes).toEqual(viewOf(TSO).bytes);
  virtio.write(view, 0, virtio.GSO_NONE, 0, 0, 0, 0);
  expect([...bytes]).toEqual(new Array(12).fill(0));
});

test('the empty header is 12 zero bytes', () => {
  const { bytes, view } = viewOf(`${'ff'.repeat(12)} aa`);
  virtio.writeNone(view, 0);
  expect([...bytes]).toEqual([...new Array(12).fill(0), 0xaa]);
});

test('behind the first 12 bytes of a tunnel header are two offsets, and nothing else', () => {
  const { bytes, view } = viewOf('ff'.repeat(24));
  virtio.writeTunnel(view, 0, 34, 64);
  expect([...bytes]).toEqual([...new Array(12).fill(0xff), ...new Array(8).fill(0), 34, 0, 64, 0]);
});
