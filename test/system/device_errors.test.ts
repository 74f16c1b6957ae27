// What happens to interfaces in real life, and what must not happen to the daemon: it lives, counts or reports.

import { writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { frame } from '../support/frames.ts';
import { type Lab, openLab } from '../support/lab.ts';
import { expectLaws } from '../support/laws.ts';
import { needs } from '../support/needs.ts';
import type { Netns } from '../support/netns.ts';
import { Taploomd } from '../support/taploomd.ts';
import { ping, reaches, sendFrames } from '../support/traffic.ts';

needs('ping', 'sysctl', 'setpriv');

const A = '02:00:00:00:00:0a';
const B = '02:00:00:00:00:0b';

interface Pair {
  lab: Lab;
  sw: Netns;
  h1: Netns;
  h2: Netns;
  daemon: Taploomd;
}

async function connect(): Promise<Pair> {
  const lab = await openLab();
  const [sw, h1, h2] = await lab.netnsList(['sw', 'h1', 'h2']);
  await Promise.all([h1, h2].map((host) => host.withoutIpv6()));
  const ports = { h1: { type: 'tap', netns: h1.name }, h2: { type: 'tap', netns: h2.name } };
  const daemon = await Taploomd.start(lab, sw, { version: 1, bridges: { br0: { local: false, ports } } });
  await h1.up('h1', '10.0.0.1/24');
  await h2.up('h2', '10.0.0.2/24');
  expect(await ping(h1, '10.0.0.2')).toMatchObject({ received: 5 });
  return { lab, sw, h1, h2, daemon };
}

/** Tries to add a port, which must fail; resolves with the error's text. */
async function refusal(daemon: Taploomd, port: string, config: object): Promise<string> {
  const path = `/v1/bridges/br0/ports/${port}`;
  const answer = await daemon
    .request<{ results: { ok: boolean; error?: string }[] }>('PUT', path, config)
    .catch((error: Error) => ({ results: [{ ok: false, error: error.message }] }));
  const failed = answer.results.find(({ ok }) => !ok);
  expect(failed, `adding ${port} should have failed`).toBeDefined();
  expect((await daemon.ports()).map(({ name }) => name)).not.toContain(port);
  return failed?.error ?? '';
}

test('frames to an interface that is down are counted drops, and up again it works', async () => {
  const { h1, h2, daemon } = await connect();
  const to = (await h2.link('h2')).address;
  const from = (await h1.link('h1')).address;
  await h2.ip('link set dev h2 down');
  await sendFrames(h1, 'h1', [{ hex: frame({ to, from }), count: 40 }]);
  await daemon.until(
    '40 drops',
    async () => (await daemon.port('h2')).counters.transmitDropped.port_down === 40,
  );
  expect((await daemon.port('h2')).state).toBe('down');
  await expectLaws(daemon);

  await h2.ip('link set dev h2 up');
  expect(await reaches(h1, '10.0.0.2')).toBe(true);
  await daemon.until('port up', async () => (await daemon.port('h2')).state === 'up');
});

test('an attached interface says that it has no carrier, and works as soon as it has', async () => {
  const { lab, sw, h1, daemon } = await connect();
  const [far] = await lab.netnsList(['far']);
  await lab.veth(sw, 'up0', far, 'eth0');
  await daemon.request('PUT', '/v1/bridges/br0/ports/up0', { type: 'af_packet' });
  await far.up('eth0', '10.0.0.9/24');
  await daemon.until('a carrier', async () => (await daemon.port('up0')).state === 'up');
  await far.ip('link set dev eth0 down');
  const reason = 'no carrier: nobody is up at the other end of its link';
  await daemon.until('no carrier', async () => (await daemon.port('up0')).reason === reason);
  expect(await daemon.cli('show')).toContain(`up0 is down: ${reason}\n`);
  expect((await daemon.metrics()).get('taploom_port_up{bridge="br0",port="up0"}')).toBe(0);
  await far.ip('link set dev eth0 up');
  await daemon.until('a carrier again', async () => (await daemon.port('up0')).state === 'up');
  expect(await ping(h1, '10.0.0.9')).toMatchObject({ received: 5 });
});

test('a queue that overflows while the daemon stands still costs frames, nothing else', async () => {
  const { h1, daemon } = await connect();
  const before = (await daemon.port('h1')).counters.receivedFrames;
  const kernelBefore = (await h1.link('h1')).stats64.tx.dropped;
  process.kill(daemon.process.pid, 'SIGSTOP');
  await sendFrames(h1, 'h1', [{ hex: frame({ to: B, from: A }), count: 3000 }]);
  process.kill(daemon.process.pid, 'SIGCONT');
  // The device queues 1,000 frames and drops the rest, where only the kernel can count.
  const lost = (await h1.link('h1')).stats64.tx.dropped - kernelBefore;
  expect(lost).toBeGreaterThanOrEqual(1900);
  await daemon.until('the queue read', async () => {
    return (await daemon.port('h1')).counters.receivedFrames === before + 3000 - lost;
  });
  // What never reached the switch is told, too: why, and what helps.
  await daemon.until('the loss told', async () => (await daemon.port('h1')).queueDropped === lost);
  expect(await daemon.cli('drops', '--json')).toContain(`"reason": "queue_full"`);
  expect(await daemon.cli('stats')).toMatch(new RegExp(`h1 +up .* ${lost} `));
  await daemon.until('a log line', async () => {
    return daemon.process.output().includes(`port h1 lost ${lost} frames: the kernel lost them`);
  });
  const { events } = await daemon.get<{ events: { message: string }[] }>('/v1/events?follow=false&type=drop');
  expect(events.map(({ message }) => message).join('\n')).toContain(
    `port h1 dropped ${lost} frames on receive: queue_full (the kernel lost them`,
  );
  expect(await reaches(h1, '10.0.0.2')).toBe(true);
  await expectLaws(daemon);
});

test('an interface that somebody moves to another namespace keeps forwarding from there', async () => {
  const { lab, h1, h2, daemon } = await connect();
  const h3 = await lab.netns('h3');
  await h1.ip(`link set dev h1 netns ${h3.name}`);
  await sendFrames(h2, 'h2', [{ hex: frame({ to: 'ff:ff:ff:ff:ff:ff', from: B }), count: 5 }]); // while it is down
  await h3.up('h1', '10.0.0.1/24');
  expect(await reaches(h3, '10.0.0.2')).toBe(true);
  await daemon.until('port up', async () => (await daemon.port('h1')).state === 'up');
  await expectLaws(daemon);
});

test('a TAP that somebody deletes is made again', async () => {
  const { h1, h2, daemon } = await connect();
  const before = await h1.link('h1');
  await h1.ip('link del dev h1');
  await daemon.until('a new one', async () => {
    return (await h1.hasLink('h1')) && (await h1.link('h1')).address !== before.address;
  });
  await sendFrames(h2, 'h2', [{ hex: frame({ to: 'ff:ff:ff:ff:ff:ff', from: B }), count: 5 }]);
  await h1.up('h1', '10.0.0.1/24');
  expect(await reaches(h1, '10.0.0.2')).toBe(true);
  expect(await daemon.port('h1')).toMatchObject({ state: 'up' });
  await expectLaws(daemon);
});

test('a TAP that another program holds is refused as busy', async () => {
  const { lab, sw, daemon } = await connect();
  const hold = [
    'import fcntl, os, struct, time',
    'fd = os.open("/dev/net/tun", os.O_RDWR)',
    'fcntl.ioctl(fd, 0x400454CA, struct.pack("16sH22x", b"held", 0x1002))',
    'print("holding", flush=True)',
    'time.sleep(60)',
  ].join('\n');
  const holder = sw.spawn(['/usr/bin/python3', '-c', hold]);
  await holder.waitFor(/holding/);
  expect(await refusal(daemon, 'held', { type: 'tap' })).toMatch(
    /port held: another process has the TAP open/,
  );
  await holder.stop('SIGKILL');
  await daemon.request('PUT', '/v1/bridges/br0/ports/held', { type: 'tap' });
  expect(await daemon.port('held')).toMatchObject({ type: 'tap' });
  expect(lab).toBeDefined();
});

test('a persistent TAP is taken with its addresses, and left behind when the port is removed', async () => {
  const { sw, h1, daemon } = await connect();
  await sw.ip('tuntap add mode tap name kept', 'addr add 10.0.0.7/24 dev kept');
  await daemon.request('PUT', '/v1/bridges/br0/ports/kept', { type: 'tap' });
  await sw.ip('link set dev kept up');
  expect(await reaches(h1, '10.0.0.7')).toBe(true);
  await daemon.request('DELETE', '/v1/bridges/br0/ports/kept');
  expect(await sw.hasLink('kept')).toBe(true);
});

test('a namespace that does not exist is named in the error', async () => {
  const { daemon } = await connect();
  expect(await refusal(daemon, 'x1', { type: 'tap', netns: 'tltest-nowhere' })).toMatch(/tltest-nowhere/);
});

test('a file that is not a namespace is refused', async () => {
  const { lab, daemon } = await connect();
  writeFileSync(`${lab.dir}/not-a-netns`, '');
  expect(await refusal(daemon, 'x1', { type: 'tap', netns: `${lab.dir}/not-a-netns` })).toMatch(
    /not-a-netns/,
  );
});

test('an interface of another kind with the name of a port is refused', async () => {
  const { lab, sw, h1, daemon } = await connect();
  await lab.veth(sw, 'veth9', h1, 'peer9');
  expect(await refusal(daemon, 'veth9', { type: 'tap' })).toMatch(/veth9/);
  expect(await sw.hasLink('veth9')).toBe(true);
});

test('a kernel bridge with the name of a bridge is refused, and is not touched', async () => {
  const { sw, daemon } = await connect();
  await sw.ip('link add name br9 type bridge');
  const answer = await daemon
    .request<{ results: { ok: boolean; error?: string }[] }>('PUT', '/v1/bridges/br9', {})
    .catch((error: Error) => ({ results: [{ ok: false, error: error.message }] }));
  expect(answer.results.find(({ ok }) => !ok)?.error).toMatch(/br9.*kernel bridge|kernel bridge.*br9/);
  expect(await sw.hasLink('br9')).toBe(true);
});

test('without the right to create interfaces the error says which right is missing', async () => {
  const lab = await openLab();
  const sw = await lab.netns('sw');
  const daemon = await Taploomd.launch(
    lab,
    sw,
    { version: 1, bridges: { br0: { ports: { p1: { type: 'tap' } } } } },
    {
      wrap: ['setpriv', '--bounding-set', '-net_admin', '--inh-caps', '-net_admin', '--'],
    },
  );
  const [found] = await daemon.process.waitFor(/CAP_NET_ADMIN/);
  expect(found).toBe('CAP_NET_ADMIN');
  expect(await sw.hasLink('p1')).toBe(false);
});
