// Routes of the configuration -> numbers: tables for the longest match, what each route does, and next hops. All of it is
// kept until something of it is another, since tables of many routes take their time.
//
//   prefix, table --lpm--> route: kind, hops --> next hop: interface, address

import { equal } from '../config/equal.ts';
import { broadcastAddress } from '../config/router_address.ts';
import { interfaceFinder, type RouterInterface } from '../config/router_interfaces.ts';
import { hopsOf } from '../config/router_routes.ts';
import type { RouteConfig, RouterConfig } from '../config/router_shape.ts';
import type { SwitchConfig } from '../config/schema.ts';
import type { Parts } from '../parts.ts';
import { OWN_WORDS, ownBit, ROUTE, type RouterTable } from '../table/router_table.ts';
import { type IpBytes, parseIp } from '../wire/ip_address.ts';
import { formatPrefix, type IpPrefix, parsePrefix } from '../wire/ip_prefix.ts';
import { LpmBuilder } from './lpm_builder.ts';
import { natAddresses } from './nat_addresses.ts';
import { shared } from './shared.ts';

type Routes = Pick<
  RouterTable,
  'lpm' | 'own' | 'kind' | 'hopAt' | 'hopCount' | 'hopInterface' | 'hopAddress' | 'hopFamily'
> & {
  /** By interface. */
  readonly table: Uint16Array;
};

/** Numbers of an interface of a router, from 1 on. */
export type Numbered = RouterInterface & { number: number };

/** A step of a breath for so many routes. */
const PART = 1024;

export class RouteCache {
  private routers: SwitchConfig['routers'];
  private ports: string[] = [];
  private routes: Routes | undefined;
  private prefixes: readonly string[] = [];

  /** The destinations of a route, by its number. */
  prefix(route: number): string | undefined {
    return this.prefixes[route];
  }

  /** @param interfaces those that are there, by number from 1 on */
  *of(routers: Record<string, RouterConfig>, interfaces: readonly Numbered[]): Parts<Routes> {
    const ports = interfaces.map(({ port }) => port);
    if (this.routes !== undefined && equal(ports, this.ports) && equal(routers, this.routers))
      return this.routes;
    const list = new RouteList(interfaces);
    const routes = yield* list.build(routers);
    this.routers = routers;
    this.ports = ports;
    this.routes = routes;
    this.prefixes = list.prefixes;
    return routes;
  }
}

interface Hop {
  interface: number;
  /** Undefined: the destination itself. */
  address?: IpBytes;
}

/** Collects routes, then makes arrays of them. */
class RouteList {
  private readonly interfaces: readonly Numbered[];
  private readonly lpm = new LpmBuilder();
  readonly prefixes: string[] = [''];
  /** Index 0 is no route, and no hop. */
  private readonly kinds: number[] = [0];
  private readonly hopAt: number[] = [0];
  private readonly hopCount: number[] = [0];
  private readonly hops: Hop[] = [{ interface: 0 }];
  private readonly table: Uint16Array;
  private readonly own = shared({ own: [Int32Array, OWN_WORDS] }).own;
  private tables = 1;

  constructor(interfaces: readonly Numbered[]) {
    this.interfaces = interfaces;
    this.table = shared({ table: [Uint16Array, interfaces.length + 1] }).table;
  }

  *build(routers: Record<string, RouterConfig>): Parts<Routes> {
    const byRouter = new Map<string, Numbered[]>();
    for (const one of this.interfaces) {
      const own = byRouter.get(one.router);
      if (own === undefined) byRouter.set(one.router, [one]);
      else own.push(one);
    }
    for (const [name, own] of byRouter) yield* this.addRouter(routers[name], own);
    const lpm = yield* this.lpm.build(this.tables);
    return { lpm, table: this.table, own: this.own, ...this.arrays() };
  }

  private *addRouter({ routes, nat }: RouterConfig, interfaces: readonly Numbered[]): Parts<void> {
    const tables = new Map<number | undefined, number>([[undefined, this.tables++]]);
    for (const { number, config } of interfaces) {
      const table = tables.get(config.table) ?? this.tables++;
      tables.set(config.table, table);
      this.table[number] = table;
    }
    const all = [...tables.values()];
    for (const one of interfaces) {
      this.addSubnets(one, all);
      yield;
    }
    // What is added later goes before: a table's own routes, then addresses of the router.
    const reach = interfaceFinder(interfaces);
    for (const [index, route] of routes.entries()) {
      const table = tables.get(route.table);
      if (table !== undefined) this.addStatic(route, interfaces, reach, table);
      if (index % PART === 0) yield;
    }
    this.addTranslated(nat, interfaces, all);
    for (const one of interfaces) {
      this.addOwn(one, all);
      yield;
    }
  }

  /** Addresses that only NAT has: the router answers for them where hosts would be that have them. */
  private addTranslated(
    nat: RouterConfig['nat'],
    interfaces: readonly Numbered[],
    tables: readonly number[],
  ): void {
    const reach = interfaceFinder(interfaces);
    for (const prefix of natAddresses(nat)) {
      const by = (reach(prefix.address) as Numbered | undefined) ?? interfaces[0];
      this.add(tables, prefix, ROUTE.local, [{ interface: by.number }]);
    }
  }

  private addSubnets({ number, addresses }: Numbered, tables: readonly number[]): void {
    for (const { subnet, isLinkLocal } of addresses)
      if (!isLinkLocal) this.add(tables, subnet, ROUTE.forward, [{ interface: number }]);
  }

  private addOwn({ number, addresses }: Numbered, tables: readonly number[]): void {
    for (const { bytes, subnet, isLinkLocal } of addresses) {
      if (isLinkLocal) continue;
      const hops = [{ interface: number }];
      const broadcast = broadcastAddress(subnet);
      if (broadcast !== undefined) this.add(tables, host(broadcast), ROUTE.broadcast, hops);
      this.add(tables, host(bytes), ROUTE.local, hops);
      const bit = ownBit(wordsOf(bytes)[3]);
      this.own[bit >>> 5] |= 1 << (bit & 31);
    }
  }

  private addStatic(
    route: RouteConfig,
    interfaces: readonly Numbered[],
    reach: (bytes: IpBytes) => RouterInterface | undefined,
    table: number,
  ): void {
    const to = parsePrefix(route.to) as IpPrefix;
    if (route.type !== undefined) {
      this.add([table], to, ROUTE[route.type], []);
      return;
    }
    const named = interfaces.find(({ name }) => name === route.interface);
    const addresses = hopsOf(route).map((hop) => parseIp(hop) as IpBytes);
    const hops = addresses.flatMap((address): Hop[] => {
      const by = route.interface === undefined ? (reach(address) as Numbered | undefined) : named;
      return by === undefined ? [] : [{ interface: by.number, address }];
    });
    if (route.via === undefined && named !== undefined) hops.push({ interface: named.number });
    // Its interface is in a bridge that is not there now.
    this.add([table], to, hops.length === 0 ? ROUTE.unreachable : ROUTE.forward, hops);
  }

  private add(tables: readonly number[], to: IpPrefix, kind: number, hops: readonly Hop[]): void {
    const route = this.kinds.length;
    this.kinds.push(kind);
    this.prefixes.push(formatPrefix(to));
    this.hopAt.push(this.hops.length);
    this.hopCount.push(hops.length);
    for (const hop of hops) this.hops.push(hop);
    const { address, bits } = to;
    const words = wordsOf(address);
    for (const table of tables) {
      if (address.length === 4) this.lpm.add4(table, words[3], bits, route);
      else this.lpm.add6(table, words[0], words[1], words[2], words[3], bits, route);
    }
  }

  private arrays(): Omit<Routes, 'lpm' | 'table' | 'own'> {
    const { kinds, hops } = this;
    const arrays = shared({
      kind: [Uint8Array, kinds.length],
      hopAt: [Uint32Array, kinds.length],
      hopCount: [Uint16Array, kinds.length],
      hopInterface: [Uint16Array, hops.length],
      hopAddress: [Int32Array, 4 * hops.length],
      hopFamily: [Uint8Array, hops.length],
    });
    arrays.kind.set(kinds);
    arrays.hopAt.set(this.hopAt);
    arrays.hopCount.set(this.hopCount);
    for (const [index, hop] of hops.entries()) {
      arrays.hopInterface[index] = hop.interface;
      if (hop.address === undefined) continue;
      arrays.hopFamily[index] = hop.address.length === 4 ? 4 : 6;
      arrays.hopAddress.set(wordsOf(hop.address), 4 * index);
    }
    return arrays;
  }
}

function host(address: IpBytes): IpPrefix {
  return { address, bits: address.length * 8 };
}

/** Four words in network order, an IPv4 address in the last. */
export function wordsOf(address: IpBytes): Int32Array {
  const bytes = new Uint8Array(16);
  bytes.set(address, 16 - address.length);
  const view = new DataView(bytes.buffer);
  return Int32Array.from({ length: 4 }, (_, word) => view.getInt32(4 * word));
}
