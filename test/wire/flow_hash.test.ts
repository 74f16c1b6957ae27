import { expect, test } from 'vitest';
import { flowHash, LAYERS, layeredHash } from '../../src/wire/flow_hash.ts';
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

/** Of a frame with its tags, if it has any. */
function deep(bytes: Uint8Array, layers: number, vid = 0, length = bytes.length): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return layeredHash(view, 0, 12, length, vid, layers);
}

/** With tags between MACs and EtherType. */
function tagged(bytes: Uint8Array, ...tags: number[][]): Uint8Array {
  return Uint8Array.from([...bytes.subarray(0, 12), ...tags.flat(), ...bytes.subarray(12)]);
}

const TAG = [0x81, 0x00, 0x00, 0x0a];
const S_TAG = [0x88, 0xa8, 0x00, 0x14];

test.each(kinds)('by layer 4 a flow hashes alike behind tags, and both ways: %o', (shape) => {
  const there = frame(shape);
  const plain = deep(there.bytes, LAYERS.l4);
  expect(plain).toBe(hash(there.bytes));
  expect(deep(back(there), LAYERS.l4)).toBe(plain);
  expect(deep(tagged(there.bytes, TAG), LAYERS.l4)).toBe(plain);
  expect(deep(tagged(there.bytes, S_TAG, TAG), LAYERS.l4)).toBe(plain);
});

test.each(kinds)(
  'by layer 3 ports do not matter, and addresses do; by layer 2 only MACs and the VLAN: %o',
  (shape) => {
    const there = frame(shape);
    const other = Uint8Array.from(there.bytes);
    other[there.l4 + 1] ^= 1;
    expect(deep(other, LAYERS.l3)).toBe(deep(there.bytes, LAYERS.l3));
    expect(deep(other, LAYERS.l4)).not.toBe(deep(there.bytes, LAYERS.l4));
    other[there.l4 - 1] ^= 1;
    if (shape.ipOptions === undefined) expect(deep(other, LAYERS.l3)).not.toBe(deep(there.bytes, LAYERS.l3));
    expect(deep(other, LAYERS.l2)).toBe(deep(there.bytes, LAYERS.l2));
    expect(deep(there.bytes, LAYERS.l2, 10)).not.toBe(deep(there.bytes, LAYERS.l2, 20));
    other[5] ^= 1;
    expect(deep(other, LAYERS.l2)).not.toBe(deep(there.bytes, LAYERS.l2));
  },
);

test('of a VXLAN datagram the flow inside counts', () => {
  const inner = frame({ protocol: 'tcp' });
  const around = (bytes: Uint8Array, port = 4789) => {
    const outer = frame({ payload: Uint8Array.from([8, 0, 0, 0, 0, 0, 42, 0, ...bytes]) });
    outer.bytes[outer.l4 + 2] = port >> 8;
    outer.bytes[outer.l4 + 3] = port & 0xff;
    return outer.bytes;
  };
  const other = Uint8Array.from(inner.bytes);
  other[inner.l4 + 1] ^= 1;
  expect(deep(around(inner.bytes), LAYERS.l4)).toBe(hash(inner.bytes));
  expect(deep(around(other), LAYERS.l4)).not.toBe(deep(around(inner.bytes), LAYERS.l4));
  expect(deep(around(other, 4790), LAYERS.l4)).toBe(deep(around(inner.bytes, 4790), LAYERS.l4));
  expect(deep(around(other), LAYERS.l3)).toBe(deep(around(inner.bytes), LAYERS.l3));
});

test('no bytes make it read beyond the frame', () => {
  const { bytes } = frame({ protocol: 'tcp' });
  for (const whole of [bytes, tagged(bytes, TAG), tagged(bytes, S_TAG, TAG)]) {
    for (let length = 14; length <= whole.length; length++) {
      // What lies behind the frame must not matter.
      const [cut, other] = [0, 0xff].map((fill) => Uint8Array.from(whole).fill(fill, length));
      for (const layers of Object.values(LAYERS)) {
        expect(deep(other, layers, 0, length)).toBe(deep(cut, layers, 0, length));
      }
    }
  }
});
