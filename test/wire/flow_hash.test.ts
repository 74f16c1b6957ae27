import { expect, test } from 'vitest';
import { flowHash } from '../../src/wire/flow_hash.ts';
import { build, payloadOf, type Shape } from '../engine/offload_frames.ts';

/** Of an untagged frame in one piece. */
function hash(bytes: Uint8Array, length = bytes.length): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return flowHash(view, 0, 12, length);
}

const frame = (shape: Partial<Shape> = {}) =>
  build({ version: 4, protocol: 'udp', payload: payloadOf(100), gsoSize: 0, ...shape });

/** The same frame on its way back. */
function back({ bytes, l4, shape }: ReturnType<typeof build>): Uint8Array {
  const answer = Uint8Array.from(bytes);
  const swap = (a: number, b: number, length: number) => {
    answer.set(bytes.subarray(a, a + length), b);
    answer.set(bytes.subarray(b, b + length), a);
  };
  swap(0, 6, 6);
  if (shape.version === 4) swap(26, 30, 4);
  else swap(22, 38, 16);
  swap(l4, l4 + 2, 2);
  return answer;
}

const kinds: Partial<Shape>[] = [
  { version: 4, protocol: 'udp' },
  { version: 4, protocol: 'tcp' },
  { version: 6, protocol: 'udp' },
  { version: 6, protocol: 'tcp' },
  { version: 4, protocol: 'tcp', ipOptions: [1, 1, 1, 1] },
];

test.each(kinds)('both directions of a flow hash alike: %o', (shape) => {
  const there = frame(shape);
  expect(hash(back(there))).toBe(hash(there.bytes));
});

test.each(kinds)('payload, sequence numbers and identification do not matter: %o', (shape) => {
  const first = frame(shape);
  const second = frame({ ...shape, payload: payloadOf(300, 9), seq: 77, id: 99 });
  expect(hash(second.bytes)).toBe(hash(first.bytes));
});

test.each(kinds)('another port is another flow: %o', (shape) => {
  const { bytes, l4 } = frame(shape);
  const before = hash(bytes);
  bytes[l4 + 1] ^= 1;
  expect(hash(bytes)).not.toBe(before);
});

test('all fragments of a packet hash alike, whatever their payload looks like', () => {
  const first = frame().bytes;
  first[20] = 0x20; // more fragments
  const later = frame({ payload: payloadOf(80, 3) }).bytes;
  later[20] = 0;
  later[21] = 100; // offset 800, no more
  later.set([9, 9, 9, 9], 34);
  expect(hash(later)).toBe(hash(first));
  expect(hash(first)).not.toBe(hash(frame().bytes));
});

test('frames without IP are told apart by their MACs', () => {
  const arp = Uint8Array.of(...[2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 6], ...new Array(28).fill(0));
  const reply = Uint8Array.from(arp);
  reply.set(arp.subarray(6, 12), 0);
  reply.set(arp.subarray(0, 6), 6);
  expect(hash(reply)).toBe(hash(arp));
  reply[11] = 9;
  expect(hash(reply)).not.toBe(hash(arp));
});

test('a frame cut short anywhere is hashed without looking beyond its end', () => {
  for (const shape of kinds) {
    const { bytes } = frame(shape);
    for (let length = 14; length <= bytes.length; length++) {
      const exact = Uint8Array.from(bytes.subarray(0, length));
      const longer = Uint8Array.from([...exact, ...new Array(64).fill(0xee)]);
      expect(hash(longer, length)).toBe(hash(exact));
    }
  }
});

test('flows spread over the senders', () => {
  const counts = new Array(16).fill(0);
  const { bytes, l4 } = frame();
  for (let port = 0; port < 1600; port++) {
    bytes[l4] = port >> 8;
    bytes[l4 + 1] = port;
    counts[hash(bytes) & 15]++;
  }
  expect(Math.min(...counts)).toBeGreaterThan(60);
  expect(Math.max(...counts)).toBeLessThan(150);
});
