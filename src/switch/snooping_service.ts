// Multicast snooping in a switch: makes a state machine for each VLAN of a bridge that snoops, gives it what ports hear,
// sends its queries, and tells the data plane what comes of it (group_publisher.ts).

import type { MdbEntry, MulticastPort, MulticastStatus, MulticastVlan } from '../api.ts';
import { stableMac } from '../config/defaults.ts';
import { multicastTimes } from '../config/multicast.ts';
import {
  type BridgeConfig,
  EMPTY_CONFIG,
  type MulticastConfig,
  type PrivateVlans,
  portVlans,
  primaryOf,
  privateVlans,
  type SwitchConfig,
  vlanSet,
} from '../config/schema.ts';
import type { EventFact, MulticastFact } from '../event.ts';
import type { Host, Punt } from '../protocol/host.ts';
import type { Member } from '../protocol/snooping/member.ts';
import { Snooper } from '../protocol/snooping/snooper.ts';
import { Room, type SnoopingPort, type SnoopingSpec } from '../protocol/snooping/spec.ts';
import { monotonicMs } from '../sys/clock.ts';
import { formatIp } from '../wire/ip_address.ts';
import { parseMac } from '../wire/mac.ts';
import type { Family } from '../wire/membership.ts';
import { parseMembership, queryFrame } from '../wire/membership_frame.ts';
import { GroupPublisher } from './group_publisher.ts';

/** After changes of so many words the next ones wait for so long, ms. */
const MANY = 10_000;
const PAUSE = 100;
/** A limit is told of once in so long for each port, ms. */
const QUIET = 60_000;

/** What the switch knows, by name. */
export interface SnoopingFacts {
  macOf(bridge: string): string | undefined;
  domainOf(bridge: string, vlan: number): number | undefined;
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

export class SnoopingService {
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
  private isPublishing = false;
  private isDue = false;
  private polledAt: number | undefined;

  constructor(facts: SnoopingFacts, tell: (fact: EventFact) => void) {
    this.facts = facts;
    this.tell = tell;
    this.publisher = new GroupPublisher((port) => this.hops.get(port) ?? []);
  }

  /** `threaded`: with a timer of its own. Otherwise things happen in `poll`, in the time of whoever calls it. */
  attach(host: Host, { threaded }: { threaded: boolean }): void {
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
    const before = [...this.hops].join(' ');
    this.hops = new Map([...this.bridgeOf.keys()].map((port) => [port, this.facts.hopsOf(port)]));
    if ([...this.hops].join(' ') !== before) for (const { snooper } of this.places.values()) markAll(snooper);
    this.settle();
  }

  /** Of a switch without threads, with each of its polls. */
  poll(now?: number): void {
    if (this.hasTimer) return;
    const isFirst = this.polledAt === undefined;
    this.polledAt = now ?? monotonicMs();
    if (isFirst) this.update(this.config);
    if (this.places.size > 0 && this.polledAt >= this.deadline()) this.tick();
  }

  status(bridge?: string): MulticastStatus {
    const now = this.now();
    const places = [...this.places.values()].filter(
      ({ snooper }) => bridge === undefined || snooper.spec.bridge === bridge,
    );
    return {
      entries: places.flatMap(({ snooper }) => entriesOf(snooper, now)),
      vlans: places.map(({ snooper }) => vlanOf(snooper, now)),
      ports: this.ports().filter((port) => bridge === undefined || port.bridge === bridge),
    };
  }

  /** What the data plane knows of a bridge, as changes of an empty table. */
  published(bridge: string): Int32Array {
    const places = [...this.places.values()].filter(({ snooper }) => snooper.spec.bridge === bridge);
    return Int32Array.from(places.flatMap((place) => this.publisher.state(place)));
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
    const spec = this.specOf(name, bridge, config, vlan, family);
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
    const { hi, lo } = parseMac(this.facts.macOf(bridge) ?? stableMac(bridge)) as { hi: number; lo: number };
    return Uint8Array.of(hi >>> 8, hi, lo >>> 24, lo >>> 16, lo >>> 8, lo);
  }

  private specOf(
    name: string,
    bridge: BridgeConfig,
    config: MulticastConfig,
    vlan: number,
    family: Family,
  ): SnoopingSpec {
    const times = multicastTimes(config);
    const statics = config.static.filter(
      (entry) => (entry.vlan ?? 0) === vlan && entry.group.includes(':') === (family === 6),
    );
    const ports = new Map<string, SnoopingPort>();
    const privates = privateVlans(bridge);
    for (const port of portsOf(name, bridge)) {
      if (!carries(name, bridge, privates, port, vlan)) continue;
      const of = port === name ? undefined : bridge.ports[port];
      const own = new Map<string, Set<string>>();
      for (const { group, source = '', port: to } of statics)
        if (to === port) own.set(group, (own.get(group) ?? new Set()).add(source));
      ports.set(port, {
        router: of?.mcast_router ?? 'auto',
        fastLeave: of?.mcast_fast_leave === true,
        maxGroups: of?.mcast_max_groups ?? Number.POSITIVE_INFINITY,
        statics: own,
      });
    }
    return {
      bridge: name,
      vlan,
      family,
      isQuerier: config.querier,
      address: family === 4 ? config.querier_address : linkLocal(this.macOf(name)),
      version: family === 4 ? config.igmp_version : config.mld_version === 1 ? 2 : 3,
      times: {
        membership: times.membership * 1000,
        querier: times.querier * 1000,
        startupInterval: times.startup * 1000,
        startupCount: config.startup_query_count,
        queryInterval: config.query_interval * 1000,
        queryResponse: config.query_response_interval * 1000,
        lastMemberInterval: config.last_member_interval * 1000,
        lastMemberCount: config.last_member_count,
        lastMember: config.last_member_interval * config.last_member_count * 1000,
      },
      maxGroups: config.max_groups,
      ports,
    };
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
    const bridge = this.config.bridges[name];
    if (bridge?.multicast === undefined) return;
    const now = this.now();
    const place =
      this.places.get(keyOf(name, vlan, heard.family)) ??
      this.setPlace(name, bridge, bridge.multicast, vlan, heard.family, now);
    place?.snooper.hear(port, heard, now);
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

  private deadline(): number {
    let next = Number.POSITIVE_INFINITY;
    for (const { snooper } of this.places.values()) next = Math.min(next, snooper.deadline);
    return next;
  }

  private wait(): void {
    clearTimeout(this.timer);
    const next = this.hasTimer ? this.deadline() : Number.POSITIVE_INFINITY;
    if (next === Number.POSITIVE_INFINITY) return;
    // Of some months a timer would make none.
    const patience = Math.min(Math.max(1, next - monotonicMs()), 3_600_000);
    this.timer = setTimeout(() => this.tick(), patience);
    this.timer.unref();
  }

  private async publish(): Promise<void> {
    if (this.isPublishing) return;
    this.isPublishing = true;
    try {
      for (let changes = this.changes(); changes !== undefined; changes = this.changes()) {
        await this.facts.publish(changes);
        // While thousands join, a list that is told once for many newcomers is told often enough.
        if (changes.length > MANY) await new Promise((resolve) => setTimeout(resolve, PAUSE));
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

/** Whether a VLAN has something to do before anybody says anything. */
function isBusy({ querier, static: entries }: MulticastConfig, vlan: number): boolean {
  return querier || entries.some((entry) => (entry.vlan ?? 0) === vlan);
}

/** Ports of a bridge, its own interface first. */
function portsOf(name: string, { local, ports }: BridgeConfig): string[] {
  return [...(local === false ? [] : [name]), ...Object.keys(ports)];
}

function carries(
  name: string,
  bridge: BridgeConfig,
  privates: PrivateVlans,
  port: string,
  vlan: number,
): boolean {
  if (!bridge.vlan_filtering) return true;
  const config = port === name ? bridge.local || undefined : bridge.ports[port];
  const { tagged, untagged } = portVlans(privates, config?.vlan);
  return [...tagged, ...untagged].some(({ from, to }) => from <= vlan && vlan <= to);
}

function vlansOf(name: string, bridge: BridgeConfig): Set<number> {
  if (!bridge.vlan_filtering) return new Set([0]);
  const vlans = new Set<number>();
  const privates = privateVlans(bridge);
  for (const port of portsOf(name, bridge)) {
    const config = port === name ? bridge.local || undefined : bridge.ports[port];
    const { tagged, untagged } = vlanSet(config?.vlan);
    for (const { from, to } of [...tagged, ...untagged])
      for (let vlan = from; vlan <= to; vlan++) vlans.add(primaryOf(privates, vlan));
  }
  return vlans;
}

/** The address that an interface with this MAC would have, RFC 4291 appendix A. */
function linkLocal(mac: Uint8Array): string {
  const [a, b, c, d, e, f] = mac;
  return formatIp(Uint8Array.of(0xfe, 0x80, 0, 0, 0, 0, 0, 0, a ^ 2, b, c, 0xff, 0xfe, d, e, f));
}

function markAll(snooper: Snooper): void {
  snooper.hasNewRouters = true;
  for (const group of snooper.groups.keys()) snooper.changed.add(group);
}

function entriesOf({ spec, groups }: Snooper, now: number): MdbEntry[] {
  const { bridge, vlan } = spec;
  return [...groups].flatMap(([group, members]) =>
    [...members.values()].map((member) => ({ bridge, vlan, group, ...entryOf(member, now) })),
  );
}

function entryOf(member: Member, now: number): Omit<MdbEntry, 'bridge' | 'vlan' | 'group'> {
  const hosts = member.hostNames(now);
  return {
    port: member.port,
    type: member.isStatic ? 'static' : 'dynamic',
    mode: member.isExclude ? 'exclude' : 'include',
    sources: [...member.sources].map(([address, until]) => ({
      address,
      isBlocked: until === 0,
      ...(until === 0 ? {} : expiry(until, now)),
    })),
    ...(member.isExclude ? expiry(member.expiresAt, now) : {}),
    ...(hosts.length > 0 ? { hosts } : {}),
  };
}

function vlanOf({ spec, querier, routers, groups, isActive }: Snooper, now: number): MulticastVlan {
  const { other } = querier;
  const own = spec.isQuerier ? { querier: { address: spec.address } } : {};
  return {
    bridge: spec.bridge,
    vlan: spec.vlan,
    protocol: spec.family === 4 ? 'igmp' : 'mld',
    isActive,
    ...(other === undefined
      ? own
      : { querier: { address: other.address, port: other.port, ...expiry(other.expiresAt, now) } }),
    routers: [...routers].map(([port, until]) => ({
      port,
      type: spec.ports.get(port)?.router === 'permanent' ? 'permanent' : 'temporary',
      ...expiry(until, now),
    })),
    groups: groups.size,
  };
}

function expiry(until: number, now: number): { expiresIn?: number } {
  return until === Number.POSITIVE_INFINITY
    ? {}
    : { expiresIn: Math.max(0, Math.round((until - now) / 100) / 10) };
}
