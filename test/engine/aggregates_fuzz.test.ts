// Random frames through aggregates whose members come and go: nothing throws, both conservation laws hold after each poll,
// and no frame is there twice.

import { expect, test } from 'vitest';
import { Random } from '../support/engine/random.ts';
import { openRig, ports } from '../support/engine/rig.ts';
import { seedOf } from '../support/seed.ts';

const SECONDS = Number(process.env.FUZZ_SECONDS ?? 2);
const MEMBERS = ['m1', 'm2', 'm3'];

test('whatever comes in, an aggregate gives each frame to one member at most', {
  timeout: SECONDS * 3000 + 20_000,
}, async () => {
  const random = new Random(seedOf(process.env.FUZZ_SEED));
  const end = Date.now() + SECONDS * 1000;
  const aggregate = { type: 'aggregate', lacp: 'off', vlan: { trunk: [1, 2] } };
  const rig = await openRig({
    br0: { vlan_filtering: true, ports: { ...ports(2, { vlan: { trunk: [1, 2] } }), bond0: aggregate } },
  });
  while (Date.now() < end) {
    const { config } = rig.taploom;
    const members = Object.fromEntries(random.some(MEMBERS, 0.7).map((name) => [name, { type: 'memory' }]));
    const [mode, hash] = [random.pick(['balance', 'active_backup']), random.pick(['l2', 'l3', 'l4'])];
    const bond0 = { ...config.bridges.br0.ports.bond0, mode, hash, members };
    const br0 = { ...config.bridges.br0, ports: { ...config.bridges.br0.ports, bond0 } };
    const results = await rig.taploom.apply({ version: 1, bridges: { br0 } } as never);
    expect(results.filter(({ ok }) => !ok)).toEqual([]);
    for (let n = 0; n < 50; n++) {
      const from = random.pick(['p1', 'p2', ...Object.keys(members)]);
      rig.taploom.memoryPort(from).send(randomFrame(random));
      rig.taploom.poll(0, rig.now);
      rig.now += random.pick([0, 1, 2000]);
      rig.expectLaws();
      const received = rig.received();
      const copies = Object.keys(members).reduce((sum, name) => sum + (received.get(name)?.length ?? 0), 0);
      expect(copies).toBeLessThanOrEqual(from.startsWith('m') ? 0 : 1);
    }
  }
});

/** Of few stations, often with a tag or two, an IP header that may lie, or cut off anywhere. */
function randomFrame(random: Random): Uint8Array {
  const frame = new Uint8Array(random.between(14, 200)).map(() => random.next() & 0xff);
  const station = () => [0x02, 0, 0, 0, 0, random.between(1, 6)];
  const group = random.pick([
    [0x01, 0x80, 0xc2, 0, 0, random.between(0, 15)],
    [0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
  ]);
  frame.set(random.chance(0.3) ? group : station(), 0);
  frame.set(station(), 6);
  let at = 12;
  const put = (bytes: number[]) => {
    if (at + bytes.length <= frame.length) frame.set(bytes, at);
    at += bytes.length;
  };
  for (let tags = random.between(0, 3); tags > 0; tags--) put([0x81, 0, 0, random.between(1, 2)]);
  put(
    random.pick([
      [0x08, 0, 0x45],
      [0x08, 0, 0x4f],
      [0x86, 0xdd, 0x60],
      [0x88, 0x09, 1],
    ]),
  );
  return frame;
}
