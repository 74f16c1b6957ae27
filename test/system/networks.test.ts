// Networks as their users run them: the daemon, guests with real DHCP clients, and an outside that knows nothing of them.
//
//   guests [g1] [g2] --- br0 (gateway, DHCP) --- host [sw] --- veth --- outside [out]

import { describe, expect, test } from 'vitest';
import type { LeaseStatus, NetworkStatus } from '../../src/api.ts';
import { runClient, startUdhcpc } from '../support/dhcp_clients.ts';
import { arrives, bootGuest, fetchUrl } from '../support/guests.ts';
import { type Lab, openLab } from '../support/lab.ts';
import { needs } from '../support/needs.ts';
import type { Netns } from '../support/netns.ts';
import { Taploomd } from '../support/taploomd.ts';

needs('udhcpc', 'dnsmasq', 'ping', 'nft', 'curl');

const SUBNET = '10.7.0.0/24';
const GATEWAY = '10.7.0.1';
const OUTSIDE = '198.51.100.9';
const HOST = '192.0.2.2';
const WEB = { web: { port: 'vm2', address: '10.7.0.50' } };

interface World {
  lab: Lab;
  sw: Netns;
  out: Netns;
  guests: Netns[];
  config: object;
}

async function world(network: object, bridge: object = {}): Promise<World> {
  const lab = await openLab();
  const [sw, out, ...guests] = await lab.netnsList(['sw', 'out', 'g1', 'g2']);
  await sw.ip(`link add up0 type veth peer name up1 netns ${out.name}`);
  await sw.ip(`addr add ${HOST}/24 dev up0`, 'link set up0 up', 'route add default via 192.0.2.1 dev up0');
  await out.ip(
    'addr add 192.0.2.1/24 dev up1',
    'link set up1 up',
    `addr add ${OUTSIDE}/32 dev lo`,
    'link set lo up',
  );
  const ports = Object.fromEntries(guests.map(({ name }, n) => [`vm${n + 1}`, { type: 'tap', netns: name }]));
  const config = {
    version: 1,
    bridges: { br0: { ...bridge, network: { subnet: SUBNET, ...network }, ports } },
  };
  return { lab, sw, out, guests, config };
}

const boot = ({ lab, guests }: World, n: number) => bootGuest(lab, guests[n], `vm${n + 1}`);

const leases = async (daemon: Taploomd) => (await daemon.get<{ leases: LeaseStatus[] }>('/v1/leases')).leases;
const networks = async (daemon: Taploomd) =>
  (await daemon.get<{ networks: NetworkStatus[] }>('/v1/networks')).networks;
const forwarding = async (netns: Netns, device: string) =>
  (await netns.check(['cat', `/proc/sys/net/ipv4/conf/${device}/forwarding`])).trim();

describe('nat', () => {
  test('guests get out as the host, published ports come in, and a killed daemon leaves nothing but notes', async () => {
    const here = await world({ mode: 'nat', publish: ['tcp/8080 -> web:80'], dhcp: { hosts: WEB } });
    const { lab, sw, out, guests, config } = here;
    const daemon = await Taploomd.start(lab, sw, config);
    expect(await boot(here, 0)).toMatchObject({ ip: '10.7.0.2', router: GATEWAY });
    expect(await boot(here, 1)).toMatchObject({ ip: '10.7.0.50', hostname: 'web' });
    expect(await networks(daemon)).toMatchObject([{ mode: 'nat', uplink: 'up0', problems: [] }]);
    for (const to of [GATEWAY, OUTSIDE, '10.7.0.50']) expect(await arrives(guests[0], to), to).toBe(true);
    // The outside has no route to guests, and would get in by none.
    await out.ip(`route add ${SUBNET} via ${HOST}`);
    expect(await arrives(out, '10.7.0.2')).toBe(false);
    guests[1].spawn(['python3', '-m', 'http.server', '80']);
    await daemon.until('the server', async () => (await fetchUrl(guests[0], 'http://10.7.0.50/')).code === 0);
    for (const from of [out, sw, guests[0]])
      expect((await fetchUrl(from, `http://${HOST}:8080/`)).stdout).toContain('Directory listing');
    expect(await daemon.cli('network')).toMatch(
      /br0 +nat +10\.7\.0\.0\/24 +10\.7\.0\.1 +up0 +2 +251 +br0\.internal +ready/,
    );

    await daemon.process.stop('SIGKILL');
    expect(await sw.check(['nft', 'list', 'ruleset'])).toBe('');
    expect(await forwarding(sw, 'up0')).toBe('1');
    // The next one knows who has which address, and what it has to undo.
    const { socket } = daemon;
    const next = await Taploomd.start(lab, sw, config, { socket });
    expect((await leases(next)).map(({ address, state }) => [address, state])).toEqual([
      ['10.7.0.2', 'bound'],
      ['10.7.0.50', 'bound'],
    ]);
    await next.process.stop();
    expect(await forwarding(sw, 'up0')).toBe('0');
  });

  test('what another firewall forbids is said, and where', async () => {
    const { lab, sw, config } = await world({ mode: 'nat' });
    const rules = 'table ip filter { chain FORWARD { type filter hook forward priority 0; policy drop; }; }';
    await sw.check(['nft', rules]);
    const daemon = await Taploomd.start(lab, sw, config);
    expect((await networks(daemon))[0].problems.join()).toMatch(/filter.*FORWARD/);
    // Nobody gets out of this one anyway.
    const hostOnly = { mode: 'host-only', subnet: '10.8.0.0/24' };
    await daemon.request('PUT', '/v1/bridges/br1', { network: hostOnly });
    expect((await networks(daemon)).find(({ bridge }) => bridge === 'br1')?.problems).toEqual([]);
    await sw.check(['nft', 'delete', 'table', 'ip', 'filter']);
    await daemon.until('ready', async () => (await networks(daemon))[0].problems.length === 0, 15_000);
  });
});

test('host-only: guests reach each other and the host, and nothing beyond', async () => {
  const here = await world({ mode: 'host-only' });
  const { lab, sw, guests, config } = here;
  // A host that forwards for others already.
  await sw.sysctl('net.ipv4.ip_forward=1');
  // Whichever worker a guest's port belongs to.
  const daemon = await Taploomd.start(lab, sw, config, { args: ['--workers', '2'] });
  const told = await boot(here, 0);
  expect(told).toMatchObject({ ip: '10.7.0.2' });
  expect(told?.router).toBeUndefined();
  await boot(here, 1);
  await guests[0].ip(`route add default via ${GATEWAY} dev vm1`);
  for (const to of [GATEWAY, '10.7.0.3']) expect(await arrives(guests[0], to), to).toBe(true);
  expect(await arrives(guests[0], OUTSIDE)).toBe(false);
  expect((await networks(daemon))[0].problems).toEqual([]);
});

test('routed: guests get out with their own addresses, and the outside gets in', async () => {
  const here = await world({ mode: 'routed' });
  const { lab, sw, out, guests, config } = here;
  await out.ip(`route add ${SUBNET} via ${HOST}`);
  await Taploomd.start(lab, sw, config);
  await boot(here, 0);
  expect(await arrives(guests[0], OUTSIDE)).toBe(true);
  expect(await arrives(out, '10.7.0.2')).toBe(true);
});

test("isolated: guests have each other; a guest's own DHCP server is heard by nobody, and told of", async () => {
  const here = await world({ mode: 'isolated' }, { local: false });
  const { lab, sw, guests, config } = here;
  const daemon = await Taploomd.start(lab, sw, config);
  await guests[1].up('vm2', '10.7.0.200/24');
  const words = '-d -p 0 -C /dev/null --leasefile-ro --no-ping --dhcp-authoritative --interface=vm2';
  const rogue = guests[1].spawn(['dnsmasq', ...words.split(' '), '--dhcp-range=10.7.0.210,10.7.0.219']);
  await rogue.waitFor(/DHCP, IP range/);
  expect(await boot(here, 0)).toMatchObject({ ip: '10.7.0.2' });
  expect(await arrives(guests[0], '10.7.0.200')).toBe(true);
  expect(await arrives(guests[0], GATEWAY)).toBe(false);
  // It never even heard the guest; somebody who answers unasked is told of.
  expect((await networks(daemon))[0].dhcp?.ignored).toEqual({});
});

test('bridged: guests get addresses of the LAN, whatever Docker forbids the bridges of the kernel', async () => {
  const { lab, sw, out, guests } = await world({ mode: 'bridged' });
  // What dockerd sets, and what a bridge of the kernel then drops.
  await sw.sysctl('net.bridge.bridge-nf-call-iptables=1');
  await sw.check([
    'nft',
    'table ip filter { chain FORWARD { type filter hook forward priority 0; policy drop; }; }',
  ]);
  await sw.ip('addr flush dev up0');
  await out.ip('addr add 10.50.0.1/24 dev up1');
  const words = '-d -p 0 -C /dev/null --leasefile-ro --no-ping --dhcp-authoritative --interface=up1';
  const lan = out.spawn(['dnsmasq', ...words.split(' '), '--dhcp-range=10.50.0.50,10.50.0.59']);
  await lan.waitFor(/DHCP, IP range/);
  const ports = { up0: { type: 'af_packet' }, vm1: { type: 'tap', netns: guests[0].name } };
  const daemon = await Taploomd.start(lab, sw, {
    version: 1,
    bridges: { br0: { network: { mode: 'bridged' }, ports } },
  });
  await guests[0].up('vm1');
  const told = await runClient(lab, guests[0], 'vm1', 'udhcpc');
  expect(told?.ip).toMatch(/^10\.50\.0\.5\d$/);
  await guests[0].ip(`addr replace ${told?.ip}/24 dev vm1`);
  expect(await arrives(guests[0], '10.50.0.1')).toBe(true);
  expect(await networks(daemon)).toMatchObject([{ mode: 'bridged', problems: [] }]);
});

test('guests behind a relay agent get addresses of their own subnet, and keep them by its router', async () => {
  const here = await world({
    mode: 'host-only',
    dhcp: { hosts: WEB, relay: { ports: ['vm2'], subnets: { '10.9.0.0/24': {} } } },
  });
  const { lab, sw, guests, config } = here;
  const daemon = await Taploomd.start(lab, sw, config);
  const [, agent] = guests;
  const [far] = await lab.netnsList(['far']);
  await lab.veth(agent, 'down', far, 'f0');
  await agent.up('down', '10.9.0.1/24');
  expect(await boot(here, 1)).toMatchObject({ ip: '10.7.0.50' });
  await agent.sysctl('net.ipv4.ip_forward=1');
  await far.up('f0');
  const words = `-d -p 0 -C /dev/null --user=root --dhcp-relay=10.9.0.1,${GATEWAY}`;
  await agent.spawn(['dnsmasq', ...words.split(' ')]).waitFor(/DHCP relay from 10\.9\.0\.1/);
  const client = await startUdhcpc(lab, far, 'f0');
  expect(client.output()).toMatch(/lease of 10\.9\.0\.2 obtained from 10\.7\.0\.1/);
  expect(await leases(daemon)).toMatchObject([
    { address: '10.7.0.50', port: 'vm2' },
    { address: '10.9.0.2', port: 'vm2' },
  ]);
  // It renews at the server itself.
  await far.ip('route add default via 10.9.0.1');
  process.kill(client.pid, 'SIGUSR1');
  await client.waitFor(/(lease of 10\.9\.0\.2 obtained[\s\S]*){2}/);
});

test('a network does not take the subnet of a LAN that the host is in, and says whose it is', async () => {
  const { lab, sw } = await world({ mode: 'isolated' });
  const daemon = await Taploomd.start(lab, sw, { version: 1, bridges: {} });
  await daemon.cli('bridge', 'add', 'br0', '--network', 'mode=nat,subnet=192.0.0.0/16');
  expect(await sw.check(['ip', 'route', 'get', '192.0.2.1'])).toContain('dev up0');
  expect(await daemon.cli('network')).toMatch(
    /not ready\n\nbr0: br0 does not get 192\.0\.0\.1\/16: up0 has 192\.0\.2\.2\/24, and .*; take another subnet\n/,
  );
  // As soon as the host has left that LAN, the subnet is free.
  await sw.ip('addr del 192.0.2.2/24 dev up0');
  const ready = async () =>
    (await networks(daemon))[0].problems.every((one) => !one.includes('does not get'));
  await daemon.until('its address', ready, 3000);
  expect(await sw.check(['ip', '-br', 'addr', 'show', 'br0'])).toContain('192.0.0.1/16');
});

test('a network comes and goes by a command, and says what it cannot be', async () => {
  const { lab, sw } = await world({ mode: 'isolated' });
  const daemon = await Taploomd.start(lab, sw, { version: 1, bridges: {} });
  await daemon.cli('bridge', 'add', 'br0', '--network', `mode=nat,subnet=${SUBNET}`);
  expect(await sw.check(['ip', '-br', 'addr', 'show', 'br0'])).toContain(`${GATEWAY}/24`);
  await expect(daemon.cli('bridge', 'set', 'br0', '--network', 'gateway=10.8.0.1')).rejects.toThrow(
    `bridges.br0.network.gateway: 10.8.0.1 is not a host's address in ${SUBNET}`,
  );
  await daemon.cli('bridge', 'set', 'br0', '--unset', 'network');
  expect(await sw.check(['ip', '-br', 'addr', 'show', 'br0'])).not.toContain(GATEWAY);
  expect(await sw.check(['nft', 'list', 'ruleset'])).toBe('');
  expect(await daemon.cli('network')).toMatch(/no networks; `taploom bridge set/);
});
