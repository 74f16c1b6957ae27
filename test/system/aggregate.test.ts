// Aggregates over pairs of veth, with another Taploom and with Open vSwitch at the other end.
//
//   h1 --- TAP --- taploomd --- e1 ========= e1 --- taploomd or Open vSwitch --- h2
//                           --- e2 ========= e2 ---

import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import type { PortStatus } from '../../src/api.ts';
import { loadConfig } from '../../src/config/yaml.ts';
import { type Lab, openLab } from '../support/lab.ts';
import { expectLaws } from '../support/laws.ts';
import { needs } from '../support/needs.ts';
import type { Netns } from '../support/netns.ts';
import { OpenVSwitch } from '../support/open_vswitch.ts';
import { Taploomd } from '../support/taploomd.ts';
import { ping, reaches, tcp } from '../support/traffic.ts';

needs('ping', 'ovs-vswitchd', 'ovsdb-server', 'ovs-vsctl', 'ovs-appctl');

const MEMBERS = { e1: { type: 'af_packet' }, e2: { type: 'af_packet' } };

/** Each switch has a name of its own: those of one machine would be one system. */
function config(host: Netns, aggregate: Record<string, unknown> = {}): object {
  const ports = {
    host: { type: 'tap', netns: host.name },
    bond0: { type: 'aggregate', rate: 'fast', system: systemOf(host), members: MEMBERS, ...aggregate },
  };
  return { version: 1, bridges: { br0: { local: false, ports } } };
}

function systemOf({ name }: Netns): string {
  return `02:00:00:00:00:0${name.at(-1)}`;
}

async function cables(lab: Lab, a: Netns, b: Netns): Promise<void> {
  for (const name of ['e1', 'e2']) await lab.veth(a, name, b, name);
}

async function membersOf(daemon: Taploomd) {
  return (await daemon.port('bond0')).aggregate?.members ?? [];
}

async function carriers(daemon: Taploomd): Promise<string> {
  return (await membersOf(daemon))
    .filter(({ state }) => state === 'carries')
    .map(({ port }) => port)
    .join();
}

async function carry(daemon: Taploomd, wanted: string): Promise<void> {
  const look = async () => (await carriers(daemon)) === wanted;
  await daemon.until(`bond0 carries by ${wanted}`, look, 15_000).catch(async (error) => {
    throw new Error(`${error.message}: ${JSON.stringify(await membersOf(daemon))}`);
  });
}

/** Two Taplooms, with a host behind each. */
async function pair(a: Record<string, unknown> = {}, b: Record<string, unknown> = {}, args: string[] = []) {
  const lab = await openLab();
  const [sw1, sw2, h1, h2] = await lab.netnsList(['sw1', 'sw2', 'h1', 'h2']);
  await cables(lab, sw1, sw2);
  const one = await Taploomd.start(lab, sw1, config(h1, a), { args });
  const two = await Taploomd.start(lab, sw2, config(h2, b), { args });
  await h1.up('host', '10.0.0.1/24');
  await h2.up('host', '10.0.0.2/24');
  return { lab, sw1, sw2, h1, h2, one, two };
}

async function drops(daemon: Taploomd) {
  return (await daemon.ports()).map(({ name, counters: { receiveDropped, transmitDropped } }) => [
    name,
    { ...receiveDropped, ...transmitDropped },
  ]);
}

/** The member through which `act` makes most copies leave. */
async function memberOf(daemon: Taploomd, act: () => Promise<unknown>): Promise<string> {
  const copies = async () =>
    Object.fromEntries((await daemon.ports()).map(({ name, counters }) => [name, counters.copies]));
  const before = await copies();
  await act();
  const after = await copies();
  return after.e1 - before.e1 > after.e2 - before.e2 ? 'e1' : 'e2';
}

/** Answers that a ping every 5 ms misses while `act` happens. */
async function lossDuring(from: Netns, address: string, act: () => Promise<unknown>): Promise<number> {
  const running = ping(from, address, { count: 400, intervalSeconds: 0.005, waitSeconds: 1 });
  await new Promise((resolve) => setTimeout(resolve, 500));
  await act();
  const { sent, received } = await running;
  return sent - received;
}

test.each([1, 2])(
  'two Taplooms negotiate, use both members, and lose next to nothing with one (%i workers)',
  async (workers) => {
    const { h1, h2, sw2, one, two } = await pair({}, { lacp: 'passive' }, ['--workers', String(workers)]);
    await carry(one, 'e1,e2');
    await carry(two, 'e1,e2');
    expect(await reaches(h1, '10.0.0.2')).toBe(true);
    expect((await one.port('bond0')).aggregate).toMatchObject({
      lacp: 'active',
      partner: { key: expect.any(Number), system: expect.stringMatching(/^02:/) },
    });
    expect((await tcp(h1, h2, '10.0.0.2', 1)).bytes).toBeGreaterThan(1e6);

    const used = await memberOf(one, () => ping(h1, '10.0.0.2', { count: 20 }));
    const other = used === 'e1' ? 'e2' : 'e1';
    // At this end the interface stays up and loses its carrier; at the other it goes down.
    const lost = await lossDuring(h1, '10.0.0.2', () => sw2.ip(`link set dev ${used} down`));
    console.info(`${workers} workers: a cut member costs ${lost} pings of 5 ms`);
    expect(lost).toBeLessThan(60);
    await carry(one, other);
    await carry(two, other);
    expect((await one.port('bond0')).state).toBe('up');
    const gained = await lossDuring(h1, '10.0.0.2', () => sw2.ip(`link set dev ${used} up`));
    expect(gained).toBeLessThan(60);
    await carry(one, 'e1,e2');
    await expectLaws(one);
    await expectLaws(two);
  },
);

test('events, metrics and the client tell what members do', async () => {
  const { sw2, one, two } = await pair();
  await carry(one, 'e1,e2');
  await carry(two, 'e1,e2');
  await sw2.ip('link set dev e1 down');
  await carry(one, 'e2');
  const { events } = await one.get<{ events: { message: string; type: string }[] }>(
    '/v1/events?follow=false',
  );
  const told = events.filter(({ type }) => type === 'member').map(({ message }) => message);
  expect(told).toContain('member e2 of aggregate bond0 carries frames');
  expect(told.at(-1)).toBe('member e1 of aggregate bond0 is down: its link is down');

  const metrics = await one.metrics();
  const of = (name: string, port: string) =>
    metrics.get(`taploom_aggregate_member_${name}{aggregate="bond0",bridge="br0",port="${port}"}`);
  expect([of('carries', 'e1'), of('carries', 'e2'), of('failures_total', 'e1')]).toEqual([0, 1, 1]);
  expect(of('receive_lacpdus_total', 'e2')).toBeGreaterThan(1);
  expect(of('transmit_lacpdus_total', 'e2')).toBeGreaterThan(1);
  const shown = (await one.cli('show')).replaceAll(/\s+/g, ' ');
  expect(shown).toMatch(/bond0 aggregate up 1500 \d LACP active, partner 02:00:00:00:00:02, carries e2 /);
  expect(shown).toMatch(/e1 af_packet down 1500 0 member of bond0, down: its link is down /);
  expect(shown).toMatch(/e2 af_packet up 1500 0 member of bond0 /);
  expect(await one.cli('export')).toContain('e1: { type: af_packet }');
  expect((await one.brctl('show')).stdout).not.toMatch(/e1|e2/);
});

test('the example of the reference runs', async () => {
  const page = readFileSync(new URL('../../docs/ports/aggregate.md', import.meta.url), 'utf8');
  const [, text] = /```yaml\n(.*?)```/s.exec(page) ?? [];
  const lab = await openLab();
  const [sw1, sw2, h2] = await lab.netnsList(['sw1', 'sw2', 'h2']);
  for (const name of ['1', '2']) await lab.veth(sw1, `eth${name}`, sw2, `e${name}`);
  const one = await Taploomd.start(lab, sw1, loadConfig(text, 'aggregate.md'));
  const two = await Taploomd.start(lab, sw2, config(h2));
  await carry(one, 'eth1,eth2');
  await carry(two, 'e1,e2');
  const shown = (await one.cli('show')).replaceAll(/\s+/g, ' ');
  expect(shown).toContain('trunk 10,20, LACP active, partner 02:00:00:00:00:02, carries eth1 eth2 ');
});

test('fewer members than min_links: the aggregate is down and says why', async () => {
  const { sw1, h1, one, two } = await pair({ min_links: 2 });
  await carry(one, 'e1,e2');
  expect(await reaches(h1, '10.0.0.2')).toBe(true);
  await sw1.ip('link set dev e2 down');
  await carry(one, '');
  await carry(two, '');
  await one.until('bond0 is down', async () => (await one.port('bond0')).state === 'down');
  const { reason } = await one.port('bond0');
  expect(reason).toContain('e1: fewer than 2 members are ready (min_links)');
  expect((await ping(h1, '10.0.0.2', { count: 2, waitSeconds: 0.2 })).received).toBe(0);
  await sw1.ip('link set dev e2 up');
  await carry(one, 'e1,e2');
  expect(await reaches(h1, '10.0.0.2')).toBe(true);
});

test('members that lead to different switches: one is used, and no frame comes in through the other', async () => {
  const lab = await openLab();
  const [sw1, sw2, sw3, h1, h2, h3] = await lab.netnsList(['sw1', 'sw2', 'sw3', 'h1', 'h2', 'h3']);
  await lab.veth(sw1, 'e1', sw2, 'e1');
  await lab.veth(sw1, 'e2', sw3, 'e1');
  const one = await Taploomd.start(lab, sw1, config(h1));
  const lone = { members: { e1: { type: 'af_packet' } } };
  const two = await Taploomd.start(lab, sw2, config(h2, lone));
  const three = await Taploomd.start(lab, sw3, config(h3, lone));
  await one.until('one of them is used', async () => /^e[12]$/.test(await carriers(one)), 15_000);
  const used = await carriers(one);
  const [there, elsewhere] = used === 'e1' ? [two, three] : [three, two];
  await carry(there, 'e1');
  expect(await carriers(elsewhere)).toBe('');
  const waiting = (await membersOf(one)).find(({ port }) => port !== used);
  expect(waiting).toMatchObject({
    state: 'waits',
    reason: expect.stringMatching(/^it leads to another partner, 02:00:00:00:00:0[23] key \d+$/),
  });
});

test('without LACP: a static aggregate, and active-backup, which moves to the other member', async () => {
  const { h1, sw2, one, two, h2 } = await pair({ lacp: 'off' }, { lacp: 'off' });
  await carry(one, 'e1,e2');
  expect(await reaches(h1, '10.0.0.2')).toBe(true);
  for (const [daemon, host] of [
    [one, h1],
    [two, h2],
  ] as const) {
    await daemon.apply(config(host, { lacp: 'off', mode: 'active_backup' }));
    await carry(daemon, 'e1');
  }
  const lost = await lossDuring(h1, '10.0.0.2', () => sw2.ip('link set dev e1 down'));
  console.info(`active-backup: a cut member costs ${lost} pings of 5 ms`);
  expect(lost).toBeLessThan(60);
  await carry(one, 'e2');
  expect((await ping(h1, '10.0.0.2')).received).toBe(5);
  await expectLaws(one);
});

test('an interface that is deleted and comes back is a member again', async () => {
  const { lab, sw1, sw2, h1, one, two } = await pair();
  await carry(one, 'e1,e2');
  await sw1.ip('link del dev e1');
  await carry(one, 'e2');
  await carry(two, 'e2');
  expect(await reaches(h1, '10.0.0.2')).toBe(true);
  const state = async (daemon: Taploomd): Promise<PortStatus['state']> => (await daemon.port('e1')).state;
  await one.until('e1 waits', async () => (await state(one)) === 'gone');
  await lab.veth(sw1, 'e1', sw2, 'e1');
  await carry(one, 'e1,e2');
  await carry(two, 'e1,e2');
});

test.each(['active', 'passive'] as const)(
  'Open vSwitch with lacp=active and a Taploom that is %s',
  async (lacp) => {
    const lab = await openLab();
    const [sw, far, h1] = await lab.netnsList(['sw', 'far', 'h1']);
    await cables(lab, sw, far);
    const daemon = await Taploomd.start(lab, sw, config(h1, { lacp }));
    await h1.up('host', '10.0.0.1/24');
    // The kernel there would answer on the members, too, for the address of the bridge.
    await far.sysctl('net.ipv4.conf.all.arp_ignore=1');
    const ovs = await OpenVSwitch.start(lab, far);
    await ovs.vsctl('add-br', 'ovs', '--', 'set', 'bridge', 'ovs', 'datapath_type=netdev');
    const bond = ['lacp=active', 'bond_mode=balance-tcp', 'other_config:lacp-time=fast'];
    await ovs.vsctl('add-bond', 'ovs', 'ob', 'e1', 'e2', '--', 'set', 'port', 'ob', ...bond);
    await far.up('ovs', '10.0.0.2/24');
    await carry(daemon, 'e1,e2');
    await daemon.until(
      'Open vSwitch has negotiated',
      async () => /status: active negotiated/.test(await ovs.appctl('lacp/show', 'ob')),
      10_000,
    );
    await daemon.until(
      'Open vSwitch uses both members',
      async () => /e1: enabled[\s\S]*e2: enabled/.test(await ovs.appctl('bond/show', 'ob')),
      10_000,
    );
    expect(await reaches(h1, '10.0.0.2')).toBe(true);
    // Its flows follow its bond with some delay; here nothing is dropped.
    const before = await drops(daemon);
    const { received } = await ping(h1, '10.0.0.2', { count: 50, intervalSeconds: 0.01 });
    expect(received).toBeGreaterThan(25);
    expect(await drops(daemon)).toEqual(before);
    const text = await ovs.appctl('lacp/show', 'ob');
    expect(text.match(/(member|slave): e[12]: current attached/g)).toHaveLength(2);

    const used = await memberOf(daemon, () => ping(h1, '10.0.0.2', { count: 20 }));
    const lost = await lossDuring(h1, '10.0.0.2', () => far.ip(`link set dev ${used} down`));
    console.info(`Open vSwitch, ${lacp}: a cut member costs ${lost} pings of 5 ms`);
    expect(lost).toBeLessThan(150);
    await carry(daemon, used === 'e1' ? 'e2' : 'e1');
    expect(await reaches(h1, '10.0.0.2')).toBe(true);
    await expectLaws(daemon);
  },
);
