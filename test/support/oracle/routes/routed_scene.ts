// Random routers and routes in the world of routed_world.ts, and packets for them. Packets that the two sides treat differently on
// purpose are not made: docs/differences.md has why.

import type { Random } from '../../engine/random.ts';
import {
  address4,
  address6,
  GATEWAYS,
  isEdge,
  NETWORKS,
  type Network,
  ROUTERS,
  routerHost,
} from './routed_world.ts';

export interface UsedNetwork extends Network {
  mtu: number;
}

export interface SceneRoute {
  to: string;
  /** Several: one for each flow. */
  via?: string | string[];
  type?: 'blackhole' | 'unreachable' | 'prohibit';
  /** TABLE, or the main one. */
  table?: number;
}

/** Another than the main one. */
export const TABLE = 7;

const REVERSE_PATHS = ['off', 'strict', 'loose'] as const;
export type ReversePath = (typeof REVERSE_PATHS)[number];

export interface SceneRouter {
  number: number;
  routes: SceneRoute[];
  /** By network. */
  reversePath: Record<number, ReversePath>;
  /** Networks from which what comes in follows the routes of TABLE. */
  tabled?: number[];
}

export const isTabled = ({ tabled = [] }: SceneRouter) => tabled.length > 0;

export interface RoutedScene {
  networks: UsedNetwork[];
  routers: SceneRouter[];
  /** Hosts that do not answer. */
  silent?: number[];
  /** In the kernel what a router says itself follows the main table: as with `ip rule iif`. */
  answersByMain?: boolean;
}

const EVERYWHERE = '0.0.0.0/0';
const WIDE_MTUS = [1280, 1400, 1500, 1500, 1500, 4000];
const NARROW_MTUS = [576, 620, 1006];

/** What routes lead to, and packets go to: few, so that they meet. */
const PREFIXES_4 = [
  ...['0.0.0.0/0', '172.16.0.0/12', '172.16.4.0/22', '172.16.5.0/24', '172.16.5.128/25', '172.16.5.130/32'],
  ...['192.0.2.0/24', '192.0.2.64/26', '198.51.0.0/16', '10.1.0.0/16', '10.1.0.100/32', '10.1.3.96/28'],
];
const PREFIXES_6 = [
  ...['::/0', '2001:db8::/32', '2001:db8:1::/48', '2001:db8:1:2::/64', '2001:db8:1:2::5/128', 'fd00::/16'],
  ...['2001:db8:8000::/33', 'fd00::60/123', 'fd00:0:0:3::60/123'],
];

export function randomRoutedScene(random: Random): RoutedScene {
  const count = random.between(1, ROUTERS);
  const networks = NETWORKS.filter(({ routers }) => routers.every((r) => r < count))
    .filter((network) => isEdge(network) || random.chance(0.8))
    .map((network) => ({ ...network, mtu: random.pick(network.isNarrow ? NARROW_MTUS : WIDE_MTUS) }));
  const isChecked = random.chance(0.25);
  const routers = Array.from({ length: count }, (_, number) =>
    randomRouter(random, number, networks, isChecked),
  );
  return { networks, routers };
}

function randomRouter(
  random: Random,
  number: number,
  networks: readonly UsedNetwork[],
  isChecked: boolean,
): SceneRouter {
  const own = networks.filter(({ routers }) => routers.includes(number));
  const prefixes = [
    ...PREFIXES_4,
    ...PREFIXES_6,
    ...networks.filter((one) => !own.includes(one)).flatMap(subnets),
  ];
  const tabled = random.chance(0.3) ? random.some(own, 0.5).map(({ number: n }) => n) : [];
  const routesOf = (table: { table?: number }) => {
    const routes = random
      .some(prefixes, 0.6)
      .map((to) => ({ ...randomRoute(random, number, to, own), ...table }))
      .filter(({ type }) => !isChecked || type === undefined || type === 'blackhole');
    // Linux tells those whose packets find no way before it asks whether they are who they say.
    if (isChecked && !routes.some(({ to }) => to === EVERYWHERE))
      routes.push({ to: EVERYWHERE, via: address4(own[0].number, GATEWAYS[0]), ...table });
    return routes;
  };
  const routes = [...routesOf({}), ...(tabled.length > 0 ? routesOf({ table: TABLE }) : [])];
  const reversePath = Object.fromEntries(
    own.map(({ number: n }) => [n, isChecked ? random.pick(REVERSE_PATHS) : ('off' as const)]),
  );
  return { number, routes, reversePath, tabled };
}

function subnets({ number, isNarrow }: Network): string[] {
  return [`${address4(number, 0)}/24`, ...(isNarrow ? [] : [`fd00:0:0:${number.toString(16)}::/64`])];
}

function randomRoute(random: Random, r: number, to: string, own: readonly UsedNetwork[]): SceneRoute {
  if (random.chance(0.15)) return { to, type: random.pick(['blackhole', 'unreachable', 'prohibit']) };
  const is6 = to.includes(':');
  const network = random.pick(own.filter((one) => !is6 || !one.isNarrow));
  const hosts = isEdge(network) ? GATEWAYS : network.routers.filter((other) => other !== r).map(routerHost);
  const via = is6
    ? address6(network.number, random.pick(hosts))
    : address4(network.number, random.pick(hosts));
  return { to, via };
}
