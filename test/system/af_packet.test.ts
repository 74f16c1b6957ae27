// Traffic through attached interfaces: veth pairs with the offloads that they have by default, so GSO frames and partial
// checksums arrive beside tags that the kernel has taken off.
//
//   h1 [eth0] --- veth --- [h1] taploomd in sw [h2] --- veth --- [eth0] h2
//
// A veth hides a wrong csum_start, because a local receiver believes partial checksums. Where it says "a NIC that can do
// nothing", offloads of the attached end are off, and the kernel does in software what the virtio-net header asks for.

import { describe, expect, test } from 'vitest';
import { BROADCAST, frame } from '../support/frames.ts';
import { type Lab, openLab } from '../support/lab.ts';
import { expectLaws } from '../support/laws.ts';
import { needs } from '../support/needs.ts';
import type { Netns } from '../support/netns.ts';
import { OpenVSwitch } from '../support/open_vswitch.ts';
import { Taploomd } from '../support/taploomd.ts';
import { Capture, iperf3, ping, reaches, sendFrames, tcp } from '../support/traffic.ts';
import { addKernelVxlan } from '../support/vxlan_host.ts';

needs('ping', 'iperf3', 'tcpdump', 'ethtool', 'nstat', 'bridge', 'ovs-vswitchd', 'ovs-vsctl');

const V4 = ['10.0.0.1', '10.0.0.2'];
const V6 = ['fd00::1', 'fd00::2'];

/** A veth pair from the switch's namespace, where its end is called `port`, to `eth0` of a host. */
async function connect(lab: Lab, sw: Netns, port: string, host: Netns): Promise<void> {
  await lab.veth(sw, port, host, 'eth0');
}

async function withoutOffloads(netns: Netns, device: string): Promise<void> {
  await netns.check(['ethtool', '-K', device, 'tx', 'off', 'tso', 'off', 'gso', 'off']);
}

/** Pings and TCP both ways over both families, every byte compared, and not one wrong checksum. */
async function expectTraffic(a: Netns, b: Netns, minimumGbits = 0.1): Promise<void> {
  expect(await reaches(a, V4[1])).toBe(true);
  for (const address of [V4[1], V6[1]]) {
    expect({ address, ...(await ping(a, address)) }).toMatchObject({ address, received: 5 });
    // Fragments; four such answers fill the buffer of a ping that has to wait for its turn.
    expect((await ping(a, address, { count: 3, size: 30_000 })).received).toBeGreaterThan(0);
  }
  for (const [from, to, address] of [
    [a, b, V4[1]],
    [b, a, V4[0]],
    [a, b, V6[1]],
    [b, a, V6[0]],
  ] as const) {
    expect((await tcp(from, to, address, 0.7)).gigabitsPerSecond).toBeGreaterThan(minimumGbits);
  }
  // Frames of 60 bytes. The receiver of a busy machine loses some, but none for its checksum.
  const { sum } = await iperf3(a, b, V4[1], 1, '-u', '-b', '500k', '-l', '18');
  expect(sum?.lost_packets).toBeLessThan((sum?.packets ?? 0) / 2);
  for (const netns of [a, b]) expect(await netns.checksumErrors()).toBe(0);
}

describe('one bridge', () => {
  const addresses = (n: number) => [`${V4[n]}/24`, `${V6[n]}/64`];

  test('two attached interfaces exchange GSO frames as they are', async () => {
    const lab = await openLab();
    const [sw, h1, h2] = await lab.netnsList(['sw', 'h1', 'h2']);
    await connect(lab, sw, 'h1', h1);
    await connect(lab, sw, 'h2', h2);
    const ports = { h1: { type: 'af_packet' }, uplink: { type: 'af_packet', interface: 'h2' } };
    const daemon = await Taploomd.start(lab, sw, { version: 1, bridges: { br0: { ports } } });
    await h1.up('eth0', ...addresses(0));
    await h2.up('eth0', ...addresses(1));
    await expectTraffic(h1, h2);
    const { counters } = await daemon.port('h1');
    expect(counters.receivedSegments).toBeGreaterThan(5 * counters.receivedFrames);
    expect(counters.transmittedSegments).toBeGreaterThan(5 * counters.transmittedFrames);
    await expectLaws(daemon);
  });

  test('an attached interface and a TAP exchange GSO frames as they are', async () => {
    const lab = await openLab();
    const [sw, h1, h2] = await lab.netnsList(['sw', 'h1', 'h2']);
    await connect(lab, sw, 'h1', h1);
    const ports = { h1: { type: 'af_packet' }, h2: { type: 'tap', netns: h2.name } };
    const daemon = await Taploomd.start(lab, sw, { version: 1, bridges: { br0: { ports } } });
    await h1.up('eth0', ...addresses(0));
    await h2.up('h2', ...addresses(1));
    await expectTraffic(h1, h2);
    const { counters } = await daemon.port('h1');
    expect(counters.transmittedSegments).toBeGreaterThan(5 * counters.transmittedFrames);
    await expectLaws(daemon);
  });

  test('a tunnel and an attached interface of its MTU carry TCP', async () => {
    const lab = await openLab();
    const [sw, h1, remote] = await lab.netnsList(['sw', 'h1', 'remote']);
    await connect(lab, sw, 'h1', h1);
    await lab.veth(sw, 'und0', remote, 'und0');
    await sw.up('und0', '192.0.2.1/24');
    await remote.up('und0', '192.0.2.2/24');
    await sw.ip('link set dev h1 mtu 1450');
    await h1.ip('link set dev eth0 mtu 1450');
    const vx = { type: 'vxlan', vni: 42, local: '192.0.2.1', remotes: ['192.0.2.2'] };
    const ports = { h1: { type: 'af_packet' }, vx };
    const daemon = await Taploomd.start(lab, sw, { version: 1, bridges: { br0: { ports } } });
    expect((await daemon.port('h1')).mtu).toBe(1450);
    await h1.up('eth0', ...addresses(0));
    const { inner } = await addKernelVxlan(lab, remote, {
      label: 'r',
      vni: 42,
      local: '192.0.2.2',
      remotes: ['192.0.2.1'],
      addresses: addresses(1),
      mtu: 1450,
    });
    await expectTraffic(h1, inner, 0.02);
    await expectLaws(daemon);
  });
});

/**
 * h1 --- br0 [up0, trunk] --- veth --- [up1, trunk] br1 --- h2: whatever leaves one bridge tagged, the kernel takes the
 * tag off before the other bridge gets it. The kernel of a test machine may have no VLAN interfaces.
 */
describe('a trunk between two attached interfaces', () => {
  const VLAN = 10;

  async function trunk(type: 'tap' | 'af_packet', filtering: boolean) {
    const lab = await openLab();
    const [sw, ...hosts] = await lab.netnsList(['sw', 'h1', 'h2']);
    await sw.withoutIpv6(); // nothing but the test's frames
    const access = (n: number) => ({
      ...(type === 'tap' ? { type, netns: hosts[n].name } : { type }),
      vlan: { access: VLAN },
    });
    if (type === 'af_packet')
      for (const [n, host] of hosts.entries()) await connect(lab, sw, `h${n + 1}`, host);
    await lab.veth(sw, 'up0', sw, 'up1');
    const up = { type: 'af_packet', vlan: { trunk: [VLAN, 20], native: 30 } };
    const daemon = await Taploomd.start(lab, sw, {
      version: 1,
      bridges: {
        br0: { vlan_filtering: true, local: false, ports: { h1: access(0), up0: up } },
        // Without filtering the tags of the trunk stay in the frames.
        br1: { vlan_filtering: filtering, local: false, ports: filtering ? { h2: access(1), up1: up } : {} },
      },
    });
    for (const [n, host] of hosts.entries()) {
      await host.up(type === 'tap' ? `h${n + 1}` : 'eth0', `${V4[n]}/24`, `${V6[n]}/64`);
    }
    return { lab, sw, h1: hosts[0], h2: hosts[1], daemon };
  }

  test.each(['tap', 'af_packet'] as const)(
    'carries GSO frames of %s access ports with their tag',
    async (type) => {
      const { h1, h2, daemon } = await trunk(type, true);
      await expectTraffic(h1, h2);
      for (const name of ['up0', 'up1']) {
        const { counters } = await daemon.port(name);
        expect(counters.receivedSegments).toBeGreaterThan(2 * counters.receivedFrames);
        expect(counters.transmittedSegments).toBeGreaterThan(2 * counters.transmittedFrames);
      }
      await expectLaws(daemon);
    },
  );

  test.each(['tap', 'af_packet'] as const)('with NICs that can do nothing, %s access ports', async (type) => {
    const { h1, h2, sw, daemon } = await trunk(type, true);
    for (const device of ['up0', 'up1']) await withoutOffloads(sw, device);
    await expectTraffic(h1, h2);
    const { counters } = await daemon.port('up0');
    // 0 if none was cut. Nothing is joined behind such NICs, so an acknowledgement goes out for every two segments.
    expect(counters.transmittedSegments).toBeGreaterThan(counters.transmittedFrames);
    expect(counters.receivedSegments).toBe(0);
    await expectLaws(daemon);
  });

  test('a tag of zero is a tag: priority 0 and VLAN 0 belong to the native VLAN, and priorities survive', async () => {
    const { lab, h1, sw, daemon } = await trunk('af_packet', false);
    const capture = await Capture.start(h1, 'eth0', `${lab.dir}/access.pcap`);
    const from = '02:00:00:00:00:0a';
    await sendFrames(sw, 'up1', [
      { hex: frame({ to: BROADCAST, from, tag: 0 }) },
      { hex: frame({ to: BROADCAST, from, tag: 0xa000 | VLAN, size: 77 }) },
    ]);
    const learned = async () =>
      (await daemon.fdb()).filter(({ mac }) => mac === from).map(({ vlan }) => vlan);
    await daemon.until('both frames', async () => (await learned()).length === 2);
    expect((await learned()).sort()).toEqual([VLAN, 30]);
    const lines = (await capture.stop()).filter((line) => line.startsWith(from));
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(/length 73/); // untagged, and not a byte longer or shorter
    expect(await daemon.port('up0')).toMatchObject({ counters: { receivedFrames: 2, receivedBytes: 137 } });
    await expectLaws(daemon);
  });

  test('Open vSwitch at the other end gets every byte and checksum right', async () => {
    const lab = await openLab();
    const [sw, h1, far] = await lab.netnsList(['sw', 'h1', 'far']);
    await connect(lab, sw, 'h1', h1);
    await lab.veth(sw, 'up0', far, 'trunk');
    await withoutOffloads(sw, 'up0'); // Open vSwitch as installed takes none
    const ports = {
      h1: { type: 'af_packet', vlan: { access: VLAN } },
      up0: { type: 'af_packet', vlan: { trunk: [VLAN] } },
    };
    const daemon = await Taploomd.start(lab, sw, {
      version: 1,
      bridges: { br0: { vlan_filtering: true, ports } },
    });
    await h1.up('eth0', `${V4[0]}/24`, `${V6[0]}/64`);
    const ovs = await OpenVSwitch.start(lab, far);
    await ovs.vsctl('add-br', 'ovs', '--', 'set', 'bridge', 'ovs', 'datapath_type=netdev');
    await ovs.vsctl('add-port', 'ovs', 'trunk', 'trunks=10');
    await ovs.vsctl('add-port', 'ovs', 'far', 'tag=10', '--', 'set', 'interface', 'far', 'type=internal');
    await far.up('far', `${V4[1]}/24`, `${V6[1]}/64`);
    await expectTraffic(h1, far);
    const { counters } = await daemon.port('up0');
    expect(counters.transmittedSegments).toBeGreaterThan(2 * counters.transmittedFrames);
    await expectLaws(daemon);
  });
});
