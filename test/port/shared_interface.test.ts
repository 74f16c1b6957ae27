// Several ports on one interface, each with VLANs of its own.
//
//   memory v10 --- br10 [a10] ---.
//   memory v20 --- br20 [a20] --- eth0 --- veth --- [peer0] far --- memory
//   memory v1  --- br1  [a1]  ---'

import { expect, onTestFinished, test } from 'vitest';
import { Switch } from '../../src/switch/switch.ts';
import { configOf, Rig } from '../support/engine/rig.ts';
import { openLab } from '../support/lab.ts';
import { needs } from '../support/needs.ts';
import { reaches } from '../support/traffic.ts';

needs('ping');

const S_TAG = 0x88a8_000a;

function frame(to: string, ...tags: number[]): Uint8Array {
  const tagBytes = tags.map((tag) => tag.toString(16).padStart(8, '0')).join('');
  return Uint8Array.from(
    Buffer.from(`${to}020000000099${tagBytes}88b5`.padEnd(120 + tagBytes.length, '0'), 'hex'),
  );
}
const BROADCAST = 'ffffffffffff';
const LLDP = '0180c200000e';

async function open() {
  const lab = await openLab();
  const netns = await lab.netns('share');
  await netns.withoutIpv6();
  await lab.veth(netns, 'eth0', netns, 'peer0');
  const attached = (interface_: string, vlan?: object) => ({
    type: 'af_packet',
    interface: interface_,
    netns: netns.name,
    ...(vlan && { vlan }),
  });
  const bridge = (port: string, vlan: object, memory: string, access: number) => ({
    vlan_filtering: true,
    ports: { [port]: attached('eth0', vlan), [memory]: { vlan: { access } } },
  });
  const all = {
    br10: bridge('a10', { trunk: [10] }, 'v10', 10),
    br20: bridge('a20', { trunk: [20] }, 'v20', 20),
    br1: bridge('a1', { trunk: [], native: 1 }, 'v1', 1),
    far: { group_fwd_mask: 1 << 14, ports: { peer: attached('peer0'), wire: {} } },
  };
  const taploom = await Switch.open(configOf(all), { threaded: false });
  onTestFinished(() => taploom.close());
  const rig = new Rig(taploom);
  function take(port: string): Uint8Array[] {
    for (let polls = 0; polls < 4; polls++) taploom.poll(0);
    const frames: Uint8Array[] = [];
    const memory = taploom.memoryPort(port);
    for (let one = memory.receive(); one !== undefined; one = memory.receive()) frames.push(one.bytes);
    return frames;
  }
  const send = (port: string, bytes: Uint8Array) => expect(taploom.memoryPort(port).send(bytes)).toBe(true);
  return { taploom, rig, all, take, send };
}

test('each sees its VLANs only, and one of them what has no tag', async () => {
  const { rig, take, send } = await open();
  for (const tags of [[], [0x8100_a000], [0x8100_000a], [0x8100_6014], [0x8100_001e], [S_TAG]])
    send('wire', frame(BROADCAST, ...tags));
  send('wire', frame(LLDP));
  const untagged = frame(BROADCAST);
  expect(take('v10')).toEqual([untagged]);
  expect(take('v20')).toEqual([untagged]);
  expect(take('v1')).toEqual([untagged, untagged, frame(BROADCAST, S_TAG)]);
  const received = (port: string) => rig.counters(port).receivedFrames;
  expect(['a10', 'a20', 'a1'].map(received)).toEqual([1, 1, 4]);

  for (const port of ['v10', 'v20', 'v1']) send(port, untagged);
  expect(take('wire')).toEqual([frame(BROADCAST, 0x8100_000a), frame(BROADCAST, 0x8100_0014), untagged]);
  rig.expectLaws();
});

test('what a port sees follows its configuration, and that of its neighbours', async () => {
  const { taploom, all, take, send } = await open();
  const { br1: _, ...others } = all;
  const moved = { ...all.br20.ports, a20: { ...all.br20.ports.a20, vlan: { trunk: [20, 30], native: 20 } } };
  await taploom.apply(configOf({ ...others, br20: { ...all.br20, ports: moved } }));
  for (const tags of [[], [0x8100_000a]]) send('wire', frame(BROADCAST, ...tags));
  expect(take('v20')).toEqual([frame(BROADCAST)]);
  expect(take('v10')).toEqual([frame(BROADCAST)]);
});

test('the host hears nothing there until the last of them is gone', async () => {
  const lab = await openLab();
  const [here, there] = await lab.netnsList(['share', 'far']);
  await lab.veth(here, 'eth0', there, 'peer0');
  await here.up('eth0', '10.0.0.1/24');
  await there.up('peer0', '10.0.0.2/24');
  const bridge = (vid: number) => ({
    vlan_filtering: true,
    ports: {
      [`a${vid}`]: { type: 'af_packet', interface: 'eth0', netns: here.name, vlan: { trunk: [vid] } },
    },
  });
  const taploom = await Switch.open(configOf({ br10: bridge(10), br20: bridge(20) }), { threaded: false });
  onTestFinished(() => taploom.close());
  const isHeard = () => reaches(there, '10.0.0.1', 1);
  expect(await isHeard()).toBe(false);
  await taploom.apply(configOf({ br20: bridge(20) }));
  expect(await isHeard()).toBe(false);
  await taploom.apply(configOf({}));
  expect(await reaches(there, '10.0.0.1')).toBe(true);
});
