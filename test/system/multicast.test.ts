// Multicast snooping with real receivers: the kernels of namespaces join and leave, by IGMPv3 and MLDv2.

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import type { MdbEntry, MulticastStatus } from '../../src/api.ts';
import { type Lab, openLab } from '../support/lab.ts';
import { expectLaws } from '../support/laws.ts';
import { needs } from '../support/needs.ts';
import type { Netns } from '../support/netns.ts';
import { OpenVSwitch } from '../support/open_vswitch.ts';
import { check } from '../support/process.ts';
import { Taploomd } from '../support/taploomd.ts';
import { Capture, ping } from '../support/traffic.ts';

needs('tcpdump', 'ping', 'ovs-vswitchd');

const script = (name: string) => fileURLToPath(new URL(`../support/${name}.py`, import.meta.url));
const G = '239.1.1.1';
const SSM = '232.1.1.1';
const G6 = 'ff15::1:1';
/** Quick, so that a test need not wait. */
const QUICK = { query_response_interval: 1, last_member_interval: 0.2 };
const DATAGRAMS = 'udp port 5555';

async function receive(where: Netns, device: string, group: string, ...source: string[]) {
  const receiver = where.spawn(['/usr/bin/python3', script('group_receiver'), device, group, ...source]);
  await receiver.waitFor(/joined/);
  return {
    /** Datagrams so far, once those that are under way had their time. */
    count: () => Number(receiver.stdout.trim().split('\n').at(-1)?.replace('joined', '0')),
    receiver,
  };
}

const send = (from: Netns, device: string, group: string, count = 20) =>
  from.check(['/usr/bin/python3', script('group_sender'), device, group, String(count)]);
const mdb = (daemon: Taploomd) => daemon.get<{ entries: MdbEntry[] }>('/v1/mdb');
const vlans = async (daemon: Taploomd) => (await daemon.get<MulticastStatus>('/v1/multicast')).vlans;
const areThere = (daemon: Taploomd, ...wanted: string[]) =>
  daemon.until(wanted.join(', '), async () => {
    const there = (await mdb(daemon)).entries.map(({ group, port }: MdbEntry) => `${group} ${port}`);
    return wanted.every((one) => there.includes(one));
  });
const isActive = (daemon: Taploomd) =>
  daemon.until('a querier', async () => (await vlans(daemon)).some(({ isActive }) => isActive), 20_000);

/** A bridge with TAPs that hosts h1, h2, ... hold. */
async function hosts(lab: Lab, count: number, multicast: object, config = {}) {
  const [sw, ...all] = await lab.netnsList(['sw', ...Array.from({ length: count }, (_, n) => `h${n + 1}`)]);
  const ports = Object.fromEntries(all.map(({ name }, n) => [`vm${n + 1}`, { type: 'tap', netns: name }]));
  const bridges = { br0: { multicast: { ...QUICK, ...multicast }, local: false, ports, ...config } };
  const daemon = await Taploomd.start(lab, sw, { version: 1, bridges });
  for (const [n, host] of all.entries())
    await host.up(`vm${n + 1}`, `10.0.0.${n + 1}/24`, `fd00::${n + 1}/64`);
  return { sw, all, daemon };
}

test('a group is on no port that did not ask, sources are told apart, and the rest of the network works', async () => {
  const lab = await openLab();
  const { all, daemon } = await hosts(lab, 5, { querier: true });
  const [h1, h2, h3, h4, h5] = all;
  await isActive(daemon);
  const any = await receive(h1, 'vm1', G);
  const one = await receive(h2, 'vm2', SSM, '10.0.0.4');
  const six = await receive(h1, 'vm1', G6);
  await areThere(daemon, `${G} vm1`, `${SSM} vm2`, `${G6} vm1`);
  const captures = await Promise.all(
    [h1, h2, h3].map((host, n) =>
      Capture.start(host, `vm${n + 1}`, `${lab.dir}/h${n + 1}.pcap`, ...DATAGRAMS.split(' ')),
    ),
  );
  for (const [from, device] of [
    [h4, 'vm4'],
    [h5, 'vm5'],
  ] as const) {
    for (const group of [G, SSM, G6]) await send(from, device, group);
  }
  await daemon.until(
    'all datagrams',
    async () => any.count() === 40 && six.count() === 40 && one.count() === 20,
  );
  const [lines1, lines2, lines3] = await Promise.all(captures.map((capture) => capture.stop()));
  expect([lines1.length, lines2.length, lines3.length]).toEqual([80, 20, 0]);
  expect(lines2.every((line) => line.includes('10.0.0.4'))).toBe(true);
  // IPv6 neighbours are found by multicast.
  expect(await ping(h3, 'fd00::1')).toMatchObject({ received: 5 });
  // Whoever ends leaves, and is asked for first.
  await any.receiver.stop('SIGKILL');
  await daemon.until('the end of the group', async () =>
    (await mdb(daemon)).entries.every(({ group }) => group !== G),
  );
  const metrics = await daemon.metrics();
  expect(metrics.get('taploom_multicast_reports_total{bridge="br0",port="vm1"}')).toBeGreaterThan(2);
  expect(await daemon.cli('mdb', 'show', 'br0')).toMatch(
    /br0 +- +232\.1\.1\.1 +vm2 +dynamic +include +10\.0\.0\.4/,
  );
  expect(await daemon.cli('mdb', 'vlans')).toMatch(/br0 +- +igmp +\d+ +0\.0\.0\.0 \(this switch\)/);
  await expectLaws(daemon);
});

test('a port whose link goes down drops its groups, and is asked for them when it comes up', async () => {
  const lab = await openLab();
  const { all, daemon } = await hosts(lab, 2, {
    querier: true,
    static: [{ group: '239.2.2.2', port: 'vm1' }],
  });
  const [h1, h2] = all;
  await isActive(daemon);
  for (const [host, device] of [
    [h1, 'vm1'],
    [h2, 'vm2'],
  ] as const) {
    for (const group of [G, G6]) await receive(host, device, group);
  }
  await areThere(daemon, `${G} vm1`, `${G6} vm1`, `${G} vm2`, `${G6} vm2`);
  await h1.ip('link set vm1 down');
  const there = async () =>
    (await mdb(daemon)).entries.map(({ group, port, type }) => `${group} ${port} ${type}`).sort();
  await daemon.until('the end of its groups', async () => !(await there()).includes(`${G} vm1 dynamic`));
  expect(await there()).toEqual([`${G} vm2 dynamic`, '239.2.2.2 vm1 static', `${G6} vm2 dynamic`]);
  await h1.ip('link set vm1 up');
  await areThere(daemon, `${G} vm1`);
});

test('the bridge itself joins a group as its ports do, and leaves it', async () => {
  const lab = await openLab();
  const { sw, all, daemon } = await hosts(lab, 2, { querier: true }, { local: {} });
  await sw.up('br0', '10.0.0.9/24');
  await isActive(daemon);
  const own = await receive(sw, 'br0', G);
  await areThere(daemon, `${G} br0`);
  const capture = await Capture.start(all[1], 'vm2', `${lab.dir}/vm2.pcap`, ...DATAGRAMS.split(' '));
  await send(all[0], 'vm1', G);
  await daemon.until('all datagrams', async () => own.count() === 20);
  expect(await capture.stop()).toEqual([]);
  await own.receiver.stop('SIGKILL');
  await daemon.until('the end of the group', async () =>
    (await mdb(daemon)).entries.every(({ group }) => group !== G),
  );
});

describe('with a kernel bridge on the other side', () => {
  /** h1 [vm1] taploomd [up0] --- [up1] kernel bridge [far] --- [eth0] h2, and h3 [vm2] on this side. */
  async function opposite(multicast: object) {
    const lab = await openLab();
    const { sw, all, daemon } = await hosts(lab, 2, multicast);
    const [kb, far] = await lab.netnsList(['kb', 'far']);
    await lab.veth(sw, 'up0', kb, 'up1');
    await lab.veth(kb, 'far', far, 'eth0');
    await kb.ip('link add name kbr type bridge', 'link set up1 master kbr', 'link set far master kbr');
    const options = [
      'mcast_snooping 1',
      'mcast_query_response_interval 100',
      'mcast_last_member_interval 20',
    ];
    await kb.ip(`link set kbr type bridge ${options.join(' ')}`, 'link set dev kbr up');
    await far.up('eth0', '10.0.0.9/24');
    await daemon.request('PUT', '/v1/bridges/br0/ports/up0', { type: 'af_packet' });
    return { daemon, kb, far, all, lab };
  }
  const kernelMdb = (kb: Netns) => check(['bridge', '-n', kb.name, 'mdb', 'show']);

  test('its queries are answered to it alone, and groups cross in both directions', async () => {
    const { daemon, kb, far, all, lab } = await opposite({});
    const [h1, h2] = all;
    await kb.ip('link set kbr type bridge mcast_querier 1 mcast_startup_query_interval 100');
    await isActive(daemon);
    const [igmp] = (await vlans(daemon)).filter(({ protocol }) => protocol === 'igmp');
    expect(igmp).toMatchObject({ querier: { port: 'up0' }, routers: [{ port: 'up0', type: 'temporary' }] });
    const near = await receive(h1, 'vm1', G);
    const remote = await receive(far, 'eth0', SSM);
    await areThere(daemon, `${G} vm1`);
    await daemon.until('the report on the other side', async () => (await kernelMdb(kb)).includes(G));
    const capture = await Capture.start(
      h2,
      'vm2',
      `${lab.dir}/h2.pcap`,
      'udp or igmp[0] = 0x22 or igmp[0] = 0x16',
    );
    await send(far, 'eth0', G);
    await send(h2, 'vm2', SSM);
    await daemon.until('all datagrams', async () => near.count() === 20 && remote.count() === 20);
    // Its own frames, and no report or datagram of others.
    expect((await capture.stop()).filter((line) => !line.includes('10.0.0.2'))).toEqual([]);
    await expectLaws(daemon);
  });

  test('it learns from our queries what its hosts want', async () => {
    const { daemon, kb, far, all } = await opposite({ querier: true, querier_address: '10.0.0.254' });
    const [h1, h2] = all;
    await isActive(daemon);
    const remote = await receive(far, 'eth0', G);
    await areThere(daemon, `${G} up0`);
    expect(await kernelMdb(kb)).toContain(G);
    await send(h1, 'vm1', G);
    await daemon.until('all datagrams', async () => remote.count() === 20);
    const near = await receive(h2, 'vm2', G);
    await areThere(daemon, `${G} vm2`);
    await send(far, 'eth0', G);
    await daemon.until('all datagrams', async () => near.count() === 20);
    await remote.receiver.stop('SIGKILL');
    await daemon.until('the end of the membership', async () =>
      (await mdb(daemon)).entries.every(({ port, group }) => port !== 'up0' || group !== G),
    );
    await expectLaws(daemon);
  });
});

test('Open vSwitch learns from our queries what its hosts want, and we from their reports', async () => {
  const lab = await openLab();
  const { sw, all, daemon } = await hosts(lab, 2, { querier: true, querier_address: '10.0.0.254' });
  const [h1, h2] = all;
  const [ns, far, idle] = await lab.netnsList(['ovs', 'far', 'idle']);
  await lab.veth(sw, 'up0', ns, 'up1');
  for (const [n, host] of [far, idle].entries()) {
    await lab.veth(ns, `p${n}`, host, 'eth0');
    await host.up('eth0', `10.0.0.${n + 9}/24`);
  }
  const ovs = await OpenVSwitch.start(lab, ns);
  await ovs.vsctl('add-br', 'obr', '--', 'set', 'bridge', 'obr', 'datapath_type=netdev');
  await ovs.vsctl('set', 'bridge', 'obr', 'mcast_snooping_enable=true');
  for (const port of ['up1', 'p0', 'p1']) await ovs.vsctl('add-port', 'obr', port);
  await daemon.request('PUT', '/v1/bridges/br0/ports/up0', { type: 'af_packet' });
  await isActive(daemon);
  const remote = await receive(far, 'eth0', G);
  await areThere(daemon, `${G} up0`);
  const captures = await Promise.all([
    Capture.start(idle, 'eth0', `${lab.dir}/idle.pcap`, ...DATAGRAMS.split(' ')),
    Capture.start(h2, 'vm2', `${lab.dir}/h2.pcap`, ...DATAGRAMS.split(' ')),
  ]);
  await send(h1, 'vm1', G);
  await daemon.until('all datagrams', async () => remote.count() === 20);
  const near = await receive(h1, 'vm1', SSM);
  await areThere(daemon, `${SSM} vm1`);
  await send(far, 'eth0', SSM);
  await daemon.until('all datagrams', async () => near.count() === 20);
  const [onIdle, onH2] = await Promise.all(captures.map((capture) => capture.stop()));
  // To Open vSwitch the second group is unknown, so it floods it; to us it is not.
  expect([onIdle.filter((line) => line.includes(G)), onH2]).toEqual([[], []]);
  await expectLaws(daemon);
});

test('the example of docs/multicast.md does what the page says', async () => {
  const page = readFileSync(new URL('../../docs/multicast.md', import.meta.url), 'utf8');
  const config = parse(/```yaml\n([\s\S]*?)```/.exec(page)?.[1] ?? '');
  const lab = await openLab();
  const [sw, h1, h2] = await lab.netnsList(['sw', 'h1', 'h2']);
  const { br0 } = config.bridges;
  br0.ports.vm1.netns = h1.name;
  br0.ports.vm2.netns = h2.name;
  const daemon = await Taploomd.start(lab, sw, config);
  await h1.up('vm1', '198.51.100.1/24');
  await h2.up('vm2', '198.51.100.2/24');
  await receive(h1, 'vm1', G);
  await receive(h2, 'vm2', SSM, '198.51.100.4');
  await areThere(daemon, `${G} vm1`, `${SSM} vm2`);
  const printed = (text: string) =>
    text
      .split('\n')
      .filter((line) => /^BRIDGE|^br0 +- +(239|232)/.test(line))
      .map((line) =>
        line
          .replace(/ \d+(?= |$)/g, ' N')
          .trim()
          .split(/ +/)
          .join(' '),
      );
  const shown = /# taploom mdb show\n([\s\S]*?)#/.exec(page)?.[1] ?? '';
  expect(printed(await daemon.cli('mdb', 'show')).sort()).toEqual(printed(shown).sort());
});
