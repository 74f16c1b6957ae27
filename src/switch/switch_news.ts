// The events of a switch: its log, and the watch that fills it.

import type { EventEmitter } from 'node:events';
import type { EventName, LearnedStation, LldpChange, SwitchEvents } from '../api.ts';
import type { ActionResult } from '../config/action.ts';
import type { SwitchConfig } from '../config/schema.ts';
import { bridgeOf } from '../config/without_ports.ts';
import type { GuestStatus } from '../device/device.ts';
import type { Author, EventFact, PortFact } from '../event.ts';
import { appliedFacts } from './applied.ts';
import { EventLog } from './event_log.ts';
import { EventWatch, type Watched } from './event_watch.ts';
import { EventStream, isEventName, nameOf } from './named_events.ts';

import { MACHINE, type World } from './world.ts';

export type { PortGlance } from './event_watch.ts';

const CROWDED_QUIET_MS = 60_000;

export class SwitchNews extends EventLog {
  private readonly watched: Omit<Watched, 'learned'>;
  private readonly emitter: EventEmitter<SwitchEvents>;
  private readonly streams = new Set<{ end(): void }>();
  private readonly watch: EventWatch;
  /** When a tunnel was last said to be full, ms. */
  private readonly crowdedAt = new Map<string, number>();

  /** @param emitter gets every event as 'event', and some by their names */
  constructor(
    emitter: EventEmitter<SwitchEvents>,
    watched: Omit<Watched, 'learned'>,
    world: World = MACHINE,
  ) {
    let listening = 0;
    let learners = 0;
    let followers = 0;
    // Elsewhere whoever polls looks, in its own time.
    const pace = () => this.watch.follow(world === MACHINE && listening + followers > 0);
    super({
      first: world.unixMs() * 1000,
      clock: () => new Date(world.unixMs()),
      tenantOf: (fact) => tenantOfFact(watched.config(), fact),
      onFollowers: (count) => {
        followers = count;
        pace();
      },
    });
    this.watched = watched;
    this.emitter = emitter;
    const learned = (station: LearnedStation) => void emitter.emit('station-learned', station);
    this.watch = new EventWatch({ ...watched, learned }, this);
    const bare = emitter as EventEmitter;
    const count = (by: number) => (name: unknown) => {
      if (name !== 'event' && !isEventName(name)) return;
      listening += by;
      pace();
      if (name !== 'station-learned') return;
      learners += by;
      this.watch.wantLearned(learners > 0);
    };
    bare.on('newListener', count(1));
    bare.on('removeListener', count(-1));
    this.listen((event) => {
      emitter.emit('event', event);
      const name = nameOf(event);
      // The name was chosen by the type of the event.
      if (name !== undefined) emitter.emit(name, event as never);
    });
  }

  stream<Name extends EventName>(names: readonly Name[]): EventStream<Name> {
    const stream = new EventStream(this.emitter, names, () => void this.streams.delete(stream));
    this.streams.add(stream);
    return stream;
  }

  look({ now = performance.now(), digest }: { now?: number; digest?: string } = {}): void {
    this.watch.look(now, digest);
  }

  applied(by: Author, results: readonly ActionResult[]): void {
    for (const fact of appliedFacts(by, results)) {
      this.add(fact);
      // A new port counts as up: one whose guest is still to come is not, and is told when it is.
      const isNew = fact.type === 'port' && fact.change === 'added';
      const guest = isNew ? this.watched.guest(fact.port) : undefined;
      if (guest !== undefined) this.guestChanged((fact as PortFact).port, guest);
    }
  }

  gone(port: string, reason: string): void {
    const bridge = bridgeOf(this.watched.config(), port);
    if (bridge !== undefined) this.add({ type: 'port', change: 'gone', bridge, port, reason });
  }

  /** A port has got what it stands on, or lost it: then `reason` says why. */
  portChanged(port: string, reason?: string): void {
    const bridge = bridgeOf(this.watched.config(), port);
    if (bridge !== undefined)
      this.watch.portChanged(bridge, port, reason === undefined ? 'up' : 'down', reason);
  }

  /** The guest of a port has come, gone, or lied. */
  guestChanged(port: string, status: GuestStatus): void {
    const bridge = bridgeOf(this.watched.config(), port);
    if (bridge !== undefined) this.watch.guestChanged(bridge, port, status);
  }

  /** A tunnel has all the remotes that it may learn. Told once a minute. */
  crowded(port: string, now = performance.now()): void {
    const bridge = bridgeOf(this.watched.config(), port);
    const config = bridge === undefined ? undefined : this.watched.config().bridges[bridge].ports[port];
    if (bridge === undefined || config?.type !== 'vxlan') return;
    if (now - (this.crowdedAt.get(port) ?? Number.NEGATIVE_INFINITY) < CROWDED_QUIET_MS) return;
    this.crowdedAt.set(port, now);
    this.add({ type: 'limit', limit: 'max_remotes', bridge, port, value: config.max_remotes });
  }

  /** A port is wanted no longer, because its device is gone: see `when_deleted`. */
  forgotten(bridge: string, port: string, reason: string): void {
    this.add({ type: 'port', change: 'removed', bridge, port, reason });
  }

  neighbour({ kind, neighbor }: LldpChange): void {
    const { bridge, port, chassisId, portId, systemName } = neighbor;
    const name = systemName || undefined;
    const who = { protocol: 'lldp' as const, chassis: chassisId, neighbourPort: portId, name };
    this.add({ type: 'neighbour', change: kind, bridge, port, ...who });
  }

  forget(port: string): void {
    this.watch.forget(port);
    this.crowdedAt.delete(port);
  }

  override close(): void {
    this.watch.follow(false);
    for (const stream of [...this.streams]) stream.end();
    super.close();
  }
}

/** Of a station that moved, whose the port is to which it did. */
function tenantOfFact({ tenants, bridges }: SwitchConfig, fact: EventFact): string | undefined {
  if (tenants === undefined || !('bridge' in fact) || typeof fact.bridge !== 'string') return undefined;
  const port = 'port' in fact ? fact.port : 'to' in fact ? fact.to : undefined;
  const ports = Object.hasOwn(bridges, fact.bridge) ? bridges[fact.bridge].ports : {};
  return typeof port === 'string' && Object.hasOwn(ports, port) ? ports[port].tenant : undefined;
}
