// Multicast snooping in a switch: makes a state machine for each VLAN of a bridge that snoops, gives it what ports hear,
// sends its queries, and tells the data plane what comes of it (group_publisher.ts).

import type { GroupWish, MdbEntry, MdbFilter, MulticastPort, MulticastVlan } from '../api.ts';
import { stableMac } from '../config/defaults.ts';
import {
  type BridgeConfig,
  EMPTY_CONFIG,
  type MulticastConfig,
  type SwitchConfig,
} from '../config/schema.ts';
import { TaploomError } from '../error.ts';
import type { EventFact, MulticastFact } from '../event.ts';
import type { Host, Punt } from '../protocol/host.ts';
import { Snooper } from '../protocol/snooping/snooper.ts';
import { Room, type SnoopingSpec } from '../protocol/snooping/spec.ts';
import { monotonicMs } from '../sys/clock.ts';
import { parseMac } from '../wire/mac.ts';
import type { Family } from '../wire/membership.ts';
import { parseMembership, queryFrame } from '../wire/membership_frame.ts';
import { GroupPublisher } from './group_publisher.ts';
import type { Service, Surroundings } from './service.ts';
import { isBusy, portsOf, snoopingSpec, vlansOf } from './snooping_spec.ts';
import { entriesOf, vlanOf } from './snooping_view.ts';
import { wakeAt } from './wake_at.ts';
import { MACHINE, type World } from './world.ts';

/** After changes of so many words the next ones wait for so long, ms. */
const MANY = 10_000;
const PAUSE = 100;
/** A limit is told of once in so long for each port, ms. */
const QUIET = 60_000;

/** What the switch knows, by name. */
export interface SnoopingFacts {
  macOf(bridge: string): string | undefined;
  domainOf(bridge: string, vlan: number): number | undefined;
  lookAtLinks(): void;
  /** As of the last look. */
  isUp(port: string): boolean;
  /** Next hops of a port. */
  hopsOf(port: string): readonly number[];
  /** Gives the data plane changes of its groups. */
  publish(changes: Int32Array): Promise<unknown>;
}

interface Place {
  domain: number;
  snooper: Snooper;
  unknown: MulticastConfig['unknown'];
}

type Counts = Omit<MulticastPort, 'bridge' | 'port' | 'groups'>;

export class SnoopingService implements Service {
  private readonly facts: SnoopingFacts;
  private readonly tell: (fact: EventFact) => void;
  private readonly publisher: GroupPublisher;
  private host: Host | undefined;
  private config: SwitchConfig = EMPTY_CONFIG;
  /** By bridge, VLAN and family. */
  private readonly places = new Map<string, Place>();
  private readonly rooms = new Map<string, Room>();
  private readonly bridgeOf = new Map<string, string>();
  private readonly counts = new Map<string, Counts>();
  private readonly toldAt = new Map<string, number>();
  /** Next hops of the ports. */
  private hops = new Map<string, readonly number[]>();
  private stopListening = () => {};
  private timer: NodeJS.Timeout | undefined;
  private hasTimer = false;
  private world: World = MACHINE;
  /** Ports whose link is down, or that are not there. */
  private readonly down = new Set<string>();
  private isLookDue = false;
  private isPublishing = false;
  private isDue = false;
  private polledAt: number | undefined;

  constructor(facts: SnoopingFacts, tell: (fact: EventFact) => void) {
    this.facts = facts;
    this.tell = tell;
    this.publisher = new GroupPublisher((port) => this.hops.get(port) ?? []);
  }

  attach(host: Host, { threaded, world }: Surroundings): void {
    this.world = world;
    this.host = host;
    this.hasTimer = threaded;
    this.stopListening = host.onPunt('multicast', (punt) => this.hear(punt));
  }

  /** The configuration in force. */
  update(config: SwitchConfig): void {
    this.config = config;
    // Whose clock counts is known with the first poll.
    if (!this.hasTimer && this.polledAt === undefined) return;
    const now = this.now();
    const kept = new Set<string>();
    this.bridgeOf.clear();
    for (const [name, bridge] of Object.entries(config.bridges)) {
      if (bridge.multicast?.snooping !== true) continue;
      for (const port of portsOf(name, bridge)) this.bridgeOf.set(port, name);
      for (const vlan of vlansOf(name, bridge)) {
        for (const family of [4, 6] as const) {
          const key = keyOf(name, vlan, family);
          if (!this.places.has(key) && !isBusy(bridge.multicast, vlan)) continue;
          if (this.setPlace(name, bridge, bridge.multicast, vlan, family, now) !== undefined) kept.add(key);
        }
      }
    }
    for (const [key, place] of this.places) {
      if (kept.has(key)) continue;
      this.places.delete(key);
      place.snooper.close();
      this.send(this.publisher.forget(place.domain, place.snooper));
    }
    for (const port of this.counts.keys()) if (!this.bridgeOf.has(port)) this.counts.delete(port);
    for (const port of this.down) if (!this.bridgeOf.has(port)) this.down.delete(port);
    const before = [...this.hops].join(' ');
    this.hops = new Map([...this.bridgeOf.keys()].map((port) => [port, this.facts.hopsOf(port)]));
    if ([...this.hops].join(' ') !== before) for (const { snooper } of this.places.values()) markAll(snooper);
    this.settle();
  }

  poll(now?: number): void {
    if (this.hasTimer) return;
    const isFirst = this.polledAt === undefined;
    this.polledAt = now ?? monotonicMs();
    if (isFirst) this.update(this.config);
    if (this.places.size > 0 && this.polledAt >= this.deadline()) this.tick();
  }

  /** Something about the links of ports has changed. What is asked once for all that changed in this turn. */
  linkChanged(): void {
    if (this.isLookDue || this.places.size === 0) return;
    this.isLookDue = true;
    setImmediate(() => {
      this.isLookDue = false;
      if (this.host === undefined) return; // closed meanwhile
      this.facts.lookAtLinks();
      for (const port of this.bridgeOf.keys()) this.lookAt(port);
      this.settle();
    });
  }

  *entries(filter: MdbFilter): Generator<MdbEntry[]> {
    for (const { snooper } of this.chosen(filter)) yield* entriesOf(snooper, filter, () => this.now());
  }

  vlans(bridge?: string): MulticastVlan[] {
    return this.chosen({ bridge }).map(({ snooper }) => vlanOf(snooper, this.now()));
  }

  join({ bridge, vlan = 0, port, group, mode = 'exclude', sources = [] }: GroupWish): void {
    const config = this.config.bridges[bridge];
    if (config === undefined) throw new TaploomError('no_such_bridge', `There is no bridge ${bridge}`);
    if (config.multicast?.snooping !== true)
      throw new TaploomError('not_snooping', `Bridge ${bridge} does not snoop: set its multicast`);
    const place = this.placeOf(bridge, vlan, group.includes(':') ? 6 : 4);
    if (place?.snooper.spec.ports.has(port) !== true) {
      const where = vlan === 0 ? '' : ` in VLAN ${vlan}`;
      throw new TaploomError('no_such_port', `Bridge ${bridge} has no port ${port}${where}`);
    }
    const type = mode === 'include' ? 'is_in' : 'is_ex';
    const isIn = place.snooper.join(port, { type, group, sources }, this.now());
    this.settle();
    if (!isIn)
      throw new TaploomError('too_many_groups', `Port ${port} cannot join ${group}: a limit is reached`);
  }

  flush(filter: MdbFilter): number {
    const count = this.chosen(filter).reduce((sum, { snooper }) => sum + snooper.flush(filter), 0);
    this.settle();
    return count;
  }

  /** What the data plane knows of a bridge, as changes of an empty table. */
  published(bridge: string): Int32Array {
    return Int32Array.from(this.chosen({ bridge }).flatMap((place) => this.publisher.state(place)));
  }

  ports(): MulticastPort[] {
    return [...this.bridgeOf].map(([port, bridge]) => ({
      bridge,
      port,
      groups: this.rooms.get(bridge)?.ofPort.get(port) ?? 0,
      ...this.countsOf(port),
    }));
  }

  close(): void {
    clearTimeout(this.timer);
    this.stopListening();
    this.host = undefined;
    this.places.clear();
  }

  private now(): number {
    return this.polledAt ?? monotonicMs();
  }

  private chosen({ bridge, vlan }: MdbFilter): Place[] {
    return [...this.places.values()].filter(
      ({ snooper: { spec } }) => (bridge ?? spec.bridge) === spec.bridge && (vlan ?? spec.vlan) === spec.vlan,
    );
  }

  /** Hosts and routers behind a link that is down are not there. */
  private lookAt(port: string): void {
    const isUp = this.facts.isUp(port);
    if (isUp !== this.down.has(port)) return;
    if (isUp) this.down.delete(port);
    else this.down.add(port);
    for (const { snooper } of this.chosen({ bridge: this.bridgeOf.get(port) })) {
      if (!snooper.spec.ports.has(port)) continue;
      if (isUp) snooper.linkUp(this.now());
      else snooper.forget(port, this.now());
    }
  }

  /** Makes it if a VLAN has been quiet so far; undefined: there is none. */
  private placeOf(bridge: string, vlan: number, family: Family): Place | undefined {
    const known = this.places.get(keyOf(bridge, vlan, family));
    const config = this.config.bridges[bridge];
    if (known !== undefined || config?.multicast === undefined) return known;
    return this.setPlace(bridge, config, config.multicast, vlan, family, this.now());
  }

  private setPlace(
    name: string,
    bridge: BridgeConfig,
    config: MulticastConfig,
    vlan: number,
    family: Family,
    now: number,
  ): Place | undefined {
    const domain = this.facts.domainOf(name, vlan);
    if (domain === undefined) return undefined;
    const spec = snoopingSpec(name, bridge, config, vlan, family, this.macOf(name));
    const key = keyOf(name, vlan, family);
    const known = this.places.get(key);
    if (known !== undefined) {
      if (known.unknown !== config.unknown) known.snooper.hasNewRouters = true;
      known.unknown = config.unknown;
      known.snooper.configure(spec, now);
      return known;
    }
    const room = this.rooms.get(name) ?? new Room();
    this.rooms.set(name, room);
    const place = { domain, snooper: this.open(spec, room, now), unknown: config.unknown };
    this.places.set(key, place);
    return place;
  }

  private open(spec: SnoopingSpec, room: Room, now: number): Snooper {
    const { bridge, vlan, family } = spec;
    const protocol = family === 4 ? 'igmp' : 'mld';
    const fact = (change: MulticastFact['change'], port: string, address?: string) =>
      this.tell({ type: 'multicast', change, bridge, vlan, port, protocol, address });
    let snooper: Snooper | undefined;
    const says = {
      ask: (query: Parameters<typeof queryFrame>[2]) => {
        const { address } = snooper?.spec ?? spec;
        this.host?.flood(bridge, vlan, queryFrame(this.macOf(bridge), address, query));
      },
      refused: (port: string, group: string, limit: 'bridge' | 'port') =>
        this.refuse(bridge, vlan, port, group, limit),
      router: (port: string, change: 'added' | 'removed') => fact(`router_${change}`, port),
      querier: (change: 'elected' | 'lost', address: string, port: string) =>
        fact(`querier_${change}`, port, address),
    };
    snooper = new Snooper(spec, room, says, now);
    return snooper;
  }

  private macOf(bridge: string): Uint8Array {
    const { hi, lo } = parseMac(this.facts.macOf(bridge) ?? stableMac(bridge, this.world.machine)) as {
      hi: number;
      lo: number;
    };
    return Uint8Array.of(hi >>> 8, hi, lo >>> 24, lo >>> 16, lo >>> 8, lo);
  }

  private hear({ port, vlan, bytes }: Punt): void {
    const name = this.bridgeOf.get(port);
    const heard = parseMembership(bytes);
    if (name === undefined || heard === undefined) return;
    const counts = this.countsOf(port);
    const { message } = heard;
    if (message === 'type') return; // what else PIM has to say
    if (typeof message === 'string') {
      counts.malformed[message] = (counts.malformed[message] ?? 0) + 1;
      return;
    }
    counts[KINDS[message.kind]]++;
    this.placeOf(name, vlan, heard.family)?.snooper.hear(port, heard, this.now());
    this.settle();
  }

  private countsOf(port: string): Counts {
    let counts = this.counts.get(port);
    if (counts === undefined) {
      counts = { reports: 0, queries: 0, hellos: 0, refused: 0, malformed: {} };
      this.counts.set(port, counts);
    }
    return counts;
  }

  private refuse(bridge: string, vlan: number, port: string, group: string, of: 'bridge' | 'port'): void {
    this.countsOf(port).refused++;
    const limit = of === 'port' ? 'mcast_max_groups' : 'max_groups';
    const now = this.now();
    if (now - (this.toldAt.get(`${port} ${limit}`) ?? Number.NEGATIVE_INFINITY) < QUIET) return;
    this.toldAt.set(`${port} ${limit}`, now);
    const config = this.config.bridges[bridge];
    const value = of === 'port' ? config.ports[port]?.mcast_max_groups : config.multicast?.max_groups;
    this.tell({ type: 'limit', limit, bridge, port, vlan, group, value: value ?? 0 });
  }

  /** Once for all that is heard in this turn. */
  private settle(): void {
    if (this.isDue || this.host === undefined) return;
    this.isDue = true;
    setImmediate(() => {
      this.isDue = false;
      this.wait();
      void this.publish();
    });
  }

  private tick(): void {
    const now = this.now();
    for (const { snooper } of this.places.values()) if (snooper.deadline <= now) snooper.tick(now);
    this.settle();
  }

  deadline(): number {
    let next = Number.POSITIVE_INFINITY;
    for (const { snooper } of this.places.values()) next = Math.min(next, snooper.deadline);
    return next;
  }

  private wait(): void {
    clearTimeout(this.timer);
    this.timer = this.hasTimer ? wakeAt(this.deadline(), () => this.tick()) : undefined;
  }

  private async publish(): Promise<void> {
    if (this.isPublishing) return;
    this.isPublishing = true;
    try {
      for (let changes = this.changes(); changes !== undefined; changes = this.changes()) {
        await this.facts.publish(changes);
        // While thousands join, a list that is told once for many newcomers is told often enough.
        if (this.hasTimer && changes.length > MANY)
          await new Promise((resolve) => setTimeout(resolve, PAUSE));
      }
    } catch {
      // The data plane is closed.
    } finally {
      this.isPublishing = false;
    }
  }

  private changes(): Int32Array | undefined {
    for (const place of this.places.values()) {
      if (place.snooper.changed.size === 0 && !place.snooper.hasNewRouters) continue;
      const changes = this.publisher.next(place);
      if (changes !== undefined) return changes;
    }
    return undefined;
  }

  private send(changes: Int32Array): void {
    if (changes.length > 0) void this.facts.publish(changes).catch(() => {});
  }
}

const KINDS = { report: 'reports', query: 'queries', hello: 'hellos' } as const;

function keyOf(bridge: string, vlan: number, family: Family): string {
  return `${bridge} ${vlan} ${family}`;
}

function markAll(snooper: Snooper): void {
  snooper.hasNewRouters = true;
  for (const group of snooper.groups.keys()) snooper.changed.add(group);
}
