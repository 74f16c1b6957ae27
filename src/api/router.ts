// Routers: interfaces, routes, and who is behind them.

import type { PortCounters } from './counters.ts';
import type { NatConnection, NatFilter, NatStatus } from './nat.ts';

export interface RoutingApi {
  /** Routers, their interfaces and counters. */
  routers(): RouterStatus[];
  /** As the tables have them, those of subnets and own addresses included. */
  routes(filter?: RouteFilter): RouteStatus[];
  /**
   * Which way a packet to an address would take now.
   * @throws TaploomError `no_such_router`, `no_such_interface`, `invalid_address`
   */
  routeTo(question: RouteQuestion): RouteAnswer;
  /** Who is behind the interfaces of routers. */
  neighbours(filter?: NeighbourFilter): NeighbourStatus[];
  /** Routers that translate addresses. */
  nat(): NatStatus[];
  /** Their connections, page by page. */
  connections(filter?: NatFilter): Iterable<NatConnection[]>;
  /** Forgets neighbours that match, but those of the configuration; returns how many. */
  flush(filter?: NeighbourFilter): number;
}

export interface RouterStatus {
  name: string;
  interfaces: RouterInterfaceStatus[];
  /** Of the configuration; those of subnets and own addresses come on top. */
  routes: number;
}

export interface RouterInterfaceStatus {
  router: string;
  name: string;
  /** What it is called among ports: `r1.web`. */
  port: string;
  bridge: string;
  /** None: the bridge does not filter VLANs. */
  vlan?: number;
  /** With the bits of their subnets. */
  addresses: string[];
  /** Where it has IPv6. */
  linkLocal?: string;
  mac: string;
  mtu: number;
  /** None: the main table. */
  table?: number;
  /** `down`: its bridge is not there. */
  state: 'up' | 'down';
  /** Addresses that are known, or asked for. */
  neighbours: number;
  /** Packets that waited for a neighbour in vain. */
  unresolved: number;
  /** Router advertisements that were sent, and solicitations that were heard; none: it does not advertise. */
  advertised?: { sent: number; solicited: number };
  counters: PortCounters;
}

export interface RouteStatus {
  router: string;
  /** None: the main table. */
  table?: number;
  /** Prefix of the destinations. */
  to: string;
  /** `connected`: the subnet of an interface; `local`, `broadcast`: its addresses; the others as the configuration says. */
  type: 'connected' | 'local' | 'broadcast' | 'static' | 'blackhole' | 'unreachable' | 'prohibit';
  /** One is chosen for each flow. */
  hops: { interface: string; via?: string }[];
}

export interface RouteFilter {
  router?: string;
  table?: number;
}

export interface RouteQuestion {
  router: string;
  address: string;
  /** Of what comes in by this interface; default: by one with the main table. */
  interface?: string;
}

/** Of the route that counts; `type` is `none` if there is no route. */
export interface RouteAnswer {
  router: string;
  address: string;
  /** The prefix that matches. */
  to?: string;
  type: 'forward' | 'local' | 'broadcast' | 'blackhole' | 'unreachable' | 'prohibit' | 'none';
  hops: {
    interface: string;
    via?: string;
    /** Of the next hop, if it is known. */
    mac?: string;
    mtu: number;
  }[];
}

export interface NeighbourStatus {
  router: string;
  interface: string;
  bridge: string;
  vlan?: number;
  address: string;
  mac?: string;
  /** RFC 4861 section 7.3.2; `failed`: did not answer; `permanent`: of the configuration. */
  state: 'incomplete' | 'reachable' | 'stale' | 'delay' | 'probe' | 'failed' | 'permanent';
  /** Seconds since it said where it is; none: it never did. */
  age?: number;
}

export interface NeighbourFilter {
  router?: string;
  interface?: string;
  address?: string;
}
