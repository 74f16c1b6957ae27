// Mirrors with real parts: guests and watchers are TAPs in network namespaces, and tcpdump says what a watcher sees.
//
//   h1, h2 --- TAPs --- taploomd in sw --- TAP mon, br0 itself, an Open vSwitch, a kernel VXLAN device

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { BROADCAST, frame } from '../support/frames.ts';
import { type Lab, openLab } from '../support/lab.ts';
import { expectLaws } from '../support/laws.ts';
import { needs } from '../support/needs.ts';
import type { Netns } from '../support/netns.ts';
import { OpenVSwitch } from '../support/open_vswitch.ts';
import { Taploomd } from '../support/taploomd.ts';
import { Capture, iperf3, ping, reaches, sendFrames, tcp } from '../support/traffic.ts';

needs('ping', 'tcpdump', 'tc', 'iperf3', 'ovs-vswitchd', 'ovsdb-server', 'ovs-vsctl');

interface Net {
  lab: Lab;
  sw: Netns;
  h1: Netns;
  h2: Netns;
  mon: Netns;
  far: Netns;
  daemon: Taploomd;
  config: { version: number; bridges: { br0: Record<string, unknown> } };
}

interface Options {
  mirrors: Record<string, object>;
  bridge?: object;
  /** Of both guests. */
  guest?: object;
  /** More ports, or others; `far` is one more namespace. */
  ports?: (far: Netns) => Record<string, object>;
  workers?: number;
  /** What has to be there before the switch starts. */
  prepare?: (lab: Lab, sw: Netns, far: Netns) => Promise<void>;
  ipv6?: boolean;
}

async function connect(options: Options): Promise<Net> {
  const {
    mirrors,
    bridge = { local: false },
    guest = {},
    ports = () => ({}),
    workers = 1,
    prepare,
    ipv6 = false,
  } = options;
  const lab = await openLab();
  const [sw, h1, h2, mon, far] = await lab.netnsList(['sw', 'h1', 'h2', 'mon', 'far']);
  for (const netns of [sw, h1, h2, mon, far]) {
    // With nonces (RFC 7527) a kernel would forgive that its own solicitation comes back. Others do not.
    if (ipv6) await netns.sysctl(...['all', 'default'].map((name) => `net.ipv6.conf.${name}.enhanced_dad=0`));
    // No frames but those of the test.
    else await netns.withoutIpv6();
  }
  await prepare?.(lab, sw, far);
  const bridges = {
    br0: {
      ...bridge,
      mirrors,
      ports: {
        h1: { type: 'tap', netns: h1.name, ...guest },
        h2: { type: 'tap', netns: h2.name, ...guest },
        mon: { type: 'tap', netns: mon.name },
        ...ports(far),
      },
    },
  };
  const config = { version: 1, bridges };
  const daemon = await Taploomd.start(lab, sw, config, { args: ['--workers', String(workers)] });
  await h1.up('h1', '10.0.0.1/24');
  await h2.up('h2', '10.0.0.2/24');
  return { lab, sw, h1, h2, mon, far, daemon, config };
}

/** How many pings a watcher saw, and how many answers. */
const echoes = (lines: readonly string[]) =>
  ['request', 'reply'].map((kind) => lines.filter((line) => line.includes(`ICMP echo ${kind}`)).length);

async function watch({ lab }: Net, where: Netns, device: string, ...filter: string[]): Promise<Capture> {
  return Capture.start(where, device, join(lab.dir, `${device}.pcap`), ...filter);
}

/** What is on its way to tcpdump. */
const settle = () => new Promise((resolve) => setTimeout(resolve, 300));

describe.each([[1], [2]])('SPAN with %i worker(s)', (workers) => {
  test.each([
    [{ from: ['h1'] }, [5, 5]],
    [{ from: ['h1', 'h2'] }, [5, 5]],
    [{}, [5, 5]],
    [{ from: ['h1'], direction: 'in' }, [5, 0]],
    [{ from: ['h1'], direction: 'out' }, [0, 5]],
    [{ filter: 'icmp and src 10.0.0.2' }, [0, 5]],
  ])('%o: the watcher sees each frame once', async (mirror, seen) => {
    const net = await connect({ mirrors: { m1: { ...mirror, to: 'mon' } }, workers });
    const { h1, mon, daemon } = net;
    await mon.up('mon');
    expect(await reaches(h1, '10.0.0.2')).toBe(true);
    const capture = await watch(net, mon, 'mon', 'icmp');
    expect(await ping(h1, '10.0.0.2')).toMatchObject({ received: 5 });
    await settle();
    expect(echoes(await capture.stop())).toEqual(seen);
    await expectLaws(daemon);
  });
});

test('super-frames are mirrored as they are', async () => {
  const net = await connect({ mirrors: { m1: { from: ['h1'], to: 'mon' } } });
  const { h1, h2, mon, daemon } = net;
  await mon.up('mon');
  const capture = await watch(net, mon, 'mon', 'tcp');
  expect((await tcp(h1, h2, '10.0.0.2', 1)).gigabitsPerSecond).toBeGreaterThan(0.3);
  await settle();
  const lengths = (await capture.stop()).map((line) => Number(/, length (\d+): /.exec(line)?.[1]));
  expect(Math.max(...lengths)).toBeGreaterThan(10_000);
  expect(await h2.checksumErrors()).toBe(0);
  await expectLaws(daemon);
});

const addressesOf = async (where: Netns, device: string): Promise<Record<string, unknown>[]> =>
  JSON.parse(await where.check(['ip', '-j', '-6', 'addr', 'show', 'dev', device]))[0].addr_info;

async function untilAllDecided({ daemon }: Net, where: Netns, device: string): Promise<string[]> {
  let found = await addressesOf(where, device);
  await daemon.until(`no tentative address on ${device}`, async () => {
    found = await addressesOf(where, device);
    return found.length > 1 && found.every((one) => one.tentative !== true || one.dadfailed === true);
  });
  return found.map((one) => `${one.scope}${one.dadfailed === true ? ' dadfailed' : ''}`).sort();
}

describe.each([[1], [2]])('to the bridge’s own interface with %i worker(s)', (workers) => {
  test('tcpdump -i br0 sees what passes between guests, and br0’s own traffic once', async () => {
    const net = await connect({ mirrors: { m1: { to: 'br0' } }, bridge: {}, workers });
    const { sw, h1, h2, daemon } = net;
    await sw.up('br0', '10.0.0.9/24');
    for (const [from, address] of [
      [h1, '10.0.0.2'],
      [h1, '10.0.0.9'],
      [h2, '10.0.0.9'],
    ] as const)
      expect(await reaches(from, address)).toBe(true);
    const capture = await watch(net, sw, 'br0', 'icmp');
    expect(await ping(h1, '10.0.0.2')).toMatchObject({ received: 5 });
    expect(await ping(h1, '10.0.0.9')).toMatchObject({ received: 5 });
    expect(await ping(sw, '10.0.0.2')).toMatchObject({ received: 5 });
    await settle();
    const lines = await capture.stop();
    for (const pair of ['10.0.0.1 > 10.0.0.2', '10.0.0.1 > 10.0.0.9', '10.0.0.9 > 10.0.0.2'])
      expect(echoes(lines.filter((line) => line.includes(pair)))).toEqual([5, 0]);
    expect(echoes(lines)).toEqual([15, 15]);
    await expectLaws(daemon);
  });

  test('duplicate address detection works on br0 and on guests while all are mirrored', async () => {
    const net = await connect({
      mirrors: { m1: { to: 'br0' }, m2: { to: 'mon' } },
      bridge: {},
      workers,
      ipv6: true,
    });
    const { sw, h1, h2, mon, daemon } = net;
    await mon.ip('link set dev mon up');
    await sw.ip('addr add fd00::9/64 dev br0', 'link set dev br0 up');
    await h1.ip('addr add fd00::1/64 dev h1');
    await h2.ip('addr add fd00::2/64 dev h2');
    for (const [where, device] of [
      [sw, 'br0'],
      [h1, 'h1'],
      [h2, 'h2'],
    ] as const)
      expect(await untilAllDecided(net, where, device)).toEqual(['global', 'link']);
    // And it does detect one.
    await h2.ip('addr add fd00::1/64 dev h2');
    expect(await untilAllDecided(net, h2, 'h2')).toEqual(['global', 'global dadfailed', 'link']);
    await sw.ip('addr add fd00::2/64 dev br0');
    expect(await untilAllDecided(net, sw, 'br0')).toEqual(['global', 'global dadfailed', 'link']);
    await expectLaws(daemon);
  });
});

test('RSPAN: an Open vSwitch gets the copies in their VLAN, and its own VLAN goes on', async () => {
  const net = await connect({
    mirrors: { m1: { from: ['h1'], to: { vlan: 99 } } },
    bridge: { local: false, vlan_filtering: true },
    guest: { vlan: { access: 10 } },
    ports: (far) => ({ up0: { type: 'tap', vlan: { trunk: [10, 99] }, netns: far.name } }),
  });
  const { lab, h1, far, daemon } = net;
  const ovs = await OpenVSwitch.start(lab, far);
  await far.ip('link set dev up0 up');
  await ovs.vsctl('add-br', 'ovs', '--', 'set', 'bridge', 'ovs', 'datapath_type=netdev');
  await ovs.vsctl('add-port', 'ovs', 'up0', 'trunks=10,99');
  // Or it would learn both guests on the side of the copies, and take what is for them for its own way back.
  await ovs.vsctl('set', 'bridge', 'ovs', 'flood_vlans=99');
  for (const [port, vid] of [
    ['guest', 10],
    ['probe', 99],
  ] as const)
    await ovs.vsctl('add-port', 'ovs', port, `tag=${vid}`, '--', 'set', 'interface', port, 'type=internal');
  await far.up('guest', '10.0.0.3/24');
  await far.up('probe');
  for (const address of ['10.0.0.2', '10.0.0.3']) expect(await reaches(h1, address)).toBe(true);
  const capture = await watch(net, far, 'probe', 'icmp');
  for (const address of ['10.0.0.2', '10.0.0.3'])
    expect(await ping(h1, address)).toMatchObject({ received: 5 });
  await settle();
  const lines = await capture.stop();
  expect(echoes(lines)).toEqual([10, 10]);
  expect(echoes(lines.filter((line) => line.includes('10.0.0.2')))).toEqual([5, 5]);
  await expectLaws(daemon);
});

test('a VXLAN remote that is none of the port’s gets the copies, and nothing else', async () => {
  const net = await connect({
    mirrors: { m1: { from: ['h1'], filter: 'icmp', to: { port: 'vx', remote: '192.0.2.2' } } },
    ports: () => ({ vx: { type: 'vxlan', vni: 42, local: '192.0.2.1', remote_learning: true } }),
    prepare: async (lab, sw, far) => {
      await lab.veth(sw, 'und0', far, 'und0');
      await sw.up('und0', '192.0.2.1/24');
      await far.up('und0', '192.0.2.2/24');
      await far.ip(
        'link add name vxl0 type vxlan id 42 dstport 4789 local 192.0.2.2 dev und0',
        'link set dev vxl0 up',
      );
    },
  });
  const { h1, far, daemon } = net;
  const capture = await watch(net, far, 'vxl0');
  expect(await reaches(h1, '10.0.0.2')).toBe(true);
  await settle();
  const before = await capture.stop();
  const again = await watch(net, far, 'vxl0');
  expect(await ping(h1, '10.0.0.2', { size: 1400 })).toMatchObject({ received: 5 });
  await settle();
  const lines = await again.stop();
  expect(echoes(lines)).toEqual([5, 5]);
  // ARP was broadcast, and the port has no remotes to flood it to.
  expect([...before, ...lines].filter((line) => !line.includes('ICMP'))).toEqual([]);
  await expectLaws(daemon);
});

const dropsOf = async (daemon: Taploomd, name: string) => {
  const { receiveDropped, transmitDropped } = (await daemon.port(name)).counters;
  return { receiveDropped, transmitDropped };
};

test('a watcher that is full loses copies, counted, and the mirrored pair nothing', async () => {
  const net = await connect({
    mirrors: { m1: { from: ['h1'], to: 'slow' } },
    ports: () => ({ slow: { type: 'af_packet', interface: 'slow0' } }),
    // A link of 1 Mb/s.
    prepare: async (lab, sw, far) => {
      await lab.veth(sw, 'slow0', far, 'slow1');
      await sw.check('tc qdisc add dev slow0 root tbf rate 1mbit burst 10k limit 10m'.split(' '));
    },
  });
  const { h1, h2, daemon } = net;
  expect(await reaches(h1, '10.0.0.2')).toBe(true);
  const { sum_sent: sent } = await iperf3(h1, h2, '10.0.0.2', 2);
  const { receiveDropped, transmitDropped } = await dropsOf(daemon, 'slow');
  expect(receiveDropped).toEqual({});
  // The interface refuses them; as soon as it counts as full, a shaper does.
  const {
    queue_full: refused = 0,
    shaper_full: unheld = 0,
    queue_late: late = 0,
    ...others
  } = transmitDropped;
  expect(others).toEqual({});
  expect(refused + unheld + late).toBeGreaterThan(100);
  for (const name of ['h1', 'h2'])
    expect(await dropsOf(daemon, name)).toEqual({ receiveDropped: {}, transmitDropped: {} });
  // Nor did the switch come too late for what the guests had sent: a segment is lost nowhere else, and one that TCP sends
  // again after a pause of this machine is no loss.
  for (const [where, device] of [
    [h1, 'h1'],
    [h2, 'h2'],
  ] as const) {
    const { tx, rx } = (await where.link(device)).stats64;
    expect([tx.dropped, rx.dropped, tx.errors, rx.errors]).toEqual([0, 0, 0, 0]);
  }
  expect(sent.retransmits).toBeLessThan(10);
  await expectLaws(daemon);
});

test('a watcher that is down costs the mirrored pair nothing', async () => {
  const net = await connect({ mirrors: { m1: { from: ['h1'], to: 'mon' } } });
  const { h1, h2, mon, daemon } = net;
  await mon.ip('link set dev mon down');
  const before = (await daemon.port('mon')).counters;
  expect((await tcp(h1, h2, '10.0.0.2', 1)).gigabitsPerSecond).toBeGreaterThan(0.3);
  for (const name of ['h1', 'h2'])
    expect(await dropsOf(daemon, name)).toEqual({ receiveDropped: {}, transmitDropped: {} });
  const { counters } = await daemon.port('mon');
  expect(counters.transmittedFrames).toBe(before.transmittedFrames);
  expect(counters.copies - before.copies).toBeGreaterThan(1000);
  await expectLaws(daemon);
});

test('one of so many, and cut short', async () => {
  const mirror = { from: ['h1'], direction: 'in', filter: 'ether proto 0x88b5', sample: 10, snaplen: 100 };
  const net = await connect({ mirrors: { m1: { ...mirror, to: 'mon' } } });
  const { h1, mon, daemon } = net;
  await mon.up('mon');
  const capture = await watch(net, mon, 'mon');
  await sendFrames(h1, 'h1', [
    { hex: frame({ to: BROADCAST, from: '02:00:00:00:00:01', size: 1000 }), count: 100 },
  ]);
  await settle();
  const lines = await capture.stop();
  expect(lines).toHaveLength(10);
  for (const line of lines) expect(line).toContain('length 100:');
  await expectLaws(daemon);
});

test.each([[1], [2]])(
  'mirrors come, change and go without a lost frame, with %i worker(s)',
  async (workers) => {
    const net = await connect({ mirrors: {}, workers });
    const { lab, h1, mon, daemon, config } = net;
    await mon.up('mon');
    expect(await reaches(h1, '10.0.0.2')).toBe(true);
    const capture = await watch(net, mon, 'mon', 'icmp');
    const pings = ping(h1, '10.0.0.2', { count: 1500, intervalSeconds: 0.002 });
    const file = join(lab.dir, 'mirrored.yaml');
    const mirrors = { m1: { from: ['h1'], filter: 'icmp', to: 'mon' } };
    writeFileSync(file, JSON.stringify({ ...config, bridges: { br0: { ...config.bridges.br0, mirrors } } }));
    for (let round = 0; round < 3; round++) {
      await daemon.cli('mirror', 'add', 'br0', 'm1', '--from', 'h1', '--direction', 'in', '--to', 'mon');
      await daemon.request('PATCH', '/v1/bridges/br0', { mirrors: { m1: { sample: 3 }, m2: { to: 'mon' } } });
      await daemon.cli('apply', file);
      await daemon.cli('mirror', 'del', 'br0', 'm1');
    }
    const { sent, received } = await pings;
    expect(received).toBe(sent);
    expect((await capture.stop()).length).toBeGreaterThan(10);
    for (const name of ['h1', 'h2'])
      expect(await dropsOf(daemon, name)).toEqual({ receiveDropped: {}, transmitDropped: {} });
    // The end of a mirror is an ordinary port again.
    await mon.ip('addr add 10.0.0.4/24 dev mon');
    expect(await reaches(h1, '10.0.0.4')).toBe(true);
    await expectLaws(daemon);
  },
);
