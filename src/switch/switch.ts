// The switch: one configuration in force, and a data plane that forwards between its devices. A facade: what it does is
// done by the parts of its control plane (control_plane.ts); what it shows are views of them.

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
import type { Compiler } from '../compile/compiler.ts';
import type { PortState } from '../compile/overlay.ts';
import type { Action, ActionResult } from '../config/action.ts';
import { stableMac } from '../config/defaults.ts';
import { diff } from '../config/diff.ts';
import {
  parseConfig,
  parseConfigBreathing,
  type SwitchConfig,
  type SwitchConfigInput,
} from '../config/schema.ts';
import { TaploomError } from '../error.ts';
import type { Events } from '../event.ts';
import { NOBODY } from '../frame/hop.ts';
import type { MemoryPort } from '../port/memory.ts';
import { Plug, type Device as UserDevice } from '../port/plug.ts';
import type { Host } from '../protocol/host.ts';
import { monotonicMs } from '../sys/clock.ts';
import type { PlaneClient } from '../worker/plane_client.ts';
import { AclView } from './acl_view.ts';
import { bridgeStatuses } from './bridge_status.ts';
import { ControlPlane } from './control_plane.ts';
import type { CounterView } from './counter_view.ts';
import { readFdb } from './fdb_access.ts';
import type { OpenPorts } from './open_ports.ts';
import { optionsOf, type SwitchOptions } from './options.ts';
import { PolicyView } from './policy_view.ts';
import { portStatuses } from './port_status.ts';
import { QosView } from './qos_view.ts';
import { Routing } from './routing.ts';
import type { Services } from './services.ts';
import { homeOf, noSuchPort, type PortInput, requireAll, SwitchPort, withPort } from './switch_port.ts';
import { tenantStatuses } from './tenants_view.ts';
import { MACHINE, type World } from './world.ts';

/** A virtual Ethernet switch: opened with a configuration, changed by `apply`, looked at, and closed. Many may live in one process. */
export class Switch extends EventEmitter<SwitchEvents> implements SwitchApi, AsyncDisposable {
  private readonly world: World;
  private readonly control: ControlPlane;
  /** Parts of it that answer most questions. */
  private readonly compiler: Compiler;
  private readonly counters: CounterView;
  private readonly open: OpenPorts;
  private readonly plane: PlaneClient;
  private readonly services: Services;
  readonly routing: RoutingApi;
  private readonly qosView = new QosView();
  readonly policy: PolicyApi;
  readonly acls: AclApi;
  /** For protocols of your own: frames that are taken out for you, and frames of yours. */
  readonly host: Host;
  readonly events: Events;

  private constructor(options: Required<SwitchOptions>) {
    super();
    const { world } = options;
    const control = new ControlPlane(this, options);
    const { compiler, counters, open, plane, services, origin } = control;
    this.world = world;
    this.control = control;
    this.compiler = compiler;
    this.counters = counters;
    this.open = open;
    this.plane = plane;
    this.services = services;
    this.host = control.host;
    this.events = control.news;
    const config = () => control.whole;
    this.routing = new Routing({
      compiler,
      counters,
      neighbours: plane.neighbours,
      service: services.router,
      world,
      config: () => control.effective,
      table: () => control.topology.routers,
    });
    this.policy = new PolicyView({ compiler, config, table: () => control.topology.policy });
    this.acls = new AclView({ compiler, config, table: () => control.topology.acls, origin });
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
      await taploom.control.close((device) => device.undo());
      throw error;
    }
    return taploom;
  }

  get config(): SwitchConfig {
    return this.control.reconfiguration.desired;
  }

  plan(next: SwitchConfigInput): Action[] {
    return diff(this.config, parseConfig(next));
  }

  apply(next: SwitchConfigInput, options?: ApplyOptions): Promise<ActionResult[]> {
    return this.control.change(() => next, options);
  }

  /** `apply` of what `edit` makes of the wanted configuration, of which it gets a copy: no change in between is lost. */
  change(edit: (config: SwitchConfig) => SwitchConfigInput, options?: ApplyOptions): Promise<ActionResult[]> {
    return this.control.change((config) => edit(structuredClone(config)), options);
  }

  /** Inline switches only: forwards what is there, sleeping at most `patience` ms. `now` (ms) overrides the clock. */
  poll(patience = 0, now?: number): void {
    const { host, news } = this.control;
    const time = now ?? (this.world === MACHINE ? undefined : this.world.now());
    this.plane.poll(patience, time);
    // Once for all of them: a look at the clock is 0.1 us.
    const at = time ?? monotonicMs();
    this.services.poll(at);
    host.poll();
    if (this.world !== MACHINE) news.look({ now: time });
  }

  /** Inline switches only: when `poll` has something to do by itself, ms; frames that come in are not foreseen. */
  deadline(): number {
    return Math.min(this.plane.deadline(), this.services.deadline());
  }

  /** Resolves when no change of the configuration is under way. */
  settled(): Promise<void> {
    return this.control.settled();
  }

  /**
   * For protocols: what a port may do, in one VLAN or in all. Survives reconfigurations, as long as there is such a port.
   * Resolves when no frame goes by the old state any more.
   * @throws TaploomError `no_such_port`
   */
  setPortState(port: string, vlan: number | undefined, state: PortState): Promise<void> {
    return this.control.setPortState(port, vlan, state);
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
      this.control.whole,
      this.compiler,
      this.counters,
      (name) => this.open.devices.get(name)?.mac ?? stableMac(name, this.world.machine),
      (name) => this.services.stp.bridgeStatus(name),
    );
  }

  ports({ look = true }: { look?: boolean } = {}): PortStatus[] {
    if (look) this.open.look();
    return portStatuses(
      this.control.whole,
      this.compiler,
      this.open,
      (port) => this.services.stp.portStatus(port),
      (name) => this.services.aggregate.status(name),
      (bridge, port) => this.control.hooks.ofPort(bridge, port),
    );
  }

  portsDigest(): string {
    return this.open.digest();
  }

  unassignedDrops(): Record<string, number> {
    return this.counters.drops(NOBODY, 'receive');
  }

  fdb(filter: FdbFilter = {}): AsyncGenerator<FdbEntry[]> {
    return readFdb(this.plane, this.compiler, () => this.control.whole, filter);
  }

  flush(filter: FdbFilter = {}): Promise<number> {
    return this.control.flush(filter);
  }

  enablePort(port: string): Promise<boolean> {
    const { control, services } = this;
    return control.enqueue(async () => {
      const [bridge] =
        Object.entries(control.whole.bridges).find(([, { ports }]) => Object.hasOwn(ports, port)) ?? [];
      if (bridge === undefined) throw new TaploomError('no_such_port', `There is no port ${port}`);
      const isOpened = services.stp.release(port);
      const isEnabled = (await services.portGuard.release(port)) || isOpened;
      if (isEnabled) control.news.add({ type: 'port', change: 'enabled', bridge, port });
      return isEnabled;
    });
  }

  /** Events by their names, one after the other, until the loop ends or the switch is closed: `for await`. */
  watch<Name extends EventName>(...names: Name[]): AsyncIterableIterator<NamedEvent<Name>> {
    return this.control.news.stream(names);
  }

  pollGap(): PollGap {
    return this.counters.pollGap();
  }

  pollFrames(): PollFrames {
    return this.counters.pollFrames();
  }

  capture(options: CaptureOptions = {}): Promise<Capture> {
    return this.control.captures.start(options);
  }

  lastDrops(): Promise<LastDrop[]> {
    return this.control.captures.lastDrops();
  }

  /** Resolves when every worker has answered: none of them hangs. */
  async answers(): Promise<void> {
    await this.plane.request({ kind: 'barrier' });
  }

  qos(): QosStatus {
    const { reconfiguration, topology } = this.control;
    return this.qosView.status(this.compiler, this.services.effective(reconfiguration.config), topology);
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
    return this.control.tracing.trace(options);
  }

  traceLive(options: TraceLiveOptions): Promise<Trace[]> {
    return this.control.tracing.traceLive(options);
  }

  /** Stops forwarding and closes every device that the switch opened. Safe to call twice. */
  close(): Promise<void> {
    return this.control.close((device) => device.close());
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
