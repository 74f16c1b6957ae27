// A customer with two sites on both sides of a provider: his frames are tagged, and the provider's edges carry them in a
// service VLAN. The other edge is a Taploom, or an Open vSwitch.
//
//   h1 -- TAP (access 10) -- site1 -- veth, C 10 -- edge1 -- veth, S 100 C 10 -- edge2 -- veth, C 10 -- site2 -- TAP -- h2

import { expect, test } from 'vitest';
import { type Lab, openLab } from '../support/lab.ts';
import { expectLaws } from '../support/laws.ts';
import { needs } from '../support/needs.ts';
import type { Netns } from '../support/netns.ts';
import { OpenVSwitch } from '../support/open_vswitch.ts';
import { Taploomd } from '../support/taploomd.ts';
import { ping, reaches, tcp } from '../support/traffic.ts';

needs('ping', 'nstat', 'ethtool', 'ovs-vswitchd', 'ovsdb-server', 'ovs-vsctl');

/** A packet of 1500 bytes behind two tags. */
const CORE_MTU = 1508;

const site = (host: Netns) => ({
  vlan_filtering: true,
  local: false as const,
  ports: {
    [`${host.name.at(-1)}tap`]: { type: 'tap', netns: host.name, vlan: { access: 10 } },
    up: { type: 'af_packet', interface: 'site', vlan: { trunk: [10, 20] } },
  },
});

const EDGE = {
  vlan_filtering: true,
  vlan_protocol: '802.1ad',
  local: false,
  ports: {
    cust: { type: 'af_packet', vlan: { tunnel: 100 } },
    core: { type: 'af_packet', vlan: { trunk: ['100-199'] }, mtu: 1500 },
  },
} as const;

async function addHosts(lab: Lab) {
  const [s1, s2, h1, h2] = await lab.netnsList(['s1', 's2', 'h1', 'h2']);
  await lab.veth(s1, 'core', s2, 'core');
  for (const netns of [s1, s2]) {
    await netns.ip(
      `link set dev core mtu ${CORE_MTU}`,
      'link add name site type veth peer name cust',
      'link set dev site up',
      'link set dev cust up',
    );
  }
  return { s1, s2, h1, h2 };
}

async function upHosts(h1: Netns, h2: Netns): Promise<void> {
  await h1.up('1tap', '10.0.0.1/24', 'fd00::1/64');
  await h2.up('2tap', '10.0.0.2/24', 'fd00::2/64');
}

test('TCP at full offload crosses two edges with every byte right, and so do packets of full size', async () => {
  const lab = await openLab();
  const { s1, s2, h1, h2 } = await addHosts(lab);
  const daemons = [];
  for (const [netns, host] of [
    [s1, h1],
    [s2, h2],
  ] as const)
    daemons.push(
      await Taploomd.start(lab, netns, { version: 1, bridges: { site0: site(host), edge: EDGE } }),
    );
  await upHosts(h1, h2);

  expect(await reaches(h1, '10.0.0.2')).toBe(true);
  expect(await ping(h1, '10.0.0.2', { size: 1472 })).toMatchObject({ received: 5 });
  for (const [from, to, address] of [
    [h1, h2, '10.0.0.2'],
    [h2, h1, 'fd00::1'],
  ] as const)
    console.log(`${(await tcp(from, to, address, 1)).gigabitsPerSecond.toFixed(1)} Gb/s through two edges`);
  for (const netns of [h1, h2]) expect(await netns.checksumErrors()).toBe(0);
  for (const daemon of daemons) {
    const { counters } = await daemon.port('core');
    expect(counters.receivedSegments).toBeGreaterThan(0); // super-frames came as such
    expect(counters.transmitDropped).toEqual({});
    await expectLaws(daemon);
  }
});

test('an Open vSwitch as the other edge understands the same tags', async () => {
  const lab = await openLab();
  const { s1, s2, h1, h2 } = await addHosts(lab);
  await Taploomd.start(lab, s1, { version: 1, bridges: { site0: site(h1), edge: EDGE } });
  await Taploomd.start(lab, s2, { version: 1, bridges: { site0: site(h2) } });
  await upHosts(h1, h2);
  const ovs = await OpenVSwitch.start(lab, s2, { settings: ['vlan-limit=2'] });
  await ovs.vsctl('add-br', 'ovs', '--', 'set', 'bridge', 'ovs', 'datapath_type=netdev');
  await ovs.vsctl('add-port', 'ovs', 'core', 'trunks=100');
  await ovs.vsctl('add-port', 'ovs', 'cust', 'vlan_mode=dot1q-tunnel', 'tag=100', 'cvlans=10');

  expect(await reaches(h1, '10.0.0.2')).toBe(true);
  expect(await ping(h2, 'fd00::1')).toMatchObject({ received: 5 });
});
