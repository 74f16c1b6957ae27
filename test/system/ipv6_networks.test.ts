// IPv6 of networks as guests see it: kernels and DHCPv6 clients in namespaces, and an outside that knows nothing of them.
//
//   guests [g1] [g2] --- VLAN 10 of br0, or br0 (gateway) --- host [sw] --- veth --- outside [out]

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { LeaseStatus, NetworkStatus } from '../../src/api.ts';
import { type Lab, openLab } from '../support/lab.ts';
import { needs } from '../support/needs.ts';
import type { Netns } from '../support/netns.ts';
import { Taploomd } from '../support/taploomd.ts';

needs('ping', 'nft', 'dhclient', 'rdisc6', 'dig', 'udhcpc', 'dnsmasq');

const SUBNETS = ['10.7.0.0/24', 'fd00:7::/64'];
const OUTSIDE = '2001:db8:9::9';

interface World {
  lab: Lab;
  sw: Netns;
  out: Netns;
  g1: Netns;
  g2: Netns;
}

async function world(): Promise<World> {
  const lab = await openLab();
  const [sw, out, g1, g2] = await lab.netnsList(['sw', 'out', 'g1', 'g2']);
  await sw.ip(`link add up0 type veth peer name up1 netns ${out.name}`);
  await sw.ip(
    'addr add 2001:db8::2/64 dev up0 nodad',
    'link set up0 up',
    'route add default via 2001:db8::1 dev up0',
  );
  await sw.ip('addr add 192.0.2.2/24 dev up0', 'route add default via 192.0.2.1 dev up0');
  await out.ip('addr add 2001:db8::1/64 dev up1 nodad', 'link set up1 up');
  await out.ip('link set lo up', `addr add ${OUTSIDE}/128 dev lo nodad`);
  return { lab, sw, out, g1, g2 };
}

const ping6 = async (from: Netns, to: string) =>
  (await from.run(['ping', '-6', '-n', '-c', '1', '-W', '2', to])).stdout.includes('1 received');
const addresses = async (netns: Netns, device: string) =>
  [
    ...(await netns.check(['ip', '-6', 'addr', 'show', 'dev', device, 'scope', 'global'])).matchAll(
      /inet6 (\S+)/g,
    ),
  ].map(([, one]) => one);
const routes = (netns: Netns) => netns.check(['ip', '-6', 'route', 'show', 'default']);

/** Until its link-local address is: who asks before is told that it has none. */
const isReady = (netns: Netns, device: string) =>
  expect
    .poll(() => netns.check(['ip', '-6', 'addr', 'show', 'dev', device, 'scope', 'link', '-tentative']), {
      timeout: 8000,
    })
    .toContain('inet6 fe80');
/** What a client makes of its lease: nothing but the address. */
const SCRIPT =
  '#!/bin/sh\n[ "$reason" != BOUND6 ] || ip -6 addr add "$new_ip6_address/128" dev "$interface" nodad\n';

test('guests make addresses of their own, get out as the host, and are told when it is over', async () => {
  const { lab, sw, g1, g2 } = await world();
  const ports = { vm1: { type: 'tap', netns: g1.name }, vm2: { type: 'tap', netns: g2.name } };
  const network = { mode: 'nat', subnet: SUBNETS, dns: { domain: 'lab.example' } };
  const daemon = await Taploomd.start(lab, sw, { version: 1, bridges: { br0: { network, ports } } });
  await g1.up('vm1');
  await expect.poll(() => addresses(g1, 'vm1'), { timeout: 8000 }).toHaveLength(1);
  const [address] = await addresses(g1, 'vm1');
  expect(address).toMatch(/^fd00:7::.*\/64$/);
  expect(await routes(g1)).toContain('via fe80::1 dev vm1');
  await expect.poll(() => ping6(g1, OUTSIDE), { timeout: 8000 }).toBe(true);
  await g2.up('vm2');
  const heard = await g2.check(['rdisc6', '-1', 'vm2']);
  for (const line of [
    'Stateful address conf.    :           No',
    'Stateful other conf.      :          Yes',
    'Router lifetime           :         1800',
    'fd00:7::/64',
    'Recursive DNS server     : fd00:7::1',
    'DNS search list          : lab.example',
  ])
    expect(heard).toContain(line);
  const dig = await g1.check(['dig', '@fd00:7::1', 'lab.example', 'SOA']);
  expect(dig).toContain('nobody.invalid');
  await daemon.apply({ version: 1, bridges: { br0: { ports } } });
  await expect.poll(() => routes(g1), { timeout: 4000 }).toBe('');
});

test('in a VLAN clients of DHCPv6 get addresses, and nobody hears the router of a guest', async () => {
  const { lab, sw, g1, g2 } = await world();
  const access = { vlan: { access: 10 } };
  const ports = {
    'br0.10': { type: 'tap', ...access },
    vm1: { type: 'tap', netns: g1.name, ...access },
    vm2: { type: 'tap', netns: g2.name, ...access },
  };
  const network = {
    mode: 'nat',
    subnet: SUBNETS,
    dhcp6: { range: 'fd00:7::1000-fd00:7::1fff' },
    dns: { domain: 'lab.example' },
  };
  const bridges = { br0: { vlan_filtering: true, local: false, vlans: { 10: { network } }, ports } };
  const daemon = await Taploomd.start(lab, sw, { version: 1, bridges });
  await g2.up('vm2');
  await isReady(g2, 'vm2');
  await g2.ip('addr add fd00:99::1/64 dev vm2 nodad');
  const lone = ['-d', '-p', '0', '-i', 'vm2', '--bind-interfaces', '-C', '/dev/null'];
  const range = ['--enable-ra', '--dhcp-range=fd00:99::10,fd00:99::20,64,1h', '-l', `${lab.dir}/rogue`];
  g2.spawn(['dnsmasq', ...lone, ...range]);
  await g1.up('vm1');
  await expect.poll(() => routes(g1), { timeout: 8000 }).toContain('via fe80::1');
  await isReady(g1, 'vm1');
  const script = join(lab.dir, 'set-address');
  writeFileSync(script, SCRIPT, { mode: 0o755 });
  const files = ['-lf', `${lab.dir}/leases6`, '-pf', `${lab.dir}/pid6`, '-cf', '/dev/null', '-sf', script];
  await g1.check(['dhclient', '-6', '-1', '-v', ...files, 'vm1']);
  await expect.poll(() => addresses(g1, 'vm1'), { timeout: 8000 }).toHaveLength(1);
  const { leases } = await daemon.get<{ leases: LeaseStatus[] }>('/v1/leases?network=br0.10');
  expect(leases).toMatchObject([{ network: 'br0.10', port: 'vm1', state: 'bound' }]);
  expect((await addresses(g1, 'vm1'))[0]).toBe(`${leases[0].address}/128`);
  await expect.poll(() => ping6(g1, OUTSIDE), { timeout: 8000 }).toBe(true);
  await expect.poll(() => daemon.cli('drops'), { timeout: 8000 }).toContain('rogue_server');
  expect((await routes(g1)).trim().split('\n')).toHaveLength(1);
  // A name is that of the station, which it has said by DHCP.
  const ask = 'udhcpc -i vm1 -n -q -f -t 4 -T 2 -x hostname:web -s /bin/true';
  await g1.check(ask.split(' '));
  const [address] = await addresses(g1, 'vm1');
  const dig = async (...words: string[]) =>
    (await g1.check(['dig', '+short', '@fd00:7::1', ...words])).trim();
  expect(`${await dig('web.lab.example', 'AAAA')}/128`).toBe(address);
  expect(await dig('-x', address.slice(0, -4))).toBe('web.lab.example.');
  await g1.check(['dhclient', '-6', '-r', ...files, 'vm1']);
  const left = async () => (await daemon.get<{ leases: LeaseStatus[] }>('/v1/leases')).leases;
  await expect
    .poll(async () => (await left()).map((lease) => lease.address), { timeout: 8000 })
    .toEqual(['10.7.0.2']);
  const { networks } = await daemon.get<{ networks: NetworkStatus[] }>('/v1/networks');
  expect(networks[0].ipv6?.dhcp?.received).toMatchObject({ solicit: 1, request: 1, release: 1 });
});

test('a guest that is a router gets a prefix, and what is behind it gets out', async () => {
  const { lab, sw, g1 } = await world();
  const ports = { vm1: { type: 'tap', netns: g1.name } };
  const network = { mode: 'nat', subnet: SUBNETS, dhcp6: { delegate: { from: 'fd00:8::/56' } } };
  const daemon = await Taploomd.start(lab, sw, { version: 1, bridges: { br0: { network, ports } } });
  await g1.up('vm1');
  await isReady(g1, 'vm1');
  await expect.poll(() => routes(g1), { timeout: 8000 }).toContain('via fe80::1');
  const files = [
    '-lf',
    `${lab.dir}/leases6`,
    '-pf',
    `${lab.dir}/pid6`,
    '-cf',
    '/dev/null',
    '-sf',
    '/bin/true',
  ];
  await g1.check(['dhclient', '-6', '-P', '-1', '-v', ...files, 'vm1']);
  const { leases } = await daemon.get<{ leases: LeaseStatus[] }>('/v1/leases');
  const [prefix] = leases.map(({ address }) => address);
  expect(prefix).toMatch(/^fd00:8:0:[0-9a-f]*::?\/64$/);
  expect(await sw.check(['ip', '-6', 'route', 'show', prefix])).toMatch(/via fe80::\S+ dev br0/);
  const inside = prefix.replace('::/64', '::9');
  await g1.ip('link set lo up', `addr add ${inside}/128 dev lo nodad`);
  const ping = ['ping', '-6', '-n', '-c', '1', '-W', '2', '-I', inside, OUTSIDE];
  await expect
    .poll(async () => (await g1.run(ping)).stdout.includes('1 received'), { timeout: 8000 })
    .toBe(true);
  await g1.check(['dhclient', '-6', '-P', '-r', ...files, 'vm1']);
  await expect.poll(() => sw.check(['ip', '-6', 'route', 'show', prefix]), { timeout: 8000 }).toBe('');
});
