// Notices what becomes an event: port states and drops, from counters and the kernel; stations and limits, from the
// workers' rings. Nothing in the data plane waits for it, and while nothing happens a look costs what `portsDigest` does.
//
// Limits, so that no wire can flood the log:
//   drops      one event a port and reason in a second while somebody subscribes, in a minute otherwise; frames that
//              the kernel lost before the switch saw them: in a minute
//   stations   20 moves in a second, the rest as a number; one that flaps is told twice
//   limits     one event a port or bridge in a minute

import { LRUCache } from 'lru-cache';
import type { LearnedStation, PortStatus } from '../api.ts';
import type { Compiler } from '../compile/compiler.ts';
import type { SwitchConfig } from '../config/schema.ts';
import { bridgeOf } from '../config/without_ports.ts';
import type { GuestStatus } from '../device/device.ts';
import { type DropFact, LOST, type PortFact, type StationFact } from '../event.ts';
import { NOBODY, PORT_BITS, PORT_MASK } from '../frame/hop.ts';
import { EventReader, type EventRecord } from '../table/event_ring.ts';
import { ASKED, LEARNED, MOVED } from '../table/fdb.ts';
import { formatMac } from '../wire/mac.ts';
import type { CounterView } from './counter_view.ts';
import type { EventLog } from './event_log.ts';
import { Flapping } from './flapping.ts';

/** Between two looks while somebody subscribes, ms. */
const INTERVAL_MS = 250;
/** Between two looks at the ports, which cost more, ms. */
const PORTS_MS = 1000;
const DROPS_QUIET_MS = 1000;
const DROPS_QUIET_ALONE_MS = 60_000;
const LIMIT_QUIET_MS = 60_000;
const MOVES_PER_SECOND = 20;
/** As many as there can be ports. */
const MAX_KEYS = 4096;

type PortState = PortStatus['state'];

export interface PortGlance {
  port: string;
  /** Frames that never reached the switch, as of the last look. */
  lost?: number;
  /** The data plane's; undefined: it is missing. */
  number: number | undefined;
  state: PortState;
  /** Why it is missing. */
  reason?: string;
}

/** What the watch sees of the switch. */
export interface Watched {
  readonly compiler: Compiler;
  readonly counters: CounterView;
  config(): SwitchConfig;
  /** Changes whenever a port's state or drops do. */
  portsDigest(): string;
  /** Of a port whose guest says so itself. */
  guest(port: string): GuestStatus | undefined;
  /** By port, with its number in the data plane. */
  portStates(): Iterable<PortGlance>;
  /** A station was learned, while `wantLearned` is on. */
  learned(station: LearnedStation): void;
}

interface Known {
  state: PortState;
  /** Side and reason -> frames as told, and when. */
  drops: Map<string, { frames: number; at: number }>;
}

type Move = Extract<StationFact, { mac: string }>;

export class EventWatch {
  private readonly watched: Watched;
  private readonly log: EventLog;
  private readonly readers: readonly EventReader[];
  private readonly flapping = new Flapping<Move>();
  private readonly quietLimits = new Map<string, number>();
  private readonly known = new LRUCache<string, Known>({ max: MAX_KEYS + 1 });
  private digest = '';
  /** Drops wait to be told. */
  private isPending = false;
  private portsAt = Number.NEGATIVE_INFINITY;
  private movesSince = Number.NEGATIVE_INFINITY;
  private movesTold = 0;
  private movesUntold = 0;
  private timer: NodeJS.Timeout | undefined;

  constructor(watched: Watched, log: EventLog) {
    this.watched = watched;
    this.log = log;
    this.readers = watched.counters.workers.map(({ eventWords }) => new EventReader(eventWords));
  }

  /** Whether every station that is learned is told. */
  wantLearned(isWanted: boolean): void {
    for (const reader of this.readers) reader.wantLearned(isWanted);
  }

  /** Looks by itself from now on, or no more. */
  follow(isFollowed: boolean): void {
    if (isFollowed === (this.timer !== undefined)) return;
    clearInterval(this.timer);
    this.timer = isFollowed
      ? setInterval(() => this.look(performance.now()), INTERVAL_MS).unref()
      : undefined;
  }

  /**
   * @param now ms, monotonic
   * @param digest of the ports, if the caller has it
   */
  look(now: number, digest?: string): void {
    this.lookAtStations(now);
    // A little less than the interval: timers are late or early by some ms.
    if (now - this.portsAt >= PORTS_MS - 100) this.lookAtPorts(now, digest ?? this.watched.portsDigest());
  }

  /** Of somebody who heard of it at once. */
  portChanged(bridge: string, port: string, state: 'up' | 'down', reason?: string): void {
    this.portIs(bridge, port, state, reason);
  }

  /** Of a port that hears at once from its guest. */
  guestChanged(bridge: string, port: string, { state, reason }: GuestStatus): void {
    if (state !== this.knownOf(port).state) this.portIs(bridge, port, state, reason);
  }

  private portIs(bridge: string, port: string, state: PortFact['change'] & PortState, reason?: string): void {
    this.knownOf(port).state = state;
    this.log.add({ type: 'port', change: state, bridge, port, ...(reason && { reason }) });
  }

  forget(port: string): void {
    this.known.delete(port);
    this.quietLimits.delete(`port ${port}`);
    this.digest = '';
  }

  private lookAtPorts(now: number, ports: string): void {
    this.portsAt = now;
    const { counters } = this.watched;
    const digest = `${ports} ${counters.dropTotalOf(NOBODY)}`;
    if (digest === this.digest && !this.isPending) return;
    this.digest = digest;
    this.isPending = false;
    for (const { port, number, state, reason, lost = 0 } of this.watched.portStates()) {
      const bridge = bridgeOf(this.watched.config(), port);
      if (bridge === undefined) continue;
      const known = this.knownOf(port);
      if (state !== known.state) {
        known.state = state;
        // The data plane has told by itself that it is gone.
        if (state !== 'gone')
          this.log.add({ type: 'port', change: state, bridge, port, ...(reason && { reason }) });
      }
      if (number === undefined) continue;
      this.lookAtDrops(bridge, port, number, known, now);
      this.told({ bridge, port, side: 'receive', reason: LOST }, lost, known, now);
    }
    this.lookAtDrops('', '', NOBODY, this.knownOf(''), now);
  }

  private knownOf(port: string): Known {
    const known = this.known.get(port) ?? { state: 'up', drops: new Map() };
    this.known.set(port, known);
    return known;
  }

  private lookAtDrops(bridge: string, port: string, number: number, known: Known, now: number): void {
    for (const side of ['receive', 'transmit'] as const) {
      for (const [reason, total] of Object.entries(this.watched.counters.drops(number, side))) {
        this.told({ bridge, port, side, reason }, total, known, now);
      }
    }
  }

  /** Tells of drops, now or later: `total` are those until now. */
  private told(where: Omit<DropFact, 'type' | 'frames'>, total: number, known: Known, now: number): void {
    const key = `${where.side} ${where.reason}`;
    const told = known.drops.get(key) ?? { frames: 0, at: Number.NEGATIVE_INFINITY };
    if (total === told.frames) return;
    const isLost = where.reason === LOST && where.side === 'receive';
    const quiet = isLost || this.timer === undefined ? DROPS_QUIET_ALONE_MS : DROPS_QUIET_MS;
    if (now - told.at < quiet - 100) {
      this.isPending = true;
      return;
    }
    // A port that was made again counts from zero.
    const frames = total > told.frames ? total - told.frames : total;
    known.drops.set(key, { frames: total, at: now });
    if (frames > 0) this.log.add({ type: 'drop', ...where, frames });
  }

  private lookAtStations(now: number): void {
    if (now - this.movesSince >= 1000) {
      if (this.movesUntold > 0) {
        this.log.add({ type: 'station', change: 'more', moves: this.movesUntold });
        this.movesUntold = 0;
      }
      this.movesSince = now;
      this.movesTold = 0;
    }
    for (const reader of this.readers) {
      if (reader.isEmpty) continue;
      for (const record of reader.read()) {
        if (record.kind === LEARNED) this.learned(record);
        else if (record.kind === MOVED) this.moved(record, now);
        else if (record.kind === ASKED) this.asked(record);
        else this.refused(record, now);
      }
      this.movesUntold += reader.takeUntold(MOVED);
    }
    if (this.flapping.isQuiet) return;
    for (const where of this.flapping.calmed(now)) this.log.add({ ...where, change: 'calm' });
  }

  private learned({ domain: number, to, hi, lo }: EventRecord): void {
    const { compiler } = this.watched;
    const domain = compiler.domain(number);
    const port = compiler.ports.name(to & PORT_MASK);
    if (domain === undefined || port === undefined) return; // removed meanwhile
    const remote = compiler.remote(to >>> PORT_BITS);
    const { bridge, vid: vlan } = domain;
    const mac = formatMac(hi, lo);
    this.watched.learned({ bridge, vlan, mac, port, ...(remote !== undefined && { remote }) });
  }

  private moved({ domain: number, from, to, hi, lo }: EventRecord, now: number): void {
    const { compiler } = this.watched;
    const domain = compiler.domain(number);
    const [a, b] = [compiler.ports.name(from & PORT_MASK), compiler.ports.name(to & PORT_MASK)];
    if (domain === undefined || a === undefined || b === undefined) return; // removed meanwhile
    const mac = formatMac(hi, lo);
    const [fromRemote, toRemote] = [from, to].map((hop) => compiler.remote(hop >>> PORT_BITS));
    const { bridge, vid: vlan } = domain;
    const move: Move = {
      type: 'station',
      change: 'moved',
      bridge,
      vlan,
      mac,
      from: a,
      to: b,
      ...(fromRemote !== undefined && { fromRemote }),
      ...(toRemote !== undefined && { toRemote }),
    };
    const { state, moves, seconds } = this.flapping.moved(`${number} ${mac}`, move, now);
    if (state === 'flapping') this.log.add({ ...move, change: 'flapping', moves, seconds });
    if (state !== 'moved') return;
    if (++this.movesTold <= MOVES_PER_SECOND) this.log.add(move);
    else this.movesUntold += 1;
  }

  private asked({ domain: number, to, hi, lo }: EventRecord): void {
    const { compiler } = this.watched;
    const domain = compiler.domain(number);
    const port = compiler.ports.name(to & PORT_MASK);
    if (domain === undefined || port === undefined || ++this.movesTold > MOVES_PER_SECOND) return;
    const { bridge, vid: vlan } = domain;
    const mac = formatMac(hi, lo);
    this.log.add({ type: 'station', change: 'locked', bridge, vlan, mac, from: port, to: port });
  }

  private refused({ domain: number, to, hi, lo }: EventRecord, now: number): void {
    const { compiler, counters } = this.watched;
    const domain = compiler.domain(number);
    const port = compiler.ports.name(to & PORT_MASK);
    if (domain === undefined || port === undefined) return;
    const { bridge, vid: vlan } = domain;
    const settings = this.watched.config().bridges[bridge];
    if (settings === undefined) return;
    const own = settings.ports[port]?.fdb_limit;
    const isPort = own !== undefined && counters.learnedOn(to & PORT_MASK) >= own;
    const key = isPort ? `port ${port}` : `bridge ${bridge}`;
    if (now - (this.quietLimits.get(key) ?? Number.NEGATIVE_INFINITY) < LIMIT_QUIET_MS) return;
    if (this.quietLimits.size > 2 * MAX_KEYS) this.quietLimits.clear();
    this.quietLimits.set(key, now);
    const limit = isPort ? 'port_fdb_limit' : 'bridge_fdb_limit';
    const value = isPort ? own : settings.fdb_limit;
    this.log.add({ type: 'limit', limit, bridge, port, vlan, mac: formatMac(hi, lo), value });
  }
}
