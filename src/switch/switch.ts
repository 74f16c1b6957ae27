// The switch: one configuration in force, and a data plane that forwards between its devices. A facade: what it does
// is done by reconfiguration.ts (changes), reconciler.ts (what is wanted stays true), host_links.ts and switch_host.ts (protocols), fdb_access.ts, captures.ts,
// switch_news.ts (events), and a service for each protocol (service.ts).
//
// Changes queue up and are carried out one after the other.

import { EventEmitter } from 'node:events';
import type {
  AclApi,
  ApplyOptions,
  BridgeStatus,
  Capture,
  CaptureOptions,
  EventName,
  FdbEntry,
  FdbFilter,
  GroupWish,
  GuardStatus,
  LastDrop,
  LeaseFilter,
  LeaseStatus,
  LldpNeighbor,
  LldpPortStatus,
  MdbEntry,
  MdbFilter,
  MulticastPort,
  MulticastStatus,
  MulticastVlan,
  NamedEvent,
  NetworkStatus,
  PolicyApi,
  PollFrames,
  PollGap,
  PortStatus,
  QosStatus,
  RoutingApi,
  SwitchApi,
  SwitchEvents,
  TenantStatus,
  Trace,
  TraceLiveOptions,
  TraceOptions,
} from '../api.ts';
import { Compiler } from '../compile/compiler.ts';
import type { PortState } from '../compile/overlay.ts';
import type { Action, ActionResult } from '../config/action.ts';
import { stableMac } from '../config/defaults.ts';
import { diff } from '../config/diff.ts';
import { RuleOrigin } from '../config/rule_lines.ts';
import {
  EMPTY_CONFIG,
  parseConfig,
  parseConfigBreathing,
  type SwitchConfig,
  type SwitchConfigInput,
} from '../config/schema.ts';
import type { Device } from '../device/device.ts';
import type { Topology } from '../engine/topology.ts';
import { TaploomError } from '../error.ts';
import type { EventFact, Events } from '../event.ts';
import { MAX_PORTS, NOBODY } from '../frame/hop.ts';
import type { MemoryPort } from '../port/memory.ts';
import { Plug, type Device as UserDevice } from '../port/plug.ts';
import type { Host } from '../protocol/host.ts';
import { monotonicMs } from '../sys/clock.ts';
import { Counters, MAX_BRIDGES } from '../table/counters.ts';
import type { News } from '../worker/messages.ts';
import type { PlaneClient } from '../worker/plane_client.ts';
import { openPlane } from '../worker/workers_plane.ts';
import { AclView } from './acl_view.ts';
import { bridgeStatuses } from './bridge_status.ts';
import { CaptureRegistry } from './captures.ts';
import { CounterView } from './counter_view.ts';
import { flushFdb, readFdb } from './fdb_access.ts';
import { HookService } from './hook_service.ts';
import { hostLinks } from './host_links.ts';
import { OpenPorts } from './open_ports.ts';
import { optionsOf, type SwitchOptions } from './options.ts';
import { PolicyView } from './policy_view.ts';
import { portNames } from './port_names.ts';
import { portStatuses } from './port_status.ts';
import { QosView } from './qos_view.ts';
import { Reconciler } from './reconciler.ts';
import { Reconfiguration } from './reconfiguration.ts';
import { Routing } from './routing.ts';
import { Services } from './services.ts';
import { socketLinks } from './socket_links.ts';
import { SwitchHost } from './switch_host.ts';
import { SwitchNews } from './switch_news.ts';
import { homeOf, noSuchPort, type PortInput, requireAll, SwitchPort, withPort } from './switch_port.ts';
import { tenantStatuses } from './tenants_view.ts';
import { traceNames } from './trace_names.ts';
import { Tracing } from './tracing.ts';
import { MACHINE, randomWords, type World } from './world.ts';

/** A virtual Ethernet switch: opened with a configuration, changed by `apply`, looked at, and closed. Many may live in one process. */
export class Switch extends EventEmitter<SwitchEvents> implements SwitchApi, AsyncDisposable {
  private readonly compiler: Compiler;
  private readonly origin = new RuleOrigin();
  private readonly world: World;
  private readonly counters: CounterView;
  private readonly open: OpenPorts;
  private readonly plane: PlaneClient;
  private readonly topologies: Topology[];
  private readonly reconfiguration: Reconfiguration;
  private readonly reconciler: Reconciler;
  private readonly captures: CaptureRegistry;
  private readonly services: Services;
  readonly routing: RoutingApi;
  private readonly qosView = new QosView();
  readonly policy: PolicyApi;
  readonly acls: AclApi;
  /** For protocols of your own: frames that are taken out for you, and frames of yours. */
  readonly host: Host;
  readonly events: Events;
  private readonly switchHost: SwitchHost;
  private readonly news: SwitchNews;
  private readonly tracing: Tracing;
  private readonly hookService: HookService;
  private queue: Promise<unknown> = Promise.resolve();
  private isClosed = false;

  private constructor(options: Required<SwitchOptions>) {
    super();
    const { threaded, workers, keeper, leases, stateDirectory, world } = options;
    this.world = world;
    const surroundings = { threaded, world };
    this.compiler = new Compiler({
      machine: world.machine,
      randomWords: (count) => randomWords(world, count),
    });
    const { compiler } = this;
    const counters = Array.from({ length: workers }, () => Counters.allocate(MAX_PORTS, MAX_BRIDGES));
    this.counters = new CounterView(counters);
    this.open = new OpenPorts(this.counters, compiler);
    const config = () => this.whole;
    this.news = new SwitchNews(
      this,
      {
        compiler,
        counters: this.counters,
        config,
        portsDigest: () => this.portsDigest(),
        guest: (port) => this.open.devices.get(port)?.guest?.(),
        portStates: () => this.open.states(),
      },
      world,
    );
    this.events = this.news;
    const seed = randomWords(world, 4);
    const { topology } = compiler.compile(EMPTY_CONFIG);
    this.topologies = [topology];
    const onNews = (news: News) => this.tell(news);
    this.plane = openPlane(threaded, counters, topology, seed, onNews, (error) => this.fail(error));
    const { plane, open, topologies } = this;
    const inForce = () => this.reconfiguration.config;
    this.captures = new CaptureRegistry(plane, portNames(compiler, inForce), workers);
    const newest = () => this.topologies[this.topologies.length - 1];
    const tell = (fact: EventFact) => void this.news.add(fact);
    this.services = new Services({
      compiler,
      open,
      plane,
      counters: this.counters,
      leases,
      stateDirectory,
      origin: this.origin,
      deeds: this,
      reconfiguration: () => this.reconfiguration,
      routerTable: () => newest().routers,
      enqueue: (task) => this.enqueue(task),
      tell,
      neighbour: (change) => {
        this.news.neighbour(change);
        this.emit('neighbor', change);
      },
    });
    const { services } = this;
    const effective = (config: SwitchConfig) => services.effective(config);
    this.routing = new Routing({
      compiler,
      counters: this.counters,
      neighbours: plane.neighbours,
      service: services.router,
      world,
      config: () => effective(this.whole),
      table: () => newest().routers,
    });
    this.policy = new PolicyView({
      compiler,
      config: () => this.whole,
      table: () => newest().policy,
    });
    this.acls = new AclView({
      compiler,
      config: () => this.whole,
      table: () => newest().acls,
      origin: this.origin,
    });
    this.switchHost = new SwitchHost(
      hostLinks(plane, compiler, () => this.reconfiguration.facts, surroundings),
    );
    this.host = this.switchHost;
    this.reconfiguration = new Reconfiguration(
      { compiler, plane, open, topologies, keeper, effective },
      {
        update: (config) => services.update(config),
        changed: () => this.captures.select(),
        forgot: (port) => {
          this.news.forget(port);
          services.stp.forget(port);
        },
      },
    );
    open.socketPorts.links = socketLinks({
      plane,
      events: this.news,
      reconfiguration: this.reconfiguration,
      enqueue: (task) => this.enqueue(task),
      isClosed: () => this.isClosed,
      linkChanged: (port) => this.services.linkChanged(port),
    });
    this.reconciler = new Reconciler({
      open,
      reconfiguration: () => this.reconfiguration,
      enqueue: (task) => this.enqueue(task),
      isClosed: () => this.isClosed,
      news: this.news,
      linkChanged: (port) => this.services.linkChanged(port),
      addressGone: (address) => services.network.addressGone(address),
    });
    services.attach(this.switchHost, surroundings);
    // Nothing that happens before the first poll has another time.
    if (world !== MACHINE) services.poll(world.now());
    this.hookService = new HookService({
      plane,
      numbers: compiler.hooks,
      directory: options.hooksDirectory,
      functions: options.hooks,
      noFunctions: threaded
        ? 'function: one cannot go to another thread: write a module, or open the switch with { threaded: false }'
        : undefined,
      tell,
    });
    this.tracing = new Tracing({
      gauges: counters[0].memory,
      neighbours: plane.neighbours.memory,
      config: () => effective(this.whole),
      topology: newest,
      portNumber: (port) => compiler.ports.find(port),
      remoteRow: (port, address) => compiler.remoteRow(port, address),
      names: (remotes) => {
        const { hookService: hooks, whole: config, origin } = this;
        const { states } = this.reconfiguration.facts;
        return traceNames({ compiler, config, states, open, hooks, origin }, remotes);
      },
      request: (body) => plane.request(body),
      groups: (bridge) => services.snooping.published(bridge),
      enqueue: (task) => this.enqueue(task),
      isClosed: () => this.isClosed,
    });
  }

  /**
   * Opens a switch and brings `config` into force.
   * @throws ConfigError with all problems, or TaploomError if any part of it could not be carried out; then nothing is
   * left behind
   */
  static async open(config: SwitchConfigInput, options: SwitchOptions = {}): Promise<Switch> {
    await parseConfigBreathing(config);
    const taploom = new Switch(optionsOf(options));
    try {
      const failed = (await taploom.apply(config)).filter(({ ok }) => !ok);
      if (failed.length > 0) {
        throw new TaploomError(
          'not_applied',
          failed.map(({ path, error }) => `${path}: ${error}`).join('\n'),
        );
      }
    } catch (error) {
      await taploom.shut((device) => device.undo());
      throw error;
    }
    return taploom;
  }

  get config(): SwitchConfig {
    return this.reconfiguration.desired;
  }

  /** With the guests of listening sockets as ports. */
  private get whole(): SwitchConfig {
    return this.reconfiguration.whole;
  }

  plan(next: SwitchConfigInput): Action[] {
    return diff(this.config, parseConfig(next));
  }

  apply(next: SwitchConfigInput, options?: ApplyOptions): Promise<ActionResult[]> {
    return this.bring(() => next, options);
  }

  /** `apply` of what `edit` makes of the wanted configuration, of which it gets a copy: no change in between is lost. */
  change(edit: (config: SwitchConfig) => SwitchConfigInput, options?: ApplyOptions): Promise<ActionResult[]> {
    return this.bring((config) => edit(structuredClone(config)), options);
  }

  private bring(
    make: (config: SwitchConfig) => SwitchConfigInput,
    { by = { kind: 'program' }, keep = false, lines }: ApplyOptions = {},
  ): Promise<ActionResult[]> {
    return this.enqueue(async () => {
      if (this.isClosed) throw new TaploomError('closed', 'The switch is closed');
      const config = await parseConfigBreathing(make(this.config));
      try {
        // A file may be read when nobody is there to mend it.
        await this.hookService.prepare(config, by.kind === 'file');
        this.origin.note(lines, config);
        const results = await this.reconfiguration.carryOut(config, keep);
        this.news.applied(by, results);
        return results;
      } finally {
        await this.hookService.settle(this.config);
        this.reconciler.attend();
      }
    });
  }

  /** Inline switches only: forwards what is there, sleeping at most `patience` ms. `now` (ms) overrides the clock. */
  poll(patience = 0, now?: number): void {
    const time = now ?? (this.world === MACHINE ? undefined : this.world.now());
    this.plane.poll(patience, time);
    // Once for all of them: a look at the clock is 0.1 us.
    const at = time ?? monotonicMs();
    this.services.poll(at);
    this.switchHost.poll();
    if (this.world !== MACHINE) this.news.look({ now: time });
  }

  /** Inline switches only: when `poll` has something to do by itself, ms; frames that come in are not foreseen. */
  deadline(): number {
    return Math.min(this.plane.deadline(), this.services.deadline());
  }

  /** Resolves when no change of the configuration is under way. */
  async settled(): Promise<void> {
    await this.queue;
  }

  /**
   * For protocols: what a port may do, in one VLAN or in all. Survives reconfigurations, as long as there is such a port.
   * Resolves when no frame goes by the old state any more.
   * @throws TaploomError `no_such_port`
   */
  async setPortState(port: string, vlan: number | undefined, state: PortState): Promise<void> {
    await this.reconfiguration.facts.setPortState(port, vlan, state);
  }

  /** A port as an object. @throws TaploomError `no_such_port` */
  port(name: string): SwitchPort {
    if (homeOf(this.config, name) === undefined) throw noSuchPort(name);
    return new SwitchPort(name, {
      switch: this,
      countersOf: (port) => {
        const number = this.compiler.ports.find(port);
        return number === undefined ? undefined : this.counters.port(number);
      },
    });
  }

  /**
   * Adds a port to a bridge, while frames flow. `await using` takes it out again at the end of the scope.
   * @throws ConfigError, or TaploomError: `no_such_bridge`, `port_exists`, or why the device cannot be had
   */
  async attach(bridge: string, name: string, port: PortInput): Promise<SwitchPort> {
    requireAll(await this.change((config) => withPort(config, bridge, name, port)));
    return this.port(name);
  }

  /** Your end of a memory port. */
  memoryPort(name: string): MemoryPort {
    const memory = this.open.devices.get(name)?.memory;
    if (memory === undefined) throw new TaploomError('no_such_port', `There is no memory port ${name}`);
    return memory;
  }

  /** Plugs a device of your own into a memory port: it runs in this thread until the plug is closed. */
  plug(port: string, device: UserDevice): Promise<Plug> {
    return Plug.open(this.memoryPort(port), device);
  }

  bridges(): BridgeStatus[] {
    return bridgeStatuses(
      this.whole,
      this.compiler,
      this.counters,
      (name) => this.open.devices.get(name)?.mac ?? stableMac(name, this.world.machine),
      (name) => this.services.stp.bridgeStatus(name),
    );
  }

  ports({ look = true }: { look?: boolean } = {}): PortStatus[] {
    if (look) this.open.look();
    return portStatuses(
      this.whole,
      this.compiler,
      this.open,
      (port) => this.services.stp.portStatus(port),
      (name) => this.services.aggregate.status(name),
      (bridge, port) => this.hookService.ofPort(bridge, port),
    );
  }

  portsDigest(): string {
    return this.open.digest();
  }

  unassignedDrops(): Record<string, number> {
    return this.counters.drops(NOBODY, 'receive');
  }

  fdb(filter: FdbFilter = {}): AsyncGenerator<FdbEntry[]> {
    return readFdb(this.plane, this.compiler, () => this.whole, filter);
  }

  async flush(filter: FdbFilter = {}): Promise<number> {
    return flushFdb(this.plane, this.compiler, this.whole, filter);
  }

  enablePort(port: string): Promise<boolean> {
    return this.enqueue(async () => {
      const [bridge] =
        Object.entries(this.whole.bridges).find(([, { ports }]) => Object.hasOwn(ports, port)) ?? [];
      if (bridge === undefined) throw new TaploomError('no_such_port', `There is no port ${port}`);
      const isOpened = this.services.stp.release(port);
      const isEnabled = (await this.services.portGuard.release(port)) || isOpened;
      if (isEnabled) this.news.add({ type: 'port', change: 'enabled', bridge, port });
      return isEnabled;
    });
  }

  /** Events by their names, one after the other, until the loop ends or the switch is closed: `for await`. */
  watch<Name extends EventName>(...names: Name[]): AsyncIterableIterator<NamedEvent<Name>> {
    return this.news.stream(names);
  }

  pollGap(): PollGap {
    return this.counters.pollGap();
  }

  pollFrames(): PollFrames {
    return this.counters.pollFrames();
  }

  capture(options: CaptureOptions = {}): Promise<Capture> {
    return this.captures.start(options);
  }

  lastDrops(): Promise<LastDrop[]> {
    return this.captures.lastDrops();
  }

  /** Resolves when every worker has answered: none of them hangs. */
  async answers(): Promise<void> {
    await this.plane.request({ kind: 'barrier' });
  }

  qos(): QosStatus {
    const topology = this.topologies[this.topologies.length - 1];
    return this.qosView.status(this.compiler, this.services.effective(this.reconfiguration.config), topology);
  }

  tenants(): TenantStatus[] {
    return tenantStatuses(this.config, this.ports(), this.policy.status());
  }

  lldp(): LldpNeighbor[] {
    return this.services.lldp.neighbors();
  }

  lldpPorts(): LldpPortStatus[] {
    return this.services.lldp.ports();
  }

  /** All of it; with many groups `mdb()` tells it in pages. */
  multicast(bridge?: string): MulticastStatus {
    return {
      entries: [...this.mdb({ bridge })].flat(),
      vlans: this.multicastVlans(bridge),
      ports: this.multicastPorts().filter((port) => bridge === undefined || port.bridge === bridge),
    };
  }

  mdb(filter: MdbFilter = {}): Iterable<MdbEntry[]> {
    return this.services.snooping.entries(filter);
  }

  joinGroup(wish: GroupWish): void {
    this.services.snooping.join(wish);
  }

  flushGroups(filter: MdbFilter = {}): number {
    return this.services.snooping.flush(filter);
  }

  multicastVlans(bridge?: string): MulticastVlan[] {
    return this.services.snooping.vlans(bridge);
  }

  multicastPorts(): MulticastPort[] {
    return this.services.snooping.ports();
  }

  guards(): GuardStatus[] {
    return this.services.guard.status();
  }

  networks(): NetworkStatus[] {
    return this.services.network.networks();
  }

  leases(filter: LeaseFilter = {}): LeaseStatus[] {
    return this.services.network.leases(filter);
  }

  endLeases(filter: LeaseFilter): number {
    return this.services.network.endLeases(filter);
  }

  trace(options: TraceOptions): Promise<Trace> {
    return this.tracing.trace(options);
  }

  traceLive(options: TraceLiveOptions): Promise<Trace[]> {
    return this.tracing.traceLive(options);
  }

  /** Stops forwarding and closes every device that the switch opened. Safe to call twice. */
  close(): Promise<void> {
    return this.shut((device) => device.close());
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  private shut(end: (device: Device) => void | Promise<void>): Promise<void> {
    return this.enqueue(async () => {
      if (this.isClosed) return;
      this.isClosed = true;
      this.reconciler.close();
      await this.captures.close();
      this.services.close();
      this.switchHost.close();
      await this.tracing.close();
      await this.plane.close();
      await this.reconfiguration.close(end);
      this.open.socketPorts.close();
      this.news.close();
    });
  }

  private enqueue<T>(task: () => Promise<T>): Promise<T> {
    const result = this.queue.then(task);
    this.queue = result.catch(() => {});
    return result;
  }

  private tell({ kind, port, errno, hook }: News): void {
    if (hook !== undefined) void this.hookService.news(hook).catch(() => {});
    const name = this.compiler.ports.name(port);
    if (name === undefined || kind === 'hook') return;
    if (kind === 'crowded') {
      this.makeRoom(name, port);
      return;
    }
    if (kind === 'full') {
      this.services.uplink.refused(name);
      return;
    }
    if (kind === 'alarm') {
      this.services.portGuard.alarm(name, errno);
      return;
    }
    const connection = this.open.devices.get(name)?.connection;
    if (connection !== undefined && (kind === 'gone' || kind === 'refused')) {
      connection.lost(errno);
      return;
    }
    if (kind === 'refused') return;
    this.emit(kind, name, errno);
    if (kind === 'gone') this.services.snooping.linkChanged();
    if (kind === 'gone') this.reconciler.lost(name, 'its device was deleted');
  }

  /** A tunnel has all the remotes that it may learn, and heard another one. */
  private makeRoom(name: string, port: number): void {
    this.news.crowded(name);
    void this.enqueue(async () => {
      if (!this.isClosed) await this.plane.request({ kind: 'make_room', port });
    }).catch(() => {});
  }

  private fail(error: Error): void {
    this.emit('failed', error);
    void this.close();
  }
}
