// DHCP snooping with a server and clients of others: who got an address speaks as that, also after the daemon is back.
//
//   [g1] --- vm1 (strict, option 82) --- br0, VLAN 10 --- up (trusted) --- [server: dnsmasq]
//   [g2] --- vm2 (strict) -----------'

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, expect, test } from 'vitest';
import type { GuardStatus } from '../../src/api.ts';
import { runClient } from '../support/dhcp_clients.ts';
import { type Lab, openLab } from '../support/lab.ts';
import { needs } from '../support/needs.ts';
import type { Netns } from '../support/netns.ts';
import type { Background } from '../support/process.ts';
import { Taploomd } from '../support/taploomd.ts';

needs('udhcpc', 'dhclient', 'dnsmasq', 'ping');

const SERVER = '192.0.2.1';
const SERVER6 = 'fd00::1';
const DNSMASQ = [
  ...'-d -p 0 -C /dev/null --user=root --no-ping --log-dhcp --dhcp-authoritative'.split(' '),
  // By its circuit, a guest has an address of its own: as the server was told by option 82.
  '--dhcp-circuitid=set:one,vm1',
  '--dhcp-range=tag:one,192.0.2.50,192.0.2.50,1h',
  '--dhcp-range=tag:!one,192.0.2.100,192.0.2.109,1h',
  '--dhcp-range=fd00::100,fd00::1ff,64,1h',
];
const SCRIPT6 =
  '#!/bin/sh\n[ "$reason" != BOUND6 ] || ip -6 addr add "$new_ip6_address/64" dev "$interface" nodad\n';

interface Scene {
  lab: Lab;
  g1: Netns;
  g2: Netns;
  dnsmasq: Background;
  daemon: Taploomd;
  /** Another daemon, which knows what the first left on the disk. */
  restart(): Promise<void>;
}

const MAC = '02:00:00:00:00:02';

let scene: Scene;

beforeEach(async () => {
  const lab = await openLab();
  const [sw, server, g1, g2] = await lab.netnsList(['sw', 'server', 'g1', 'g2']);
  const port = (netns: Netns, last: number, guard: object) => ({
    type: 'tap',
    netns: netns.name,
    // Also of the TAP after the restart.
    mac: `02:00:00:00:00:0${last}`,
    vlan: { access: 10 },
    guard,
  });
  const ports = {
    up: port(server, 1, { trusted: true }),
    vm1: port(g1, 2, { source: 'strict', option_82: true }),
    vm2: port(g2, 3, { source: 'strict' }),
  };
  const config = { version: 1, bridges: { br0: { local: false, vlan_filtering: true, ports } } };
  const start = () => Taploomd.start(lab, sw, config, { args: ['--state', join(lab.dir, 'state.json')] });
  const daemon = await start();
  const ready = async () => {
    await server.up('up', `${SERVER}/24`, `${SERVER6}/64`);
    await Promise.all([g1.up('vm1'), g2.up('vm2')]);
  };
  await ready();
  const dnsmasq = server.spawn([
    'dnsmasq',
    ...DNSMASQ,
    '--interface=up',
    '--bind-dynamic',
    `--dhcp-leasefile=${lab.dir}/leases`,
  ]);
  await dnsmasq.waitFor(/DHCP, IP range/);
  scene = { lab, g1, g2, dnsmasq, daemon, restart };
  async function restart() {
    expect(await scene.daemon.process.stop('SIGTERM', 8000)).toBe(0);
    scene.daemon = await start();
    await ready();
  }
});

/** @param seconds to wait for an answer, if there is to be none less */
const reaches = async (netns: Netns, from: string, to = SERVER, seconds = 3) =>
  (await netns.run(['ping', '-c', '1', '-W', String(seconds), '-I', from, to])).code === 0;

const isRefused = async (netns: Netns, from: string, to = SERVER) => !(await reaches(netns, from, to, 0.4));

const guardOf = async (port: string) =>
  (await scene.daemon.get<{ guards: GuardStatus[] }>('/v1/guards')).guards.find((one) => one.port === port);

test('a client of DHCP speaks as what it got, and as nothing else, also after a restart', async () => {
  const { lab, g1, g2 } = scene;
  await g1.ip('addr add 192.0.2.50/24 dev vm1');
  expect(await isRefused(g1, '192.0.2.50')).toBe(true);
  await g1.ip('addr del 192.0.2.50/24 dev vm1');

  const told = await runClient(lab, g1, 'vm1', 'udhcpc');
  expect(told).toMatchObject({ ip: '192.0.2.50', serverid: SERVER });
  // Its switch has taken out what it had put in.
  expect(Object.keys(told ?? {})).not.toContain('opt82');
  expect(scene.dnsmasq.output()).toMatch(/tags: (\w+, )*one/);
  expect(await reaches(g1, '192.0.2.50')).toBe(true);
  const line = new RegExp(`^vm1 +192\\.0\\.2\\.50 +${MAC} +10 +dhcp +3[3-6]\\d\\d$`, 'm');
  expect(await scene.daemon.cli('guard', 'show', 'vm1')).toMatch(line);

  // Without option 82 it is one of all the others.
  expect((await runClient(lab, g2, 'vm2', 'udhcpc'))?.ip).toMatch(/^192\.0\.2\.10\d$/);

  const spoofs = async () => {
    await g1.ip('addr add 192.0.2.99/24 dev vm1');
    expect(await isRefused(g1, '192.0.2.99')).toBe(true);
    await g1.ip('addr del 192.0.2.99/24 dev vm1');
    expect((await guardOf('vm1'))?.refused.spoofed_ip).toBeGreaterThan(0);
  };
  await spoofs();
  expect(await scene.daemon.cli('guard', 'show', 'vm1')).toMatch(/^refused \d+: spoofed_ip$/m);

  await scene.restart();
  expect(await scene.daemon.cli('guard', 'show', 'vm1')).toMatch(line);
  await g1.ip('addr replace 192.0.2.50/24 dev vm1');
  expect(await reaches(g1, '192.0.2.50')).toBe(true);
  await spoofs();
});

test('so does a client of DHCPv6', async () => {
  const { lab, g1 } = scene;
  const linkLocal = () => g1.check(['ip', '-6', 'addr', 'show', 'dev', 'vm1', 'scope', 'link', '-tentative']);
  await expect.poll(linkLocal, { timeout: 8000 }).toContain('inet6 fe80');
  await g1.ip('addr add fd00::50/64 dev vm1 nodad');
  expect(await isRefused(g1, 'fd00::50', SERVER6)).toBe(true);
  await g1.ip('addr del fd00::50/64 dev vm1');
  const script = join(lab.dir, 'set-address');
  writeFileSync(script, SCRIPT6, { mode: 0o755 });
  const files = ['-lf', `${lab.dir}/leases6`, '-pf', `${lab.dir}/pid6`, '-cf', '/dev/null', '-sf', script];
  await g1.check(['dhclient', '-6', '-1', '-v', ...files, 'vm1']);
  const own = await g1.check(['ip', '-6', 'addr', 'show', 'dev', 'vm1', 'scope', 'global']);
  const [, address] = /inet6 (fd00::1[0-9a-f]{2})\/64/.exec(own) ?? [];
  expect(await guardOf('vm1')).toMatchObject({
    bindings: [{ mac: MAC, ip: address, vlan: 10, from: 'dhcp' }],
    refused: { spoofed_mac: expect.any(Number) },
  });
  expect(await reaches(g1, address, SERVER6)).toBe(true);
  await g1.check(['dhclient', '-6', '-r', ...files, 'vm1']);
  await expect.poll(async () => (await guardOf('vm1'))?.bindings, { timeout: 4000 }).toEqual([]);
});
