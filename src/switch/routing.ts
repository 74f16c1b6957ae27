// What the switch tells of its routers: interfaces, routes, neighbours.

import type {
  NatConnection,
  NatFilter,
  NatStatus,
  NeighbourFilter,
  NeighbourStatus,
  RouteAnswer,
  RouteFilter,
  RouteQuestion,
  RouterInterfaceStatus,
  RouterStatus,
  RouteStatus,
  RoutingApi,
} from '../api.ts';
import type { Compiler } from '../compile/compiler.ts';
import { broadcastAddress } from '../config/router_address.ts';
import { interfaceFinder, interfacesIn, type RouterInterface } from '../config/router_interfaces.ts';
import { interfaceMac, linkLocalOf } from '../config/router_mac.ts';
import { hopsOf } from '../config/router_routes.ts';
import type { RouterConfig, SwitchConfig } from '../config/schema.ts';
import { TaploomError } from '../error.ts';
import type { Neighbours } from '../table/neighbours.ts';
import type { RouterTable } from '../table/router_table.ts';
import { canonicalIp, formatIp, type IpBytes, parseIp } from '../wire/ip_address.ts';
import { formatPrefix } from '../wire/ip_prefix.ts';
import { formatMac } from '../wire/mac.ts';
import type { CounterView } from './counter_view.ts';
import { NatView } from './nat_view.ts';
import { NOTHING } from './port_status.ts';
import { neighbourMac, pathOf } from './router_paths.ts';
import type { RouterService } from './router_service.ts';
import type { World } from './world.ts';

export interface RoutingFacts {
  readonly compiler: Compiler;
  readonly counters: Pick<CounterView, 'port'>;
  readonly neighbours: Neighbours;
  readonly service: RouterService;
  readonly world: Pick<World, 'machine'>;
  config(): SwitchConfig;
  /** In force. */
  table(): RouterTable | null;
}

export class Routing implements RoutingApi {
  private readonly facts: RoutingFacts;

  constructor(facts: RoutingFacts) {
    this.facts = facts;
  }

  routers(): RouterStatus[] {
    const { routers } = this.facts.config();
    if (routers === undefined) return [];
    const { machine } = this.facts.world;
    return Object.entries(routers).map(([name, router]) => ({
      name,
      interfaces: [...interfacesIn({ routers: { [name]: router } })].map((one) =>
        this.interfaceStatus(one, machine),
      ),
      routes: router.routes.length,
    }));
  }

  private interfaceStatus(one: RouterInterface, machine: string): RouterInterfaceStatus {
    const { compiler, counters, service } = this.facts;
    const { router, name, port, config } = one;
    const table = this.facts.table();
    const number = compiler.ports.find(port);
    const own = table === null || number === undefined ? 0 : table.interfaceOf[number];
    const { cache, advertising } = service.places.get(port) ?? {};
    const told = advertising?.counters;
    const mac = interfaceMac(one, machine);
    const linkLocal = linkLocalOf(one, mac);
    return {
      router,
      name,
      port,
      bridge: config.bridge,
      vlan: config.vlan,
      addresses: one.addresses.map(({ text }) => text),
      linkLocal: linkLocal && formatIp(linkLocal),
      mac: formatMac(mac.hi, mac.lo),
      mtu: own === 0 ? (config.mtu ?? 0) : (table as RouterTable).mtu[own],
      table: config.table,
      state: own === 0 ? 'down' : 'up',
      neighbours: cache?.entries.size ?? 0,
      unresolved: cache?.dropped ?? 0,
      ...(told !== undefined && { advertised: { sent: told.sent, solicited: told.solicited } }),
      counters: number === undefined ? structuredClone(NOTHING) : counters.port(number),
    };
  }

  routes({ router, table }: RouteFilter = {}): RouteStatus[] {
    const { routers = {} } = this.facts.config();
    if (router !== undefined) this.requireRouter(router);
    return Object.entries(routers)
      .filter(([name]) => router === undefined || name === router)
      .flatMap(([name, config]) => routesOf(name, config))
      .filter((route) => table === undefined || route.table === table);
  }

  routeTo({ router, address, interface: from }: RouteQuestion): RouteAnswer {
    const config = this.requireRouter(router);
    const bytes = parseIp(address);
    if (bytes === undefined)
      throw new TaploomError('invalid_address', `${address} is not an IPv4 or IPv6 address`);
    if (from !== undefined && !Object.hasOwn(config.interfaces, from))
      throw new TaploomError('no_such_interface', `Router ${router} has no interface ${from}`);
    const table = this.facts.table();
    const own = this.numberOf(router, config, from);
    const path = table === null || own === 0 ? undefined : pathOf(table, own, bytes);
    const asked = { router, address: formatIp(bytes) };
    if (table === null || path === undefined) return { ...asked, type: 'none', hops: [] };
    const { compiler, neighbours } = this.facts;
    const hops = path.hops.map(({ interface: number, port, via }) => {
      const mac = neighbourMac(neighbours, port, via ?? bytes);
      return {
        interface: nameOf(compiler.ports.name(port) ?? ''),
        via: via && formatIp(via),
        mac: mac && formatMac(mac.hi, mac.lo),
        mtu: table.mtu[number],
      };
    });
    return { ...asked, to: compiler.routePrefix(path.route), type: path.kind, hops };
  }

  /** Of an interface, or of one that asks the main table, or any; 0: the router has none that is there. */
  private numberOf(router: string, { interfaces }: RouterConfig, from: string | undefined): number {
    const names = Object.keys(interfaces);
    const main = names.filter((name) => interfaces[name].table === undefined);
    const candidates = from === undefined ? [...main, ...names] : [from];
    for (const name of candidates) {
      const port = this.facts.compiler.ports.find(`${router}.${name}`);
      const number = port === undefined ? 0 : this.facts.table()?.interfaceOf[port];
      if (number) return number;
    }
    return 0;
  }

  nat(): NatStatus[] {
    return this.natView()?.status() ?? [];
  }

  connections(filter: NatFilter = {}): Iterable<NatConnection[]> {
    return this.natView()?.pages(filter) ?? [];
  }

  private natView(): NatView | undefined {
    const { compiler } = this.facts;
    const nat = this.facts.table()?.nat;
    return nat == null ? undefined : new NatView(nat, compiler.nat);
  }

  neighbours(filter: NeighbourFilter = {}): NeighbourStatus[] {
    const { service } = this.facts;
    const now = service.now();
    const address = filter.address === undefined ? undefined : canonicalIp(filter.address);
    return this.places(filter).flatMap(({ port, cache }) =>
      [...cache.entries.values()]
        .filter(({ key }) => filter.address === undefined || key === address)
        .map(({ key, mac, state, heardAt }) => ({
          router: port.router,
          interface: port.name,
          bridge: port.config.bridge,
          vlan: port.config.vlan,
          address: key,
          mac: mac && formatMac(mac.hi, mac.lo),
          state,
          age: mac === undefined || state === 'permanent' ? undefined : Math.max(0, now - heardAt) / 1000,
        })),
    );
  }

  flush(filter: NeighbourFilter = {}): number {
    const address = filter.address === undefined ? undefined : canonicalIp(filter.address);
    const matches = ({ key }: { key: string }) => filter.address === undefined || key === address;
    return this.places(filter).reduce((sum, { cache }) => sum + cache.flush(matches), 0);
  }

  private places({ router, interface: name }: NeighbourFilter) {
    if (router !== undefined) this.requireRouter(router);
    return [...this.facts.service.places.values()].filter(
      ({ port }) => (router ?? port.router) === port.router && (name ?? port.name) === port.name,
    );
  }

  private requireRouter(name: string): RouterConfig {
    const { routers = {} } = this.facts.config();
    if (!Object.hasOwn(routers, name)) throw new TaploomError('no_such_router', `There is no router ${name}`);
    return routers[name];
  }
}

/** Routes of a router: those of its interfaces, in the main table, then those of the configuration. */
export function routesOf(router: string, config: RouterConfig): RouteStatus[] {
  const interfaces = [...interfacesIn({ routers: { [router]: config } })];
  const reach = interfaceFinder(interfaces);
  const own = interfaces.flatMap(({ name, addresses }) =>
    addresses
      .filter(({ isLinkLocal }) => !isLinkLocal)
      .flatMap(({ bytes, subnet }): RouteStatus[] => {
        const hops = [{ interface: name }];
        const broadcast = broadcastAddress(subnet);
        return [
          { router, to: formatPrefix(subnet), type: 'connected', hops },
          { router, to: host(bytes), type: 'local', hops },
          ...(broadcast === undefined
            ? []
            : [{ router, to: host(broadcast), type: 'broadcast' as const, hops }]),
        ];
      }),
  );
  const said = config.routes.map((route): RouteStatus => {
    const hops = hopsOf(route).map((via) => ({
      interface: route.interface ?? reach(parseIp(via) as IpBytes)?.name ?? '',
      via,
    }));
    const all =
      route.via === undefined && route.interface !== undefined ? [{ interface: route.interface }] : hops;
    return { router, table: route.table, to: route.to, type: route.type ?? 'static', hops: all };
  });
  return [...own, ...said];
}

const host = (address: IpBytes) => formatPrefix({ address, bits: address.length * 8 });

/** Of a port `r1.web`. */
const nameOf = (port: string) => port.slice(port.lastIndexOf('.') + 1);
