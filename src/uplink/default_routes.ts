// By which interfaces the outside is reached: those of the default routes of the main table.

import type { LinkSocket } from '../sys/link.ts';
import { type DefaultRoute, parseDefaultRoutes, routesRequest } from '../wire/route_listing.ts';
import { FAMILIES, type Family } from './network.ts';

export interface WayOut {
  family: Family;
  /** Of the best default route: several if it has several next hops. */
  interfaces: readonly string[];
  /** Interfaces whose default routes came with router advertisements, the best one or not. */
  advertised: readonly string[];
}

/** Throws SysError. */
export function waysOut(links: LinkSocket): WayOut[] {
  return FAMILIES.map((family) => {
    const listed = [...links.list(routesRequest(family))].flatMap((part) => [...parseDefaultRoutes(part)]);
    // A kernel without IPv6 lists all that it has.
    const routes = listed.filter((route) => route.family === family);
    const names = (of: DefaultRoute[]) => namesOf(links, of);
    return {
      family,
      interfaces: names(bestOf(routes)),
      advertised: names(routes.filter(({ isAdvertised }) => isAdvertised)),
    };
  });
}

function bestOf(routes: DefaultRoute[]): DefaultRoute[] {
  const least = Math.min(...routes.map(({ metric }) => metric));
  return routes.filter(({ metric }) => metric === least);
}

function namesOf(links: LinkSocket, routes: DefaultRoute[]): string[] {
  const indices = new Set(routes.flatMap(({ devices }) => devices));
  return [...indices].map((index) => links.at(index)?.name).filter((name) => name !== undefined);
}
