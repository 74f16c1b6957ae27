// A small internet: a provider with DHCP and IPv6, a customer's router with NAT behind it, three switches in a ring, a guest.
//
//   isp --- edge: wan | NAT | lan --- s0 --- s1 --- s2 (--- s0) --- guest

import type { SwitchConfigInput } from '../../src/config/schema.ts';
import type { Link, Simulation, Station } from '../../src/simulation/index.ts';
import type { Switch } from '../../src/switch/switch.ts';
import { formatIp, ipv4Bytes } from '../../src/wire/ip_address.ts';
import { ADDRESS, replies, request } from '../support/network_world.ts';
import { clientFrame, clientMessage, guestMac } from '../wire/dhcp4/messages.ts';

const memory = { type: 'memory' as const };

/** One bridge without an interface of the kernel. */
export function bridge(ports: object, more: object = {}): SwitchConfigInput {
  return { version: 1, bridges: { br0: { local: false, ports, ...more } } } as SwitchConfigInput;
}

export interface Ring {
  switches: Switch[];
  /** From each switch to the next. */
  links: Link[];
}

export async function openRing(sim: Simulation, names: readonly string[], stp: object): Promise<Ring> {
  const edge = { ...memory, stp: { edge: true } };
  const switches: Switch[] = [];
  for (const name of names)
    switches.push(await sim.switch(name, bridge({ left: memory, right: memory, host: edge }, { stp })));
  const links = names.map((name, n) =>
    sim.link(`${name}/right`, `${names[(n + 1) % names.length]}/left`, { latency: 0.01 }),
  );
  return { switches, links };
}

/** One port between two switches blocks, all others forward. */
export function isTree({ switches }: Ring): boolean {
  const states = switches.flatMap((one) => one.ports().map(({ stp }) => stp?.state));
  const blocking = states.filter((state) => state === 'blocking').length;
  return blocking === 1 && states.filter((state) => state === 'forwarding').length === states.length - 1;
}

/** Opens it all; nothing has happened yet. */
export async function openInternet(sim: Simulation): Promise<Station> {
  const ip6 = { subnet: ['203.0.113.0/24', '2001:db8:1::/64'] };
  const network = { mode: 'isolated', ...ip6, dhcp: { dns: ['203.0.113.53'] } };
  await sim.switch('isp', bridge({ customer: { ...memory, lldp: true } }, { network }));
  await sim.switch('edge', {
    version: 1,
    bridges: {
      up: { local: false, ports: { wan: { ...memory, lldp: true, loop_detection: true } } },
      lan: {
        local: false,
        network: { mode: 'isolated', subnet: '10.7.0.0/24', gateway: '10.7.0.1' },
        multicast: { snooping: true, querier: true },
        ports: { home: memory },
      },
    },
    routers: {
      r1: {
        interfaces: { wan: { bridge: 'up', dhcp: true }, lan: { bridge: 'lan', address: ['10.7.0.1/24'] } },
        nat: [{ source: '10.7.0.0/24', to: 'interface' }],
      },
    },
  } as SwitchConfigInput);
  sim.link('isp/customer', 'edge/wan', { latency: 5, rate: 10e6, jitter: 1, loss: 0.02, reorder: 0.02 });
  await openRing(sim, ['s0', 's1', 's2'], { protocol: 'rstp' });
  sim.link('edge/home', 's0/host');
  const guest = sim.station('guest');
  sim.link('guest', 's2/host', { latency: 0.1, duplicate: 0.05 });
  return guest;
}

/** Guest number `n` gets an address by DHCP, as text. */
export async function lease(station: Station, n: number): Promise<string> {
  const answer = async () => {
    const frame = await station.expect((bytes) => replies([bytes]).length > 0, 3000);
    return replies([frame])[0];
  };
  station.send(clientFrame(clientMessage({ mac: guestMac(n) })));
  const offer = await answer();
  station.send(request(offer.yiaddr, n, ADDRESS(1)));
  return formatIp(ipv4Bytes((await answer()).yiaddr));
}
