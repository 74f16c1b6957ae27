// Disables ports for an error, and enables them when its time is over: loops that probes find, and what the data plane raises an
// alarm for. A disabled port forwards nothing, whatever a spanning tree says, and forgets its stations.

import { wireTag } from '../compile/tags.ts';
import { stableMac } from '../config/defaults.ts';
import { TUNNEL_LIMIT } from '../config/protocol_tunnels.ts';
import { EMPTY_CONFIG, type PortConfig, type SwitchConfig, vlanSet } from '../config/schema.ts';
import type { VlanProtocol } from '../config/vlan_protocol.ts';
import { ALARM } from '../engine/controls.ts';
import type { DisabledPorts, DisableReason } from '../protocol/disabled_ports.ts';
import type { Host } from '../protocol/host.ts';
import {
  type Loop,
  LoopDetection,
  type LoopPortSpec,
  PROBE_INTERVAL,
} from '../protocol/loop/loop_detection.ts';
import { monotonicMs } from '../sys/clock.ts';
import type { OpenPorts } from './open_ports.ts';
import type { Service, Surroundings } from './service.ts';
import { MACHINE, type World } from './world.ts';

export interface PortGuardParts {
  readonly open: Pick<OpenPorts, 'devices' | 'goneNames' | 'linkWatch' | 'counters' | 'disabled'>;
  /** Lets frames pass the port, or no longer. */
  setDisabled(port: string, isDisabled: boolean): Promise<void>;
  /** Forgets what was learned on the port. */
  flush(port: string): Promise<unknown>;
}

const ALARM_REASONS = Object.keys(ALARM) as AlarmReason[];
type AlarmReason = keyof typeof ALARM;

interface Guarded {
  bridge: string;
  config: PortConfig;
  isFiltering: boolean;
  protocol: VlanProtocol;
}

export class PortGuard implements Service {
  private readonly parts: PortGuardParts;
  private readonly disabled: DisabledPorts;
  private loops: LoopDetection | undefined;
  /** Those that send probes, in the order of the configuration. */
  private probing = new Map<string, Guarded>();
  private config: SwitchConfig = EMPTY_CONFIG;
  private hasTimer = false;
  private world: World = MACHINE;
  private timer: NodeJS.Timeout | undefined;
  private nextAt = Number.NEGATIVE_INFINITY;
  /** The time of whoever polls, if somebody does. */
  private polledAt: number | undefined;

  constructor(parts: PortGuardParts) {
    this.parts = parts;
    this.disabled = parts.open.disabled;
  }

  attach(host: Host, { threaded, world }: Surroundings): void {
    this.world = world;
    this.hasTimer = threaded;
    this.loops = new LoopDetection(
      host,
      (loop, now) => this.foundLoop(loop, this.polledAt ?? now),
      (length) => world.randomBytes(length),
    );
    this.look();
  }

  /** The configuration in force. A port whose control is off is enabled at once. */
  update(config: SwitchConfig): void {
    this.config = config;
    this.probing = new Map(
      Object.entries(config.bridges).flatMap(
        ([bridge, { ports, vlan_filtering: isFiltering, vlan_protocol: protocol }]) =>
          Object.entries(ports)
            .filter(([, port]) => port.loop_detection)
            .map(([name, port]) => [name, { bridge, config: port, isFiltering, protocol }] as const),
      ),
    );
    for (const name of this.disabled.names()) {
      const port = this.portOf(name);
      const reason = this.disabled.get(name)?.reason as DisableReason;
      if (port !== undefined && !mayDisable(port, reason)) this.enable(name);
    }
    this.look();
  }

  /** Of the data plane. */
  alarm(name: string, alarm: number): void {
    const port = this.portOf(name);
    if (port === undefined) return;
    const reason = ALARM_REASONS.find((one) => ALARM[one] === alarm);
    if (reason !== undefined) this.disable(name, port, reason, alarmText(reason, port), this.now());
  }

  poll(now?: number): void {
    if (this.loops === undefined || this.hasTimer) return;
    this.polledAt = now ?? monotonicMs();
    if (this.polledAt >= this.nextAt) this.tick(this.polledAt);
  }

  deadline(): number {
    return this.nextAt;
  }

  close(): void {
    clearTimeout(this.timer);
    this.loops?.close();
    this.loops = undefined;
  }

  private now(): number {
    return this.polledAt ?? monotonicMs();
  }

  /** Without a timer, in the next poll, whose time nobody knows yet. */
  private look(): void {
    if (this.hasTimer) this.tick(monotonicMs());
    else this.nextAt = Number.NEGATIVE_INFINITY;
  }

  private tick(now: number): void {
    if (this.loops === undefined) return;
    for (const name of this.disabled.take(now)) this.enable(name);
    this.loops.setPorts(
      [...this.probing].map(([name, guarded]) => this.spec(name, guarded)),
      now,
    );
    this.loops.tick(now);
    this.wait(now);
  }

  /** Links that come up are noticed within the interval of the probes. */
  private wait(now: number): void {
    const look = this.probing.size === 0 ? Number.POSITIVE_INFINITY : now + PROBE_INTERVAL;
    this.nextAt = Math.min(look, this.loops?.deadline() ?? look, this.disabled.deadline());
    clearTimeout(this.timer);
    if (!this.hasTimer || this.nextAt === Number.POSITIVE_INFINITY) return;
    this.timer = setTimeout(() => this.tick(monotonicMs()), Math.max(1, this.nextAt - monotonicMs()));
    this.timer.unref();
  }

  private foundLoop({ port: name, other }: Loop, now: number): void {
    const port = this.portOf(name);
    const where = name === other ? 'behind it' : `with port ${other}`;
    if (port !== undefined) this.disable(name, port, 'loop', `a loop ${where}: its probe came back`, now);
  }

  private disable(name: string, port: PortConfig, reason: DisableReason, text: string, now: number): void {
    if (!mayDisable(port, reason)) return; // an alarm from before
    const seconds = port.error_recovery;
    const sentence = `${text}; it is tried again after ${seconds} s without that`;
    if (this.disabled.disable(name, reason, sentence, seconds * 1000, now)) {
      void this.parts
        .setDisabled(name, true)
        .then(() => this.parts.flush(name))
        .catch(() => {}); // The port has just gone.
    }
    this.wait(now);
  }

  /** By hand: resolves when frames pass again; false if the port was not disabled. */
  async release(name: string): Promise<boolean> {
    if (!this.disabled.release(name)) return false;
    await this.parts.setDisabled(name, false);
    return true;
  }

  private enable(name: string): void {
    this.disabled.release(name);
    void this.parts.setDisabled(name, false).catch(() => {});
  }

  private portOf(name: string): PortConfig | undefined {
    for (const { ports } of Object.values(this.config.bridges))
      if (Object.hasOwn(ports, name)) return ports[name];
    return undefined;
  }

  private spec(name: string, { bridge, config, isFiltering, protocol }: Guarded): LoopPortSpec {
    const { devices, goneNames, linkWatch, counters } = this.parts.open;
    const { pvid, tagged } = vlanSet(config.vlan);
    const isTagged = isFiltering && pvid === 0 && tagged.length > 0;
    const number = devices.get(name)?.spec.port;
    const isThere = number !== undefined && !goneNames.has(name);
    return {
      bridge,
      name,
      mac: devices.get(bridge)?.mac ?? stableMac(bridge, this.world.machine),
      tag: isTagged ? wireTag({ vlan: config.vlan, protocol }, tagged[0].from) : 0,
      isUp: isThere && (linkWatch.isUp(name) ?? counters.isUp(number)),
    };
  }
}

function alarmText(reason: AlarmReason, port: PortConfig): string {
  switch (reason) {
    case 'storm':
      return 'more frames than its storm_control allows';
    case 'address_limit':
      return `more addresses than its fdb_limit of ${port.fdb_limit}`;
    case 'tunnel_mac':
      return "a frame with the bridge's tunnel_mac came in: a loop, or forged";
    case 'tunnel_limit':
      return `more control frames than its tunnel_protocols_limit of ${port.tunnel_protocols_limit ?? TUNNEL_LIMIT} a second`;
  }
}

/** Whether the configuration lets an error of this kind disable the port. */
function mayDisable(port: PortConfig, reason: DisableReason): boolean {
  if (reason === 'loop') return port.loop_detection;
  if (reason === 'storm') return port.storm_control?.action === 'shutdown';
  if (reason === 'address_limit') return port.fdb_limit_action === 'shutdown';
  return port.tunnel_protocols_action === 'shutdown';
}
