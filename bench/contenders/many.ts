// One Taploom with many of something: TAPs in pairs, or VXLAN remotes. The addresses that traffic goes to in turns count
// up from the second host's.

import type { Lab } from '../lab.ts';
import { built, type Contender, hostNamespaces } from './contender.ts';
import { TaploomProcess } from './taploom.ts';

const MEETINGS = 5;
const ANSWERS_MS = 5000;

/** A Taploom under load, and where the load goes. */
export interface Many extends Contender {
  /** Addresses to send to, from hosts[1].address on, so far apart. */
  targets: number;
  step: number;
}

/** `count` TAPs, the even ones in one namespace and the odd ones in another, each pair a subnet of four addresses. */
export async function manyTaps(lab: Lab, count: number): Promise<Many> {
  const namespaces = hostNamespaces(lab, `taps${count}`);
  const names = Array.from({ length: count }, (_, n) => `tl${n}`);
  const config = Object.fromEntries(
    names.map((name, n) => [name, { type: 'tap' as const, netns: namespaces[n % 2] }]),
  );
  const running = await TaploomProcess.start(lab, {
    version: 1,
    bridges: { tlbench: { local: false, ports: config } },
  });
  for (const [side, netns] of namespaces.entries()) {
    const own = names.filter((_, n) => n % 2 === side);
    // Many interfaces of one host on one layer-2 network: each answers only for its own address.
    lab.run(netns, 'sysctl', '-qw', 'net.ipv4.conf.all.arp_ignore=1', 'net.ipv4.conf.all.arp_announce=2');
    lab.ip(
      netns,
      ...own.flatMap((name, n) => {
        const address = `10.98.${n >> 6}.${((n & 63) << 2) + 1 + side}`;
        return [`addr add ${address}/30 dev ${name}`, `link set dev ${name} up`];
      }),
    );
  }
  const addresses = Array.from({ length: count / 2 }, (_, n) => `10.98.${n >> 6}.${((n & 63) << 2) + 2}`);
  await meet(lab, namespaces[0], addresses);
  return {
    name: String(count),
    hosts: namespaces.map((netns, n) => ({ netns, device: names[n], address: `10.98.0.${1 + n}` })),
    processes: [running.process],
    targets: addresses.length,
    step: 4,
  };
}

/** All hosts know each other, and the switch all of them: else the first rounds would be floods and ARP. */
async function meet(lab: Lab, netns: string, addresses: readonly string[]): Promise<void> {
  let silent = addresses;
  for (let tries = 0; tries < MEETINGS && silent.length > 0; tries++) {
    const asking = lab.start([built('traffic'), '-', 'pingall', '2000', ...silent], { netns });
    silent = await asking.output(ANSWERS_MS).then(
      () => [],
      () => asking.stdout.split('\n').filter((line) => line !== ''),
    );
  }
  if (silent.length > 0) throw new Error(`${silent.length} of ${addresses.length} hosts do not answer`);
}

/** A VXLAN port with `count` remotes, all of them addresses of one namespace, and a station behind each. */
export async function manyRemotes(lab: Lab, count: number): Promise<Many> {
  const [host, far] = hostNamespaces(lab, `remotes${count}`);
  const outer = lab.netns(`remotes${count}-v`);
  lab.veth(outer, 'und0', far, 'und0');
  lab.ip(outer, 'addr add 192.0.2.1/24 dev und0', 'route add 10.99.0.0/16 via 192.0.2.2');
  lab.ip(far, 'addr add 192.0.2.2/24 dev und0', 'route add local 10.99.0.0/16 dev lo');
  const stations = Array.from({ length: count }, (_, n) => {
    const low = `${(n >> 8) + 1}`;
    return {
      remote: `10.99.${low}.${n & 255}`,
      address: `10.98.${low}.${n & 255}`,
      mac: `02:00:00:00:${hex((n >> 8) + 1)}:${hex(n & 255)}`,
    };
  });
  const vx0 = {
    type: 'vxlan' as const,
    vni: 42,
    local: '192.0.2.1',
    remotes: stations.map(({ remote }) => remote),
  };
  const running = await TaploomProcess.start(
    lab,
    {
      version: 1,
      bridges: {
        tlbench: {
          local: false,
          ports: { tl0: { type: 'tap', netns: host }, vx0 },
          static: stations.map(({ mac, remote }) => ({ mac, remote, port: 'vx0' })),
        },
      },
    },
    { netns: outer },
  );
  lab.ip(
    host,
    'addr add 10.98.0.1/16 dev tl0',
    'link set dev tl0 mtu 1450 up',
    ...stations.map(({ address, mac }) => `neigh add ${address} lladdr ${mac} dev tl0 nud permanent`),
  );
  return {
    name: String(count),
    hosts: [
      { netns: host, device: 'tl0', address: '10.98.0.1' },
      { netns: far, device: 'und0', address: '10.98.1.0' },
    ],
    processes: [running.process],
    targets: count,
    step: 1,
  };
}

function hex(byte: number): string {
  return byte.toString(16).padStart(2, '0');
}
