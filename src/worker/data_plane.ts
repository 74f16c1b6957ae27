// Everything that moves frames: the engine, its devices, and the requests of the control plane, which are answered
// between two polls. Runs in a thread of its own (thread.ts), or inline in an embedder's or a test's loop.
//
// Several workers are several of these, with a `Team`. Each receives from its own ports, so that a flow stays in order,
// and sends to all. What they share only the first changes, while the others stand still.

import { Engine } from '../engine/engine.ts';
import { mayEnter, type Topology } from '../engine/topology.ts';
import { PORT_BITS, PORT_MASK } from '../frame/hop.ts';
import { Devices } from '../port/devices.ts';
import { CLOCK } from '../sys/burst.ts';
import { monotonicMs } from '../sys/clock.ts';
import { type Counters, POLL_FRAMES_BOUNDS, POLL_GAP_BOUNDS, PORT, SWITCH } from '../table/counters.ts';
import { Neighbours } from '../table/neighbours.ts';
import { Paths } from '../table/paths.ts';
import { CONFIGURED_REMOTES, LEARNED_REMOTES, REMOTE_ROWS, Remotes } from '../table/remotes.ts';
import { Barrier } from './barrier.ts';
import { HookLoader } from './hook_loader.ts';
import { Lookout } from './lookout.ts';
import type { Answer, Change, Failed, HookSpec, HostRings, News, Request, Team } from './messages.ts';
import { Onlookers } from './onlookers.ts';

/** How often silent remotes are looked for, ms. */
const EXPIRE_INTERVAL = 10_000;
/** How often learned remotes are counted, and room is made for others, ms. */
const COUNT_INTERVAL = 1000;
/** Requests are looked for this often, ms, should a wake-up ever be lost. */
const LOOK_INTERVAL = 1000;

// Words of DataPlane.times, ms.
/** When the last wait ended; 0 before the first. */
const WAITED_UNTIL = 0;
const LAST_EXPIRY = 1;
/** When requests were last looked for. */
const LAST_LOOK = 2;
/** When learned remotes were last counted. */
const LAST_COUNT = 3;
const TIMES = 4;

export class DataPlane {
  private readonly engine: Engine;
  private readonly counters: Counters;
  private readonly remotes: Remotes;
  private readonly devices: Devices;
  private readonly lookout: Lookout;
  /** Ports whose gauge of learned remotes is not zero. */
  private readonly counted = new Set<number>();
  private readonly report: (news: News) => void;
  private readonly barrier: Barrier;
  /** Workers that stand still while this one, the first, changes what they share. */
  private readonly others: number;
  private readonly isFollower: boolean;
  private readonly onlookers: Onlookers;
  private readonly hooks: HookLoader;
  private readonly paths: Paths;
  private topology: Topology;
  /** Fractions of a ms in a field or an argument would be a heap object for each poll; here they are not. */
  private readonly times = new Float64Array(TIMES);

  constructor(
    counters: Counters,
    topology: Topology,
    seed: Int32Array,
    report: (news: News) => void,
    control?: { host: HostRings; neighbours: SharedArrayBuffer },
    team?: Team,
  ) {
    this.counters = counters;
    this.topology = topology;
    this.others = team === undefined ? 0 : team.workers - 1;
    this.isFollower = team !== undefined && team.index > 0;
    this.barrier = new Barrier(team?.barrier);
    this.paths = new Paths(REMOTE_ROWS, team?.paths);
    const { limits } = this.paths;
    const { isFollower } = this;
    const neighbours = control === undefined ? undefined : new Neighbours(control.neighbours);
    this.engine = new Engine({
      counters,
      topology,
      seed,
      table: team?.table,
      isFollower,
      worker: team?.index,
      limits,
      neighbours,
    });
    this.onlookers = new Onlookers(this.engine, team?.index ?? 0);
    this.hooks = new HookLoader(this.engine, team?.index ?? 0);
    this.remotes = new Remotes(CONFIGURED_REMOTES, LEARNED_REMOTES, seed[0] ^ seed[3], team?.remotes);
    const workers = this.others + 1;
    const worker = team?.index ?? 0;
    this.devices = new Devices(this.engine, counters, this.remotes, this.paths, worker, workers, seed);
    this.lookout = new Lookout(this.engine, this.remotes);
    this.report = report;
    if (control !== undefined) {
      this.engine.host.connect(control.host.toHost, control.host.fromHost);
      this.engine.addSource(this.engine.host);
    }
  }

  /** Lets other threads end the wait by writing to this eventfd. */
  listen(wakeFd: number): void {
    this.devices.open().source.addWake(wakeFd);
  }

  /** Whether to look for requests: the eventfd was signalled since the last look, or that was long ago. */
  takeWake(): boolean {
    const { times } = this;
    const { descriptors } = this.devices;
    if (descriptors === null) return false;
    const { source } = descriptors;
    const { clock } = source.burst;
    if (!source.isWoken && clock[CLOCK.now] - times[LAST_LOOK] < LOOK_INTERVAL) return false;
    times[LAST_LOOK] = clock[CLOCK.now];
    source.isWoken = false;
    return true;
  }

  /** One poll. Sleeps at most `patience` ms if there is nothing to do. `now` overrides the clock, in ms. */
  poll(patience: number, now?: number): void {
    const { engine, devices, times } = this;
    const { descriptors } = devices;
    const { clock } = engine;
    const wasBusy = engine.isBusy;
    if (now !== undefined) clock[0] = now;
    if (descriptors !== null)
      descriptors.decapsulation.second = now === undefined ? -1 : Math.floor(now / 1000);
    const { deadline } = engine.egress;
    const isTimed = deadline[0] !== Number.POSITIVE_INFINITY;
    if (descriptors !== null)
      descriptors.burst.clock[CLOCK.wakeAt] = isTimed && now === undefined ? deadline[0] : 0;
    if (!isTimed) engine.receive(patience);
    else engine.receive(Math.max(0, Math.min(patience, Math.ceil(deadline[0] - clock[0]))));
    if (descriptors !== null && !wasBusy) this.recordGap(descriptors.burst.clock);
    if (!wasBusy && engine.batch.count > 0) this.recordFrames(engine.batch.count);
    // Stores apart: a choice between a fraction and an argument is a heap object, too.
    if (now === undefined) {
      if (descriptors !== null) clock[0] = descriptors.burst.clock[CLOCK.now];
      else clock[0] = monotonicMs();
    }
    engine.forward();
    this.onlookers.notify();
    if (devices.hasNews) for (const news of devices.takeNews()) this.report(news);
    if (engine.controls.hasAlarms) this.tellAlarms();
    if (engine.hooks.hasNews) this.tellOfHooks();
    if (clock[0] - times[LAST_EXPIRY] >= EXPIRE_INTERVAL && !this.isFollower) this.expireRemotes();
    if (clock[0] - times[LAST_COUNT] >= COUNT_INTERVAL && !this.isFollower) this.countRemotes();
  }

  private tellAlarms(): void {
    for (const { port, alarm } of this.engine.controls.takeAlarms())
      this.report({ kind: 'alarm', port, errno: alarm });
  }

  /** When something that was held back is due, ms. */
  deadline(): number {
    return this.engine.isBusy ? Number.NEGATIVE_INFINITY : this.engine.deadline();
  }

  private tellOfHooks(): void {
    for (const hook of this.engine.hooks.takeNews()) this.report({ kind: 'hook', port: 0, errno: 0, hook });
  }

  /** The one request that is answered later. Frames are forwarded meanwhile, if somebody polls. */
  async loadHooks(hooks: readonly HookSpec[]): Promise<Answer> {
    return { kind: 'loaded', failed: await this.hooks.load(hooks) };
  }

  answer(request: Exclude<Request, { kind: 'load_hooks' }>): Answer {
    switch (request.kind) {
      case 'change':
        return { kind: 'done', failed: this.change(request.change) };
      case 'remove':
        for (const port of request.ports) this.devices.remove(port);
        return { kind: 'done', failed: [] };
      case 'connect':
        this.devices.connect(request.port, request.fd);
        return { kind: 'done', failed: [] };
      case 'stand':
        this.barrier.join();
        return { kind: 'done', failed: [] };
      case 'flush': {
        const domains = request.domains === null ? null : new Set(request.domains);
        const { port, hi, lo } = request;
        const count = this.alone(() => this.engine.flush(domains, port, hi, lo));
        return { kind: 'flushed', count };
      }
      case 'make_room':
        this.alone(() => this.makeRoom(request.port));
        return { kind: 'done', failed: [] };
      case 'read':
        return this.alone(() => this.lookout.page(request.from));
      case 'barrier':
        this.engine.recheck();
        return { kind: 'done', failed: [] };
      case 'list':
        this.engine.lists.set(request.row, request.members, request.isByFlow);
        return { kind: 'done', failed: [] };
      case 'groups':
        this.engine.groups.apply(request.changes);
        return { kind: 'done', failed: [] };
      case 'capture':
      case 'end_capture':
      case 'last_drops':
        return this.onlookers.answer(request);
      case 'lookup':
        return this.lookout.lookUp(request.keys);
      case 'follow':
        this.lookout.follow(request.id, request.filter, request.limit);
        return { kind: 'done', failed: [] };
      case 'followed':
        return this.lookout.followed(request.id, request.isLast);
      case 'keep_hooks':
        this.hooks.keep(request.ids, request.off);
        return { kind: 'done', failed: [] };
      case 'stop':
        this.close();
        return { kind: 'done', failed: [] };
    }
  }

  /** The first worker, or the only one: does `act` while the others stand still. */
  private alone<T>(act: () => T): T {
    return this.barrier.during(this.others, act);
  }

  close(): void {
    this.hooks.keep([], []);
    this.devices.close();
  }

  /** Nothing of what cannot be added stays behind, and it hinders nothing else. */
  private change(change: Change): Failed[] {
    let trouble: { error: unknown } | null = null;
    try {
      this.prepare(change);
    } catch (error) {
      trouble = { error };
    }
    // Whatever happened, the others wait for this worker here.
    if (this.isFollower) this.barrier.join();
    else {
      this.alone(() => {
        if (trouble !== null) throw trouble.error;
        this.configureShared(change);
      });
    }
    const { devices } = this;
    const { topology, reads } = change;
    this.topology = topology;
    if (this.isFollower) this.engine.swap(topology, null, change.table);
    if (trouble !== null) throw trouble.error;
    const failed: Failed[] = [];
    for (const spec of change.added) {
      try {
        if (this.isFollower) this.begin(spec.port);
        devices.add(spec, reads === undefined || reads.includes(spec.port));
      } catch (error) {
        devices.remove(spec.port);
        failed.push({ port: spec.port, message: error instanceof Error ? error.message : String(error) });
      }
    }
    devices.shape(topology.qos);
    if (devices.descriptors !== null) {
      const { decapsulation } = devices.descriptors;
      decapsulation.mtu = topology.mtu;
      decapsulation.mayEnter = (port, tag) => mayEnter(topology, port, tag);
    }
    return failed;
  }

  /** What this worker does by itself. */
  private prepare({ removedPorts, removedVteps, addedVteps }: Change): void {
    const { devices } = this;
    for (const port of removedPorts) devices.remove(port);
    for (const vtep of removedVteps) devices.removeVtep(vtep);
    for (const vtep of addedVteps) devices.addVtep(vtep);
  }

  /** What all workers share, and what a port's number meant before. */
  private configureShared({ topology, remotes, table, added }: Change): void {
    if (remotes !== null) {
      this.paths.clear();
      this.remotes.configure(remotes, (port) => topology.vlan.length > 0 && topology.mtu[port] !== 0);
    }
    const isHop = (hop: number) => {
      const remote = hop >>> PORT_BITS;
      return remote === 0 || this.remotes.portOf(remote) === (hop & PORT_MASK);
    };
    this.engine.swap(topology, remotes === null ? null : isHop, table);
    for (const { port } of added) this.begin(port);
  }

  /** A port's number means another port from here on. */
  private begin(port: number): void {
    this.engine.orphan(port);
    this.counters.clearPort(port);
    this.onlookers.forget(port);
  }

  /** Frames that wait may name the remotes: a port that is still crowded says so again. */
  private makeRoom(port: number): void {
    if (this.engine.isBusy) return;
    const rows = this.remotes.oldest(port);
    this.engine.forgetHops((hop) => (hop & PORT_MASK) === port && rows.has(hop >>> PORT_BITS));
    this.remotes.giveUp(rows);
  }

  private countRemotes(): void {
    const { counted, remotes, counters } = this;
    this.times[LAST_COUNT] = this.engine.clock[0];
    for (const port of remotes.learned.keys()) counted.add(port);
    for (const port of counted) {
      const count = remotes.learned.get(port) ?? 0;
      counters.gauges[counters.port(port) + PORT.remotes] = count;
      if (count === 0) counted.delete(port);
    }
    for (const port of remotes.crowded) this.report({ kind: 'crowded', port, errno: 0 });
    remotes.crowded.clear();
  }

  private expireRemotes(): void {
    const { topology, times } = this;
    const now = this.engine.clock[0];
    let longest = 0;
    for (const ageing of topology.ageing) longest = Math.max(longest, ageing);
    // FDB entries that name a row must be gone before the row is; their clock ticks coarsely.
    this.remotes.expire(Math.floor((now - longest) / 1000) - 1);
    this.paths.expire(Math.floor(now / 1000), (row) => this.remotes.portOf(row) !== 0);
    times[LAST_EXPIRY] = now;
  }

  /** The time from the end of one wait to the beginning of the next is how long a new frame may go unseen. */
  private recordGap(clock: Float64Array): void {
    const { times } = this;
    const { values } = this.counters;
    const gap = (clock[CLOCK.waitedFrom] - times[WAITED_UNTIL]) / 1000;
    const isNew = times[WAITED_UNTIL] > 0 && gap > 0;
    times[WAITED_UNTIL] = clock[CLOCK.now];
    if (!isNew) return;
    let bucket = 0;
    while (bucket < POLL_GAP_BOUNDS.length && gap > POLL_GAP_BOUNDS[bucket]) bucket++;
    values[SWITCH.polls] += 1;
    values[SWITCH.pollGapSum] += gap;
    values[SWITCH.pollGapMax] = Math.max(values[SWITCH.pollGapMax], gap);
    values[SWITCH.pollGapCounts + bucket] += 1;
  }

  private recordFrames(frames: number): void {
    const { values } = this.counters;
    const bucket = Math.min(32 - Math.clz32(frames - 1), POLL_FRAMES_BOUNDS.length);
    values[SWITCH.pollFramesSum] += frames;
    values[SWITCH.pollFramesCounts + bucket] += 1;
  }
}
