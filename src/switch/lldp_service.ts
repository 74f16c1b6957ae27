// LLDP in a switch: tells the agent which ports there are and what they are like, and calls it when something is due.
// Until the data plane has a host for protocols (`attach`), nothing comes in and nothing goes out.

import { networkInterfaces } from 'node:os';
import type { LldpChange, LldpNeighbor, LldpPortStatus } from '../api.ts';
import { stableMac } from '../config/defaults.ts';
import { lldpMode } from '../config/lldp_mode.ts';
import { aggregateOf, devicesIn } from '../config/members.ts';
import {
  type BridgeConfig,
  EMPTY_CONFIG,
  type MemberConfig,
  type PortConfig,
  type SwitchConfig,
  vlanSet,
} from '../config/schema.ts';
import type { Device } from '../device/device.ts';
import type { LinkWatch } from '../device/link_watch.ts';
import type { PortMtus } from '../device/mtus.ts';
import type { Host } from '../protocol/host.ts';
import { Lldp, type LldpPortSpec } from '../protocol/lldp/lldp.ts';
import { monotonicMs } from '../sys/clock.ts';
import type { CounterView } from './counter_view.ts';
import type { Service, Surroundings } from './service.ts';
import { MACHINE, type World } from './world.ts';

/** How late a link that went up may be noticed, ms. Looking costs nothing. */
const LINK_CHECK = 1_000;
/** How old addresses of the bridges may become, ms: to ask the kernel takes a while with many interfaces. */
const ADDRESS_AGE = 30_000;
const DESCRIPTION = 'Taploom virtual Ethernet switch';

/** What the switch knows of its ports, by name. */
export interface LldpFacts {
  readonly devices: ReadonlyMap<string, Device>;
  readonly mtus: PortMtus;
  readonly goneNames: ReadonlySet<string>;
  readonly linkWatch: LinkWatch;
  readonly counters: CounterView;
}

export class LldpService implements Service {
  private readonly facts: LldpFacts;
  private readonly tell: (change: LldpChange) => void;
  private agent: Lldp | undefined;
  private config: SwitchConfig = EMPTY_CONFIG;
  private timer: NodeJS.Timeout | undefined;
  private hasTimer = false;
  private world: World = MACHINE;
  private sends = false;
  /** When the ports were last looked at, and when they have to be again; ms. */
  private tickedAt = 0;
  private nextAt = Number.POSITIVE_INFINITY;
  /** The time of whoever polls, if somebody does. */
  private polledAt: number | undefined;
  private addresses = new Map<string, readonly string[]>();
  private addressesAt = Number.NEGATIVE_INFINITY;

  constructor(facts: LldpFacts, tell: (change: LldpChange) => void) {
    this.facts = facts;
    this.tell = tell;
  }

  attach(host: Host, { threaded, world }: Surroundings): void {
    this.world = world;
    this.hasTimer = threaded;
    this.agent = new Lldp(host, { name: world.hostName, description: DESCRIPTION }, this.tell, () =>
      this.wait(),
    );
    this.tick(this.now());
  }

  /** The configuration in force; also before ports go, so that they can say goodbye. */
  update(config: SwitchConfig): void {
    this.config = config;
    if (this.agent !== undefined) this.tick(this.now());
  }

  poll(now?: number): void {
    if (this.agent === undefined || this.hasTimer) return;
    this.polledAt = now ?? monotonicMs();
    if (this.polledAt >= this.nextAt) this.tick(this.polledAt);
  }

  neighbors(): LldpNeighbor[] {
    return this.agent?.neighbors(this.now()) ?? [];
  }

  ports(): LldpPortStatus[] {
    return this.agent?.ports() ?? [];
  }

  deadline(): number {
    return this.nextAt;
  }

  /** While the data plane still sends. */
  close(): void {
    clearTimeout(this.timer);
    this.agent?.close(this.now());
    this.agent = undefined;
  }

  private now(): number {
    return this.polledAt ?? monotonicMs();
  }

  private tick(now: number): void {
    if (this.agent === undefined) return;
    const specs = this.specs(now);
    this.sends = specs.some(({ mode }) => mode === 'both');
    this.tickedAt = now;
    this.agent.setPorts(specs, now);
    this.agent.tick(now);
    this.wait();
  }

  private wait(): void {
    if (this.agent === undefined) return;
    const linkCheck = this.sends ? this.tickedAt + LINK_CHECK : Number.POSITIVE_INFINITY;
    this.nextAt = Math.min(this.agent.deadline(), linkCheck);
    clearTimeout(this.timer);
    if (!this.hasTimer || this.nextAt === Number.POSITIVE_INFINITY) return;
    this.timer = setTimeout(() => this.tick(monotonicMs()), Math.max(1, this.nextAt - monotonicMs()));
    this.timer.unref();
  }

  private specs(now: number): LldpPortSpec[] {
    return Object.entries(this.config.bridges).flatMap(([name, bridge]) =>
      devicesIn(bridge).flatMap(([port, config]) => this.spec(name, bridge, port, config, now) ?? []),
    );
  }

  private spec(
    name: string,
    bridge: BridgeConfig,
    portName: string,
    port: PortConfig | MemberConfig,
    now: number,
  ): LldpPortSpec | undefined {
    const aggregate = aggregateOf(bridge, portName);
    const owner = aggregate === undefined ? (port as PortConfig) : bridge.ports[aggregate];
    const mode = lldpMode(port, bridge, owner);
    if (mode === 'off') return undefined;
    const chassis = this.facts.devices.get(name)?.mac ?? stableMac(name, this.world.machine);
    return {
      bridge: name,
      name: portName,
      mode,
      chassis,
      // A TAP's address is that of its other end, and programs there drop what seems to come from themselves.
      mac: (port.type === 'af_packet' ? this.facts.devices.get(portName)?.mac : undefined) ?? chassis,
      mtu: this.facts.mtus.get(portName) ?? 1500,
      pvid: bridge.vlan_filtering ? vlanSet(owner.vlan).pvid : undefined,
      managementAddresses: mode === 'both' ? this.addressesOf(name, bridge, now) : [],
      isUp: this.isUp(portName),
    };
  }

  private isUp(name: string): boolean {
    const { devices, goneNames, linkWatch, counters } = this.facts;
    const port = devices.get(name)?.spec.port;
    if (port === undefined || goneNames.has(name)) return false;
    return linkWatch.isUp(name) ?? counters.isUp(port);
  }

  /** Of the bridge's own interface, where this process can see it: the first of each family. */
  private addressesOf(name: string, { local }: BridgeConfig, now: number): readonly string[] {
    if (local === false || local.netns !== undefined) return [];
    if (now - this.addressesAt > ADDRESS_AGE) {
      this.addressesAt = now;
      this.addresses.clear();
      for (const [device, list = []] of Object.entries(networkInterfaces())) {
        const usable = list.filter(({ address }) => !address.startsWith('fe80:'));
        const first = (family: string) => usable.find((one) => one.family === family)?.address;
        this.addresses.set(
          device,
          [first('IPv4'), first('IPv6')].filter((one) => one !== undefined),
        );
      }
    }
    return this.addresses.get(name) ?? [];
  }
}
