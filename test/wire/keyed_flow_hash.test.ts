import { expect, test } from 'vitest';
import { halfSipHash } from '../../src/wire/half_sip_hash.ts';
import { KeyedFlowHash } from '../../src/wire/keyed_flow_hash.ts';
import { build, payloadOf, type Shape } from '../engine/offload_frames.ts';

const QUEUES = 1024;
const KEY = [0x0302_0100, 0x0706_0504] as const;

// Of the bytes 0, 1, ..., so many, by the key 0 to 7: lib/tests/siphash_kunit.c of Linux, where long has 32 bits.
test.each([
  [0, 0x5814_c896],
  [4, 0x7e05_9ea6],
  [8, 0x5779_99b1],
  [12, 0x6b28_096c],
  [16, 0x8b31_d501],
])('HalfSipHash-1-3 of %i bytes', (length, expected) => {
  const bytes = new DataView(Uint8Array.from({ length }, (_, n) => n).buffer);
  const words = Int32Array.from({ length: length / 4 }, (_, n) => bytes.getInt32(4 * n, true));
  expect(halfSipHash(words, words.length, ...KEY) >>> 0).toBe(expected);
});

function flow(key: readonly [number, number], bytes: Uint8Array): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return new KeyedFlowHash(...key).of(view, 0, 12, bytes.length);
}
const frame = (shape: Partial<Shape> = {}) =>
  build({ version: 4, protocol: 'udp', payload: payloadOf(100), gsoSize: 0, ...shape });

/** Frames of other flows that are the same to who only adds up addresses and ports. */
function* alike(version: 4 | 6): Generator<Uint8Array> {
  const { bytes, l4 } = frame({ version });
  const [from, to, length] = version === 4 ? [26, 30, 4] : [22, 38, 16];
  for (const at of [from, l4])
    for (let bit = 0; bit < 8; bit++) {
      const other = Uint8Array.from(bytes);
      const last = at === l4 ? 1 : length - 1;
      other[at + last] ^= 1 << bit;
      other[(at === l4 ? l4 + 2 : to) + last] ^= 1 << bit;
      yield other;
    }
}

test.each([4, 6] as const)('IPv%i: no two flows meet in one queue by every key', (version) => {
  const own = frame({ version }).bytes;
  for (const other of alike(version)) {
    let met = 0;
    for (let n = 0; n < 50; n++) {
      const key = [Math.imul(n + 1, 0x9e37_79b1), ~n] as const;
      if ((flow(key, own) & (QUEUES - 1)) === (flow(key, other) & (QUEUES - 1))) met++;
    }
    expect(met).toBeLessThan(4);
  }
});

test('a flow has one hash, whatever it carries; another protocol is another flow', () => {
  const one = flow(KEY, frame().bytes);
  expect(flow(KEY, frame({ payload: payloadOf(900) }).bytes)).toBe(one);
  expect(flow(KEY, frame({ protocol: 'tcp' }).bytes)).not.toBe(one);
  expect(flow([1, 2], frame().bytes)).not.toBe(one);
});

test('what is neither IPv4 nor IPv6 goes by MACs and EtherType, what is cut off harms nobody', () => {
  const arp = Uint8Array.from({ length: 60 }, (_, n) => n);
  arp.set([8, 6], 12);
  const other = Uint8Array.from(arp);
  other[11] ^= 1;
  expect(flow(KEY, other)).not.toBe(flow(KEY, arp));
  arp[40] ^= 1;
  other[11] ^= 1;
  expect(flow(KEY, arp)).toBe(flow(KEY, other));
  for (const version of [4, 6] as const) {
    const { bytes } = frame({ version });
    for (let length = 14; length < 80; length++) flow(KEY, bytes.slice(0, length));
  }
});
