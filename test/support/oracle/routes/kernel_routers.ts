// The same scene in the kernel: a network namespace for each router, veth pairs between them, and one with the hosts' ends, which
// router_ports.py has in its hands. Devices stay; addresses and routes come and go with the scene.

import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import type { Lab } from '../../lab.ts';
import type { Netns } from '../../netns.ts';
import type { Background } from '../../process.ts';
import { markInterfaces, openTables, subnetsOf, tableSettings } from './kernel_tables.ts';
import type { RoutedScene, SceneRoute, SceneRouter } from './routed_scene.ts';
import {
  address4,
  address6,
  isEdge,
  NETWORKS,
  neighboursOf,
  ROUTERS,
  routerHost,
  routerMac,
} from './routed_world.ts';

const HELPER = fileURLToPath(new URL('router_ports.py', import.meta.url));
const HOST_MTU = 9216;
const EDGES = NETWORKS.filter(isEdge);
const REVERSE_PATH = { off: 0, strict: 1, loose: 2 } as const;

/** Routers, without limits of errors, redirects and what they would say by themselves. */
const SETTINGS = [
  ...['net.ipv4.ip_forward=1', 'net.ipv6.conf.all.forwarding=1', 'net.ipv6.auto_flowlabels=0'],
  ...['net.ipv4.icmp_ratelimit=0', 'net.ipv4.icmp_ratemask=0'],
  ...['net.ipv6.icmp.ratelimit=0', 'net.ipv6.icmp.ratemask=254'],
  ...['all', 'default'].flatMap((which) => [
    `net.ipv4.conf.${which}.rp_filter=0`,
    `net.ipv4.conf.${which}.send_redirects=0`,
    `net.ipv4.conf.${which}.accept_redirects=0`,
    `net.ipv6.conf.${which}.accept_redirects=0`,
    `net.ipv6.conf.${which}.accept_dad=0`,
    `net.ipv6.conf.${which}.router_solicitations=0`,
  ]),
];

export class KernelRouters {
  private readonly routers: Netns[];
  private readonly helper: Background;
  /** By router: what `ip route append` was given. */
  private readonly before = new Map<number, string[]>();
  private answered: (line: string) => void = () => {};
  private failed: (error: Error) => void = () => {};

  private constructor(routers: Netns[], helper: Background) {
    this.routers = routers;
    this.helper = helper;
    createInterface(helper.child.stdio[3] as Readable).on('line', (line) => this.answered(line));
    helper.exited.then(
      () => this.failed(new Error(`router_ports.py has ended: ${helper.stderr}`)),
      this.failed,
    );
  }

  static async start(lab: Lab): Promise<KernelRouters> {
    const labels = ['hosts', ...Array.from({ length: ROUTERS }, (_, r) => `r${r}`)];
    const [hosts, ...routers] = await lab.netnsList(labels);
    await hosts.withoutIpv6();
    for (const router of routers) {
      await router.sysctl(...SETTINGS);
      await router.ip('link set lo up');
      await openTables(router);
    }
    for (const { number: n, routers: ends } of NETWORKS) {
      const [first, second] = ends;
      const [owner, other] = [routers[first], second === undefined ? hosts : routers[second]];
      const name = second === undefined ? `h${n}` : `n${n}`;
      const peer = second === undefined ? '' : `address ${routerMac(second, n)}`;
      const mac = `address ${routerMac(first, n)}`;
      await owner.ip(`link add n${n} ${mac} type veth peer name ${name} ${peer} netns ${other.name}`);
      await owner.ip(`link set n${n} up`);
      await other.ip(`link set ${name} ${second === undefined ? `mtu ${HOST_MTU} ` : ''}up`);
    }
    for (const [r, router] of routers.entries()) {
      const own = NETWORKS.filter((network) => network.routers.includes(r));
      await router.sysctl(...own.flatMap(({ number: n }) => [4, 6].map((family) => patience(family, n))));
    }
    const ports = EDGES.map(({ number }) => `h${number}`);
    return new KernelRouters(routers, hosts.spawn(['python3', HELPER, ...ports], { pipes: 1 }));
  }

  async begin(scene: RoutedScene): Promise<void> {
    await Promise.all(this.routers.map((_, r) => this.beginRouter(scene, r)));
  }

  /** @param ms how long nothing must come for it to be all */
  async send(port: string, frames: readonly Buffer[], ms: number): Promise<Map<string, string[]>> {
    const request = [port, frames.map((frame) => frame.toString('hex')), ms];
    const line = await new Promise<string>((resolve, reject) => {
      this.answered = resolve;
      this.failed = reject;
      this.helper.child.stdin?.write(`${JSON.stringify(request)}\n`);
    });
    return new Map(Object.entries(JSON.parse(line) as Record<string, string[]>));
  }

  close(): void {
    this.helper.child.stdin?.end();
  }

  private async beginRouter(scene: RoutedScene, r: number): Promise<void> {
    const router = scene.routers.find(({ number }) => number === r);
    const old = this.before.get(r) ?? [];
    const routes = router ? [...subnetsOf(scene, router), ...router.routes.map(wayOf)] : [];
    this.before.set(r, routes);
    const lines = [
      ...old.map((route) => `route del ${route}`),
      ...NETWORKS.filter(({ routers }) => routers.includes(r)).map(
        ({ number }) => `addr flush dev n${number} scope global`,
      ),
      ...(router === undefined ? [] : linesOf(scene, router)),
      ...routes.map((route) => `route append ${route}`),
    ];
    const settings = Object.entries(router?.reversePath ?? {}).map(
      ([n, mode]) => `net.ipv4.conf.n${n}.rp_filter=${REVERSE_PATH[mode]}`,
    );
    await this.routers[r].sysctl(...settings, ...tableSettings(scene));
    await this.routers[r].ip(...lines);
    await markInterfaces(this.routers[r], router?.tabled ?? []);
  }
}

/** Whoever is not there they ask for until all is over, so that nobody is told. */
const patience = (family: number, n: number) => `net.ipv${family}.neigh.n${n}.mcast_solicit=1000`;

function linesOf({ networks, silent }: RoutedScene, { number: r }: SceneRouter): string[] {
  const own = networks.filter(({ routers }) => routers.includes(r));
  return own.flatMap((network) => {
    const { number: n, mtu, isNarrow } = network;
    return [
      `link set n${n} mtu ${mtu}`,
      `addr add ${address4(n, routerHost(r))}/24 brd + dev n${n}`,
      ...(isNarrow ? [] : [`addr add ${address6(n, routerHost(r))}/64 dev n${n} nodad`]),
      ...neighboursOf(network, r, silent).map(
        ({ address, mac }) => `neigh replace ${address} lladdr ${mac} nud permanent dev n${n}`,
      ),
    ];
  });
}

function wayOf({ to, via, type, table }: SceneRoute): string {
  const hops = typeof via === 'object' ? via.map((hop) => `nexthop via ${hop}`).join(' ') : `via ${via}`;
  const of = table === undefined ? '' : ` table ${table}`;
  return type === undefined ? `${to}${of} ${hops}` : `${type} ${to}${of}`;
}
