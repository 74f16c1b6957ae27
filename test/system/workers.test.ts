// Two workers between real devices: TAPs of two VLANs, and a tunnel to a kernel VTEP. Whatever one worker receives may
// leave through a device that another one reads.
//
//   a, b (VLAN 10), c (VLAN 20) --- TAPs --- taploomd in sw === VXLAN === r -- kernel bridge: VLAN 10

import { expect, test } from 'vitest';
import { frame } from '../support/frames.ts';
import { type Lab, openLab } from '../support/lab.ts';
import { expectLaws } from '../support/laws.ts';
import { needs } from '../support/needs.ts';
import type { Netns } from '../support/netns.ts';
import { Taploomd } from '../support/taploomd.ts';
import { ping, sendFrames, tcp } from '../support/traffic.ts';
import { addKernelVxlan } from '../support/vxlan_host.ts';

needs('ping', 'nstat', 'bridge', 'sysctl');

const WORKERS = { args: ['--workers', '2'] };

interface Net {
  lab: Lab;
  daemon: Taploomd;
  config: object;
  a: Netns;
  b: Netns;
  c: Netns;
  far: Netns;
}

async function connect(): Promise<Net> {
  const lab = await openLab();
  const [sw, a, b, c, r] = await lab.netnsList(['sw', 'a', 'b', 'c', 'r']);
  await lab.veth(sw, 'und0', r, 'und0');
  await sw.up('und0', '192.0.2.1/24');
  await r.up('und0', '192.0.2.2/24');
  const tap = (netns: Netns, access: number) => ({ type: 'tap', netns: netns.name, vlan: { access } });
  const vx = { type: 'vxlan', vni: 42, local: '192.0.2.1', remotes: ['192.0.2.2'], vlan: { access: 10 } };
  const ports = { a: tap(a, 10), b: tap(b, 10), c: tap(c, 20), vx };
  const config = { version: 1, bridges: { br0: { vlan_filtering: true, ports } } };
  const daemon = await Taploomd.start(lab, sw, config, WORKERS);
  await a.up('a', '10.0.0.1/24', 'fd00::1/64');
  await b.up('b', '10.0.0.2/24', 'fd00::2/64');
  await c.up('c', '10.0.0.3/24', 'fd00::3/64');
  const addresses = ['10.0.0.4/24', 'fd00::4/64'];
  const remote = { label: 'r', vni: 42, local: '192.0.2.2', remotes: ['192.0.2.1'], addresses, mtu: 1450 };
  const { inner: far } = await addKernelVxlan(lab, r, remote);
  return { lab, daemon, config, a, b, c, far };
}

test('two workers carry pings and TCP between TAPs and a tunnel, both ways at once, and keep VLANs apart', async () => {
  const { daemon, a, b, c, far } = await connect();
  for (const address of ['10.0.0.2', '10.0.0.4', 'fd00::2', 'fd00::4']) {
    expect(await ping(a, address)).toMatchObject({ received: 5 });
  }
  expect(await ping(a, '10.0.0.3', { count: 2, waitSeconds: 0.3 })).toMatchObject({ received: 0 });
  const results = await Promise.all([
    tcp(a, b, '10.0.0.2', 2, 5001),
    tcp(b, a, 'fd00::1', 2, 5002),
    tcp(far, b, '10.0.0.2', 2, 5003),
    tcp(a, far, 'fd00::4', 2, 5004),
  ]);
  for (const { gigabitsPerSecond } of results) expect(gigabitsPerSecond).toBeGreaterThan(0.01);
  for (const netns of [a, b, c, far]) expect(await netns.checksumErrors()).toBe(0);
  // Known to all workers, each where it is.
  const macs = new Map((await daemon.fdb('?vlan=10')).map(({ mac, port }) => [mac, port]));
  for (const [netns, device, port] of [
    [a, 'a', 'a'],
    [b, 'b', 'b'],
    [far, 'eth0', 'vx'],
  ] as const) {
    expect(macs.get((await netns.link(device)).address)).toBe(port);
  }
  await expectLaws(daemon);
});

test('counters of two workers add up to what was sent, and to what the kernel received', async () => {
  const COUNT = 900; // fits the queue of a TAP
  const lab = await openLab();
  const [sw, ...hosts] = await lab.netnsList(['sw', 'a', 'b', 'c']);
  await Promise.all(hosts.map((host) => host.withoutIpv6()));
  const names = ['a', 'b', 'c'];
  const ports = Object.fromEntries(hosts.map(({ name }, n) => [names[n], { type: 'tap', netns: name }]));
  const config = { version: 1, bridges: { br0: { local: false, ports } } };
  const daemon = await Taploomd.start(lab, sw, config, WORKERS);
  for (const [n, host] of hosts.entries()) await host.up(names[n]);
  const mac = (n: number) => `02:00:00:00:00:0${n}`;
  for (const [n, host] of hosts.entries()) {
    await sendFrames(host, names[n], [{ hex: frame({ to: mac(9), from: mac(n) }) }]);
  }
  await daemon.until('stations learned', async () => (await daemon.fdb()).length === 3);
  // Each to the two others at the same time, so that two workers write to each TAP.
  await Promise.all(
    hosts.map((host, n) =>
      sendFrames(host, names[n], [
        { hex: frame({ to: mac((n + 1) % 3), from: mac(n) }), count: COUNT },
        { hex: frame({ to: mac((n + 2) % 3), from: mac(n) }), count: COUNT },
        { hex: frame({ to: mac(n), from: mac(n) }), count: 7 },
      ]),
    ),
  );
  const each = 1 + 2 * COUNT + 7;
  await daemon.until('all frames received', async () =>
    (await daemon.ports()).every(({ counters }) => counters.receivedFrames >= each),
  );
  await expectLaws(daemon);
  const metrics = await daemon.metrics();
  for (const [n, name] of names.entries()) {
    const of = (what: string, labels = '') =>
      metrics.get(`taploom_port_${what}_total{bridge="br0",port="${name}"${labels}}`);
    expect({
      received: of('receive_packets'),
      samePort: of('receive_dropped', ',reason="same_port"'),
      transmitted: of('transmit_packets'),
      full: of('transmit_dropped', ',reason="queue_full"') ?? 0,
      kernel: (await hosts[n].link(name)).stats64.rx.packets,
    }).toEqual({
      received: each,
      samePort: 7,
      transmitted: 2 + 2 * COUNT,
      full: 0,
      kernel: 2 + 2 * COUNT,
    });
  }
});

test('ports come and go under traffic of two workers, and their TAPs with them', async () => {
  const { daemon, config, a, b, c, far } = await connect();
  const pings = ping(a, '10.0.0.2', { count: 200, intervalSeconds: 0.02 });
  const stream = tcp(far, b, '10.0.0.2', 4);
  const { br0 } = (config as { bridges: { br0: { ports: Record<string, object> } } }).bridges;
  const { c: port, ...others } = br0.ports;
  for (let round = 0; round < 8; round++) {
    const ports = round % 2 === 0 ? others : { ...others, c: port };
    await daemon.apply({
      version: 1,
      bridges: { br0: { ...br0, ports, fdb_limit: round % 3 === 0 ? 100 : 100_000 } },
    });
    expect(await c.hasLink('c')).toBe(round % 2 === 1);
  }
  const { sent, received } = await pings;
  expect(received).toBe(sent);
  expect((await stream).gigabitsPerSecond).toBeGreaterThan(0.01);
  await expectLaws(daemon);
  await daemon.process.stop('SIGTERM', 5000);
  expect(await a.hasLink('a')).toBe(false);
});
