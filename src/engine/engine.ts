// One poll: receive -> classify -> (hooks) -> (acls) -> (policy) -> search -> learn -> decide -> (tunnel) -> (route) -> replicate -> drain.
//
// The engine owns the batch and the FDB, and knows devices only as sources and sinks. It has no clock, no thread and
// no I/O of its own: the worker drives it in a loop, and tests and embedders call `poll` themselves.

import { COLUMN, FrameBatch, ROW } from '../frame/frame_batch.ts';
import { DEST_DROP, NOBODY, PORT_MASK } from '../frame/hop.ts';
import { type Counters, type Drops, PORT } from '../table/counters.ts';
import { DROP } from '../table/drops.ts';
import type { Giver } from '../table/fdb.ts';
import { STATIC, tickAt, WORDS } from '../table/fdb_entry.ts';
import { Groups } from '../table/groups.ts';
import { Lists } from '../table/lists.ts';
import type { Neighbours } from '../table/neighbours.ts';
import type { ProtocolTunnels } from '../table/protocol_tunnels.ts';
import { AclMirrors } from './acl_mirrors.ts';
import { Acls } from './acls.ts';
import { Aggregates } from './aggregates.ts';
import { Controls } from './controls.ts';
import { Egress } from './egress.ts';
import { FdbKeeper, type FdbOptions } from './fdb_keeper.ts';
import { Hooks } from './hooks.ts';
import { HostPort } from './host_port.ts';
import { Mirrors } from './mirrors.ts';
import { NatKeeper } from './nat_keeper.ts';
import type { EgressPass, IngressPass, Route } from './passes.ts';
import { Pmtu } from './pmtu.ts';
import { Policers } from './policers.ts';
import { PolicyKeeper } from './policy_keeper.ts';
import type { Sink, Source } from './port.ts';
import { Priorities } from './priorities.ts';
import { createReplicate, NO_LIMITS, type Replicate } from './replicate.ts';
import { createRouter } from './router.ts';
import { createStages, type Stages } from './stages.ts';
import type { Topology } from './topology.ts';
import { Tunnelling } from './tunnelling.ts';

/** Frames per poll: one native burst. What a poll costs by itself is 17 ns for each of so many; 256 lose small datagrams. */
export const BATCH = 128;
/** Room for headers and segments that sinks build; a 64 KiB super-frame in 1,388-byte segments needs 70 KiB. */
const AUX = 512 * 1024;

export interface EngineOptions extends FdbOptions {
  /** What fits on the way to each remote, see Paths. */
  limits?: Int32Array;
  /** What routers know of their neighbours; without it no router forwards. */
  neighbours?: Neighbours;
  /** Number of the worker, from 0 on: each counts by itself. */
  worker?: number;
  /** Made once for the engine's batch. */
  createRoute?: (batch: FrameBatch) => Route;
}

export class Engine {
  readonly batch = new FrameBatch(BATCH, AUX);
  /** One word: now, a monotonic time in ms. In an array, because a fraction in a field or an argument is a heap object. */
  readonly clock = new Float64Array(1);
  readonly counters: Counters;
  readonly lists = new Lists();
  /** What multicast snooping found. */
  readonly groups: Groups;
  readonly drops: Drops;
  readonly egress: Egress;
  /** The sink of aggregates. */
  readonly aggregates: Aggregates;
  readonly host: HostPort;
  readonly controls: Controls;
  /** What programs add: a source, too, while some port has any. */
  readonly hooks: Hooks;
  private readonly tunnelling: Tunnelling;
  /** Look at received frames. */
  readonly ingressPasses: IngressPass[] = [];
  private readonly pmtu: Pmtu;
  private readonly mirrors: Mirrors;
  private readonly policers: Policers;
  private readonly priorities: Priorities;
  private readonly acls: Acls;
  private readonly keeper: FdbKeeper;
  private readonly stages: Stages;
  private readonly route: Route | null;
  /** Made for the first routers. */
  private router: Route | null = null;
  private readonly nat: NatKeeper;
  private readonly policy: PolicyKeeper;
  private readonly neighbours: Neighbours | null;
  private readonly replicate: Replicate;
  private topology: Topology;
  private readonly sources: Source[] = [];
  private firstSource = 0;
  /** The batch was received and not yet classified. */
  private isFresh = false;

  constructor(options: EngineOptions) {
    const { batch, clock } = this;
    const { counters } = options;
    this.counters = counters;
    this.topology = options.topology;
    this.drops = counters.drops;
    this.egress = new Egress(batch, clock);
    this.aggregates = new Aggregates(batch, counters, this.egress, options.topology);
    this.host = new HostPort(batch, counters, clock, options.neighbours);
    this.pmtu = new Pmtu(batch, counters, clock);
    this.mirrors = new Mirrors(batch, counters, this.egress);
    this.policers = new Policers(batch, counters, clock);
    this.priorities = new Priorities(batch, counters);
    const aclMirrors = new AclMirrors(this.mirrors);
    this.acls = new Acls(batch, counters, clock, this.host, aclMirrors, options.worker ?? 0);
    this.groups = new Groups(options.seed[2]);
    this.controls = new Controls(batch, clock);
    this.tunnelling = new Tunnelling(batch, counters, clock, this.controls);
    this.hooks = new Hooks(batch, counters, clock, options.isFollower !== true);
    this.policy = new PolicyKeeper(batch, counters, clock, options.seed[3], options.isFollower ?? false);
    this.stages = createStages(
      batch,
      counters,
      this.host,
      this.groups,
      this.controls,
      this.hooks,
      this.acls,
      this.policy,
      this.policers,
      this.priorities,
    );
    this.route = options.createRoute?.(batch) ?? null;
    this.neighbours = options.neighbours ?? null;
    this.nat = new NatKeeper(batch, clock, options.seed[3], options.isFollower ?? false);
    this.replicate = createReplicate(
      batch,
      counters,
      this.lists,
      this.groups,
      this.egress,
      this.pmtu,
      this.tunnelling,
      options.limits ?? NO_LIMITS,
    );
    this.keeper = new FdbKeeper(options);
    this.placeMirrors();
    this.placePolicers();
    this.placeRouters();
    this.placeHooks();
    this.placeGates();
  }

  addSource(source: Source): void {
    this.sources.push(source);
  }

  removeSource(source: Source): void {
    const at = this.sources.indexOf(source);
    if (at >= 0) this.sources.splice(at, 1);
    this.firstSource = 0;
  }

  /** Lets a mirror or a capture look at frames, or no longer. */
  place(pass: IngressPass & EgressPass, isOn: boolean): void {
    for (const passes of [this.ingressPasses, this.egress.passes] as unknown[][]) {
      const at = passes.indexOf(pass);
      if (isOn && at < 0) passes.push(pass);
      if (!isOn && at >= 0) passes.splice(at, 1);
    }
  }

  /** Frames for `port` go to `sink`; many ports may share one. */
  attach(port: number, sink: Sink): void {
    this.egress.attach(port, sink);
  }

  detach(port: number): void {
    this.egress.detach(port);
  }

  /** Fills the batch unless the last poll left something in it. Sleeps at most `timeoutMs`, if nothing is there. */
  receive(timeoutMs: number): void {
    const { batch, sources } = this;
    if (batch.next < batch.count) {
      for (let n = 0; n < sources.length; n++) sources[n].look?.();
      return;
    }
    batch.clear();
    // A sweeper that is behind goes on soon.
    let patience =
      this.keeper.isBehind || this.nat.isBehind || this.policy.isBehind ? Math.min(1, timeoutMs) : timeoutMs;
    if (this.topology.hooks !== null) patience = this.hooks.patience(patience);
    for (let n = 0; n < sources.length && patience > 0; n++) {
      if (sources[n].isReady?.() === true) patience = 0;
    }
    // Each poll starts with another source, so that a busy one cannot take every slot of every batch.
    for (let n = 0; n < sources.length && batch.free > 0; n++) {
      const source = sources[(this.firstSource + n) % sources.length];
      source.receive(batch, batch.free, batch.used === 0 ? patience : 0);
    }
    if (sources.length > 0) this.firstSource = (this.firstSource + 1) % sources.length;
    this.isFresh = true;
  }

  /** Forwards what `receive` brought. The time is that of `clock`. */
  forward(): void {
    const { batch, clock, keeper, egress } = this;
    if (batch.count > 0) {
      if (this.isFresh) this.decide();
      this.replicate(this.topology);
    }
    if (batch.count > 0 || egress.hasWrappers) {
      egress.finish(this.topology);
      this.host.flush();
      batch.forgetMade();
      this.pmtu.clear();
    }
    keeper.sweep(clock);
    this.nat.sweep(clock);
    this.policy.sweep(clock);
  }

  private decide(): void {
    const { topology, keeper, ingressPasses, batch } = this;
    if (topology.aggregates !== null) this.aggregates.join(topology.aggregates);
    this.stages.run(topology, keeper.fdb, tickAt(this.clock[0]));
    this.isFresh = false;
    const received = batch.count * ROW;
    if (topology.protocolTunnels !== null) this.tunnel(topology.protocolTunnels);
    for (let n = 0; n < ingressPasses.length; n++) ingressPasses[n].rows(topology, 0, received);
    if (this.route !== null) this.recirculate(this.route);
    if (topology.routers !== null && this.router !== null) this.recirculate(this.router);
  }

  /** Rows that this appends are decided; nobody looks at them as received. */
  private tunnel(tunnels: ProtocolTunnels): void {
    const { topology, keeper, batch } = this;
    batch.listed = 0;
    this.tunnelling.route(tunnels, 0, batch.count * ROW);
    if (batch.listed > 0) this.stages.again(topology, keeper.fdb, tickAt(this.clock[0]), 0);
  }

  /** Rows that come in anew are decided and routed, too, until there are none: the batch ends it. */
  private recirculate(route: Route): void {
    const { topology, keeper, batch } = this;
    batch.listAll();
    let from = 0;
    let to = batch.listed;
    while (from < to) {
      route(topology, from, to);
      from = to;
      to = batch.listed;
      if (from < to) this.stages.again(topology, keeper.fdb, tickAt(this.clock[0]), from);
    }
  }

  /** `receive` and `forward` in one, for a loop that does not sleep here. `now` is a monotonic time in ms. */
  poll(now: number): void {
    this.clock[0] = now;
    this.receive(0);
    this.forward();
  }

  /** When something that was held back, or that a hook has to say, is due, ms. */
  deadline(): number {
    return Math.min(
      this.egress.deadline[0],
      this.topology.hooks === null ? Number.POSITIVE_INFINITY : this.hooks.deadline,
    );
  }

  /** Copies of the current batch still to be made: `receive` will not wait. */
  get isBusy(): boolean {
    return this.batch.next < this.batch.count;
  }

  /**
   * Puts another topology in force, see FdbKeeper.swap; frames that wait are decided again. Where engines share an FDB,
   * the others stand still meanwhile, and do the same before they go on.
   */
  swap(topology: Topology, isHop: ((hop: number) => boolean) | null = null, table?: SharedArrayBuffer): void {
    const { keeper, clock } = this;
    this.topology = topology;
    if (keeper.isFollower) keeper.follow(topology, table);
    else keeper.swap(topology, isHop, table, clock[0]);
    this.aggregates.load(topology);
    this.placeMirrors();
    this.placePolicers();
    this.placeRouters();
    this.placeHooks();
    this.placeGates();
    this.recheck();
  }

  private placeMirrors(): void {
    this.mirrors.load(this.topology);
    this.place(this.mirrors, this.topology.mirrors !== null);
  }

  /** Before all others: nobody sees a copy leave that does not, or otherwise than it does. */
  private placePolicers(): void {
    const { policers, priorities, topology, egress } = this;
    policers.load(topology.policers);
    const at = egress.passes.indexOf(policers);
    if (at >= 0) egress.passes.splice(at, 1);
    const writes = egress.passes.indexOf(priorities);
    if (writes >= 0) egress.passes.splice(writes, 1);
    if (topology.priorities?.hasOut === true) egress.passes.unshift(priorities);
    if (topology.policers?.hasOut === true) egress.passes.unshift(policers);
  }

  private placeHooks(): void {
    const { hooks, topology, sources } = this;
    hooks.load(topology.hooks);
    const isPlaced = sources.includes(hooks);
    if (topology.hooks !== null && !isPlaced) this.addSource(hooks);
    if (topology.hooks === null && isPlaced) this.removeSource(hooks);
  }

  private placeGates(): void {
    const { gates } = this.egress;
    const { acls } = this.topology;
    this.policy.load(this.topology.policy);
    this.acls.load(acls);
    gates.length = 0;
    // What a list denies opens no connection.
    if (acls?.hasOut === true) gates.push(this.acls);
    if (this.policy.policy !== null) gates.push(this.policy.policy);
  }

  private placeRouters(): void {
    const { batch, counters, clock, host, neighbours } = this;
    this.nat.load(this.topology.routers?.nat ?? null);
    if (this.router !== null || neighbours === null || this.topology.routers === null) return;
    this.router = createRouter(batch, counters, clock, host, neighbours, this.nat);
  }

  /** Decides frames that wait once more: after this nothing goes by what a port's state was. */
  recheck(): void {
    const { batch, keeper, clock } = this;
    if (!this.isBusy || this.isFresh) return;
    this.stages.decideAgain(this.topology, keeper.fdb, tickAt(clock[0]), batch.next * ROW);
  }

  /** The port's number begins anew, and so will its counters: frames that wait since before are nobody's. */
  orphan(port: number): void {
    const { batch, counters } = this;
    const { rows } = batch;
    this.controls.forget(port);
    this.tunnelling.forget(port);
    for (let row = batch.next * ROW; row < batch.count * ROW; row += ROW) {
      if ((rows[row + COLUMN.ingress] & PORT_MASK) !== port) continue;
      rows[row + COLUMN.ingress] = NOBODY;
      if (this.isFresh) continue; // it will be counted as received, and dropped with what is nobody's
      counters.values[counters.port(NOBODY) + PORT.receivedFrames] += 1;
      if ((rows[row + COLUMN.dest] & DEST_DROP) === 0)
        rows[row + COLUMN.dest] = DEST_DROP | DROP.reconfigured;
    }
  }

  /** Forgets learned entries whose next hop matches. */
  forgetHops(matches: (hop: number) => boolean): void {
    this.keeper.fdb.flush((_domain, hop, _hi, _lo, flags) => (flags & STATIC) === 0 && matches(hop));
  }

  /** Forgets learned entries that match; 0 matches everything. Returns how many. */
  flush(domains: ReadonlySet<number> | null, port: number, hi: number, lo: number): number {
    return this.keeper.fdb.flush(
      (domain, hop, entryHi, entryLo, flags) =>
        (flags & STATIC) === 0 &&
        (domains === null || domains.has(domain)) &&
        (port === 0 || (hop & PORT_MASK) === port) &&
        ((hi === 0 && lo === 0) || (entryHi === hi && entryLo === lo)),
    );
  }

  /**
   * Entries as they are, for keys of three words (domain, MAC 0-1, MAC 2-5): see `Fdb.inspect`. `rooms`: by key, whether
   * it is known or could be learned.
   */
  inspect(keys: Int32Array): { tick: number; entries: Int32Array; rooms: boolean[]; givers: Giver[] } {
    const count = keys.length / 3;
    const entries = new Int32Array(count * WORDS);
    const rooms = Array.from({ length: count }, (_, n) =>
      this.keeper.fdb.inspect(keys[n * 3], keys[n * 3 + 1], keys[n * 3 + 2], entries, n * WORDS),
    );
    const givers = rooms.map((_, n) => this.keeper.fdb.giverOf(keys[n * 3]));
    return { tick: tickAt(this.clock[0]), entries, rooms, givers };
  }

  /** See `Fdb.read`. */
  readFdb(from: number, out: Int32Array): { next: number; entries: number } {
    return this.keeper.fdb.read(from, tickAt(this.clock[0]), out);
  }
}
