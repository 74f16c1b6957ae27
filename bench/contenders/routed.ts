// Two hosts in two subnets, joined by a router: the engine's own, or the kernel of a namespace with two TAPs, each of which a C
// program joins to the TAP of a host. With translation the second host sees the address of the router.

import { SWITCH_CPU } from '../cpus.ts';
import { type Lab, netnsPath } from '../lab.ts';
import { built, type ContenderKind, type Host, hostNamespaces, needTool } from './contender.ts';
import { TAPLOOM, TaploomProcess } from './taploom.ts';

const PLACES = [0, 1];
const subnet = (n: number) => `10.98.${n}`;

/** Gives each host its address, and a way to the other subnet. */
function connect(lab: Lab, namespaces: readonly string[], device: string): Host[] {
  return namespaces.map((netns, n) => {
    const address = `${subnet(n)}.2`;
    lab.ip(
      netns,
      `addr add ${address}/24 dev ${device}${n}`,
      `link set dev ${device}${n} up`,
      `route add default via ${subnet(n)}.1`,
    );
    return { netns, device: `${device}${n}`, address };
  });
}

/** @param translates the first subnet's addresses are hidden behind the second interface */
export function taploomRouted(translates: boolean): ContenderKind {
  return {
    name: TAPLOOM,
    async open(lab) {
      const namespaces = hostNamespaces(lab, translates ? 'tln' : 'tlr');
      const bridges = Object.fromEntries(
        PLACES.map((n) => [
          `tlbench${n}`,
          { local: false, ports: { [`tl${n}`]: { type: 'tap', netns: namespaces[n] } } },
        ]),
      );
      const interfaces = Object.fromEntries(
        PLACES.map((n) => [`lan${n}`, { bridge: `tlbench${n}`, address: [`${subnet(n)}.1/24`] }]),
      );
      const nat = translates ? { nat: [{ source: `${subnet(0)}.0/24`, via: 'lan1', to: 'interface' }] } : {};
      const config = { version: 1, bridges, routers: { r1: { interfaces, ...nat } } };
      const running = await TaploomProcess.start(lab, config as never);
      return {
        name: TAPLOOM,
        hosts: connect(lab, namespaces, 'tl'),
        processes: [running.process],
        drops: () => running.drops(),
      };
    },
  };
}

export function kernelRouted(name: string, translates: boolean): ContenderKind {
  return {
    name,
    async open(lab) {
      const program = built('pump');
      if (translates) needTool('nft');
      const label = translates ? 'kn' : 'kr';
      const middle = lab.netns(`${label}-router`);
      const namespaces = hostNamespaces(lab, label);
      const taps = PLACES.flatMap((n) => [netnsPath(namespaces[n]), `pm${n}`, netnsPath(middle), `lan${n}`]);
      const pump = lab.start([program, '1', ...taps], { cpus: SWITCH_CPU });
      await pump.waitFor(/^ready/m);
      for (const n of PLACES)
        lab.ip(middle, `addr add ${subnet(n)}.1/24 dev lan${n}`, `link set dev lan${n} up`);
      lab.run(middle, 'sysctl', '-qw', 'net.ipv4.ip_forward=1');
      if (translates) lab.run(middle, 'nft', MASQUERADE);
      return { name, hosts: connect(lab, namespaces, 'pm'), processes: [pump] };
    },
  };
}

const MASQUERADE =
  'table ip bench { chain postrouting { type nat hook postrouting priority srcnat; oifname "lan1" masquerade; }; }';
