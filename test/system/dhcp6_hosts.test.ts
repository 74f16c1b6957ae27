// DHCPv6 as clients and relay agents of others speak it: an address that the configuration says, and one behind a relay agent.
//
//   [g1] --- br0 --- vm2 [agent: dnsmasq --dhcp-relay] --- veth --- [far]

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { LeaseStatus } from '../../src/api.ts';
import { openLab } from '../support/lab.ts';
import { needs } from '../support/needs.ts';
import type { Netns } from '../support/netns.ts';
import { Taploomd } from '../support/taploomd.ts';

needs('dhclient', 'dnsmasq', 'ping', 'dig');

const SCRIPT =
  '#!/bin/sh\n[ "$reason" != BOUND6 ] || ip -6 addr add "$new_ip6_address/128" dev "$interface" nodad\n';

const isReady = (netns: Netns, device: string) =>
  expect
    .poll(() => netns.check(['ip', '-6', 'addr', 'show', 'dev', device, 'scope', 'link', '-tentative']), {
      timeout: 8000,
    })
    .toContain('inet6 fe80');
const addresses = (netns: Netns, device: string) =>
  netns.check(['ip', '-6', 'addr', 'show', 'dev', device, 'scope', 'global']);

test('guests have the address that is theirs, by their port and behind a relay agent', async () => {
  const lab = await openLab();
  const [sw, g1, agent, far] = await lab.netnsList(['sw', 'g1', 'agent', 'far']);
  const dhcp6 = {
    hosts: { web: { port: 'vm1', address: 'fd00:7::80' } },
    relay: { ports: ['vm2'], subnets: { 'fd00:9::/64': { range: 'fd00:9::100-fd00:9::1ff' } } },
  };
  const br0 = {
    network: { mode: 'host-only', subnet: ['10.7.0.0/24', 'fd00:7::/64'], dhcp6 },
    ports: { vm1: { type: 'tap', netns: g1.name }, vm2: { type: 'tap', netns: agent.name } },
  };
  const daemon = await Taploomd.start(lab, sw, { version: 1, bridges: { br0 } });
  await lab.veth(agent, 'down', far, 'f0');
  await agent.sysctl('net.ipv6.conf.all.forwarding=1', 'net.ipv6.conf.vm2.accept_ra=2');
  await agent.up('down', 'fd00:9::1/64');
  await Promise.all([g1.up('vm1'), agent.up('vm2'), far.up('f0')]);
  const script = join(lab.dir, 'set-address');
  writeFileSync(script, SCRIPT, { mode: 0o755 });
  const ask = async (netns: Netns, device: string) => {
    await isReady(netns, device);
    const files = ['-lf', `${lab.dir}/${device}`, '-pf', `${lab.dir}/${device}.pid`, '-cf', '/dev/null'];
    await netns.check(['dhclient', '-6', '-1', '-v', ...files, '-sf', script, device]);
  };
  await ask(g1, 'vm1');
  expect(await addresses(g1, 'vm1')).toContain('inet6 fd00:7::80/128');
  expect((await sw.run(['ping', '-6', '-c', '1', '-W', '2', 'fd00:7::80'])).stdout).toContain('1 received');
  const dig = async (...words: string[]) =>
    (await sw.check(['dig', '+short', '@fd00:7::1', ...words])).trim();
  expect(await dig('web.br0.internal', 'AAAA')).toBe('fd00:7::80');
  expect(await dig('-x', 'fd00:7::80')).toBe('web.br0.internal.');

  await expect.poll(() => addresses(agent, 'vm2'), { timeout: 8000 }).toContain('inet6 fd00:7:');
  const words = '-d -p 0 -C /dev/null --user=root --dhcp-relay=fd00:9::1,fd00:7::1';
  await agent.spawn(['dnsmasq', ...words.split(' ')]).waitFor(/DHCP relay from fd00:9::1/);
  await ask(far, 'f0');
  expect(await addresses(far, 'f0')).toMatch(/inet6 fd00:9::1[0-9a-f]{2}\/128/);
  const { leases } = await daemon.get<{ leases: LeaseStatus[] }>('/v1/leases');
  const { address: own } = await far.link('f0');
  expect(leases).toMatchObject([
    { address: 'fd00:7::80', port: 'vm1', name: 'web', isFixed: true },
    { port: 'vm2', mac: own, isFixed: false },
  ]);
});
