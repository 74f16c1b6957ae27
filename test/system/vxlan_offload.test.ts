// Super-frames through a tunnel between two hosts with Taploom, and to a kernel VTEP, over a plain veth pair: out with
// UDP_SEGMENT, in with UDP_GRO, and what is on the wire between.
//
//   h1 --- TAP --- taploomd in s1 -- und0 --- veth --- und0 -- taploomd, or kernel bridge + vxlan, in s2 --- h2

import { describe, expect, test } from 'vitest';
import type { PortStatus } from '../../src/api.ts';
import { type Lab, openLab } from '../support/lab.ts';
import { expectLaws } from '../support/laws.ts';
import { needs } from '../support/needs.ts';
import type { Netns } from '../support/netns.ts';
import { Taploomd } from '../support/taploomd.ts';
import { ping, reaches, tcp } from '../support/traffic.ts';
import { addKernelVxlan } from '../support/vxlan_host.ts';

needs('ping', 'tcpdump', 'ethtool', 'nstat', 'bridge');

const UNDERLAYS = [
  { name: 'IPv4', local: '192.0.2.1', remote: '192.0.2.2', prefix: 24, mtu: 1450 },
  { name: 'IPv6', local: '2001:db8::1', remote: '2001:db8::2', prefix: 64, mtu: 1430 },
];
type Underlay = (typeof UNDERLAYS)[number];

/** What segments and joins on a device of the underlay, as ethtool calls it. */
const OFFLOADS = ['tx', 'off', 'tso', 'off', 'gso', 'off', 'gro', 'off', 'tx-udp-segmentation', 'off'];

async function addUnderlay(lab: Lab, { local, remote, prefix }: Underlay) {
  const [s1, s2] = await lab.netnsList(['s1', 's2']);
  await lab.veth(s1, 'und0', s2, 'und0');
  await s1.up('und0', `${local}/${prefix}`);
  await s2.up('und0', `${remote}/${prefix}`);
  return { s1, s2 };
}

async function addTaploom(lab: Lab, where: Netns, n: number, local: string, remote: string, keys = {}) {
  const host = await lab.netns(`h${n}`);
  const ports = {
    tap0: { type: 'tap', netns: host.name },
    vx: { type: 'vxlan', vni: 42, local, remotes: [remote], ...keys },
  };
  const daemon = await Taploomd.start(lab, where, { version: 1, bridges: { br0: { local: false, ports } } });
  await host.up('tap0', `10.0.0.${n}/24`, `fd00::${n}/64`);
  return { host, daemon };
}

async function tunnel(daemon: Taploomd): Promise<PortStatus['counters']> {
  const port = (await daemon.ports()).find(({ name }) => name === 'vx');
  if (port === undefined) throw new Error('no port vx');
  return port.counters;
}

describe.each(UNDERLAYS)('over $name', (underlay) => {
  const { local, remote } = underlay;

  test('between two Taplooms super-frames leave as such and arrive as such, every byte right', async () => {
    const lab = await openLab();
    const { s1, s2 } = await addUnderlay(lab, underlay);
    const a = await addTaploom(lab, s1, 1, local, remote);
    const b = await addTaploom(lab, s2, 2, remote, local);
    expect(await reaches(a.host, '10.0.0.2')).toBe(true);
    for (const [from, to, address] of [
      [a, b, '10.0.0.2'],
      [b, a, 'fd00::1'],
    ] as const) {
      const before = { sent: await tunnel(from.daemon), received: await tunnel(to.daemon) };
      await tcp(from.host, to.host, address, 1);
      const sent = await tunnel(from.daemon);
      const received = await tunnel(to.daemon);
      // Segments that left within super-frames, and that were joined: nearly all that carry data.
      const segments = sent.transmittedSegments - before.sent.transmittedSegments;
      const joined = received.receivedSegments - before.received.receivedSegments;
      const frames = received.receivedFrames - before.received.receivedFrames;
      expect(segments).toBeGreaterThan(1000);
      expect(joined).toBeGreaterThan(0.8 * segments);
      expect(frames).toBeLessThan(0.3 * segments);
    }
    for (const netns of [s1, s2, a.host, b.host]) expect(await netns.checksumErrors()).toBe(0);
    await expectLaws(a.daemon);
    await expectLaws(b.daemon);
  });

  test('with a kernel VTEP at the far side TCP works both ways, and the daemon has nothing to complain of', async () => {
    const lab = await openLab();
    const { s1, s2 } = await addUnderlay(lab, underlay);
    const a = await addTaploom(lab, s1, 1, local, remote);
    const { inner } = await addKernelVxlan(lab, s2, {
      label: 'far',
      vni: 42,
      local: remote,
      remotes: [local],
      addresses: ['10.0.0.2/24', 'fd00::2/64'],
      mtu: underlay.mtu,
    });
    expect(await reaches(a.host, '10.0.0.2')).toBe(true);
    expect(await ping(a.host, 'fd00::2')).toMatchObject({ received: 5 });
    await tcp(a.host, inner, 'fd00::2', 1);
    await tcp(inner, a.host, '10.0.0.1', 1);
    for (const netns of [s1, s2, a.host, inner]) expect(await netns.checksumErrors()).toBe(0);
    expect((await s2.link('vxl0')).stats64.rx.errors).toBe(0);
    expect(a.daemon.process.output()).not.toMatch(/refuses|dropped/);
    await expectLaws(a.daemon);
  });

  // tcpdump takes no IPv6 datagram without a checksum.
  const checksums = underlay.prefix === 64 ? [true] : [true, false];
  test.each(checksums)(
    'on a wire without offloads every datagram fits and verifies, and a flow keeps its port; udp_checksum: %s',
    async (udp_checksum) => {
      // Not 49152, which tcpdump takes for a protocol of Broadcom's.
      const keys = { udp_checksum, source_ports: '50000-65535' };
      const lab = await openLab();
      const { s1, s2 } = await addUnderlay(lab, underlay);
      for (const netns of [s1, s2]) await netns.run(['ethtool', '-K', 'und0', ...OFFLOADS]);
      const a = await addTaploom(lab, s1, 1, local, remote, keys);
      const b = await addTaploom(lab, s2, 2, remote, local, keys);
      expect(await reaches(a.host, '10.0.0.2')).toBe(true);
      const file = `${lab.dir}/wire.pcap`;
      const filter = ['-Q', 'in', '-s', '2000', '-c', '3000', `src host ${local} and udp port 4789`];
      const capture = s2.spawn(['tcpdump', '-i', 'und0', '-w', file, '-B', '16384', '-Z', 'root', ...filter]);
      await capture.waitFor(/listening on/);
      await tcp(a.host, b.host, '10.0.0.2', 1);
      // It ends with its 3,000th datagram; before that it may have them all in a buffer, and a signal would lose them.
      expect(await capture.exit(15_000)).toBe(0);
      const text = await s2.check(['tcpdump', '-r', file, '-nn', '-vvv', '-Z', 'root']);
      const sizes = [
        ...text.matchAll(/\(tos.*?length (\d+)\)\n {4}192.*?4789/g),
        ...text.matchAll(/payload length: (\d+)\)/g),
      ].map((match) => Number(match[1]));
      expect(text.match(/VXLAN/g)?.length).toBeGreaterThan(1000);
      expect(sizes.length).toBeGreaterThan(1000);
      expect(Math.max(...sizes)).toBeLessThanOrEqual(1500);
      expect(text).not.toMatch(/bad udp cksum|bad cksum|\(incorrect/);
      expect(text.match(/cksum 0x[0-9a-f]{4} \(correct\)/g)?.length).toBeGreaterThan(1000);
      const outer = udp_checksum ? /\[udp sum ok\]/g : /\[no cksum\]/g;
      expect(text.match(outer)?.length).toBeGreaterThan(1000);
      // A record has the outer header's line, the inner one's, and that of the segment.
      const ofStream = /\.(\d+) > [0-9a-f.:]+\.4789:.*\n.*\n +10\.0\.0\.1\.\d+ > 10\.0\.0\.2\.5001: Flags/g;
      const ports = [...text.matchAll(ofStream)].map((match) => match[1]);
      expect(ports.length).toBeGreaterThan(1000);
      expect(new Set(ports).size).toBe(1);
      for (const netns of [s1, s2, a.host, b.host]) expect(await netns.checksumErrors()).toBe(0);
      await expectLaws(a.daemon);
      await expectLaws(b.daemon);
    },
  );

  test('a route that is too small costs the copies that do not fit, as too big', async () => {
    const lab = await openLab();
    const { s1, s2 } = await addUnderlay(lab, underlay);
    const a = await addTaploom(lab, s1, 1, local, remote);
    const b = await addTaploom(lab, s2, 2, remote, local);
    expect(await reaches(a.host, '10.0.0.2')).toBe(true);
    await s1.ip('link set dev und0 mtu 1400');
    const listener = b.host.spawn(['iperf3', '-s', '-1', '--forceflush']);
    await listener.waitFor(/listening/);
    const sender = a.host.spawn(['iperf3', '-c', '10.0.0.2', '-t', '1']);
    const end = Date.now() + 5000;
    let dropped = 0;
    while (dropped === 0 && Date.now() < end) {
      await new Promise((resolve) => setTimeout(resolve, 100));
      dropped = (await tunnel(a.daemon)).transmitDropped.too_big ?? 0;
    }
    expect(dropped).toBeGreaterThan(0);
    await sender.stop('SIGKILL');
    expect(a.daemon.process.output()).not.toMatch(/refuses/);
    await expectLaws(a.daemon);
  });
});
