// The crossing matrix for guests: what one leaves undone, and another cannot take, the switch does. Each frame goes to all at
// once, by a flood.

import { expect, test } from 'vitest';
import type { FakeGuest } from '../../src/tester/guest/fake_guest.ts';
import type { FeatureName } from '../../src/tester/guest/negotiation.ts';
import { REQUEST } from '../../src/wire/vhost_user.ts';
import { finished } from '../engine/crossing_cases.ts';
import { build, type OffloadFrame, verifies } from '../engine/offload_frames.ts';
import { GuestWorld } from '../support/guest_world.ts';

const PLAIN: FeatureName[] = ['version1', 'mrgRxbuf', 'indirectDesc', 'eventIdx'];
const TSO: FeatureName[] = ['csum', 'hostTso4', 'hostTso6', 'guestCsum', 'guestTso4', 'guestTso6'];
const USO: FeatureName[] = ['hostUso', 'guestUso4', 'guestUso6'];

/** By name: its features, and which offloads it takes. */
const TAKERS: Record<string, { features: FeatureName[]; takes: readonly string[] }> = {
  uso: { features: [...PLAIN, ...TSO, ...USO], takes: ['checksum', 'tcp', 'udp'] },
  packed: { features: [...PLAIN, ...TSO, ...USO, 'ringPacked'], takes: ['checksum', 'tcp', 'udp'] },
  tso: { features: [...PLAIN, ...TSO], takes: ['checksum', 'tcp'] },
  csum: { features: [...PLAIN, 'csum', 'guestCsum'], takes: ['checksum'] },
  none: { features: PLAIN, takes: [] },
  legacy: { features: [], takes: [] },
};

const SHAPES = ([4, 6] as const).flatMap((version) =>
  (['tcp', 'udp'] as const).flatMap((protocol) =>
    [5000, 1000].map((bytes) => ({
      version,
      protocol,
      payload: Uint8Array.from({ length: bytes }, (_, n) => n * 13),
      gsoSize: 1000,
      ...{ flags: 0x18, seq: 7, id: 9 },
    })),
  ),
);

function headerOf(frame: OffloadFrame, isSuper: boolean) {
  const { gsoType, headerLength, csumStart, csumOffset } = frame;
  return {
    gsoType: isSuper ? gsoType : 0,
    gsoSize: isSuper ? frame.shape.gsoSize : 0,
    hdrLen: isSuper ? headerLength : 0,
    csumStart,
    csumOffset,
  };
}

test('a guest gets super-frames and partial checksums if it takes them, and else what a wire would carry', async () => {
  const world = await GuestWorld.open(
    Object.fromEntries(['sender', ...Object.keys(TAKERS)].map((name) => [name, {}])),
  );
  const sender = await world.plug('sender', { features: TAKERS.uso.features });
  const guests = new Map<string, FakeGuest>();
  for (const [name, { features }] of Object.entries(TAKERS))
    guests.set(name, await world.plug(name, { features }));
  for (const shape of SHAPES) {
    const frame = build(shape);
    const isSuper = shape.payload.length > shape.gsoSize;
    const header = headerOf(frame, isSuper);
    expect(sender.send(frame.bytes, { header })).toBe(true);
    for (const [name, guest] of guests) {
      const what = `IPv${shape.version} ${shape.protocol} ${shape.payload.length} to ${name}`;
      const { takes } = TAKERS[name];
      if (takes.includes(isSuper ? shape.protocol : 'checksum')) {
        const got = await world.heard(guest);
        expect(Buffer.from(got.bytes).equals(frame.bytes), what).toBe(true);
        expect(got.header, what).toMatchObject({ ...header, flags: 1 });
        continue;
      }
      for (const segment of isSuper ? finished(frame) : [undefined]) {
        const got = await world.heard(guest);
        expect(got.header, what).toMatchObject({ gsoType: 0, flags: 0 });
        expect(verifies(got.bytes, frame), what).toBe(true);
        if (segment) expect(Buffer.from(got.bytes).equals(Buffer.from(segment)), what).toBe(true);
      }
      expect(guest.receive(), what).toBe(undefined);
    }
  }
});

test('with offloads: false no guest is offered any', async () => {
  const world = await GuestWorld.open({ vm1: { offloads: false } });
  const guest = await world.plug('vm1', { features: TAKERS.uso.features });
  expect([...TSO, ...USO].filter((name) => guest.has(name))).toEqual([]);
  expect(world.port('vm1').offloads).toBe(0);
});

test('what has moved here is announced to the others', async () => {
  const world = await GuestWorld.open({ vm1: {}, vm2: {} });
  const [a, b] = [await world.plug('vm1', { protocol: ['rarp', 'replyAck'] }), await world.plug('vm2')];
  const told = a.backEnd.tell(REQUEST.sendRarp, Buffer.from('0200000000090000', 'hex'));
  const { bytes } = await world.heard(b);
  await told;
  const hex = Buffer.from(bytes).toString('hex');
  const mac = '020000000009';
  expect(hex.slice(0, 84)).toBe(`ffffffffffff${mac}80350001080006040003${mac}00000000${mac}00000000`);
  expect(world.taploom.fdb({ mac: '02:00:00:00:00:09' })).toBeDefined();
});
