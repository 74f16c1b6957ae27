// IPv6 of routers as kernels see it: hosts that hear their advertisements, and networks whose way out is a port of a LAN.
//
//   guests [g1] --- br0 === router === lan --- TAP --- outside [out]: dnsmasq advertises, beyond it 2001:db8:9::9

import { expect, test } from 'vitest';
import type { NeighbourStatus, NetworkStatus, RouterStatus } from '../../src/api.ts';
import { type Lab, openLab } from '../support/lab.ts';
import { needs } from '../support/needs.ts';
import type { Netns } from '../support/netns.ts';
import { Taploomd } from '../support/taploomd.ts';

needs('ping', 'rdisc6', 'dnsmasq', 'traceroute');

const SUBNETS = ['10.7.0.0/24', '2001:db8:7::/64'];
const OUTSIDE = '2001:db8:9::9';
const LAN = '2001:db8::1';

const isReached = async (from: Netns, to: string) =>
  (await from.run(['ping', '-6', '-n', '-c', '1', '-W', '2', to])).stdout.includes('1 received');
const reaches = (from: Netns, to: string) =>
  expect.poll(() => isReached(from, to), { timeout: 10_000 }).toBe(true);
const routes = (netns: Netns) => netns.check(['ip', '-6', 'route', 'show', 'default']);
const addressOf = async (netns: Netns, device: string) =>
  /inet6 (\S+)\//.exec(
    await netns.check(['ip', '-6', 'addr', 'show', 'dev', device, 'scope', 'global']),
  )?.[1] ?? '';

test('hosts behind a router hear it, make themselves addresses, and are told when it is over', async () => {
  const lab = await openLab();
  const [sw, web, db] = await lab.netnsList(['sw', 'web', 'db']);
  const tap = (netns: Netns, vlan: number) => ({ type: 'tap', netns: netns.name, vlan: { access: vlan } });
  const interfaces = {
    web: {
      bridge: 'br0',
      vlan: 10,
      address: ['2001:db8:1::1/64'],
      advertise: { dns: ['2001:db8:1::53'], search: ['lab.example'], other: true },
    },
    db: { bridge: 'br0', vlan: 20, address: ['2001:db8:2::1/64'], advertise: true },
  };
  // What is behind a veth outlives the daemon.
  await sw.ip(`link add up0 type veth peer name web netns ${web.name}`, 'link set up0 up');
  const ports = { up0: { type: 'af_packet', vlan: { access: 10 } }, db: tap(db, 20) };
  const bridges = { br0: { vlan_filtering: true, local: false, ports } };
  const daemon = await Taploomd.start(lab, sw, { version: 1, bridges, routers: { r1: { interfaces } } });
  await Promise.all([web.up('web'), db.up('db')]);
  await expect.poll(() => addressOf(db, 'db'), { timeout: 8000 }).toMatch(/^2001:db8:2:/);
  await reaches(web, await addressOf(db, 'db'));
  const heard = await web.check(['rdisc6', '-1', 'web']);
  for (const line of [
    'Stateful other conf.      :          Yes',
    'Router lifetime           :         1800',
    'Prefix                   : 2001:db8:1::/64',
    'Recursive DNS server     : 2001:db8:1::53',
    'DNS search list          : lab.example',
    'MTU                      :         1500',
  ])
    expect(heard).toContain(line);
  const { routers } = await daemon.get<{ routers: RouterStatus[] }>('/v1/routers');
  expect(routers[0].interfaces[0].advertised?.solicited).toBeGreaterThan(0);
  expect(await routes(web)).toContain('default via fe80::');
  expect(await daemon.process.stop('SIGTERM')).toBe(0);
  await expect.poll(() => routes(web), { timeout: 4000 }).toBe('');
});

interface World {
  lab: Lab;
  out: Netns;
  guest: Netns;
  daemon: Taploomd;
}

async function world(uplink: unknown): Promise<World> {
  const lab = await openLab();
  const [sw, out, guest] = await lab.netnsList(['sw', 'out', 'g1']);
  const bridges = {
    lan: { local: false, ports: { wan0: { type: 'tap', netns: out.name } } },
    br0: {
      local: false,
      network: { mode: 'routed', subnet: SUBNETS, uplink },
      ports: { vm1: { type: 'tap', netns: guest.name } },
    },
  };
  const daemon = await Taploomd.start(lab, sw, { version: 1, bridges }, { args: ['--workers', '2'] });
  await out.ip(
    `addr add ${LAN}/64 dev wan0 nodad`,
    'link set wan0 up',
    'link set lo up',
    `addr add ${OUTSIDE}/128 dev lo nodad`,
  );
  await out.check(['sysctl', '-qw', 'net.ipv6.conf.all.forwarding=1']);
  await guest.up('vm1');
  return { lab, out, guest, daemon };
}

const network = async (daemon: Taploomd) =>
  (await daemon.get<{ networks: NetworkStatus[] }>('/v1/networks')).networks[0];

test('the router of a network takes an address of the LAN, and guests get out with their own', async () => {
  const { lab, out, guest, daemon } = await world('wan0');
  expect((await network(daemon)).problems).toContain(
    'no way out for IPv6 yet: no router behind wan0 advertises that it is one',
  );
  // No default route before there is a way.
  await expect.poll(() => addressOf(guest, 'vm1'), { timeout: 8000 }).toMatch(/^2001:db8:7:/);
  expect(await routes(guest)).toBe('');
  const words = '-d -p 0 -C /dev/null --interface=wan0 --bind-interfaces --enable-ra --ra-param=wan0,4,1800';
  out.spawn([
    'dnsmasq',
    ...words.split(' '),
    '--dhcp-range=2001:db8::,ra-only,64,2h',
    '--dhcp-option=option6:dns-server,[2001:db8::53]',
    `--dhcp-leasefile=${lab.dir}/leases`,
  ]);
  await daemon.until(
    'the way out',
    async () => !(await network(daemon)).problems.join().includes('IPv6'),
    15_000,
  );
  const { routers } = await daemon.get<{ routers: RouterStatus[] }>('/v1/routers');
  const own = routers[0].interfaces.find(({ name }) => name === 'uplink')?.addresses[0] ?? '';
  expect(own).toMatch(/^2001:db8::[0-9a-f:]+\/64$/);
  expect(await daemon.cli('events')).toContain(
    `br0.uplink has address ${own} from the advertisements of a router`,
  );
  await out.ip(`route add ${SUBNETS[1]} via ${own.split('/')[0]}`);
  await expect.poll(() => routes(guest), { timeout: 8000 }).toContain('via fe80::1 dev vm1');
  await reaches(guest, OUTSIDE);
  await reaches(out, await addressOf(guest, 'vm1'));
  expect(await guest.check(['rdisc6', '-1', 'vm1'])).toContain('Recursive DNS server     : 2001:db8::53');
  const path = await guest.check(['traceroute', '-6', '-n', '-q', '1', '-w', '2', OUTSIDE]);
  expect([...path.matchAll(/^ *\d+ {2}(\S+)/gm)].map(([, hop]) => hop)).toEqual(['2001:db8:7::1', OUTSIDE]);
});

test('an address of the LAN that is fixed, by a link-local router', async () => {
  const { out, guest, daemon } = await world({
    port: 'wan0',
    address: ['192.0.2.7/24', '2001:db8::7/64'],
    gateway: ['192.0.2.1', 'fe80::99'],
  });
  await out.ip('addr add fe80::99/64 dev wan0 nodad', `route add ${SUBNETS[1]} via 2001:db8::7`);
  expect((await network(daemon)).problems).toEqual([]);
  await reaches(guest, OUTSIDE);
  await reaches(out, await addressOf(guest, 'vm1'));
  const { neighbours } = await daemon.get<{ neighbours: NeighbourStatus[] }>('/v1/neighbours');
  expect(neighbours.map(({ address }) => address)).toContain('fe80::99');
});
