// A VXLAN port over a TAP instead of sockets, between two Taplooms and to a kernel VTEP, which has an address on its
// interface. The kernel routes between the TAP and the wire.
//
//   h1 --- TAP --- taploomd in s1 -- up0 -- routes -- und0 --- veth --- und0 -- the same, or kernel bridge + vxlan, in s2 --- h2

import { beforeEach, expect, test } from 'vitest';
import { hasLinux } from '../support/kernel.ts';
import { type Lab, openLab } from '../support/lab.ts';
import { expectLaws } from '../support/laws.ts';
import { needs } from '../support/needs.ts';
import type { Netns } from '../support/netns.ts';
import { Taploomd } from '../support/taploomd.ts';
import { Capture, ping, reaches, tcp } from '../support/traffic.ts';
import { addKernelVxlan } from '../support/vxlan_host.ts';

needs('ping', 'tcpdump', 'ethtool', 'nstat', 'bridge', 'sysctl');

const UNDERLAY = ['192.0.2.1', '192.0.2.2'];
/** Behind the TAPs: addresses that no kernel has. */
const VTEP = ['198.51.100.1', '198.51.100.2'];

/** What a veth does that a wire does not. */
const SUPER_FRAMES = [
  'tso',
  'off',
  'gso',
  'off',
  'tx-udp_tnl-segmentation',
  'off',
  'tx-udp_tnl-csum-segmentation',
  'off',
];

async function addUnderlay(lab: Lab): Promise<Netns[]> {
  const hosts = await lab.netnsList(['s1', 's2']);
  await lab.veth(hosts[0], 'und0', hosts[1], 'und0');
  for (const [n, host] of hosts.entries()) await host.up('und0', `${UNDERLAY[n]}/24`);
  return hosts;
}

async function route(where: Netns, n: 0 | 1): Promise<void> {
  await where.check(['sysctl', '-qw', 'net.ipv4.ip_forward=1']);
  await where.ip(`route add ${VTEP[n]}/32 dev up0`, `route add ${VTEP[1 - n]}/32 via ${UNDERLAY[1 - n]}`);
}

/** Taploom in namespace `n`, with a tunnel to `remote`. */
async function addTaploom(lab: Lab, where: Netns, n: 0 | 1, remote: string, args: string[] = []) {
  const host = await lab.netns(`h${n + 1}`);
  const tunnel = { vni: 42, local: VTEP[n], remotes: [remote], udp_checksum: false, underlay_tap: 'up0' };
  const ports = { tap0: { type: 'tap', netns: host.name }, vx: { type: 'vxlan', ...tunnel } };
  const config = { version: 1, bridges: { br0: { local: false, ports } } };
  const daemon = await Taploomd.start(lab, where, config, { args });
  await host.up('tap0', `10.0.0.${n + 1}/24`, `fd00::${n + 1}/64`);
  return { host, daemon };
}

async function tunnel(daemon: Taploomd) {
  const port = (await daemon.ports()).find(({ name }) => name === 'vx');
  if (port === undefined) throw new Error('no port vx');
  return port;
}

beforeEach(({ skip }) => {
  skip(!hasLinux(6, 17), 'super-frames in UDP tunnels take Linux 6.17');
});

test.each(['carries super-frames', 'carries single packets'])(
  'between two Taplooms over a network that %s, every byte arrives',
  async (kind) => {
    const lab = await openLab();
    const [s1, s2] = await addUnderlay(lab);
    if (kind === 'carries single packets') {
      for (const netns of [s1, s2]) await netns.check(['ethtool', '-K', 'und0', ...SUPER_FRAMES]);
    }
    const a = await addTaploom(lab, s1, 0, VTEP[1]);
    // The worker that reads the tunnel is not the one that reads the TAP.
    const b = await addTaploom(lab, s2, 1, VTEP[0], ['--workers', '2']);
    await route(s1, 0);
    await route(s2, 1);
    expect(await reaches(a.host, '10.0.0.2')).toBe(true);
    expect(await ping(a.host, 'fd00::2', { size: 1402 })).toMatchObject({ received: 5 });
    const capture = await Capture.start(s2, 'und0', `${lab.dir}/wire.pcap`, '-c', '400', 'udp port 4789');
    await tcp(a.host, b.host, '10.0.0.2', 1);
    await tcp(b.host, a.host, 'fd00::1', 1);
    const lengths = (await capture.stop()).map((line) => Number(line.match(/length (\d+)/)?.[1]));
    const largest = Math.max(...lengths);
    if (kind === 'carries super-frames') expect(largest).toBeGreaterThan(20_000);
    else expect(largest).toBeLessThanOrEqual(1514);
    for (const netns of [s1, s2, a.host, b.host]) expect(await netns.checksumErrors()).toBe(0);
    await expectLaws(a.daemon);
    await expectLaws(b.daemon);
  },
);

test('to a kernel VTEP and from one, over a TAP that was there with its routes, every byte arrives', async () => {
  const lab = await openLab();
  const [s1, s2] = await addUnderlay(lab);
  await s1.ip('tuntap add dev up0 mode tap', 'link set dev up0 up');
  await route(s1, 0);
  const a = await addTaploom(lab, s1, 0, UNDERLAY[1]);
  await s2.ip(`route add ${VTEP[0]}/32 via ${UNDERLAY[0]}`);
  const { inner } = await addKernelVxlan(lab, s2, {
    label: 'far',
    vni: 42,
    local: UNDERLAY[1],
    remotes: [VTEP[0]],
    addresses: ['10.0.0.2/24', 'fd00::2/64'],
    mtu: 1450,
  });
  expect(await reaches(a.host, '10.0.0.2')).toBe(true);
  await tcp(a.host, inner, '10.0.0.2', 1);
  await tcp(inner, a.host, 'fd00::1', 1);
  const { counters } = await tunnel(a.daemon);
  expect(counters.receivedSegments).toBeGreaterThan(1000);
  for (const netns of [s1, s2, a.host, inner]) expect(await netns.checksumErrors()).toBe(0);
  expect((await s2.link('vxl0')).stats64.rx.errors).toBe(0);
  await expectLaws(a.daemon);
});

test('a TAP under a tunnel that somebody deletes is made again, and another one can be had', async () => {
  const lab = await openLab();
  const [s1] = await addUnderlay(lab);
  const { daemon } = await addTaploom(lab, s1, 0, VTEP[1]);
  expect(await tunnel(daemon)).toMatchObject({ state: 'up' });
  const link = await s1.link('up0');
  expect(link.flags).toContain('NOARP');
  await s1.ip('link delete dev up0');
  await expect.poll(async () => (await s1.hasLink('up0')) && (await tunnel(daemon)).state).toBe('up');
  const vx = {
    type: 'vxlan',
    vni: 42,
    local: VTEP[0],
    remote_learning: true,
    udp_checksum: false,
    underlay_tap: 'up1',
  };
  await daemon.apply({ version: 1, bridges: { br0: { local: false, ports: { vx } } } });
  expect(await tunnel(daemon)).toMatchObject({ state: 'up' });
  expect((await s1.link('up1')).flags).toContain('UP');
});
