// Scenes with routes that have several next hops. Which one carries a flow each side chooses by a hash of its own: so the ways
// that are right are those of the same scene with one hop in place of the several, for every choice.

import { type IpPrefix, parsePrefix, prefixContains } from '../../../../src/wire/ip_prefix.ts';
import type { Random } from '../../engine/random.ts';
import type { RoutedScene, SceneRoute, UsedNetwork } from './routed_scene.ts';
import { address4, address6, GATEWAYS, isEdge, routerHost } from './routed_world.ts';

/** Scenes of one hop each that a scene may stand for. */
const MOST = 4;

/** The same with several next hops here and there, or undefined if there is no place for them, or nobody whom they leave alone. */
export function spread(random: Random, scene: RoutedScene): RoutedScene | undefined {
  let choices = 1;
  const routers = scene.routers.map((router) => {
    const own = scene.networks.filter(({ routers }) => routers.includes(router.number));
    const routes = router.routes.map((route) => {
      const hops = hopsFor(route, own, router.number);
      const count = Math.min(random.between(2, MOST), hops.length);
      if (route.via === undefined || count < 2 || choices * count > MOST || !random.chance(0.3)) return route;
      choices *= count;
      return { ...route, via: pickSome(random, hops, count) };
    });
    return { ...router, routes };
  });
  const one = { ...scene, routers };
  return choices > 1 && sendersOf(one).length > 0 ? one : undefined;
}

/**
 * Networks of hosts to whom no such route leads: what is told of their packets has one way back. Else a packet and the answer
 * to it might take different hops of the same route.
 */
export function sendersOf(scene: RoutedScene): UsedNetwork[] {
  const several = scene.routers
    .flatMap(({ routes }) => routes)
    .filter(({ via }) => typeof via === 'object')
    .map(({ to }) => parsePrefix(to) as IpPrefix);
  return scene.networks.filter(isEdge).filter(({ number: n, isNarrow }) => {
    const own = [`${address4(n, 0)}/24`, ...(isNarrow ? [] : [`${address6(n, 0)}/64`])];
    return own.every((text) => !several.some((other) => overlap(parsePrefix(text) as IpPrefix, other)));
  });
}

/** The scenes that one stands for. */
export function choicesOf(scene: RoutedScene): RoutedScene[] {
  for (const [r, router] of scene.routers.entries()) {
    for (const [n, { via }] of router.routes.entries()) {
      if (typeof via !== 'object') continue;
      return via.flatMap((hop) => {
        const routes = router.routes.with(n, { ...router.routes[n], via: hop });
        return choicesOf({ ...scene, routers: scene.routers.with(r, { ...router, routes }) });
      });
    }
  }
  return [scene];
}

function hopsFor({ to }: SceneRoute, own: readonly UsedNetwork[], r: number): string[] {
  const is6 = to.includes(':');
  return own
    .filter(({ isNarrow }) => !is6 || !isNarrow)
    .flatMap((network) => {
      const hosts = isEdge(network)
        ? GATEWAYS
        : network.routers.filter((other) => other !== r).map(routerHost);
      return hosts.map((h) => (is6 ? address6(network.number, h) : address4(network.number, h)));
    });
}

function pickSome(random: Random, list: readonly string[], count: number): string[] {
  const left = [...list];
  return Array.from({ length: count }, () => left.splice(random.between(0, left.length - 1), 1)[0]);
}

function overlap(a: IpPrefix, b: IpPrefix): boolean {
  return prefixContains(a, b.address) || prefixContains(b, a.address);
}
