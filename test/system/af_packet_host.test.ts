// What attaching an interface means for the machine that has it: its own stack is kept away for exactly as long as the
// process lives, and nothing of the interface is changed.

import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { BROADCAST, frame } from '../support/frames.ts';
import { openLab } from '../support/lab.ts';
import { expectLaws } from '../support/laws.ts';
import { needs } from '../support/needs.ts';
import type { Netns } from '../support/netns.ts';
import { runCommand } from '../support/process.ts';
import { Taploomd } from '../support/taploomd.ts';
import { ping, reaches, sendFrames } from '../support/traffic.ts';

needs('ping', 'brctl');

const FRAGMENTABLE = fileURLToPath(new URL('../support/fragmentable.py', import.meta.url));
const FROM = '02:00:00:00:00:0b';

/** `sw` has eth0 with 10.0.0.254 and h1 at the other end of it with 10.0.0.1. */
async function host() {
  const lab = await openLab();
  const [sw, h1, h2] = await lab.netnsList(['sw', 'h1', 'h2']);
  await lab.veth(sw, 'eth0', h1, 'eth0');
  await sw.up('eth0', '10.0.0.254/24', 'fd00::254/64');
  await h1.up('eth0', '10.0.0.1/24', 'fd00::1/64');
  const start = (keys: object = {}, ports: object = {}) =>
    Taploomd.start(lab, sw, {
      version: 1,
      bridges: { br0: { local: false, ports: { eth0: { type: 'af_packet', ...keys }, ...ports } } },
    });
  return { lab, sw, h1, h2, start };
}

/** Whether the host at the other end answers within moments; neighbours are asked again each time. */
async function answers(from: Netns, address: string): Promise<boolean> {
  await from.ip('neigh flush dev eth0');
  return (await ping(from, address, { count: 2, waitSeconds: 0.3 })).received > 0;
}

test('the host does not answer on an attached interface, and answers again after kill -9', async () => {
  const { h1, h2, start } = await host();
  for (const address of ['10.0.0.254', 'fd00::254']) expect(await answers(h1, address)).toBe(true);
  const daemon = await start({}, { h2: { type: 'tap', netns: h2.name } });
  await h2.up('h2', '10.0.0.2/24');
  expect(await reaches(h1, '10.0.0.2')).toBe(true);
  for (const address of ['10.0.0.254', 'fd00::254']) expect(await answers(h1, address)).toBe(false);

  await daemon.process.stop('SIGKILL');
  for (const address of ['10.0.0.254', 'fd00::254']) expect(await answers(h1, address)).toBe(true);
  expect(await answers(h1, '10.0.0.2')).toBe(false);
});

test('the host answers again when the port is deleted, and meanwhile too with host_stack', async () => {
  const { h1, start } = await host();
  const daemon = await start();
  expect(await answers(h1, '10.0.0.254')).toBe(false);
  await daemon.request('PATCH', '/v1/bridges/br0/ports/eth0', { host_stack: true });
  expect(await answers(h1, '10.0.0.254')).toBe(true);
  await daemon.request('PATCH', '/v1/bridges/br0/ports/eth0', { host_stack: false });
  expect(await answers(h1, '10.0.0.254')).toBe(false);
  await daemon.request('DELETE', '/v1/bridges/br0/ports/eth0');
  expect(await answers(h1, '10.0.0.254')).toBe(true);
});

test('the address on the bridge instead makes the host reachable, as with a kernel bridge', async () => {
  const { lab, sw, h1 } = await host();
  const daemon = await Taploomd.start(lab, sw, { version: 1, bridges: { br0: {} } });
  expect(await daemon.brctl('addif', 'br0', 'eth0')).toMatchObject({ code: 0, stderr: '' });
  expect(await daemon.port('eth0')).toMatchObject({ type: 'af_packet', state: 'up', mtu: 1500 });
  await sw.ip('addr flush dev eth0');
  await sw.up('br0', '10.0.0.254/24');
  expect(await reaches(h1, '10.0.0.254')).toBe(true);

  expect(await daemon.brctl('delif', 'br0', 'eth0')).toMatchObject({ code: 0, stderr: '' });
  await sw.ip('addr flush dev br0', 'addr add 10.0.0.254/24 dev eth0');
  expect(await answers(h1, '10.0.0.254')).toBe(true);
});

test('an interface keeps working and the host stays away when it is renamed', async () => {
  const { sw, h1, h2, start } = await host();
  const daemon = await start({}, { h2: { type: 'tap', netns: h2.name } });
  await h2.up('h2', '10.0.0.2/24');
  await sw.ip('link set dev eth0 down', 'link set dev eth0 name lan7', 'link set dev lan7 up');
  expect(await reaches(h1, '10.0.0.2')).toBe(true);
  // nftables knows it by name, which is looked at once a second.
  await daemon.until('the host away', async () => !(await answers(h1, '10.0.0.254')));
  expect(await daemon.port('eth0')).toMatchObject({ state: 'up' });
});

test('a change of the MTU is noticed', async () => {
  const { sw, start } = await host();
  const daemon = await start({}, { m: { type: 'tap' } });
  expect((await daemon.port('eth0')).mtu).toBe(1500);
  await sw.ip('link set dev eth0 mtu 1400');
  await daemon.until('the new MTU', async () => {
    await daemon.request('PATCH', '/v1/bridges/br0/ports/m', { hairpin: Date.now() % 2 === 0 });
    return (await daemon.port('eth0')).mtu === 1400;
  });
});

test('an interface that goes down and comes up is a port that does', async () => {
  const { sw, h1, h2, start } = await host();
  const daemon = await start({}, { h2: { type: 'tap', netns: h2.name } });
  await h2.up('h2', '10.0.0.2/24');
  await sw.ip('link set dev eth0 down');
  await sendFrames(h2, 'h2', [{ hex: frame({ to: BROADCAST, from: FROM }), count: 5 }]);
  const downs = async () => (await daemon.port('eth0')).counters.transmitDropped.port_down ?? 0;
  await daemon.until('drops', async () => (await downs()) >= 5);
  expect(await daemon.port('eth0')).toMatchObject({ state: 'down' });
  await sw.ip('link set dev eth0 up');
  expect(await reaches(h1, '10.0.0.2')).toBe(true);
  await daemon.until('port up', async () => (await daemon.port('eth0')).state === 'up');
  await expectLaws(daemon);
});

test('an interface that is deleted, or moved away, leaves a port that is gone', async () => {
  const { lab, sw, h2, start } = await host();
  await lab.veth(sw, 'eth1', h2, 'eth1');
  const daemon = await start({}, { eth1: { type: 'af_packet' }, h2: { type: 'tap', netns: h2.name } });
  await h2.ip('link set dev h2 up');
  await sw.ip(`link set dev eth1 netns ${h2.name} name moved`);
  await sw.ip('link del dev eth0');
  for (const name of ['eth0', 'eth1']) {
    await daemon.until(`${name} gone`, async () => (await daemon.port(name)).state === 'gone');
  }
  await sendFrames(h2, 'h2', [{ hex: frame({ to: BROADCAST, from: FROM }), count: 3 }]);
  await expectLaws(daemon);
  // The port can be deleted, and the interface that was moved belongs to nobody.
  await daemon.request('DELETE', '/v1/bridges/br0/ports/eth0');
  expect(await h2.hasLink('moved')).toBe(true);
});

test('frames that the daemon was too slow for are counted, and cost nothing else', async () => {
  const { sw, h1, h2, start } = await host();
  const daemon = await start({}, { h2: { type: 'tap', netns: h2.name } });
  await h2.up('h2', '10.0.0.2/24');
  expect(await reaches(h1, '10.0.0.2')).toBe(true);
  process.kill(daemon.process.pid, 'SIGSTOP');
  const flood = `
import socket
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
s.bind(("eth0", 0))
data = bytes.fromhex("${frame({ to: BROADCAST, from: FROM, size: 1514 })}")
for n in range(40000): s.send(data)
`;
  const before = (await sw.link('eth0')).stats64.rx.packets;
  await h1.check(['/usr/bin/python3', '-c', flood]);
  const arrived = (await sw.link('eth0')).stats64.rx.packets - before;
  process.kill(daemon.process.pid, 'SIGCONT');
  await daemon.until('all accounted for', async () => {
    const { counters, queueDropped = 0 } = await daemon.port('eth0');
    return counters.receivedFrames + queueDropped >= arrived;
  });
  const { queueDropped } = await daemon.port('eth0');
  expect(queueDropped).toBeGreaterThan(1000);
  expect((await daemon.metrics()).get('taploom_port_queue_dropped_total{bridge="br0",port="eth0"}')).toBe(
    queueDropped,
  );
  expect(await reaches(h1, '10.0.0.2')).toBe(true);
  await expectLaws(daemon);
});

test('frames that the kernel cannot hand over are drops of their port, in stats and metrics', async () => {
  const { sw, start } = await host();
  await sw.withoutIpv6();
  await sw.ip('tuntap add mode tap name t0', 'link set t0 up');
  const daemon = await start({}, { t0: { type: 'af_packet' } });
  await sw.check(['/usr/bin/python3', FRAGMENTABLE, 't0', '30']);
  await daemon.until('all received', async () => (await daemon.port('t0')).counters.receivedFrames === 60);
  expect((await daemon.port('t0')).counters).toMatchObject({
    receivedBytes: 30 * 60,
    forwarded: 30,
    receiveDropped: { receive_error: 30 },
  });
  await expectLaws(daemon);
  expect(
    (await daemon.metrics()).get(
      'taploom_port_receive_dropped_total{bridge="br0",port="t0",reason="receive_error"}',
    ),
  ).toBe(30);
  // The program has let go of its TAP: there is no carrier.
  expect(await daemon.cli('stats')).toMatch(/br0 +t0 +down +60 +1800 +30 /);
  expect(await daemon.cli('drops')).toMatch(/t0 .*receive_error/);
});

test('what cannot be attached is refused, and says why', async () => {
  const { lab, sw, h1, start } = await host();
  const daemon = await start();
  const refusal = async (port: string, config: object) => {
    const path = `/v1/bridges/br0/ports/${port}`;
    const error: Error = await daemon.request('PUT', path, config).then(
      () => new Error('it was attached'),
      (reason) => reason,
    );
    return error.message;
  };
  await sw.ip(
    'link add name kbr type bridge',
    'tuntap add mode tap name d0',
    'link set dev d0 master kbr',
    'tuntap add mode tun name t0',
  );
  const type = 'af_packet';
  expect(await refusal('d0', { type })).toMatch(/Cannot attach port d0: .*nomaster/);
  expect(await refusal('kbr', { type })).toMatch(/is a kernel bridge/);
  expect(await refusal('lo', { type })).toMatch(/is not an Ethernet interface/);
  expect(await refusal('t0', { type })).toMatch(/is not an Ethernet interface/);
  expect(await refusal('nowhere', { type })).toMatch(/there is no interface nowhere/);
  expect(await refusal('x', { type, netns: h1.name })).toMatch(
    /there is no interface x in network namespace/,
  );
  expect(await refusal('x', { type, netns: 'tltest-nowhere' })).toMatch(/tltest-nowhere/);
  expect(await refusal('eth0b', { type: 'tap', interface: 'eth0' })).toMatch(/only af_packet ports have it/);
  const other = await Taploomd.launch(lab, sw, {
    version: 1,
    bridges: { br1: { local: false, ports: { again: { type, interface: 'eth0' } } } },
  });
  await other.process.waitFor(/another process has attached it/);
  // brctl says it like bridge-utils on a kernel bridge.
  await sw.ip('link add name kbr2 type bridge');
  for (const name of ['d0', 'lo', 'kbr', 'nowhere2/']) {
    const kernel = await runCommand(['ip', 'netns', 'exec', sw.name, 'brctl', 'addif', 'kbr2', name]);
    const ours = await daemon.brctl('addif', 'br0', name);
    if (name.endsWith('/')) expect(ours.code).toBe(1);
    else
      expect({ name, ...ours, stderr: ours.stderr.replaceAll('br0', 'kbr2') }).toEqual({ name, ...kernel });
  }
});

test('one interface under two spellings of its namespace is one, and refused twice', async () => {
  const { sw, start } = await host();
  const type = 'af_packet';
  const path = `/var/run/netns/${sw.name}`;
  await sw.ip('tuntap add mode tap name kept');
  const daemon = await start({ host_stack: true }, { own: { type: 'tap' } });
  const refusal = (port: string, config: object) =>
    daemon.request('PUT', `/v1/bridges/br0/ports/${port}`, config).then(
      () => 'it was attached',
      (error: Error) => error.message,
    );
  for (const host_stack of [true, false]) {
    for (const netns of [sw.name, path, '/proc/self/ns/net']) {
      const again = { type, netns, host_stack };
      expect(await refusal('again', { ...again, interface: 'eth0' })).toMatch(
        /Cannot attach port again: interface eth0 is that of eth0 in this switch/,
      );
      expect(await refusal('again', { ...again, interface: 'own' })).toMatch(/that of own in this switch/);
    }
  }
  // The other way round: the interface is attached first, and a TAP may be opened beside.
  await daemon.request('PUT', '/v1/bridges/br0/ports/kept2', { type, interface: 'kept', netns: path });
  expect(await refusal('kept', { type: 'tap' })).toMatch(
    /Cannot attach port kept: interface kept is that of kept2/,
  );
  // It was not made persistent by accident, nor deleted; and another interface of that name is another interface.
  await sw.ip('link show dev kept');
  await daemon.request('DELETE', '/v1/bridges/br0/ports/kept2');
  await daemon.request('PUT', '/v1/bridges/br0/ports/kept', { type: 'tap' });
});

test('a TAP with several queues, which type tap cannot take, is attached', async () => {
  const { sw, start } = await host();
  const daemon = await start();
  await sw.ip('tuntap add mode tap multi_queue name mq', 'link set dev mq up');
  const refused = daemon.request('PUT', '/v1/bridges/br0/ports/mq', { type: 'tap' });
  await expect(refused).rejects.toThrow(
    /the TAP has several queues, or is a TUN; type af_packet attaches it/,
  );
  await daemon.request('PUT', '/v1/bridges/br0/ports/mq', { type: 'af_packet' });
  expect(await daemon.port('mq')).toMatchObject({ type: 'af_packet' });
  expect(await daemon.cli('port', 'show', 'br0', 'mq')).toContain('af_packet');
  await daemon.cli('port', 'del', 'br0', 'mq');
  await daemon.cli(
    'port',
    'add',
    'br0',
    'guest',
    '--type',
    'af_packet',
    '--interface',
    'mq',
    '--host-stack',
    'on',
  );
  expect(await daemon.cli('export')).toContain('guest: { type: af_packet, interface: mq, host_stack: true }');
});

test('without the right to open packet sockets the error says which right is missing', async () => {
  const { lab, sw } = await host();
  const daemon = await Taploomd.launch(
    lab,
    sw,
    { version: 1, bridges: { br0: { local: false, ports: { eth0: { type: 'af_packet' } } } } },
    { wrap: ['setpriv', '--bounding-set', '-net_raw', '--inh-caps', '-net_raw', '--'] },
  );
  await daemon.process.waitFor(/CAP_NET_RAW/);
  expect(await answers(sw, '10.0.0.1')).toBe(true);
});
