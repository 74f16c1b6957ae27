// Super-frames and checksums between guests: what one leaves to the other is done for who does not take it.

import { afterAll, beforeAll, expect, test } from 'vitest';
import type { FakeGuest } from '../../src/tester/guest/fake_guest.ts';
import type { FeatureName } from '../../src/tester/guest/negotiation.ts';
import { build, payloadOf, type Shape, verifies } from '../../src/testing/offload_frame.ts';
import { LAYOUTS, VhostWorld } from '../support/vhost_world.ts';

const SENDER: FeatureName[] = ['version1', 'mrgRxbuf', 'csum', 'hostTso4', 'hostTso6', 'hostUso'];
const CSUM: FeatureName[] = ['version1', 'mrgRxbuf', 'guestCsum'];
const TAKERS: Record<string, FeatureName[]> = {
  nothing: ['version1', 'mrgRxbuf'],
  checksums: CSUM,
  everything: [...CSUM, 'guestTso4', 'guestTso6', 'guestUso4', 'guestUso6'],
};
const SHAPES: Record<string, Shape> = {
  'TCP over IPv4': { version: 4, protocol: 'tcp', payload: payloadOf(5000), gsoSize: 1400 },
  'TCP over IPv6': { version: 6, protocol: 'tcp', payload: payloadOf(40_000), gsoSize: 1400 },
  'UDP over IPv4': { version: 4, protocol: 'udp', payload: payloadOf(5000), gsoSize: 1400 },
};

let world: VhostWorld;
let sender: FakeGuest;

beforeAll(async () => {
  world = await VhostWorld.open(['a', 'b']);
  sender = await world.guest('a', { features: SENDER });
});

afterAll(() => world.close());

for (const [layout, ring] of Object.entries(LAYOUTS)) {
  for (const [takes, features] of Object.entries(TAKERS)) {
    test.each(Object.entries(SHAPES))(`${layout} ring, a guest that takes ${takes}: %s`, async (_, shape) => {
      using taker = await world.guest('b', { features: [...features, ...ring] });
      const frame = build(shape);
      const { bytes, gsoType, headerLength, csumStart, csumOffset } = frame;
      const header = { gsoType, gsoSize: shape.gsoSize, hdrLen: headerLength, csumStart, csumOffset };
      expect(sender.send(bytes, { header, piece: 3000 })).toBe(true);
      const isWhole = takes === 'everything';
      const count = isWhole ? 1 : Math.ceil(shape.payload.length / shape.gsoSize);
      const payload: Uint8Array[] = [];
      for (let n = 0; n < count; n++) {
        const got = await taker.next();
        if (got === undefined) throw new Error(`segment ${n} of ${count} did not come`);
        payload.push(got.bytes.subarray(headerLength));
        expect(got.header.gsoType).toBe(isWhole ? gsoType : 0);
        if (takes === 'nothing') expect(got.header.flags).toBe(0);
        const isLeft = got.header.csumStart !== 0;
        if (isLeft) expect(got.header.csumStart).toBe(csumStart);
        else expect(verifies(got.bytes, frame)).toBe(true);
      }
      expect(Buffer.concat(payload).equals(shape.payload)).toBe(true);
      expect(await taker.next(20)).toBeUndefined();
    });
  }
}
