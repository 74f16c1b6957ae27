// The switch: one configuration in force, the devices that it needs, and a data plane that forwards between them.
//
//   apply(next):  diff -> plan -> delete (data plane lets go, then devices close)
//                              -> open new devices -> compile -> data plane takes over -> configuration in force
//
// Changes queue up and are carried out one after the other. An action that fails is reported and left out; the switch
// goes on with the others.

import { randomFillSync } from 'node:crypto';
import { EventEmitter } from 'node:events';
import { setImmediate as breath } from 'node:timers/promises';
import type {
  BridgeStatus,
  Capture,
  CaptureOptions,
  FdbEntry,
  FdbFilter,
  LastDrop,
  LldpNeighbor,
  LldpPortStatus,
  PollFrames,
  PollGap,
  PortStatus,
  SwitchApi,
  SwitchEvents,
  Trace,
  TraceLiveOptions,
  TraceOptions,
} from '../api.ts';
import { Compiler, stateFlags } from '../compile/compiler.ts';
import { type PortState, PortStates } from '../compile/overlay.ts';
import { portViews } from '../compile/port_view.ts';
import type { Action, ActionResult } from '../config/action.ts';
import { effectiveMtus } from '../config/defaults.ts';
import { diff } from '../config/diff.ts';
import { inForce } from '../config/in_force.ts';
import { parsePath } from '../config/path.ts';
import { portOf, refuse, refuseDependents } from '../config/refuse.ts';
import { EMPTY_CONFIG, parseConfig, type SwitchConfig } from '../config/schema.ts';
import type { Device } from '../device/device.ts';
import { LinkWatch } from '../device/link_watch.ts';
import { PortMtus } from '../device/mtus.ts';
import { openDevice } from '../device/open_device.ts';
import { Tunnels } from '../device/tunnels.ts';
import { storeState, type Topology } from '../engine/topology.ts';
import { TaploomError } from '../error.ts';
import type { Author } from '../event.ts';
import { MAX_PORTS, NOBODY } from '../frame/hop.ts';
import type { MemoryPort } from '../port/memory.ts';
import { closeFdAside } from '../sys/wake.ts';
import { Counters, MAX_BRIDGES } from '../table/counters.ts';
import type { Answer, Change, Failed, News } from '../worker/messages.ts';
import { type PlaneClient, withdraw } from '../worker/plane_client.ts';
import { openPlane } from '../worker/workers_plane.ts';
import { bridgeStatuses } from './bridge_status.ts';
import { CaptureRegistry } from './captures.ts';
import { CounterView } from './counter_view.ts';
import { decodePage, domainsOf, macOf, matcher } from './fdb_view.ts';
import { LldpService } from './lldp_service.ts';
import { optionsOf, type SwitchOptions } from './options.ts';
import { portNames } from './port_names.ts';
import { portStatuses } from './port_status.ts';
import { SwitchHost } from './switch_host.ts';
import { type PortGlance, SwitchNews } from './switch_news.ts';
import { traceNames } from './trace_names.ts';
import { Tracing } from './tracing.ts';

export class Switch extends EventEmitter<SwitchEvents> implements SwitchApi, AsyncDisposable {
  private current: SwitchConfig = EMPTY_CONFIG;
  private readonly compiler = new Compiler();
  private readonly counters: CounterView;
  private readonly tunnels = new Tunnels();
  /** By port name; a bridge's local interface has the bridge's. */
  private readonly devices = new Map<string, Device>();
  private readonly mtus = new PortMtus(this.devices);
  private readonly goneNames = new Set<string>();
  private readonly linkWatch = new LinkWatch(this.devices);
  private readonly plane: PlaneClient;
  private readonly captures: CaptureRegistry;
  private readonly lldpService: LldpService;
  /** What protocols find out about ports, and topologies that are in force, or will be in a moment. */
  private readonly states = new PortStates();
  private readonly topologies: Topology[];
  readonly host: SwitchHost;
  readonly events: SwitchNews;
  private readonly tracing: Tracing;
  private queue: Promise<unknown> = Promise.resolve();
  private isClosed = false;
  /** The configured remotes that the data plane has; undefined if that is uncertain. */
  private remotesKey: string | undefined = '';

  private constructor({ threaded, workers }: Required<SwitchOptions>) {
    super();
    const counters = Array.from({ length: workers }, () => Counters.allocate(MAX_PORTS, MAX_BRIDGES));
    this.counters = new CounterView(counters);
    this.events = new SwitchNews(this, {
      compiler: this.compiler,
      counters: this.counters,
      config: () => this.current,
      portsDigest: () => this.portsDigest(),
      portStates: () => this.portStates(),
    });
    const seed = randomFillSync(new Int32Array(4));
    const { topology } = this.compiler.compile(EMPTY_CONFIG);
    const onNews = (news: News) => this.tell(news);
    this.topologies = [topology];
    this.plane = openPlane(threaded, counters, topology, seed, onNews, (error) => this.fail(error));
    this.captures = new CaptureRegistry(
      this.plane,
      portNames(this.compiler, () => this.current),
      workers,
    );
    const { devices, mtus, goneNames, linkWatch } = this;
    this.lldpService = new LldpService(
      { devices, mtus, goneNames, linkWatch, counters: this.counters },
      (change) => {
        this.events.neighbour(change);
        this.emit('neighbor', change);
      },
    );
    const { plane, compiler } = this;
    this.host = new SwitchHost({
      toHost: plane.toHost,
      fromHost: (port) => plane.fromHost(port),
      wake: (port) => plane.wake(port),
      numberOf: (port) => compiler.ports.find(port),
      nameOf: (port) => compiler.ports.name(port),
      vlanOf: (domain) => compiler.domain(domain)?.vid ?? 0,
    });
    this.lldpService.attach(this.host, { threaded });
    this.tracing = new Tracing({
      gauges: counters[0].memory,
      config: () => this.current,
      topology: () => this.topologies[this.topologies.length - 1],
      portNumber: (port) => compiler.ports.find(port),
      remoteRow: (port, address) => compiler.remoteRow(port, address),
      names: (remotes) => {
        const { states, devices, linkWatch, goneNames: gone, current: config } = this;
        return traceNames({ compiler, config, states, devices, linkWatch, gone }, remotes);
      },
      request: (body) => plane.request(body),
      enqueue: (task) => this.enqueue(task),
      isClosed: () => this.isClosed,
    });
  }

  /**
   * Opens a switch and brings `config` into force.
   * @throws ConfigError with all problems, or TaploomError if any part of it could not be carried out; then nothing is
   * left behind
   */
  static async open(config: unknown, options: SwitchOptions = {}): Promise<Switch> {
    parseConfig(config);
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
    return this.current;
  }

  plan(next: unknown): Action[] {
    return diff(this.current, parseConfig(next));
  }

  apply(next: unknown, by: Author = { kind: 'program' }): Promise<ActionResult[]> {
    return this.enqueue(async () => {
      const results = await this.carryOut(parseConfig(next));
      this.events.applied(by, results);
      return results;
    });
  }

  /** Inline switches only: forwards what is there, sleeping at most `patience` ms. `now` (ms) overrides the clock. */
  poll(patience = 0, now?: number): void {
    this.plane.poll(patience, now);
    this.lldpService.poll(now);
  }

  /**
   * For protocols: what a port may do, in one VLAN or in all. Survives reconfigurations, as long as there is such a port.
   * Resolves when no frame goes by the old state any more.
   * @throws TaploomError `no_such_port`
   */
  async setPortState(port: string, vlan: number | undefined, state: PortState): Promise<void> {
    const number = this.compiler.ports.find(port);
    if (number === undefined) throw new TaploomError('no_such_port', `There is no port ${port}`);
    this.states.set(port, vlan, state);
    const view = Object.entries(this.current.bridges)
      .flatMap(([bridge, config]) => portViews(bridge, config))
      .find(({ name }) => name === port);
    const flags = stateFlags(state, view?.learning ?? true);
    for (const topology of this.topologies) storeState(topology, number, vlan, flags);
    await this.plane.request({ kind: 'barrier' });
  }

  /** Your end of a memory port. */
  memoryPort(name: string): MemoryPort {
    const memory = this.devices.get(name)?.memory;
    if (memory === undefined) throw new TaploomError('no_such_port', `There is no memory port ${name}`);
    return memory;
  }

  bridges(): BridgeStatus[] {
    return bridgeStatuses(this.current, this.compiler, this.counters, (name) => this.devices.get(name)?.mac);
  }

  ports(): PortStatus[] {
    const { compiler, counters, devices, mtus, goneNames, linkWatch } = this;
    linkWatch.look((name, up) => {
      const index = compiler.ports.find(name);
      return up !== false && index !== undefined && !counters.isUp(index);
    });
    const facts = { compiler, counters, devices, mtus, goneNames, linkWatch };
    return portStatuses(this.current, facts);
  }

  portsDigest(): string {
    const { counters, devices, goneNames, linkWatch } = this;
    linkWatch.lookUp();
    linkWatch.lookAtOne();
    let states = '';
    const ports: number[] = [];
    for (const [name, { spec }] of devices) {
      ports.push(spec.port);
      const isUp = linkWatch.isUp(name) ?? counters.isUp(spec.port);
      states += goneNames.has(name) ? 'g' : isUp ? 'u' : 'd';
    }
    return `${states} ${counters.dropTotal(ports)}`;
  }

  unassignedDrops(): Record<string, number> {
    return this.counters.drops(NOBODY, 'receive');
  }

  async *fdb(filter: FdbFilter = {}): AsyncGenerator<FdbEntry[]> {
    const matches = matcher(filter);
    let from = 0;
    while (from >= 0) {
      const page: Answer = await this.plane.request({ kind: 'read', from });
      if (page.kind !== 'page') return;
      yield decodePage(page, this.compiler, this.current).filter(matches);
      from = page.next;
    }
  }

  async flush(filter: FdbFilter = {}): Promise<number> {
    const domains = domainsOf(filter, this.compiler, this.current);
    const port = filter.port === undefined ? 0 : this.compiler.ports.find(filter.port);
    if (port === undefined) throw new TaploomError('no_such_port', `There is no port ${filter.port}`);
    const mac = filter.mac === undefined ? { hi: 0, lo: 0 } : macOf(filter.mac);
    // To the data plane a zero address means every address.
    if (filter.mac !== undefined && mac.hi === 0 && mac.lo === 0) return 0;
    const answer = await this.plane.request({ kind: 'flush', domains, port, ...mac });
    return answer.kind === 'flushed' ? answer.count : 0;
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

  lldp(): LldpNeighbor[] {
    return this.lldpService.neighbors();
  }

  lldpPorts(): LldpPortStatus[] {
    return this.lldpService.ports();
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
      await this.captures.close();
      this.lldpService.close();
      this.host.close();
      await this.tracing.close();
      await this.plane.close();
      for (const [name, device] of this.devices) {
        this.forget(name);
        await end(device);
        await breath();
      }
      for (const { fd } of this.tunnels.takeRemoved()) await closeFdAside(fd);
      this.events.close();
    });
  }

  private enqueue<T>(task: () => Promise<T>): Promise<T> {
    const result = this.queue.then(task);
    this.queue = result.catch(() => {});
    return result;
  }

  private async carryOut(next: SwitchConfig): Promise<ActionResult[]> {
    if (this.isClosed) throw new TaploomError('closed', 'The switch is closed');
    const plan = diff(this.current, next);
    const results: ActionResult[] = plan.map((action) => ({ ...action, ok: true }));
    if (plan.length === 0) return results;

    const deletions = plan.filter(({ op }) => op === 'delete');
    if (deletions.length > 0) {
      // Throws if there is too much of anything, before the first thing is deleted.
      this.compiler.check(next);
      await this.detach(inForce(this.current, next, deletions));
    }

    const added = await this.openDevices(next, results);
    refuseDependents(results, next);
    for (const { ok, op, kind, path } of results) {
      if (!ok && op === 'add' && kind === 'port') await this.undo(portOf(path), added);
    }
    const before = this.current;
    const done = results.filter(({ ok }) => ok);
    const config = inForce(before, next, done);
    let failed: Failed[];
    try {
      await this.mtus.adjust(config, results, (port) => this.goneNames.has(port));
      failed = await this.commit(config, [], [...added.values()]);
    } catch (error) {
      await withdraw(
        this.plane,
        [...added.values()].map(({ spec }) => spec.port),
      );
      for (const name of added.keys()) await this.undo(name, added);
      throw error;
    }
    if (failed.length > 0) {
      const sound = new Set(results.filter(({ ok }) => ok));
      for (const { port, message } of failed) {
        const name = this.compiler.ports.name(port) as string;
        const own = results.find(
          ({ op, kind, path }) => op === 'add' && kind === 'port' && portOf(path) === name,
        );
        if (own) refuse(own, new TaploomError('device_failed', `Cannot attach port ${name}: ${message}`));
        await this.undo(name, added);
      }
      refuseDependents(results, next);
      const rest = done.filter((result) => result.ok || !sound.has(result));
      await this.detach(inForce(before, next, rest));
    }
    this.lldpService.update(this.current);
    return results;
  }

  private async undo(name: string, added: Map<string, Device>): Promise<void> {
    const device = added.get(name);
    if (device === undefined) return;
    added.delete(name);
    this.forget(name);
    await device.undo();
    await breath();
  }

  private forget(name: string): void {
    this.devices.delete(name);
    this.mtus.forget(name);
    this.goneNames.delete(name);
    this.states.forget(name);
    this.linkWatch.forget(name);
    this.events.forget(name);
  }

  /** Brings `config`, which is the current one less something, into force, and closes what is no longer in it. */
  private async detach(config: SwitchConfig): Promise<void> {
    const kept = new Set(
      Object.entries(config.bridges).flatMap(([n, b]) => portViews(n, b).map((v) => v.name)),
    );
    const removed = [...this.devices.keys()].filter((name) => !kept.has(name));
    const devices = removed.map((name) => this.devices.get(name) as Device);
    // Tunnels tell in `close` which sockets nobody uses any more: first the data plane lets go of them.
    const tunnels = devices.filter(({ spec }) => spec.kind === 'vxlan');
    this.lldpService.update(config);
    await this.commit(config, devices, []);
    for (const device of tunnels) await device.close();
    const vteps = this.tunnels.takeRemoved();
    if (vteps.length > 0) await this.commit(config, [], [], vteps);
    for (const { fd } of vteps) await closeFdAside(fd);
    for (const [n, device] of devices.entries()) {
      this.forget(removed[n]);
      if (device.spec.kind === 'vxlan') continue;
      await device.close();
      await breath();
    }
  }

  private async commit(
    config: SwitchConfig,
    removed: Device[],
    added: Device[],
    removedVteps: { vtep: number }[] = [],
  ): Promise<Failed[]> {
    const macs = new Map<string, string>();
    for (const bridge of Object.keys(config.bridges)) {
      const mac = this.devices.get(bridge)?.mac;
      if (mac !== undefined) macs.set(bridge, mac);
    }
    const overlay = { localMacs: macs, ownedMtus: this.mtus.owned(), states: this.states };
    const { topology, remotes } = this.compiler.compile(config, overlay);
    this.topologies.push(topology);
    // The table of remotes is rebuilt as a whole, so it is left alone while nothing about it changes.
    const remotesKey = remotes.map(({ row, port, address }) => `${row} ${port} ${address}`).join();
    const areRemotesSame = remotesKey === this.remotesKey && removed.length === 0;
    this.remotesKey = undefined;
    const change: Change = {
      topology,
      removedPorts: removed.map(({ spec }) => spec.port),
      removedVteps: removedVteps.map(({ vtep }) => vtep),
      addedVteps: this.tunnels.takeAdded(),
      added: added.map(({ spec }) => spec),
      remotes: areRemotesSame ? null : remotes,
    };
    const answer = await this.plane.request({ kind: 'change', change });
    // Of those that could be in force until now, the last one is.
    this.topologies.splice(0, this.topologies.length - 1);
    this.remotesKey = remotesKey;
    this.current = config;
    this.captures.select();
    return answer.kind === 'done' ? answer.failed : [];
  }

  /** One after the other with a breath between them: the kernel takes its time, and others want to be served. */
  private async openDevices(next: SwitchConfig, results: ActionResult[]): Promise<Map<string, Device>> {
    const added = new Map<string, Device>();
    const mtus = new Map<string, Map<string, number>>();
    for (const result of results.filter(({ op, kind }) => op === 'add' && kind === 'port')) {
      const [, bridge, kind] = parsePath(result.path) as string[];
      const name = portOf(result.path);
      const ofBridge = mtus.get(bridge) ?? effectiveMtus(next, bridge);
      mtus.set(bridge, ofBridge);
      const mtu = ofBridge.get(name) as number;
      const { local, ports } = next.bridges[bridge];
      try {
        const number = this.compiler.ports.number(name);
        const config =
          kind === 'local' && local !== false ? { type: 'local' as const, ...local } : ports[name];
        const wake = () => this.plane.wake(number);
        const device = await openDevice({ number, name, config, mtu }, this.devices, this.tunnels, wake);
        added.set(name, device);
        this.devices.set(name, device);
        this.mtus.set(name, ports[name]?.mtu ?? device.ownMtu ?? mtu);
      } catch (error) {
        refuse(result, error);
      }
      await breath();
    }
    return added;
  }

  /** As of the last look, by the port's number in the data plane. */
  private *portStates(): Generator<PortGlance> {
    const { counters, goneNames, linkWatch } = this;
    for (const [port, { spec }] of this.devices) {
      const isUp = linkWatch.isUp(port) ?? counters.isUp(spec.port);
      yield { port, number: spec.port, state: goneNames.has(port) ? 'gone' : isUp ? 'up' : 'down' };
    }
  }

  private tell({ kind, port, errno }: News): void {
    const name = this.compiler.ports.name(port);
    if (name === undefined) return;
    if (kind === 'gone') {
      this.goneNames.add(name);
      this.events.gone(name);
    }
    this.emit(kind, name, errno);
  }

  private fail(error: Error): void {
    this.emit('failed', error);
    void this.close();
  }
}
