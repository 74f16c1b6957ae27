// A guest sees every hop of its way through two routers, of which the first translates addresses, and finds the size of the
// narrowest: a VXLAN tunnel to another switch.
//
//   guest -- TAP, 1500 -- lan -- r1, NAT -- link -- r2 -- out -- VXLAN, 1450 -- veth -- another taploomd -- TAP, 1500 -- far

import { expect, test } from 'vitest';
import { openLab } from '../support/lab.ts';
import { expectLaws } from '../support/laws.ts';
import { needs } from '../support/needs.ts';
import type { Netns } from '../support/netns.ts';
import { Taploomd } from '../support/taploomd.ts';
import { reaches, tcp } from '../support/traffic.ts';

needs('ping', 'mtr', 'nstat');

const TUNNEL_MTU = 1450;
const OUTSIDE = '10.0.99.1';
const FAR = ['10.0.3.9', 'fd00:3::9'];

const addresses = (net: number, host: number) => [`10.0.${net}.${host}/24`, `fd00:${net}::${host}/64`];
const ROUTERS = {
  r1: {
    interfaces: {
      lan: { bridge: 'lan', address: addresses(1, 1) },
      up: { bridge: 'link', address: addresses(99, 1) },
    },
    routes: [
      { to: '0.0.0.0/0', via: '10.0.99.2' },
      { to: '::/0', via: 'fd00:99::2' },
    ],
    nat: [
      { destination: 'tcp/8080', to: '10.0.1.9' },
      { source: '10.0.1.0/24', to: 'interface' },
    ],
  },
  r2: {
    interfaces: {
      link: { bridge: 'link', address: addresses(99, 2) },
      out: { bridge: 'out', address: addresses(3, 1) },
    },
    routes: [{ to: 'fd00:1::/64', via: 'fd00:99::1' }],
  },
};

async function plug(host: Netns, device: string, net: number): Promise<void> {
  await host.up(device, ...addresses(net, 9));
  await host.ip(`route add default via 10.0.${net}.1`, `route add default via fd00:${net}::1`);
}

async function start() {
  const lab = await openLab();
  const [s1, s2, guest, far] = await lab.netnsList(['s1', 's2', 'guest', 'far']);
  await lab.veth(s1, 'und0', s2, 'und0');
  await s1.up('und0', '192.0.2.1/24');
  await s2.up('und0', '192.0.2.2/24');
  const tunnel = (from: number, to: number) => ({
    type: 'vxlan',
    vni: 42,
    local: `192.0.2.${from}`,
    remotes: [`192.0.2.${to}`],
  });
  const tap = ({ name: netns }: Netns) => ({ type: 'tap', netns });
  const near = await Taploomd.start(lab, s1, {
    version: 1,
    bridges: {
      lan: { local: false, ports: { g1: tap(guest) } },
      link: { local: false },
      out: { local: false, ports: { vx: tunnel(1, 2) } },
    },
    routers: ROUTERS,
  });
  const other = {
    version: 1,
    bridges: { br0: { local: false, ports: { vx: tunnel(2, 1), f1: { ...tap(far), mtu: 1500 } } } },
  };
  const daemons = [near, await Taploomd.start(lab, s2, other)];
  await plug(guest, 'g1', 1);
  await plug(far, 'f1', 3);
  for (const address of FAR) expect(await reaches(guest, address)).toBe(true);
  return { daemons, guest, far };
}

/** The hosts that mtr has found, by hop. */
async function hops(from: Netns, to: string, ...how: string[]): Promise<string[]> {
  const report = await from.check(['mtr', '-n', '-r', '-c', '2', '-i', '0.2', '-G', '1', ...how, to]);
  return [...report.matchAll(/^ *\d+\.\|-- (\S+)/gm)].map(([, host]) => host);
}

/** The MTU that a host has learned for a destination. */
async function learned(host: Netns, to: string): Promise<number> {
  return Number((await host.check(['ip', 'route', 'get', to])).match(/ mtu (\d+)/)?.[1]);
}

test('mtr sees every hop through two routers and NAT, and PMTU discovery works through both into a tunnel', async () => {
  const { daemons, guest, far } = await start();
  const ways = await Promise.all(
    [[], ['-u'], ['-T', '-P', '443']].flatMap((how) => FAR.map((address) => hops(guest, address, ...how))),
  );
  const way = ['10.0.1.1', '10.0.99.2', FAR[0]];
  const way6 = ['fd00:1::1', 'fd00:99::2', FAR[1]];
  expect(ways).toEqual([way, way6, way, way6, way, way6]);
  // From outside the way ends at the NAT, but for what it publishes.
  const back = await Promise.all([OUTSIDE, 'fd00:1::9'].map((address) => hops(far, address)));
  expect(back).toEqual([
    ['10.0.3.1', OUTSIDE],
    ['fd00:3::1', 'fd00:99::1', 'fd00:1::9'],
  ]);

  // To a published port, while nobody has told the guest, whose segments are as long as his own link allows.
  await tcp(far, guest, OUTSIDE, 0.5, 8080);
  expect(await learned(far, OUTSIDE)).toBe(TUNNEL_MTU);
  for (const address of FAR) {
    const { stdout, stderr } = await guest.run(
      ['ping', '-n', '-c', '2', '-i', '0.2', '-W', '1', '-M', 'do', '-s', '1440', address],
      { timeoutMs: 10_000 },
    );
    expect(stdout + stderr).toMatch(/Frag needed and DF set \(mtu = 1450\)|Packet too big: mtu=1450/);
    expect(await learned(guest, address)).toBe(TUNNEL_MTU);
    await tcp(guest, far, address, 0.5);
  }
  for (const host of [guest, far]) expect(await host.checksumErrors()).toBe(0);
  for (const daemon of daemons) await expectLaws(daemon);
}, 60_000);
