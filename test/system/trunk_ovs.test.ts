// A trunk with TCP at full offload, against an Open vSwitch whose userspace bridge has an access port for VLAN 10.
//
//   h1 --- strict --- TAP acc (access 10) --- taploomd --- TAP up0 (trunk 10,20) --- Open vSwitch --- TAP far (tag 10)
//
// A tag of 4 bytes comes and goes, and `csum_start` must move with it. A stale one is accepted everywhere, and does harm
// only where a checksum is computed: at a real NIC. Here a kernel bridge (`strict`) stands for one, whose way on, a veth,
// has its offloads off. With `csum_start` off by 4 the sum lands in the payload, and the receiver discards every segment.

import { expect, test } from 'vitest';
import { type Lab, openLab } from '../support/lab.ts';
import { expectLaws } from '../support/laws.ts';
import { needs } from '../support/needs.ts';
import type { Netns } from '../support/netns.ts';
import { OpenVSwitch } from '../support/open_vswitch.ts';
import { Taploomd } from '../support/taploomd.ts';
import { ping, reaches, tcp } from '../support/traffic.ts';

needs('ping', 'ethtool', 'ovs-vswitchd', 'ovsdb-server', 'ovs-vsctl', 'nstat');

/** Joins `device` with a veth to `beyond` that segments and completes checksums in software, as a NIC would. */
async function addStrictStage(
  lab: Lab,
  where: Netns,
  device: string,
  beyond: Netns,
  farName: string,
): Promise<void> {
  await lab.veth(where, 'strict', beyond, farName);
  await where.check(['ethtool', '-K', 'strict', 'tx', 'off', 'tso', 'off', 'gso', 'off']);
  await where.ip(
    'link add name kbr type bridge',
    `link set dev ${device} master kbr up`,
    'link set dev strict master kbr',
    'link set dev kbr up',
  );
}

async function expectVerifiedTraffic(
  h1: Netns,
  far: Netns,
  gateways: Netns[],
  minimumGbits: number,
): Promise<void> {
  expect(await reaches(h1, '10.0.0.2')).toBe(true);
  for (const address of ['10.0.0.2', 'fd00::2'])
    expect(await ping(h1, address)).toMatchObject({ received: 5 });
  for (const [from, to, address] of [
    [h1, far, '10.0.0.2'],
    [far, h1, '10.0.0.1'],
    [h1, far, 'fd00::2'],
    [far, h1, 'fd00::1'],
  ] as const) {
    expect((await tcp(from, to, address, 1.5)).gigabitsPerSecond).toBeGreaterThan(minimumGbits);
  }
  for (const netns of [h1, far, ...gateways]) expect(await netns.checksumErrors()).toBe(0);
}

test('TCP at full offload crosses a trunk to Open vSwitch with every byte and checksum right', async () => {
  const lab = await openLab();
  const [sw, gate, h1, far] = await lab.netnsList(['sw', 'gate', 'h1', 'far']);
  const ports = {
    acc: { type: 'tap', netns: gate.name, vlan: { access: 10 } },
    up0: { type: 'tap', netns: far.name, vlan: { trunk: [10, 20] } },
  };
  const daemon = await Taploomd.start(lab, sw, {
    version: 1,
    bridges: { br0: { vlan_filtering: true, ports } },
  });
  await addStrictStage(lab, gate, 'acc', h1, 'eth0');
  await h1.up('eth0', '10.0.0.1/24', 'fd00::1/64');

  const ovs = await OpenVSwitch.start(lab, far);
  await far.ip('link set dev up0 up');
  await ovs.vsctl('add-br', 'ovs', '--', 'set', 'bridge', 'ovs', 'datapath_type=netdev');
  await ovs.vsctl('add-port', 'ovs', 'up0', 'trunks=10,20');
  await ovs.vsctl('add-port', 'ovs', 'far', 'tag=10', '--', 'set', 'interface', 'far', 'type=internal');
  await far.up('far', '10.0.0.2/24', 'fd00::2/64');

  await expectVerifiedTraffic(h1, far, [gate], 0.3);
  const { counters } = await daemon.port('up0');
  expect(counters.receivedSegments).toBeGreaterThan(2 * counters.receivedFrames);
  await expectLaws(daemon);
});

test('tagged GSO frames leave a trunk so that a NIC without offloads gets them right', async () => {
  const lab = await openLab();
  const [sw, h1, gate, far] = await lab.netnsList(['sw', 'h1', 'gate', 'far']);
  const ports = {
    acc: { type: 'tap', netns: h1.name, vlan: { access: 10 } },
    up0: { type: 'tap', netns: gate.name, vlan: { trunk: [10, 20] } },
  };
  const daemon = await Taploomd.start(lab, sw, {
    version: 1,
    bridges: { br0: { vlan_filtering: true, ports } },
  });
  await h1.up('acc', '10.0.0.1/24', 'fd00::1/64');

  await addStrictStage(lab, gate, 'up0', far, 'trunk');
  const ovs = await OpenVSwitch.start(lab, far);
  await ovs.vsctl('add-br', 'ovs', '--', 'set', 'bridge', 'ovs', 'datapath_type=netdev');
  await ovs.vsctl('add-port', 'ovs', 'trunk', 'trunks=10,20');
  await ovs.vsctl('add-port', 'ovs', 'far', 'tag=10', '--', 'set', 'interface', 'far', 'type=internal');
  await far.up('far', '10.0.0.2/24', 'fd00::2/64');

  await expectVerifiedTraffic(h1, far, [gate], 0.1);
  const { counters } = await daemon.port('up0');
  expect(counters.transmittedSegments).toBeGreaterThan(2 * counters.transmittedFrames);
  await expectLaws(daemon);
});
