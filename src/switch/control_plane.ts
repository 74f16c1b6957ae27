// The control plane of one switch: its parts, what each of them knows of the others, and the order in which they are made
// and closed.
//
//   change -> hooks, reconfiguration -> data plane -> news -> services, reconciler, events
//
// Changes queue up and are carried out one after the other.

import type { EventEmitter } from 'node:events';
import type { ApplyOptions, FdbFilter, SwitchEvents } from '../api.ts';
import { Compiler } from '../compile/compiler.ts';
import type { PortState } from '../compile/overlay.ts';
import type { ActionResult } from '../config/action.ts';
import { RuleOrigin } from '../config/rule_lines.ts';
import {
  EMPTY_CONFIG,
  parseConfigBreathing,
  type SwitchConfig,
  type SwitchConfigInput,
} from '../config/schema.ts';
import type { Device } from '../device/device.ts';
import type { Topology } from '../engine/topology.ts';
import { TaploomError } from '../error.ts';
import type { EventFact } from '../event.ts';
import { MAX_PORTS } from '../frame/hop.ts';
import { Counters, MAX_BRIDGES } from '../table/counters.ts';
import type { News } from '../worker/messages.ts';
import type { PlaneClient } from '../worker/plane_client.ts';
import { openPlane } from '../worker/workers_plane.ts';
import { CaptureRegistry } from './captures.ts';
import { CounterView } from './counter_view.ts';
import { flushFdb } from './fdb_access.ts';
import { HookService } from './hook_service.ts';
import { hostLinks } from './host_links.ts';
import { OpenPorts } from './open_ports.ts';
import type { SwitchOptions } from './options.ts';
import { portNames } from './port_names.ts';
import { Reconciler } from './reconciler.ts';
import { Reconfiguration } from './reconfiguration.ts';
import { Services } from './services.ts';
import { socketLinks } from './socket_links.ts';
import { SwitchHost } from './switch_host.ts';
import { SwitchNews } from './switch_news.ts';
import { traceNames } from './trace_names.ts';
import { Tracing } from './tracing.ts';
import { MACHINE, randomWords } from './world.ts';

export class ControlPlane {
  readonly origin = new RuleOrigin();
  readonly compiler: Compiler;
  readonly counters: CounterView;
  readonly open: OpenPorts;
  readonly news: SwitchNews;
  readonly plane: PlaneClient;
  readonly captures: CaptureRegistry;
  readonly services: Services;
  readonly host: SwitchHost;
  readonly reconfiguration: Reconfiguration;
  readonly hooks: HookService;
  readonly tracing: Tracing;
  private readonly reconciler: Reconciler;
  private readonly emitter: EventEmitter<SwitchEvents>;
  /** Those that are in force, or will be in a moment: the last one is the newest. */
  private readonly topologies: Topology[];
  private queue: Promise<unknown> = Promise.resolve();
  private isClosed = false;

  /**
   * In the order of the parts: a part that is made later is asked for when it is needed.
   * @param emitter see SwitchNews
   */
  constructor(emitter: EventEmitter<SwitchEvents>, options: Required<SwitchOptions>) {
    const { threaded, workers, world } = options;
    const surroundings = { threaded, world };
    this.emitter = emitter;
    this.compiler = new Compiler({
      machine: world.machine,
      randomWords: (count) => randomWords(world, count),
    });
    const { compiler } = this;
    const counters = Array.from({ length: workers }, () => Counters.allocate(MAX_PORTS, MAX_BRIDGES));
    this.counters = new CounterView(counters);
    this.open = new OpenPorts(this.counters, compiler);
    this.news = this.makeNews(options);
    const seed = randomWords(world, 4);
    const { topology } = compiler.compile(EMPTY_CONFIG);
    this.topologies = [topology];
    const onNews = (news: News) => this.hear(news);
    this.plane = openPlane(threaded, counters, topology, seed, onNews, (error) => this.fail(error));
    const { plane } = this;
    const names = portNames(compiler, () => this.reconfiguration.config);
    this.captures = new CaptureRegistry(plane, names, workers);
    this.services = this.makeServices(options);
    this.host = new SwitchHost(hostLinks(plane, compiler, () => this.reconfiguration.facts, surroundings));
    this.reconfiguration = this.makeReconfiguration(options);
    this.linkSockets();
    this.reconciler = this.makeReconciler();
    this.services.attach(this.host, surroundings);
    // Nothing that happens before the first poll has another time.
    if (world !== MACHINE) this.services.poll(world.now());
    this.hooks = this.makeHooks(options);
    this.tracing = this.makeTracing(counters[0]);
  }

  /** What is wanted, with the guests of listening sockets as ports. */
  get whole(): SwitchConfig {
    return this.reconfiguration.whole;
  }

  /** The same with all that it makes necessary. */
  get effective(): SwitchConfig {
    return this.services.effective(this.whole);
  }

  /** The newest. */
  get topology(): Topology {
    return this.topologies[this.topologies.length - 1];
  }

  /** See `Switch.apply`. @param make gets the wanted configuration, when its turn has come */
  change(
    make: (config: SwitchConfig) => SwitchConfigInput,
    { by = { kind: 'program' }, keep = false, lines }: ApplyOptions = {},
  ): Promise<ActionResult[]> {
    const { hooks, reconfiguration } = this;
    return this.enqueue(async () => {
      if (this.isClosed) throw new TaploomError('closed', 'The switch is closed');
      const config = await parseConfigBreathing(make(reconfiguration.desired));
      try {
        // A file may be read when nobody is there to mend it.
        await hooks.prepare(config, by.kind === 'file');
        this.origin.note(lines, config);
        const results = await reconfiguration.carryOut(config, keep);
        this.news.applied(by, results);
        return results;
      } finally {
        await hooks.settle(reconfiguration.desired);
        this.reconciler.attend();
      }
    });
  }

  async setPortState(port: string, vlan: number | undefined, state: PortState): Promise<void> {
    await this.reconfiguration.facts.setPortState(port, vlan, state);
  }

  async flush(filter: FdbFilter): Promise<number> {
    return flushFdb(this.plane, this.compiler, this.whole, filter);
  }

  /** Does something while no change is under way. */
  enqueue<T>(task: () => Promise<T>): Promise<T> {
    const result = this.queue.then(task);
    this.queue = result.catch(() => {});
    return result;
  }

  /** Resolves when no change is under way. */
  async settled(): Promise<void> {
    await this.queue;
  }

  /** @param end of every device, when the data plane is closed */
  close(end: (device: Device) => void | Promise<void>): Promise<void> {
    return this.enqueue(async () => {
      if (this.isClosed) return;
      this.isClosed = true;
      this.reconciler.close();
      await this.captures.close();
      this.services.close();
      this.host.close();
      await this.tracing.close();
      await this.plane.close();
      await this.reconfiguration.close(end);
      this.open.socketPorts.close();
      this.news.close();
    });
  }

  /** The data plane says something. */
  private hear({ kind, port, errno, hook }: News): void {
    if (hook !== undefined) void this.hooks.news(hook).catch(() => {});
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
    this.emitter.emit(kind, name, errno);
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
    this.emitter.emit('failed', error);
    void this.close((device) => device.close());
  }

  private makeNews({ world }: Required<SwitchOptions>): SwitchNews {
    const { compiler, counters, open } = this;
    return new SwitchNews(
      this.emitter,
      {
        compiler,
        counters,
        config: () => this.whole,
        portsDigest: () => open.digest(),
        guest: (port) => open.devices.get(port)?.guest?.(),
        portStates: () => open.states(),
      },
      world,
    );
  }

  private makeServices({ leases, stateDirectory }: Required<SwitchOptions>): Services {
    const { compiler, open, plane, counters, origin, news } = this;
    return new Services({
      compiler,
      open,
      plane,
      counters,
      leases,
      stateDirectory,
      origin,
      deeds: this,
      reconfiguration: () => this.reconfiguration,
      routerTable: () => this.topology.routers,
      enqueue: (task) => this.enqueue(task),
      tell: (fact) => this.tell(fact),
      neighbour: (change) => {
        news.neighbour(change);
        this.emitter.emit('neighbor', change);
      },
    });
  }

  private makeReconfiguration({ keeper }: Required<SwitchOptions>): Reconfiguration {
    const { compiler, plane, open, topologies, services, captures, news } = this;
    const effective = (config: SwitchConfig) => services.effective(config);
    return new Reconfiguration(
      { compiler, plane, open, topologies, keeper, effective },
      {
        update: (config) => services.update(config),
        changed: () => captures.select(),
        forgot: (port) => {
          news.forget(port);
          services.stp.forget(port);
        },
      },
    );
  }

  private linkSockets(): void {
    const { plane, open, news, reconfiguration, services } = this;
    open.socketPorts.links = socketLinks({
      plane,
      events: news,
      reconfiguration,
      enqueue: (task) => this.enqueue(task),
      isClosed: () => this.isClosed,
      linkChanged: (port) => services.linkChanged(port),
    });
  }

  private makeReconciler(): Reconciler {
    const { open, news, services } = this;
    return new Reconciler({
      open,
      reconfiguration: () => this.reconfiguration,
      enqueue: (task) => this.enqueue(task),
      isClosed: () => this.isClosed,
      news,
      linkChanged: (port) => services.linkChanged(port),
      addressGone: (address) => services.network.addressGone(address),
    });
  }

  private makeHooks({ threaded, hooksDirectory, hooks }: Required<SwitchOptions>): HookService {
    const { plane, compiler } = this;
    return new HookService({
      plane,
      numbers: compiler.hooks,
      directory: hooksDirectory,
      functions: hooks,
      noFunctions: threaded
        ? 'function: one cannot go to another thread: write a module, or open the switch with { threaded: false }'
        : undefined,
      tell: (fact) => this.tell(fact),
    });
  }

  private makeTracing({ memory }: Counters): Tracing {
    const { plane, compiler, services, open, hooks, origin, reconfiguration } = this;
    return new Tracing({
      gauges: memory,
      neighbours: plane.neighbours.memory,
      config: () => this.effective,
      topology: () => this.topology,
      portNumber: (port) => compiler.ports.find(port),
      remoteRow: (port, address) => compiler.remoteRow(port, address),
      names: (remotes) => {
        const { whole: config } = this;
        const { states } = reconfiguration.facts;
        return traceNames({ compiler, config, states, open, hooks, origin }, remotes);
      },
      request: (body) => plane.request(body),
      groups: (bridge) => services.snooping.published(bridge),
      enqueue: (task) => this.enqueue(task),
      isClosed: () => this.isClosed,
    });
  }

  private tell(fact: EventFact): void {
    this.news.add(fact);
  }
}
