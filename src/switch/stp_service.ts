// Spanning tree in a switch: tells the trees which ports there are and whether they are up, carries out what they decide, and
// calls them when something is due. Until the data plane has a host for protocols (`attach`), ports stay closed.

import { readFileSync } from 'node:fs';
import type { StpChange, StpPortStatus, StpStatus } from '../api.ts';
import type { PortState } from '../compile/overlay.ts';
import { portViews } from '../compile/port_view.ts';
import { stableMac } from '../config/defaults.ts';
import { type BridgeConfig, EMPTY_CONFIG, type SwitchConfig } from '../config/schema.ts';
import { bridgeStp, isStpOn, portStp } from '../config/stp.ts';
import { isProvider } from '../config/vlan_protocol.ts';
import type { Host } from '../protocol/host.ts';
import { SpanningTrees } from '../protocol/stp/spanning_trees.ts';
import type { StpBridgeSpec, StpPortSpec } from '../protocol/stp/tree_of_bridge.ts';
import { monotonicMs } from '../sys/clock.ts';
import { isLinkUp, type LinkFacts } from './link_up.ts';
import type { Service, Surroundings } from './service.ts';
import { MACHINE, type World } from './world.ts';

/** How late a link that changed may be noticed where the kernel does not tell, ms. */
const LINK_CHECK = 1_000;

/** What it does for the trees. */
export interface StpDeeds {
  setPortState(port: string, vlan: undefined, state: PortState): Promise<void>;
  flush(filter: { bridge: string; port: string }): Promise<number>;
}

interface Seen {
  readonly isUp: boolean;
  readonly mac: string | undefined;
}

export class StpService implements Service {
  private readonly facts: LinkFacts;
  private readonly deeds: StpDeeds;
  private readonly tell: (change: StpChange) => void;
  private trees: SpanningTrees | undefined;
  private config: SwitchConfig = EMPTY_CONFIG;
  /** By bridge and port, when the trees were told last. */
  private readonly seen = new Map<string, Seen>();
  private readonly speeds = new Map<string, number | undefined>();
  private timer: NodeJS.Timeout | undefined;
  private hasTimer = false;
  private world: World = MACHINE;
  private lookedAt = 0;
  private nextAt = Number.POSITIVE_INFINITY;
  /** The time of whoever polls, if somebody does. */
  private polledAt: number | undefined;

  constructor(facts: LinkFacts, deeds: StpDeeds, tell: (change: StpChange) => void) {
    this.facts = facts;
    this.deeds = deeds;
    this.tell = tell;
  }

  attach(host: Host, { threaded, world }: Surroundings): void {
    this.world = world;
    const { deeds } = this;
    this.hasTimer = threaded;
    this.trees = new SpanningTrees(
      host,
      {
        setState: (port, state) => deeds.setPortState(port, undefined, state),
        flush: (bridge, port) => deeds.flush({ bridge, port }),
        tell: this.tell,
      },
      () => this.now(),
      () => this.wait(),
    );
    this.look();
  }

  /** The configuration in force; also before ports go. */
  update(config: SwitchConfig): void {
    this.config = config;
    this.look();
  }

  /** Something about a port's interface has changed, or it is disabled, or no longer. */
  linkChanged(port: string): void {
    this.speeds.delete(port);
    if (this.isOn) this.look();
  }

  /** The port's device is another one, or gone. */
  forget(port: string): void {
    this.speeds.delete(port);
    this.trees?.forget(port);
  }

  /** By hand: a port that BPDU guard closed takes part again. False if it does already. */
  release(port: string): boolean {
    const wasClosed = this.trees?.release(port, this.now()) ?? false;
    if (wasClosed) this.wait();
    return wasClosed;
  }

  poll(now?: number): void {
    if (this.trees === undefined || this.hasTimer) return;
    this.polledAt = now ?? monotonicMs();
    if (this.polledAt >= this.nextAt) this.tick();
  }

  bridgeStatus(bridge: string): StpStatus | undefined {
    return this.trees?.status(bridge, this.now());
  }

  portStatus(port: string): StpPortStatus | undefined {
    return this.trees?.portStatus(port, this.now());
  }

  deadline(): number {
    return this.nextAt;
  }

  close(): void {
    clearTimeout(this.timer);
    this.trees?.close();
    this.trees = undefined;
  }

  private get isOn(): boolean {
    return Object.values(this.config.bridges).some(isStpOn);
  }

  private now(): number {
    return this.polledAt ?? monotonicMs();
  }

  private tick(): void {
    this.timer = undefined;
    const now = this.now();
    this.trees?.tick(now);
    if (now >= this.nextLook()) {
      this.lookedAt = now;
      this.lookAtLinks();
      if (this.haveLinksChanged()) {
        this.look();
        return;
      }
    }
    this.wait();
  }

  private lookAtLinks(): void {
    this.facts.linkWatch.lookUp();
    this.facts.linkWatch.lookAtOne();
  }

  private haveLinksChanged(): boolean {
    for (const name of this.seen.keys()) {
      const { isUp, mac } = this.seen.get(name) as Seen;
      if (isUp !== isLinkUp(this.facts, name) || mac !== this.facts.devices.get(name)?.mac) return true;
    }
    return false;
  }

  /** What the trees go by and may change without news. */
  private see(name: string): void {
    this.seen.set(name, { isUp: isLinkUp(this.facts, name), mac: this.facts.devices.get(name)?.mac });
  }

  private look(): void {
    if (this.trees === undefined) return;
    const now = this.now();
    this.lookedAt = now;
    if (this.isOn) this.lookAtLinks();
    this.seen.clear();
    this.trees.setBridges(
      Object.entries(this.config.bridges).flatMap(([name, bridge]) => this.spec(name, bridge)),
      now,
    );
    this.trees.tick(now);
    this.wait();
  }

  private wait(): void {
    if (this.trees === undefined) return;
    const nextAt = Math.min(this.trees.deadline(), this.isOn ? this.nextLook() : Number.POSITIVE_INFINITY);
    const isArmed = this.timer !== undefined && nextAt === this.nextAt;
    this.nextAt = nextAt;
    if (isArmed) return;
    clearTimeout(this.timer);
    this.timer = undefined;
    if (!this.hasTimer || nextAt === Number.POSITIVE_INFINITY) return;
    this.timer = setTimeout(() => this.tick(), Math.max(1, Math.ceil(nextAt - monotonicMs())));
    this.timer.unref();
  }

  /** On the second, as hellos are: a switch that idles wakes up once for both. */
  private nextLook(): number {
    return (Math.floor(this.lookedAt / LINK_CHECK) + 1) * LINK_CHECK;
  }

  private spec(name: string, bridge: BridgeConfig): StpBridgeSpec[] {
    const { protocol, priority, hello_time, max_age, forward_delay } = bridgeStp(bridge);
    if (protocol === 'off') return [];
    const mac = this.facts.devices.get(name)?.mac ?? stableMac(name, this.world.machine);
    this.see(name);
    const first = bridge.local === false ? 1 : 0;
    return [
      {
        name,
        protocol,
        priority,
        mac,
        isProvider: isProvider(bridge),
        helloTime: hello_time * 1000,
        maxAge: max_age * 1000,
        forwardDelay: forward_delay * 1000,
        ports: portViews(name, bridge).flatMap((view, place) =>
          view.isInTree ? this.portSpec(view.name, place + first, bridge, mac) : [],
        ),
      },
    ];
  }

  private portSpec(name: string, number: number, bridge: BridgeConfig, bridgeMac: string): StpPortSpec[] {
    this.see(name);
    const device = this.facts.devices.get(name);
    if (device === undefined) return []; // it is missing
    const config = bridge.ports[name];
    const isTap = config.type !== 'af_packet';
    const speed = isTap ? undefined : this.speedOf(name, config.netns ?? '', config.interface ?? name);
    const stp = portStp(config, bridgeStp(bridge), speed);
    return [
      {
        name,
        number,
        priority: stp.priority,
        cost: stp.cost,
        edge: stp.edge,
        pointToPoint: stp.point_to_point,
        guard: new Set(stp.guard),
        isUp: isLinkUp(this.facts, name),
        // A TAP's address is that of its other end, and programs there drop what seems to come from themselves.
        mac: (isTap ? undefined : device.mac) ?? bridgeMac,
      },
    ];
  }

  /** Mb/s, as long as the link does not change. The kernel tells it of interfaces in this namespace only. */
  private speedOf(port: string, netns: string, device: string): number | undefined {
    if (netns !== '') return undefined;
    if (!this.speeds.has(port)) this.speeds.set(port, readSpeed(device));
    return this.speeds.get(port);
  }
}

function readSpeed(device: string): number | undefined {
  try {
    const speed = Number.parseInt(readFileSync(`/sys/class/net/${device}/speed`, 'latin1'), 10);
    return speed > 0 ? speed : undefined;
  } catch {
    return undefined;
  }
}
