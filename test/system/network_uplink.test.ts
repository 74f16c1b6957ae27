// Networks whose way out is a port: a router and NAT of the switch's own, with the address of a LAN's DHCP server or a fixed one.
//
//   guests [g1] [g2] --- br0 (gateway, DHCP) === router br0 === lan --- TAP --- outside [out]: dnsmasq, beyond it 198.51.100.9

import { expect, test } from 'vitest';
import type { NetworkStatus, RouterStatus } from '../../src/api.ts';
import { arrives, bootGuest, fetchUrl } from '../support/guests.ts';
import { type Lab, openLab } from '../support/lab.ts';
import { needs } from '../support/needs.ts';
import type { Netns } from '../support/netns.ts';
import { Taploomd } from '../support/taploomd.ts';

needs('udhcpc', 'dnsmasq', 'ping', 'curl');

const SUBNET = '10.7.0.0/24';
const GATEWAY = '10.7.0.1';
const BEYOND = '198.51.100.9';
const LAN = '192.0.2.1';
const WEB = { web: { port: 'vm2', address: '10.7.0.50' } };

interface World {
  lab: Lab;
  sw: Netns;
  out: Netns;
  guests: Netns[];
  daemon: Taploomd;
}

async function world(network: object, uplinks: object = {}): Promise<World> {
  const lab = await openLab();
  const [sw, out, ...guests] = await lab.netnsList(['sw', 'out', 'g1', 'g2']);
  const ports = Object.fromEntries(guests.map(({ name }, n) => [`vm${n + 1}`, { type: 'tap', netns: name }]));
  const config = {
    version: 1,
    bridges: {
      lan: { local: false, ports: { wan0: { type: 'tap', netns: out.name }, ...uplinks } },
      br0: { local: false, network: { subnet: SUBNET, ...network }, ports },
    },
  };
  // A guest's way in and its way out may be different workers'.
  const daemon = await Taploomd.start(lab, sw, config, { args: ['--workers', '2'] });
  await out.ip(
    `addr add ${LAN}/24 dev wan0`,
    'link set wan0 up',
    `addr add ${BEYOND}/32 dev lo`,
    'link set lo up',
  );
  return { lab, sw, out, guests, daemon };
}

const boot = ({ lab, guests }: World, n: number) => bootGuest(lab, guests[n], `vm${n + 1}`);

const network = async (daemon: Taploomd) =>
  (await daemon.get<{ networks: NetworkStatus[] }>('/v1/networks')).networks[0];
const addressesOf = async (daemon: Taploomd) => {
  const { routers } = await daemon.get<{ routers: RouterStatus[] }>('/v1/routers');
  return routers[0].interfaces.find(({ name }) => name === 'uplink')?.addresses ?? [];
};

test('nat: the router takes an address of the LAN, guests get out by it, and only published ports come in', async () => {
  const here = await world({
    mode: 'nat',
    uplink: 'wan0',
    publish: ['tcp/8080 -> web:80'],
    dhcp: { hosts: WEB },
  });
  const { lab, out, guests, daemon } = here;
  expect(await network(daemon)).toMatchObject({
    uplink: 'wan0',
    problems: ['no way out yet: no DHCP server behind wan0 has answered'],
  });
  const words =
    '-d -p 0 -C /dev/null --no-ping --log-dhcp --dhcp-authoritative --interface=wan0 --dhcp-option=6,192.0.2.53';
  const dnsmasq = out.spawn([
    'dnsmasq',
    ...words.split(' '),
    `--dhcp-leasefile=${lab.dir}/leases`,
    '--dhcp-range=192.0.2.50,192.0.2.59,2m',
  ]);
  await daemon.until('an address', async () => (await addressesOf(daemon)).length > 0, 15_000);
  const [address] = await addressesOf(daemon);
  expect(address).toMatch(/^192\.0\.2\.5\d\/24$/);
  expect(await network(daemon)).toMatchObject({ uplink: 'wan0', problems: [] });
  expect(await daemon.cli('events')).toContain(`br0.uplink has address ${address} from a DHCP server`);

  expect(await boot(here, 0)).toMatchObject({ ip: '10.7.0.2', router: GATEWAY, dns: '192.0.2.53' });
  await boot(here, 1);
  for (const to of [GATEWAY, LAN, BEYOND, '10.7.0.50']) expect(await arrives(guests[0], to), to).toBe(true);
  const own = address.split('/')[0];
  guests[1].spawn(['python3', '-m', 'http.server', '80']);
  await daemon.until('the server', async () => (await fetchUrl(guests[0], 'http://10.7.0.50/')).code === 0);
  for (const from of [out, guests[0]])
    expect((await fetchUrl(from, `http://${own}:8080/`)).stdout).toContain('Directory listing');
  // A link that comes back may lead elsewhere: the lease is asked for again.
  const asked = () => dnsmasq.output().split('DHCPREQUEST').length;
  const before = asked();
  await out.ip('link set wan0 down', 'link set wan0 up');
  await daemon.until('another request', async () => asked() > before);
  expect(await addressesOf(daemon)).toEqual([address]);
  // The outside knows a way, and gets in by none.
  await out.ip(`route add ${SUBNET} via ${own}`);
  expect(await arrives(out, '10.7.0.2')).toBe(false);
});

test('routed: a fixed address, and the outside gets in', async () => {
  const here = await world({
    mode: 'routed',
    uplink: { port: 'wan0', address: '192.0.2.7/24', gateway: LAN },
  });
  const { out, guests, daemon } = here;
  await out.ip(`route add ${SUBNET} via 192.0.2.7`);
  await boot(here, 0);
  expect(await arrives(guests[0], BEYOND)).toBe(true);
  expect(await arrives(out, '10.7.0.2')).toBe(true);
  expect(await network(daemon)).toMatchObject({ mode: 'routed', uplink: 'wan0', problems: [] });
});

test('without the port guests have their gateway; when it comes the way out is there', async () => {
  const here = await world({ mode: 'nat', uplink: 'eth9' }, { eth9: { type: 'af_packet' } });
  const { sw, guests, daemon } = here;
  expect(await network(daemon)).toMatchObject({
    problems: ['no way out: port eth9 is missing, and taken again when it comes back'],
  });
  await boot(here, 0);
  expect(await arrives(guests[0], GATEWAY)).toBe(true);
  await sw.ip('link add eth9 type veth peer name eth8', 'link set eth9 up', 'link set eth8 up');
  await daemon.until('the port', async () =>
    (await network(daemon)).problems.every((problem) => problem.includes('no DHCP server behind eth9')),
  );
  expect(await arrives(guests[0], GATEWAY)).toBe(true);
});
