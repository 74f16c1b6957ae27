// Aggregates of a switch: tells the protocol which there are and what their links are like, and calls it when something is
// due. What it finds out about members goes to the data plane.

import type { AggregateStatus } from '../api.ts';
import { stableMac } from '../config/defaults.ts';
import { type AggregatePortConfig, EMPTY_CONFIG, type SwitchConfig } from '../config/schema.ts';
import type { MemberFact } from '../event.ts';
import type { Host } from '../protocol/host.ts';
import { type AggregateSpec, Aggregation, type Distribution } from '../protocol/lacp/aggregation.ts';
import { monotonicMs } from '../sys/clock.ts';
import type { OpenPorts } from './open_ports.ts';
import type { Service, Surroundings } from './service.ts';
import { MACHINE, type World } from './world.ts';

/** How late the end of a link may be noticed that the kernel does not tell of, ms. */
const LINK_CHECK = 1_000;

export interface AggregateListener {
  distribute(aggregate: string, distribution: Distribution): void;
  tell(fact: MemberFact): void;
}

export class AggregateService implements Service {
  private readonly open: OpenPorts;
  private readonly listener: AggregateListener;
  private aggregation: Aggregation | undefined;
  private config: SwitchConfig = EMPTY_CONFIG;
  private timer: NodeJS.Timeout | undefined;
  private hasTimer = false;
  private world: World = MACHINE;
  private nextAt = Number.POSITIVE_INFINITY;
  /** The time of whoever polls, if somebody does. */
  private polledAt: number | undefined;
  private tickedAt = 0;
  /** By aggregate and member, as told. */
  private readonly told = new Map<string, Map<string, string>>();

  constructor(open: OpenPorts, listener: AggregateListener) {
    this.open = open;
    this.listener = listener;
    open.onLink = (port) => this.linkChanged(port);
  }

  attach(host: Host, { threaded, world }: Surroundings): void {
    this.world = world;
    this.hasTimer = threaded;
    this.aggregation = new Aggregation(host, {
      distribute: (name, distribution) => {
        this.listener.distribute(name, distribution);
        this.showState(name);
      },
      heard: () => this.wait(),
    });
  }

  /** The configuration in force. */
  update(config: SwitchConfig): void {
    this.config = config;
    this.tick(this.now());
  }

  poll(now?: number): void {
    if (this.aggregation === undefined || this.hasTimer) return;
    this.polledAt = now ?? monotonicMs();
    if (this.polledAt >= this.nextAt) this.tick(this.polledAt);
  }

  status(aggregate: string): AggregateStatus | undefined {
    return this.aggregation?.status(aggregate);
  }

  deadline(): number {
    return this.nextAt;
  }

  close(): void {
    clearTimeout(this.timer);
    this.aggregation?.close(this.now());
    this.aggregation = undefined;
  }

  private linkChanged(port: string): void {
    const isMember = this.specs().some(({ members }) => members.some(({ name }) => name === port));
    if (isMember) this.tick(this.now());
  }

  private now(): number {
    return this.polledAt ?? monotonicMs();
  }

  private tick(now: number): void {
    const { aggregation } = this;
    if (aggregation === undefined) return;
    const isCheckDue = now - this.tickedAt >= LINK_CHECK;
    if (isCheckDue) this.tickedAt = now;
    const specs = this.specs(isCheckDue);
    if (specs.length === 0 && aggregation.isEmpty) return;
    aggregation.setAggregates(specs, now);
    aggregation.tick(now);
    for (const { name } of specs) this.showState(name);
    const names = new Set(specs.map(({ name }) => name));
    for (const name of this.told.keys()) if (!names.has(name)) this.told.delete(name);
    this.wait();
  }

  private wait(): void {
    const { aggregation } = this;
    if (aggregation === undefined) return;
    this.nextAt = aggregation.isEmpty
      ? Number.POSITIVE_INFINITY
      : Math.min(aggregation.deadline(), this.tickedAt + LINK_CHECK);
    clearTimeout(this.timer);
    if (!this.hasTimer || this.nextAt === Number.POSITIVE_INFINITY) return;
    this.timer = setTimeout(() => this.tick(monotonicMs()), Math.max(1, this.nextAt - monotonicMs()));
    this.timer.unref();
  }

  /** Makes the state of an aggregate that of a port, and tells what its members do. */
  private showState(name: string): void {
    const { devices, counters } = this.open;
    const port = devices.get(name)?.spec.port;
    const status = this.status(name);
    if (port === undefined || status === undefined || this.aggregation === undefined) return;
    counters.setUp(port, this.aggregation.isUp(name));
    const before = this.told.get(name) ?? new Map<string, string>();
    const bridge = this.bridgeOf(name);
    for (const { port: member, state, reason } of status.members) {
      const known = before.get(member);
      // One that has just come waits: that is no news.
      if (state !== known && !(known === undefined && state === 'waits'))
        this.listener.tell({
          type: 'member',
          change: state,
          bridge,
          port: name,
          member,
          ...(reason && { reason }),
        });
    }
    this.told.set(name, new Map(status.members.map(({ port: member, state }) => [member, state])));
  }

  private bridgeOf(aggregate: string): string {
    const { bridges } = this.config;
    return Object.keys(bridges).find((name) => Object.hasOwn(bridges[name].ports, aggregate)) ?? '';
  }

  /** @param look whether to ask the kernel about each link */
  private specs(look = false): AggregateSpec[] {
    return Object.entries(this.config.bridges).flatMap(([bridge, { ports }]) =>
      Object.entries(ports).flatMap(([name, port]) =>
        port.type === 'aggregate' ? (this.spec(bridge, name, port, look) ?? []) : [],
      ),
    );
  }

  private spec(
    bridge: string,
    name: string,
    config: AggregatePortConfig,
    look: boolean,
  ): AggregateSpec | undefined {
    const { devices } = this.open;
    const key = devices.get(name)?.spec.port;
    if (key === undefined) return undefined; // on its way in or out
    const system = config.system ?? devices.get(bridge)?.mac ?? stableMac(bridge, this.world.machine);
    const members = Object.entries(config.members).flatMap(([member, { type, priority }]) => {
      const device = devices.get(member);
      if (device === undefined) return [];
      // A TAP's address is that of its other end, and programs there drop what seems to come from themselves.
      const mac = (type === 'af_packet' ? device.mac : undefined) ?? system;
      const isUp = this.isUp(member, device.spec.port, look);
      return [{ name: member, number: device.spec.port, priority, mac, isUp }];
    });
    const { lacp, mode, rate, min_links: minLinks, system_priority: systemPriority } = config;
    return { bridge, name, lacp, mode, rate, minLinks, systemPriority, system, key, members };
  }

  private isUp(member: string, port: number, look: boolean): boolean {
    const { linkWatch, goneNames, counters } = this.open;
    if (goneNames.has(member)) return false;
    if (look) linkWatch.lookAt(member);
    const { up, hasCarrier } = linkWatch.at(member);
    if (up === undefined) return counters.isUp(port);
    const isUp = up && hasCarrier !== false;
    // The data plane may have seen it fail, and sends nothing more through it by which it would see better.
    if (isUp && look) counters.setUp(port, true);
    return isUp;
  }
}
