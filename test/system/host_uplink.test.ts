// The way out through the host's kernel, in namespaces of its own: what passes, what does not, and what is left behind.

import { existsSync, readFileSync } from 'node:fs';
import { beforeEach, expect, test } from 'vitest';
import { needs } from '../support/needs.ts';
import { ping, reaches } from '../support/traffic.ts';
import { type NetworkText, UplinkHost } from '../support/uplink_host.ts';

needs('nft', 'iptables');
beforeEach(({ skip }) => {
  const isThere = existsSync('/proc/sys/net/ipv6/conf/lo/force_forwarding');
  skip(!isThere, 'needs Linux 6.17: IPv6 that is forwarded by single interfaces');
});

const NAT: NetworkText = { interface: 'br0', mode: 'nat', subnets: ['10.1.0.0/24', 'fd00:1::/64'] };
const ROUTED: NetworkText = { interface: 'br1', mode: 'routed', subnets: ['10.2.0.0/24', 'fd00:2::/64'] };
const HOST_ONLY: NetworkText = { ...ROUTED, mode: 'host-only' };
const PUBLISH: NetworkText['publish'] = [
  { protocol: 'tcp', port: 8080, to: '10.1.0.2', toPort: 80 },
  { protocol: 'tcp', port: 8080, to: 'fd00:1::2', toPort: 80 },
];
/** Of a network that leads out, and of its uplink. */
const ALL_OF_BR0 = [
  'ipv4/conf/br0/forwarding',
  'ipv4/conf/eth0/forwarding',
  'ipv6/conf/br0/force_forwarding',
  'ipv6/conf/br0/forwarding',
  'ipv6/conf/eth0/force_forwarding',
];

const never = (one: UplinkHost['guest'], address: string) => reaches(one, address, 300);

test('guests of nat leave as the host, and nobody comes in unasked', async () => {
  const lab = await UplinkHost.open();
  const { guest, outside } = lab;
  await lab.serve(outside, 80);
  await lab.serve(guest, 80);
  expect(await lab.refuses(guest, '203.0.113.2', 80)).toBe(true);
  const uplink = lab.start();
  expect(await uplink.set(NAT)).toEqual({ uplinks: ['eth0'], families: [4, 6], isSetUp: true, problems: [] });

  expect(await lab.ask(guest, '203.0.113.2', 80)).toBe('203.0.113.1');
  expect(await lab.ask(guest, '2001:db8::2', 80)).toBe('2001:db8::1');
  expect(await reaches(guest, '203.0.113.2')).toBe(true);
  expect(await reaches(guest, '10.1.0.1')).toBe(true);
  expect(await lab.refuses(outside, '10.1.0.2', 80)).toBe(true);
  expect(await lab.refuses(outside, 'fd00:1::2', 80)).toBe(true);
  expect(await never(outside, '10.1.0.2')).toBe(false);
  expect(await lab.forwarding()).toEqual(ALL_OF_BR0);

  // A guest with an address of somebody else's.
  await guest.ip('addr add 10.9.0.2/32 dev g0', 'route replace default via 10.1.0.1 src 10.9.0.2');
  expect(await lab.refuses(guest, '203.0.113.2', 80)).toBe(true);
});

test('a published port leads to its guest from outside, from the host, and from guests', async () => {
  const lab = await UplinkHost.open();
  const { guest, host, other, outside } = lab;
  await lab.serve(guest, 80);
  const uplink = lab.start();
  await uplink.set({ ...NAT, publish: PUBLISH }, ROUTED);
  expect(await lab.ask(outside, '203.0.113.1', 8080)).toBe('203.0.113.2');
  expect(await lab.ask(outside, '2001:db8::1', 8080)).toBe('2001:db8::2');
  expect(await lab.ask(host, '203.0.113.1', 8080)).toBe('203.0.113.1');
  expect(await lab.ask(other, '203.0.113.1', 8080)).toBe('10.2.0.2');
  expect(await lab.ask(guest, '203.0.113.1', 8080)).toBe('10.1.0.1');
  // The gateway's own ports stay its own, and what is not published is not reached.
  expect(await lab.refuses(guest, '10.1.0.1', 8080)).toBe(true);
  expect(await lab.refuses(outside, '10.1.0.2', 80)).toBe(true);

  await uplink.set(NAT);
  expect(await lab.refuses(outside, '203.0.113.1', 8080)).toBe(true);
});

test('a change loses no packet of what goes on', async () => {
  const lab = await UplinkHost.open();
  const uplink = lab.start();
  await uplink.set(NAT);
  expect(await reaches(lab.guest, '203.0.113.2')).toBe(true);
  const pings = ping(lab.guest, '203.0.113.2', { count: 150, intervalSeconds: 0.005 });
  for (let i = 0; i < 20; i++) await uplink.set(i % 2 === 0 ? { ...NAT, publish: PUBLISH } : NAT);
  const { sent, received } = await pings;
  expect(received).toBe(sent);
});

test('a routed network is reached under its own addresses; a host-only one neither leaves nor is reached', async () => {
  const lab = await UplinkHost.open();
  const { guest, host, other, outside } = lab;
  await lab.serve(outside, 80);
  await lab.serve(other, 80);
  const uplink = lab.start();
  await uplink.set(NAT, ROUTED);
  expect(await lab.ask(other, '203.0.113.2', 80)).toBe('10.2.0.2');
  expect(await lab.ask(outside, 'fd00:2::2', 80)).toBe('2001:db8::2');
  expect(await lab.ask(guest, '10.2.0.2', 80)).toBe('10.2.0.1');
  expect(await never(other, '10.1.0.2')).toBe(false);

  await host.sysctl('net.ipv4.ip_forward=1'); // as Docker does
  await uplink.set(NAT, HOST_ONLY);
  expect(await reaches(other, '10.2.0.1')).toBe(true);
  expect(await reaches(host, '10.2.0.2')).toBe(true);
  expect(await lab.refuses(other, '203.0.113.2', 80)).toBe(true);
  expect(await lab.refuses(outside, '10.2.0.2', 80)).toBe(true);
  expect(await lab.refuses(guest, '10.2.0.2', 80)).toBe(true);
});

test('what the uplink newly forwards goes nowhere but to networks; who forwarded before, goes on', async () => {
  const lab = await UplinkHost.open();
  const { other, outside, host } = lab;
  const uplink = lab.start();
  await uplink.set(NAT);
  expect(await never(outside, '10.2.0.2')).toBe(false);
  const lines = (await host.check(['nft', 'list', 'ruleset'])).split('\n');
  expect(lines.find((line) => line.includes('other by eth0'))).toMatch(/packets [1-9]/);

  await host.sysctl('net.ipv4.ip_forward=1');
  await uplink.set(NAT, { ...HOST_ONLY, interface: 'none' });
  expect(await reaches(outside, '10.2.0.2')).toBe(true);
  expect(await reaches(other, '203.0.113.2')).toBe(true);
});

test('all of it is undone at the end, and nothing that others do', async () => {
  const lab = await UplinkHost.open();
  const { host } = lab;
  await host.sysctl('net.ipv4.conf.br1.forwarding=1');
  const uplink = lab.start();
  await uplink.set(NAT, ROUTED);
  uplink.process.child.stdin?.end();
  expect(await uplink.process.exit()).toBe(0);
  expect(await host.check(['nft', 'list', 'ruleset'])).toBe('');
  // br1 forwarded before, and needs the uplink to do so.
  expect(await lab.forwarding()).toEqual(['ipv4/conf/br1/forwarding', 'ipv4/conf/eth0/forwarding']);
});

test('after kill -9 the table is gone, and the next start or undo takes back what is still as it was set', async () => {
  const lab = await UplinkHost.open();
  const { host, guest } = lab;
  let uplink = lab.start();
  await uplink.set(NAT);
  await uplink.process.stop('SIGKILL');
  expect(await host.check(['nft', 'list', 'ruleset'])).toBe('');
  expect(await lab.forwarding()).toEqual(ALL_OF_BR0);

  uplink = lab.start();
  expect((await uplink.set(NAT)).problems).toEqual([]);
  expect(await reaches(guest, '203.0.113.2')).toBe(true);
  await uplink.process.stop('SIGKILL');
  uplink = lab.start();
  await uplink.set();
  expect(await lab.forwarding()).toEqual([]);

  await uplink.set(NAT);
  await uplink.process.stop('SIGKILL');
  await host.sysctl('net.ipv6.conf.br0.forwarding=0');
  await host.ip('link set dev br0 name old', 'link add br0 type veth peer name br0p');
  expect(await lab.undo()).toEqual([
    'ipv4/conf/old/forwarding',
    'ipv4/conf/eth0/forwarding',
    'ipv6/conf/old/force_forwarding',
    'ipv6/conf/eth0/force_forwarding',
  ]);
  expect(await lab.undo()).toEqual([]);
});

test('the default route is followed', async () => {
  const lab = await UplinkHost.open();
  const { host, guest, outside } = lab;
  const uplink = lab.start();
  await uplink.set(NAT);
  await lab.lab.veth(host, 'eth1', outside, 'o1');
  await host.up('eth1', '198.51.100.1/24');
  await outside.up('o1', '198.51.100.2/24');
  await host.ip('route replace default via 198.51.100.2 dev eth1');
  expect((await uplink.news()).uplinks).toEqual(['eth1', 'eth0']);
  expect(await lab.setting('ipv4/conf/eth0/forwarding')).toBe('0');
  expect(await reaches(guest, '198.51.100.2')).toBe(true);

  await host.ip('route del default');
  const { uplinks, problems } = await uplink.news();
  expect(uplinks).toEqual(['eth0']);
  expect(problems).toEqual([expect.stringContaining('no default route of IPv4')]);
  await host.ip('route add default via 203.0.113.2');
  expect(await uplink.news()).toMatchObject({ uplinks: ['eth0'], problems: [], isNews: true });
});

test('routes are listed anew only if the kernel tells of others, not with every configuration', async () => {
  const lab = await UplinkHost.open();
  const uplink = lab.start();
  const listed = () => readFileSync(`${lab.state}.listed`).length;
  await uplink.set(NAT);
  const once = listed();
  expect(once).toBeGreaterThan(0);
  await uplink.set({ ...NAT, publish: PUBLISH });
  await uplink.set({ ...NAT, publish: PUBLISH }, ROUTED);
  expect(listed()).toBe(once);

  await lab.host.ip('route del default');
  expect((await uplink.news()).problems).toHaveLength(1);
  expect(listed()).toBe(2 * once);
});

test('an interface that comes again forwards again', async () => {
  const lab = await UplinkHost.open();
  const { host, guest } = lab;
  const uplink = lab.start();
  await uplink.set(NAT);
  await host.ip('link del br0');
  expect((await uplink.news()).problems).toEqual(
    [4, 6].map((family) => expect.stringContaining(`IPv${family} of br0`)),
  );
  await lab.lab.veth(host, 'br0', guest, 'g0');
  await host.up('br0', '10.1.0.1/24');
  await guest.up('g0', '10.1.0.2/24');
  await guest.ip('route add default via 10.1.0.1');
  expect((await uplink.news()).problems).toEqual([]);
  expect(await reaches(guest, '203.0.113.2')).toBe(true);
});

test('a chain of another table that drops is named, and what the sentence says helps', async () => {
  const lab = await UplinkHost.open();
  const { host, guest } = lab;
  for (const words of ['-N DOCKER-USER', '-A FORWARD -j DOCKER-USER', '-P FORWARD DROP'])
    await host.check(['iptables', ...words.split(' ')]);
  const uplink = lab.start();
  const { problems } = await uplink.set(NAT);
  expect(problems).toHaveLength(1);
  expect(problems[0]).toMatch(
    /^Chain FORWARD of nftables' table ip filter drops .*another table's drop cannot be overridden/,
  );
  expect(await never(guest, '203.0.113.2')).toBe(false);
  expect(await reaches(guest, '2001:db8::2')).toBe(true);

  const commands = problems[0].split(': ').at(-1)?.split('; ') ?? [];
  expect(commands).toEqual([
    'iptables -I DOCKER-USER -i br0 -j ACCEPT',
    'iptables -I DOCKER-USER -o br0 -j ACCEPT',
  ]);
  for (const command of commands) await host.check(command.split(' '));
  expect(await reaches(guest, '203.0.113.2')).toBe(true);
  expect((await uplink.set(NAT)).problems).toEqual([]);

  await host.check(['iptables-legacy', '-P', 'FORWARD', 'DROP']);
  const [legacy] = (await uplink.set(NAT)).problems;
  expect(legacy).toMatch(
    /^Chain FORWARD of iptables-legacy drops .* -i br0 -j ACCEPT; iptables-legacy -I FORWARD -o br0 -j ACCEPT$/,
  );
  expect(await never(guest, '203.0.113.2')).toBe(false);
});

test('a default route from router advertisements is not lost: IPv6 is refused until it is kept', async () => {
  const lab = await UplinkHost.open();
  const { host, guest, outside } = lab;
  await host.ip('route del ::/0');
  await lab.advertise(outside, 'o0');
  await expect.poll(() => host.check(['ip', '-6', 'route', 'show', 'default'])).toContain('proto ra');
  const uplink = lab.start();
  const { problems } = await uplink.set(NAT);
  expect(problems).toEqual([
    expect.stringMatching(/^IPv6 of br0 is not forwarded: .*net\.ipv6\.conf\.eth0\.accept_ra=2$/),
  ]);
  expect(await never(guest, '2001:db8::2')).toBe(false);
  expect(await reaches(guest, '203.0.113.2')).toBe(true);

  await host.sysctl('net.ipv6.conf.eth0.accept_ra=2');
  expect((await uplink.set(NAT)).problems).toEqual([]);
  expect(await host.check(['ip', '-6', 'route', 'show', 'default'])).toContain('proto ra');
  expect(await reaches(guest, '2001:db8::2')).toBe(true);
});

test('without a table nothing is forwarded, whatever an earlier process left', async () => {
  const lab = await UplinkHost.open();
  const first = lab.start();
  await first.set(NAT);
  await first.process.stop('SIGKILL');
  expect(await lab.forwarding()).toEqual(ALL_OF_BR0);
  const second = lab.start('occupied');
  const { uplinks, isSetUp, problems } = await second.set(NAT);
  expect(uplinks).toEqual([]);
  expect(isSetUp).toBe(false);
  expect(problems).toEqual([
    expect.stringMatching(/^Cannot set up nftables \(table taploom-\d+-1\): .*\(EPERM\)$/),
  ]);
  expect(await lab.forwarding()).toEqual([]);
});
