// Routers in the control plane: an announcer and the neighbours of each interface. What the data plane hears and cannot
// resolve comes as punts of two kinds.
//
//   router:    ARP and neighbour discovery that an interface hears    -> Announcer, NeighbourCache
//   neighbour: a packet whose next hop is not known                   -> NeighbourCache, which keeps it and asks

import { type RouterPort, routerPorts } from '../compile/router_ports.ts';
import { linkLocalOf } from '../config/router_mac.ts';
import { EMPTY_CONFIG, type SwitchConfig } from '../config/schema.ts';
import type { EventFact } from '../event.ts';
import type { Host, Punt } from '../protocol/host.ts';
import type { InterfaceSpec } from '../protocol/neighbours/spec.ts';
import { WaitingRoom } from '../protocol/neighbours/waiting_room.ts';
import { monotonicMs } from '../sys/clock.ts';
import { MAX_NEIGHBOURS } from '../table/neighbours.ts';
import { canonicalIp } from '../wire/ip_address.ts';
import { type Mac, parseMac } from '../wire/mac.ts';
import type { PlaceFacts } from './router_place.ts';
import { RouterPlace } from './router_place.ts';
import type { Service, Surroundings } from './service.ts';
import { wakeAt } from './wake_at.ts';
import { chance, MACHINE, type World } from './world.ts';

/** Neighbours that an interface may have, however many interfaces there are. */
const LEAST = 1024;

export interface RouterServiceFacts extends Omit<PlaceFacts, 'host' | 'tell' | 'random' | 'room'> {
  isUp(port: string): boolean;
}

export class RouterService implements Service {
  private readonly facts: RouterServiceFacts;
  private readonly tell: (fact: EventFact) => void;
  private host: Host | undefined;
  private config: SwitchConfig = EMPTY_CONFIG;
  readonly places = new Map<string, RouterPlace>();
  private stopListening: (() => void)[] = [];
  private timer: NodeJS.Timeout | undefined;
  private hasTimer = false;
  private world: World = MACHINE;
  private isDue = false;
  private polledAt: number | undefined;
  private readonly room = new WaitingRoom();

  constructor(facts: RouterServiceFacts, tell: (fact: EventFact) => void) {
    this.facts = facts;
    this.tell = tell;
  }

  attach(host: Host, { threaded, world }: Surroundings): void {
    this.world = world;
    this.host = host;
    this.hasTimer = threaded;
    const listen = (act: (place: RouterPlace, punt: Punt) => void) => (punt: Punt) => {
      const place = this.places.get(punt.port);
      if (place === undefined) return;
      act(place, punt);
      this.settle();
    };
    this.stopListening = [
      host.onPunt(
        'router',
        listen((place, { bytes }) => place.hear(bytes, this.now())),
      ),
      host.onPunt(
        'neighbour',
        listen((place, { bytes, tag }) => place.resolve(bytes, tag, this.now())),
      ),
    ];
  }

  /** The configuration in force. */
  update(config: SwitchConfig): void {
    this.config = config;
    if (config.routers === undefined && this.places.size === 0) return;
    // Whose clock counts is known with the first poll.
    if (this.host === undefined || (!this.hasTimer && this.polledAt === undefined)) return;
    const ports = [...routerPorts(config, this.world.machine).values()].flat();
    const wanted = new Map(ports.map((port) => [port.port, port]));
    for (const [name, place] of this.places) {
      if (wanted.has(name)) continue;
      this.places.delete(name);
      place.close();
    }
    const limit = Math.max(LEAST, Math.floor(MAX_NEIGHBOURS / Math.max(1, ports.length)));
    for (const port of ports) this.enter(port, limit, this.host);
    this.settle();
  }

  private enter(port: RouterPort, limit: number, host: Host): void {
    const spec = specOf(port, limit);
    const known = this.places.get(port.port);
    if (known !== undefined) known.configure(port, spec, this.now());
    else {
      const random = () => chance(this.world);
      const facts = { ...this.facts, host, tell: this.tell, room: this.room, random };
      this.places.set(port.port, new RouterPlace(port, spec, facts, this.now()));
    }
  }

  /** Where the link comes back it may lead elsewhere: interfaces with addresses of other routers ask again. */
  linkChanged(port: string): void {
    if (this.places.size === 0 || !this.facts.isUp(port)) return;
    for (const place of this.places.values()) {
      const bridge = this.config.bridges[place.port.config.bridge];
      if (bridge !== undefined && Object.hasOwn(bridge.ports, port)) place.linkUp(this.now());
    }
    this.settle();
  }

  poll(now?: number): void {
    if (this.hasTimer) return;
    const isFirst = this.polledAt === undefined;
    this.polledAt = now ?? monotonicMs();
    if (isFirst) this.update(this.config);
    if (this.places.size > 0 && this.polledAt >= this.deadline()) this.tick();
  }

  now(): number {
    return this.polledAt ?? monotonicMs();
  }

  close(): void {
    clearTimeout(this.timer);
    for (const stop of this.stopListening) stop();
    for (const { advertising } of this.places.values()) advertising.close();
    this.host = undefined;
    this.places.clear();
  }

  private tick(): void {
    const now = this.now();
    for (const place of this.places.values()) if (place.deadline <= now) place.tick(now);
    this.settle();
  }

  deadline(): number {
    let next = Number.POSITIVE_INFINITY;
    for (const place of this.places.values()) next = Math.min(next, place.deadline);
    return next;
  }

  /** Once for all that is heard in this turn. */
  private settle(): void {
    if (this.isDue || this.host === undefined || !this.hasTimer) return;
    this.isDue = true;
    setImmediate(() => {
      this.isDue = false;
      clearTimeout(this.timer);
      if (this.host !== undefined) this.timer = wakeAt(this.deadline(), () => this.tick());
    });
  }
}

function specOf(port: RouterPort, limit: number): InterfaceSpec {
  const { config, addresses, mac } = port;
  const statics = Object.entries(config.neighbours).map(
    ([address, text]) => [canonicalIp(address) as string, parseMac(text) as Mac] as const,
  );
  return { mac, addresses, linkLocal: linkLocalOf(port, mac), statics: new Map(statics), limit };
}
