// The routers of a simulated switch: what the configuration says, and neighbours that a test gives it.

import type {
  NatConnection,
  NatFilter,
  NatStatus,
  NeighbourFilter,
  NeighbourStatus,
  RouteAnswer,
  RouteFilter,
  RouteQuestion,
  RouterStatus,
  RouteStatus,
  RoutingApi,
} from '../../src/api.ts';
import { interfacesIn } from '../../src/config/router_interfaces.ts';
import type { SwitchConfig } from '../../src/config/schema.ts';
import { NOTHING } from '../../src/switch/port_status.ts';
import { routesOf } from '../../src/switch/routing.ts';

export class SimulatedRouting implements RoutingApi {
  found: NeighbourStatus[] = [];
  translated: NatConnection[] = [];
  readonly flushes: NeighbourFilter[] = [];
  readonly questions: RouteQuestion[] = [];
  answer: Omit<RouteAnswer, 'router' | 'address'> = { type: 'none', hops: [] };
  private readonly config: () => SwitchConfig;

  constructor(config: () => SwitchConfig) {
    this.config = config;
  }

  routers(): RouterStatus[] {
    return Object.entries(this.config().routers ?? {}).map(([name, router]) => ({
      name,
      interfaces: [...interfacesIn({ routers: { [name]: router } })].map(({ config, port, ...one }) => ({
        router: name,
        name: one.name,
        port,
        bridge: config.bridge,
        vlan: config.vlan,
        addresses: config.address,
        mac: '02:00:00:00:00:01',
        mtu: config.mtu ?? 1500,
        table: config.table,
        state: 'up',
        neighbours: this.found.filter((each) => each.router === name && each.interface === one.name).length,
        unresolved: 0,
        counters: { ...NOTHING, receivedFrames: 7, receiveDropped: { no_route: 2 } },
      })),
      routes: router.routes.length,
    }));
  }

  routes({ router, table }: RouteFilter = {}): RouteStatus[] {
    return Object.entries(this.config().routers ?? {})
      .flatMap(([name, config]) => routesOf(name, config))
      .filter((route) => (router ?? route.router) === route.router)
      .filter((route) => table === undefined || route.table === table);
  }

  routeTo(question: RouteQuestion): RouteAnswer {
    this.questions.push(question);
    return { router: question.router, address: question.address, ...this.answer };
  }

  nat(): NatStatus[] {
    const routers = Object.entries(this.config().routers ?? {}).filter(([, { nat }]) => nat.length > 0);
    return routers.map(([router]) => ({
      router,
      connections: this.translated.filter((one) => one.router === router).length,
      limit: 262_144,
      ports: 1,
    }));
  }

  *connections(filter: NatFilter = {}): Generator<NatConnection[]> {
    for (const one of this.translated) if ((filter.router ?? one.router) === one.router) yield [one];
  }

  neighbours(filter: NeighbourFilter = {}): NeighbourStatus[] {
    return this.found.filter(
      (one) =>
        (filter.router ?? one.router) === one.router &&
        (filter.interface ?? one.interface) === one.interface &&
        (filter.address ?? one.address) === one.address,
    );
  }

  flush(filter: NeighbourFilter = {}): number {
    this.flushes.push(filter);
    return this.neighbours(filter).length;
  }
}
