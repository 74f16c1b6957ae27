// Real clients and our DHCP server: they bind, and read what they were told as it was meant.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { DhcpSettings } from '../../src/protocol/dhcp/settings.ts';
import { ip, SETTINGS, SUBNET } from '../protocol/dhcp/world.ts';
import { runClient, startUdhcpc } from '../support/dhcp_clients.ts';
import { DhcpLab } from '../support/dhcp_lab.ts';
import { openLab } from '../support/lab.ts';
import { needs } from '../support/needs.ts';

needs('udhcpc', 'dhclient', 'dhcpcd', 'dnsmasq', 'systemd-analyze');

const OPTIONS = {
  routers: [ip('192.168.122.1')],
  dns: [ip('192.168.122.1'), ip('9.9.9.9')],
  ntp: [ip('192.168.122.5')],
  domain: 'lan.example',
  search: ['lan.example', 'example.net'],
  mtu: 1400,
  routes: [{ to: ip('10.0.0.0'), prefix: 8, via: ip('192.168.122.9') }],
  hostName: 'guest7',
};
const settings: DhcpSettings = { ...SETTINGS, subnets: [{ ...SUBNET, options: OPTIONS }] };

async function openWith(clients: string[], more: Partial<DhcpSettings> = {}) {
  const lab = await openLab();
  const namespaces = await lab.netnsList(clients);
  const dhcp = await DhcpLab.open({ ...settings, ...more }, join(lab.dir, 'leases'), namespaces);
  for (const [n, netns] of namespaces.entries()) await netns.up(`c${n}`);
  return { lab, dhcp, namespaces };
}

/** The first address of the range, and those behind it. */
const address = (n: number) => `192.168.122.${100 + n}`;

test('udhcpc, dhclient and dhcpcd get an address, and all options in their meaning', async () => {
  const { lab, dhcp, namespaces } = await openWith(['u', 'd', 'c']);
  const [u, d, c] = await Promise.all([
    runClient(lab, namespaces[0], 'c0', 'udhcpc'),
    runClient(lab, namespaces[1], 'c1', 'dhclient'),
    runClient(lab, namespaces[2], 'c2', 'dhcpcd'),
  ]);
  expect(u).toMatchObject({
    mask: '24',
    router: '192.168.122.1',
    dns: '192.168.122.1 9.9.9.9',
    domain: 'lan.example',
    search: 'lan.example example.net',
    mtu: '1400',
    ntpsrv: '192.168.122.5',
    staticroutes: '10.0.0.0/8 192.168.122.9 0.0.0.0/0 192.168.122.1',
    hostname: 'guest7',
    broadcast: '192.168.122.255',
    serverid: '192.168.122.1',
    lease: '3600',
  });
  expect(d).toMatchObject({
    new_subnet_mask: '255.255.255.0',
    new_routers: '192.168.122.1',
    new_domain_name_servers: '192.168.122.1 9.9.9.9',
    new_domain_name: 'lan.example',
    new_domain_search: 'lan.example. example.net.',
    new_interface_mtu: '1400',
    new_ntp_servers: '192.168.122.5',
    new_rfc3442: '8 10 192 168 122 9 0 192 168 122 1',
    new_host_name: 'guest7',
    new_dhcp_lease_time: '3600',
    new_dhcp_renewal_time: '1800',
    new_dhcp_rebinding_time: '3150',
  });
  expect(c).toMatchObject({
    new_subnet_cidr: '24',
    new_routers: '192.168.122.1',
    new_interface_mtu: '1400',
    new_ntp_servers: '192.168.122.5',
    new_domain_search: 'lan.example example.net',
    new_classless_static_routes: '10.0.0.0/8 192.168.122.9 0.0.0.0/0 192.168.122.1',
    new_dhcp_server_identifier: '192.168.122.1',
  });
  const given = [u?.ip, d?.new_ip_address, c?.new_ip_address];
  expect(given.sort()).toEqual([0, 1, 2].map(address));
  const names = dhcp.server.leases().map(({ hostName }) => hostName);
  expect(names.sort()).toEqual(['guest-c', 'guest-d', 'guest-u']);
  expect(dhcp.events).toEqual(['bound', 'bound', 'bound']);
});

test('systemd-networkd sets itself up as it is told', async () => {
  const { lab, dhcp, namespaces } = await openWith(['n']);
  const [n] = namespaces;
  const file = '[Match]\nName=c0\n[Network]\nDHCP=ipv4\n[DHCPv4]\nUseMTU=yes\n';
  const unit = join(lab.dir, 'c0.network');
  writeFileSync(unit, file);
  // With a writable /sys it would wait for udev. Its files are in a /run of its own.
  const script = `mount -t sysfs -o ro sysfs /sys && mount -t tmpfs tmpfs /run && mkdir -p /run/systemd/network &&
    cp ${unit} /run/systemd/network && exec /lib/systemd/systemd-networkd`;
  n.spawn(['unshare', '-m', 'sh', '-c', script]);
  await dhcp.until('bound', 8000);
  const routes = async () => await n.check(['ip', 'route', 'show', 'proto', 'dhcp']);
  const end = Date.now() + 5000;
  while (!(await routes()).includes('10.0.0.0/8') && Date.now() < end)
    await new Promise((done) => setTimeout(done, 50));
  expect(await routes()).toMatch(
    /^default via 192\.168\.122\.1 dev c0 .*^10\.0\.0\.0\/8 via 192\.168\.122\.9 dev c0 /ms,
  );
  expect(await n.check(['ip', '-4', '-o', 'addr', 'show', 'c0'])).toContain(`inet ${address(0)}/24`);
  expect((await n.link('c0')).mtu).toBe(1400);
});

test('clients keep their addresses when the server is killed, and a released one is known again', async () => {
  const { lab, dhcp, namespaces } = await openWith(['u', 'd']);
  const [u, d] = namespaces;
  expect((await runClient(lab, d, 'c1', 'dhclient'))?.new_ip_address).toBe(address(0));
  const client = await startUdhcpc(lab, u, 'c0');
  client.kill('SIGUSR2');
  await dhcp.until('released');
  await dhcp.restart();
  // It remembers its lease, and asks for it without a DISCOVER.
  expect((await runClient(lab, d, 'c1', 'dhclient'))?.new_ip_address).toBe(address(0));
  expect(dhcp.server.counters.received).toEqual({ request: 1 });
  expect((await runClient(lab, u, 'c0', 'udhcpc'))?.ip).toBe(address(1));
  expect(dhcp.events).toEqual(['bound', 'bound', 'released', 'renewed', 'bound']);
});

test('an address that a machine has without a lease is found by a probe, and given to nobody', async () => {
  const { lab, dhcp, namespaces } = await openWith(['u', 's']);
  const [u, s] = namespaces;
  await s.ip(`addr add ${address(0)}/24 dev c1`);
  expect((await runClient(lab, u, 'c0', 'udhcpc'))?.ip).toBe(address(1));
  expect(dhcp.events).toEqual(['conflict', 'bound']);
});

test('a client renews its lease, and another one does not get it by asking for it', async () => {
  const { lab, dhcp, namespaces } = await openWith(['u', 'd']);
  const [u, d] = namespaces;
  const client = await startUdhcpc(lab, u, 'c0');
  client.kill('SIGUSR1');
  await client.waitFor(/sending renew/);
  await dhcp.until('renewed');
  expect(dhcp.events).toEqual(['bound', 'renewed']);
  expect(dhcp.server.counters.received).toEqual({ discover: 1, request: 2 });
  await client.stop();
  expect((await runClient(lab, d, 'c1', 'udhcpc', '-r', address(0)))?.ip).toBe(address(1));
});

test('two machines from one image, with one client identifier, have two addresses', async () => {
  const { lab, namespaces } = await openWith(['u', 'v']);
  const [u, v] = namespaces;
  // As systemd-networkd makes it of /etc/machine-id. Both are behind one port of the server's.
  const sameId = ['-C', '-x', '0x3d:ffc48ed62000020000ab11415327'];
  expect((await runClient(lab, u, 'c0', 'udhcpc', ...sameId))?.ip).toBe(address(0));
  expect((await runClient(lab, v, 'c1', 'udhcpc', ...sameId))?.ip).toBe(address(1));
  expect((await runClient(lab, u, 'c0', 'udhcpc', ...sameId))?.ip).toBe(address(0));
});

test('dnsmasq as a second server on the segment is noticed', async () => {
  const { lab, dhcp, namespaces } = await openWith(['u', 'm'], { subnets: [{ ...SUBNET, ranges: [] }] });
  const [u, m] = namespaces;
  await m.ip('addr add 192.168.122.2/24 dev c1');
  const words = '-d -p 0 -C /dev/null --leasefile-ro --no-ping --dhcp-authoritative --interface=c1';
  const range = '--dhcp-range=192.168.122.50,192.168.122.59';
  const dnsmasq = m.spawn(['dnsmasq', ...words.split(' '), range]);
  await dnsmasq.waitFor(/DHCP, IP range/);
  expect((await runClient(lab, u, 'c0', 'udhcpc', '-B'))?.ip).toMatch(/^192\.168\.122\.5\d$/);
  await dhcp.until('other_server');
});
