// Our VXLAN port against the kernel's: two kernel VTEPs, each with a bridge and a host behind it, on one underlay.
//
//   h1 --- TAP --- taploomd in sw -- und0 ---+
//   r1-inner -- kernel bridge + vxlan in r1 -+- "wire": a kernel bridge
//   r2-inner -- kernel bridge + vxlan in r2 -+
//
// The underlay has no offloads, as a real wire has none: a veth would otherwise carry partial checksums and GSO frames
// inside the tunnel, which no network does, and no checksum would ever be looked at.

import { describe, expect, test } from 'vitest';
import { BROADCAST, frame } from '../support/frames.ts';
import { type Lab, openLab } from '../support/lab.ts';
import { expectLaws } from '../support/laws.ts';
import { needs } from '../support/needs.ts';
import type { Netns } from '../support/netns.ts';
import { Taploomd } from '../support/taploomd.ts';
import { Capture, ping, sendFrames, tcp } from '../support/traffic.ts';
import { addKernelVxlan } from '../support/vxlan_host.ts';

needs('ping', 'tcpdump', 'ethtool', 'nstat', 'bridge');

interface Underlay {
  local: string;
  remotes: [string, string];
  prefix: number;
  mtu: number;
}

const IPV4: Underlay = { local: '192.0.2.1', remotes: ['192.0.2.2', '192.0.2.3'], prefix: 24, mtu: 1450 };
const IPV6: Underlay = {
  local: '2001:db8::1',
  remotes: ['2001:db8::2', '2001:db8::3'],
  prefix: 64,
  mtu: 1430,
};

async function addUnderlay(lab: Lab, hosts: readonly Netns[], addresses: readonly string[], prefix: number) {
  const wire = await lab.netns('wire');
  await wire.ip('link add name br type bridge', 'link set dev br up');
  for (const [i, host] of hosts.entries()) {
    await lab.veth(wire, `v${i}`, host, 'und0');
    await wire.ip(`link set dev v${i} master br`);
    for (const [netns, device] of [
      [wire, `v${i}`],
      [host, 'und0'],
    ] as const) {
      await netns.check(['ethtool', '-K', device, 'tx', 'off', 'tso', 'off', 'gso', 'off', 'gro', 'off']);
    }
    await host.up('und0', `${addresses[i]}/${prefix}`);
  }
}

async function connect({ local, remotes, prefix, mtu }: Underlay) {
  const lab = await openLab();
  const [sw, h1, r1, r2] = await lab.netnsList(['sw', 'h1', 'r1', 'r2']);
  await addUnderlay(lab, [sw, r1, r2], [local, ...remotes], prefix);
  const ports = {
    h1: { type: 'tap', netns: h1.name },
    vx: { type: 'vxlan', vni: 42, local, remotes },
  };
  const daemon = await Taploomd.start(lab, sw, { version: 1, bridges: { br0: { ports } } });
  await h1.up('h1', '10.0.0.1/24', 'fd00::1/64');
  const far = await Promise.all(
    [r1, r2].map((outer, i) =>
      addKernelVxlan(lab, outer, {
        label: `r${i + 1}`,
        vni: 42,
        local: remotes[i],
        remotes: [local],
        addresses: [`10.0.0.${i + 2}/24`, `fd00::${i + 2}/64`],
        mtu,
      }),
    ),
  );
  return { lab, daemon, sw, h1, outer: [r1, r2], inner: far.map((one) => one.inner) };
}

describe.each([
  ['IPv4', IPV4],
  ['IPv6', IPV6],
])('VXLAN over %s to kernel VTEPs', (_, underlay) => {
  test('ping and TCP work both ways with every byte and checksum right', async () => {
    const { daemon, sw, h1, outer, inner } = await connect(underlay);
    expect((await h1.link('h1')).mtu).toBe(underlay.mtu);
    for (const address of ['10.0.0.2', '10.0.0.3', 'fd00::2', 'fd00::3']) {
      expect(await ping(h1, address)).toMatchObject({ received: 5 });
    }
    expect(await ping(inner[0], '10.0.0.1', { size: underlay.mtu - 28 })).toMatchObject({ received: 5 });
    for (const [from, to, address] of [
      [h1, inner[0], '10.0.0.2'],
      [inner[0], h1, '10.0.0.1'],
      [h1, inner[1], 'fd00::3'],
      [inner[1], h1, 'fd00::1'],
    ] as const) {
      expect((await tcp(from, to, address, 1.5)).gigabitsPerSecond).toBeGreaterThan(0.05);
    }
    for (const netns of [sw, h1, ...outer, ...inner]) expect(await netns.checksumErrors()).toBe(0);
    for (const netns of outer) expect((await netns.link('vxl0')).stats64.rx.errors).toBe(0);
    await expectLaws(daemon);
  });

  test('broadcasts go to both remotes once and never from one remote to the other', async () => {
    const { lab, daemon, h1, inner } = await connect(underlay);
    for (const address of ['10.0.0.2', '10.0.0.3'])
      expect(await ping(h1, address)).toMatchObject({ received: 5 });
    const filter = ['-Q', 'in', 'ether proto 0x88b5'];
    const captures = await Promise.all(
      inner.map((netns, i) => Capture.start(netns, 'eth0', `${lab.dir}/r${i}.pcap`, ...filter)),
    );
    const home = await Capture.start(h1, 'h1', `${lab.dir}/h1.pcap`, ...filter);
    const broadcast = (from: string) => [{ hex: frame({ to: BROADCAST, from }), count: 20 }];
    await sendFrames(h1, 'h1', broadcast((await h1.link('h1')).address));
    await sendFrames(inner[0], 'eth0', broadcast((await inner[0].link('eth0')).address));
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(await captures[0].stop()).toHaveLength(20); // from h1; its own go out
    expect(await captures[1].stop()).toHaveLength(20); // from h1; not those of the other remote
    expect(await home.stop()).toHaveLength(20);

    // A station behind a remote is remembered with the remote, and frames to it go there only.
    const mac = (await inner[1].link('eth0')).address;
    expect(await daemon.fdb(`?mac=${mac}`)).toMatchObject([{ port: 'vx', remote: underlay.remotes[1] }]);
    await expectLaws(daemon);
  });
});
