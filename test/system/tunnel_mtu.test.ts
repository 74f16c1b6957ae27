// What a tunnel carries follows from the network under it, and from nobody's word; a kernel VXLAN host is at the other end.
//
//   h -- TAP, 1500 -- taploomd in sw -- und0 ---- und0 -- r ---- und0 -- kernel VXLAN in far -- kernel bridge -- far-inner
//                                                  a router

import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { openLab } from '../support/lab.ts';
import { expectLaws } from '../support/laws.ts';
import { needs } from '../support/needs.ts';
import type { Netns } from '../support/netns.ts';
import { Taploomd } from '../support/taploomd.ts';
import { reaches, tcp } from '../support/traffic.ts';
import { addKernelVxlan } from '../support/vxlan_host.ts';

needs('ping', 'bridge', 'ss');

const PYTHON = '/usr/bin/python3';
const SPOOF = fileURLToPath(new URL('../support/spoof_too_big.py', import.meta.url));

interface Plan {
  sw: string;
  far: string;
  /** The router's addresses towards both. */
  routers: [string, string];
  prefix: number;
  /** MTU of the link between the router and the far end. */
  mtu?: number;
}

const IPV4: Plan = {
  sw: '192.0.2.1',
  far: '198.51.100.1',
  routers: ['192.0.2.254', '198.51.100.254'],
  prefix: 24,
};

const IPV6: Plan = {
  sw: '2001:db8:1::1',
  far: '2001:db8:2::1',
  routers: ['2001:db8:1::fe', '2001:db8:2::fe'],
  prefix: 64,
};

async function connect({ sw: local, far: remote, routers, prefix, mtu = 1500 }: Plan, tunnel: object = {}) {
  const lab = await openLab();
  const [sw, r, far, h] = await lab.netnsList(['sw', 'r', 'far', 'h']);
  await lab.veth(sw, 'und0', r, 'ra');
  await lab.veth(r, 'rb', far, 'und0');
  await r.ip(`link set rb mtu ${mtu}`);
  await far.ip(`link set und0 mtu ${mtu}`);
  await r.sysctl('net.ipv4.ip_forward=1', 'net.ipv6.conf.all.forwarding=1');
  const nodad = local.includes(':') ? ' nodad' : '';
  for (const [netns, device, address] of [
    [sw, 'und0', local],
    [r, 'ra', routers[0]],
    [r, 'rb', routers[1]],
    [far, 'und0', remote],
  ] as const) {
    await netns.ip(`link set ${device} up`, `addr add ${address}/${prefix} dev ${device}${nodad}`);
  }
  await sw.ip(`route add ${remote}/128 via ${routers[0]}`.replace('/128', nodad ? '/128' : '/32'));
  await far.ip(`route add ${local}/128 via ${routers[1]}`.replace('/128', nodad ? '/128' : '/32'));
  const { inner } = await addKernelVxlan(lab, far, {
    label: 'far',
    vni: 42,
    local: remote,
    remotes: [local],
    addresses: ['10.0.0.2/24', 'fd00::2/64'],
    mtu: mtu - (nodad ? 70 : 50),
  });
  const ports = {
    h: { type: 'tap', netns: h.name, mtu: 1500 },
    vx: { type: 'vxlan', vni: 42, local, remotes: [remote], ...tunnel },
  };
  const daemon = await Taploomd.start(lab, sw, { version: 1, bridges: { br0: { local: false, ports } } });
  await h.up('h', '10.0.0.1/24', 'fd00::1/64');
  expect(await reaches(h, '10.0.0.2')).toBe(true);
  return { lab, daemon, sw, r, far, h, inner };
}

/** The MTU that a ping with DF of this size is told, or how many answers it has. */
async function pingWithDf(from: Netns, address: string, size: number): Promise<string> {
  const { stdout } = await from.run([
    'ping',
    '-n',
    '-c',
    '2',
    '-i',
    '0.2',
    '-W',
    '1',
    '-M',
    'do',
    '-s',
    `${size}`,
    address,
  ]);
  return (
    /icmp_seq=[12] (?:Frag needed and DF set \(mtu = |Packet too big: mtu=)(\d+)/.exec(stdout)?.[1] ??
    `${/(\d+) received/.exec(stdout)?.[1]} received`
  );
}

const mtuOf = async (daemon: Taploomd) => (await daemon.port('vx')).mtu;

test('the MTU follows interface and route, is told inside, and the losses name both', async () => {
  const { daemon, sw, h, inner } = await connect(IPV4);
  expect(await daemon.port('vx')).toMatchObject({
    mtu: 1450,
    underlay: {
      mtu: 1500,
      device: 'und0',
      remote: '198.51.100.1',
      route: '198.51.100.1/32',
      setBy: 'interface',
    },
  });
  await sw.ip('link set und0 mtu 1420');
  await daemon.until('1370', async () => (await mtuOf(daemon)) === 1370, 2000);
  expect(await pingWithDf(h, '10.0.0.2', 1372)).toBe('1370');
  expect(await pingWithDf(h, 'fd00::2', 1352)).toBe('1370');
  expect(await pingWithDf(h, '10.0.0.2', 1342)).toBe('2 received');
  expect((await daemon.cli('drops')).replaceAll(/\s+/g, ' ')).toMatch(
    /too_big [12] larger than the 1370 bytes/,
  );
  expect(await daemon.cli('show')).toContain(
    'as too_big: larger than the 1370 bytes that fit route 198.51.100.1/32 via und0 to 198.51.100.1, limited by the MTU of 1420 of und0:',
  );
  expect((await tcp(h, inner, '10.0.0.2', 0.5)).gigabitsPerSecond).toBeGreaterThan(0.05);
  expect((await tcp(inner, h, '10.0.0.1', 0.5)).gigabitsPerSecond).toBeGreaterThan(0.05);

  await sw.ip('link set und0 mtu 1500', 'route replace 198.51.100.1/32 via 192.0.2.254 mtu 1400');
  await daemon.until('1350', async () => (await mtuOf(daemon)) === 1350, 2000);
  expect((await daemon.port('vx')).underlay).toMatchObject({ mtu: 1400, setBy: 'route' });
  await sw.ip('route replace 198.51.100.1/32 via 192.0.2.254', 'link set und0 mtu 1600');
  await daemon.until('1550', async () => (await mtuOf(daemon)) === 1550, 2000);
  // Interfaces keep theirs, whatever happens to routes.
  expect((await h.link('h')).mtu).toBe(1500);
  await expectLaws(daemon);
});

test('an mtu of the configuration is a limit, too, but no network carries more than it does', async () => {
  const { daemon, sw, h } = await connect(IPV4, { mtu: 1440 });
  expect(await mtuOf(daemon)).toBe(1440);
  await sw.ip('link set und0 mtu 1420');
  await daemon.until('1370', async () => (await mtuOf(daemon)) === 1370, 2000);
  expect(await pingWithDf(h, '10.0.0.2', 1412)).toBe('1370');
});

test('a router with a smaller MTU on the way fragments, as for a kernel VXLAN device', async () => {
  const { daemon, r, far, h, inner } = await connect({ ...IPV4, mtu: 1400 });
  // What is too big for its own tunnel the far side takes all the same.
  await far.ip('link set p0 mtu 1500');
  await inner.ip('link set eth0 mtu 1500', 'route replace 10.0.0.0/24 dev eth0 mtu 1350');
  expect(await mtuOf(daemon)).toBe(1450);
  expect(await pingWithDf(h, '10.0.0.2', 1422)).toBe('2 received');
  expect((await r.snmp()).IpFragOKs).toBeGreaterThan(0);
  // UDP_SEGMENT, and segments one by one where it is off.
  expect((await tcp(h, inner, '10.0.0.2', 0.5)).gigabitsPerSecond).toBeGreaterThan(0.02);
  expect((await daemon.port('vx')).counters.transmitDropped).not.toHaveProperty('device_error');
  await expectLaws(daemon);
});

test('a stranger who says that less fits changes nothing', async () => {
  const { daemon, sw, r, h, inner } = await connect(IPV4);
  const sockets = await sw.check(['ss', '-Hun', 'state', 'unconnected']);
  const ports = [...sockets.matchAll(/192\.0\.2\.1:(\d+)/g)].map(([, port]) => port);
  expect(ports).toHaveLength(17); // with the one that receives
  await r.check([PYTHON, SPOOF, '192.0.2.254', '192.0.2.1', '198.51.100.1', '552', ...ports]);
  expect(await sw.check(['ip', 'route', 'get', '198.51.100.1'])).not.toContain('mtu');
  expect(await pingWithDf(h, '10.0.0.2', 1422)).toBe('2 received');
  expect(await mtuOf(daemon)).toBe(1450);

  // Another socket of the host may believe it: that is not what a tunnel goes by.
  const believer =
    'import socket as s, time\nu = s.socket(s.AF_INET, s.SOCK_DGRAM)\nu.setsockopt(0, 10, 2)\n';
  const other = sw.spawn([
    PYTHON,
    '-c',
    `${believer}u.bind(("192.0.2.1", 4999))\nprint("bound", flush=True)\ntime.sleep(30)`,
  ]);
  await other.waitFor(/bound/);
  await r.check([PYTHON, SPOOF, '192.0.2.254', '192.0.2.1', '198.51.100.1', '700', '4999']);
  expect(await sw.check(['ip', 'route', 'get', '198.51.100.1'])).toContain('mtu 700');
  await sw.ip('link set und0 mtu 1499', 'link set und0 mtu 1500'); // makes it look
  expect(await pingWithDf(h, '10.0.0.2', 1422)).toBe('2 received');
  expect(await mtuOf(daemon)).toBe(1450);
  expect((await tcp(h, inner, '10.0.0.2', 0.5)).gigabitsPerSecond).toBeGreaterThan(0.05);
  expect((await daemon.port('vx')).counters.transmitDropped).toEqual({});
});

test('over IPv6 a router is believed that quotes what was sent, and nobody else', async () => {
  const { daemon, sw, r, far, h, inner } = await connect({ ...IPV6, mtu: 1400 });
  expect(await mtuOf(daemon)).toBe(1430);
  // What is too big for its own tunnel the far side takes all the same.
  await far.ip('link set und0 mtu 1500', 'link set p0 mtu 1500');
  await inner.ip('link set eth0 mtu 1500', 'route replace 10.0.0.0/24 dev eth0 mtu 1330');
  await r.ip('link set rb mtu 1500');
  const sockets = await sw.check(['ss', '-Hun', 'state', 'unconnected']);
  const ports = [...sockets.matchAll(/\[2001:db8:1::1\]:(\d+)/g)].map(([, port]) => port);
  expect(ports).toHaveLength(17);
  const spoof = [PYTHON, SPOOF, '2001:db8:1::fe', '2001:db8:1::1', '2001:db8:2::1', '1280'];
  await r.check([...spoof, ...ports]);
  expect(await sw.check(['ip', '-6', 'route', 'get', '2001:db8:2::1'])).not.toContain('mtu');
  expect(await pingWithDf(h, '10.0.0.2', 1402)).toBe('2 received');

  // The router's link shrinks, and it says so itself.
  await r.ip('link set rb mtu 1400');
  expect(await pingWithDf(h, '10.0.0.2', 1402)).toBe('1330');
  expect(await pingWithDf(h, '10.0.0.2', 1302)).toBe('2 received');
  expect((await tcp(h, inner, '10.0.0.2', 0.5)).gigabitsPerSecond).toBeGreaterThan(0.02);
  expect((await tcp(h, inner, 'fd00::2', 0.5)).gigabitsPerSecond).toBeGreaterThan(0.02);
  expect(await mtuOf(daemon)).toBe(1430); // for that remote only
  await expectLaws(daemon);
});

test('a kernel VXLAN device as a port: who sends too much into it is told', async () => {
  const lab = await openLab();
  const [sw, far, h] = await lab.netnsList(['sw', 'far', 'h']);
  await lab.veth(sw, 'und0', far, 'und0');
  await sw.up('und0', '192.0.2.1/24');
  await far.up('und0', '192.0.2.2/24');
  const at = {
    vni: 42,
    local: '192.0.2.2',
    remotes: ['192.0.2.1'],
    addresses: ['10.0.0.2/24', 'fd00::2/64'],
    mtu: 1450,
  };
  const { inner } = await addKernelVxlan(lab, far, { label: 'far', ...at });
  await sw.ip(
    'link add vxlan0 type vxlan id 42 local 192.0.2.1 remote 192.0.2.2 dstport 4789',
    'link set vxlan0 up',
  );
  const ports = { h: { type: 'tap', netns: h.name }, vxlan0: { type: 'af_packet' } };
  const daemon = await Taploomd.start(lab, sw, { version: 1, bridges: { br0: { local: false, ports } } });
  await h.up('h', '10.0.0.1/24', 'fd00::1/64');
  expect(await reaches(h, '10.0.0.2')).toBe(true);
  expect((await sw.link('vxlan0')).mtu).toBe(1500);
  expect(await pingWithDf(h, '10.0.0.2', 1472)).toBe('1450');
  expect(await pingWithDf(h, 'fd00::2', 1452)).toBe('1450');
  expect((await tcp(h, inner, '10.0.0.2', 0.5)).gigabitsPerSecond).toBeGreaterThan(0.02);
  expect((await tcp(inner, h, '10.0.0.1', 0.5)).gigabitsPerSecond).toBeGreaterThan(0.02);
  await sw.ip('link set und0 mtu 1420');
  await daemon.until('1370', async () => (await daemon.port('vxlan0')).mtu === 1370, 2000);
  expect(await pingWithDf(h, '10.0.0.2', 1402)).toBe('1370');
  expect((await tcp(h, inner, '10.0.0.2', 0.5)).gigabitsPerSecond).toBeGreaterThan(0.02);
  await expectLaws(daemon);
});

test('what the socket of a tunnel had no room for is told as lost, by each tunnel that shares it', async () => {
  const { daemon, r, sw } = await connect(IPV4);
  process.kill(daemon.process.pid, 'SIGSTOP');
  const flood =
    'import socket as s\nu = s.socket(s.AF_INET, s.SOCK_DGRAM)\n' +
    'for n in range(60000): u.sendto(bytes(60), ("192.0.2.1", 4789))\n';
  await r.check([PYTHON, '-c', flood], { timeoutMs: 20_000 });
  process.kill(daemon.process.pid, 'SIGCONT');
  await daemon.until('lost', async () => ((await daemon.port('vx')).queueDropped ?? 0) > 1000, 5000);
  expect((await daemon.cli('drops')).replaceAll(/\s+/g, ' ')).toContain('br0 vx receive queue_full');
  const { queueDropped } = await daemon.port('vx');
  expect((await sw.snmp()).UdpRcvbufErrors).toBe(queueDropped);
});
