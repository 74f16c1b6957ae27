// Multicast snooping and VLANs, as Open vSwitch tests it (mcast-snooping.at).

import { expect, test } from 'vitest';
import { queryFrame } from '../../src/wire/membership_frame.ts';
import { openRig, type Rig } from '../support/engine/rig.ts';
import { settle } from '../support/engine/turns.ts';
import { data, join } from '../support/membership_frames.ts';

const G = '239.1.1.1';
const TRUNK = { vlan: { trunk: [10, 20] } };

async function hear(rig: Rig, port: string, frame: Uint8Array): Promise<void> {
  rig.taploom.memoryPort(port).send(frame);
  await settle(rig);
}

/** The frame as it stands behind a tag. */
function tagged(frame: Uint8Array, vid: number): Uint8Array {
  return Uint8Array.of(...frame.subarray(0, 12), 0x81, 0, vid >> 8, vid & 0xff, ...frame.subarray(12));
}

const query = queryFrame(Uint8Array.of(2, 0, 0, 0, 0, 0xbb), '192.0.2.1', {
  kind: 'query',
  version: 3,
  sources: [],
  maxResponse: 1000,
  suppress: false,
  robustness: 2,
  interval: 125,
});

async function open(p1: Record<string, unknown> = { vlan: { access: 10 } }): Promise<Rig> {
  const rig = await openRig({
    br0: {
      vlan_filtering: true,
      multicast: { query_response_interval: 1, unknown: 'routers' },
      ports: { p1, p2: TRUNK, p3: TRUNK },
    },
  });
  await settle(rig);
  for (const vid of [10, 20]) await hear(rig, 'p2', tagged(query, vid));
  rig.now += 2_000;
  await settle(rig);
  rig.received();
  return rig;
}

const routers = (rig: Rig) =>
  rig.taploom
    .multicast()
    .vlans.flatMap(({ vlan, protocol, routers }) =>
      protocol === 'igmp' ? routers.map(({ port }) => `${vlan} ${port}`) : [],
    );

test('a trunk that leads to routers in two VLANs gets a frame once, in its VLAN', async () => {
  const rig = await open();
  expect(routers(rig)).toEqual(['10 p2', '20 p2']);
  rig.taploom.memoryPort('p1').send(data(G, '198.51.100.1'));
  rig.taploom.poll(0, rig.now);
  const got = [...rig.received()].map(([port, frames]) => [port, frames.map(({ bytes }) => bytes)] as const);
  expect(got.map(([port, frames]) => [port, frames.length])).toEqual([
    ['p1', 0],
    ['p2', 1],
    ['p3', 0],
  ]);
  expect([...got[1][1][0].subarray(12, 16)]).toEqual([0x81, 0, 0, 10]);
});

test('a port that changes its VLAN takes its groups and its router along', async () => {
  const rig = await open(TRUNK);
  for (const vid of [10, 20]) await hear(rig, 'p1', tagged(join(G), vid));
  const groups = () => rig.taploom.multicast().entries.map(({ vlan, port }) => `${vlan} ${port}`);
  expect(groups()).toEqual(['10 p1', '20 p1']);
  await rig.change((config) => {
    config.bridges.br0.ports.p2.vlan = { access: 20 };
  });
  await settle(rig);
  expect(routers(rig)).toEqual(['20 p2']);
  await rig.change((config) => {
    config.bridges.br0.ports.p1.vlan = { access: 10 };
  });
  await settle(rig);
  expect(groups()).toEqual(['10 p1']);
});
