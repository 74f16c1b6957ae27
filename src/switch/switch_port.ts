// A port of a switch as an object: what it is now, and changes of it alone. It holds nothing but names, so it does not matter
// how many there are of one port, and it is no leak to forget one.

import type { Socket } from 'node:net';
import type { PortCounters, PortStatus } from '../api.ts';
import type { ActionResult } from '../config/action.ts';
import type { PortConfig, SwitchConfig, SwitchConfigInput } from '../config/schema.ts';
import { withoutPorts } from '../config/without_ports.ts';
import { TaploomError } from '../error.ts';
import type { EventSubscription, Events } from '../event.ts';
import type { FirecrackerInterface } from '../hypervisor/firecracker.ts';
import type { VmOptions } from '../hypervisor/guest_card.ts';
import type { VmCard } from '../hypervisor/vm_card.ts';
import type { MemoryPort } from '../port/memory.ts';
import { type GuestTap, type HoldOptions, holdGuestTap, type VmCardOptions, vmCard } from './vm_port.ts';

/** A port as a configuration has it. */
export type PortInput = NonNullable<
  NonNullable<NonNullable<SwitchConfigInput['bridges']>[string]['ports']>[string]
>;
/** Some keys of any type of port. Undefined: the key is taken out. */
export type PortPatch = { [Key in KeysOf<PortInput>]?: ValueOf<PortInput, Key> | undefined };
type KeysOf<T> = T extends unknown ? keyof T : never;
type ValueOf<T, Key> = T extends unknown ? (Key extends keyof T ? T[Key] : never) : never;

/** What a port needs of its switch. */
export interface PortOwner {
  switch: {
    readonly config: SwitchConfig;
    readonly events: Pick<Events, 'subscribe'>;
    change(edit: (config: SwitchConfig) => SwitchConfigInput): Promise<ActionResult[]>;
    ports(options: { look: boolean }): PortStatus[];
    memoryPort(name: string): MemoryPort;
  };
  countersOf(port: string): PortCounters | undefined;
}

/** A port as an object: looks at it, changes it, takes it out. */
export class SwitchPort implements AsyncDisposable {
  readonly name: string;
  private readonly owner: PortOwner;

  /** @internal */
  constructor(name: string, owner: PortOwner) {
    this.name = name;
    this.owner = owner;
  }

  /** Whether it is wanted, be it up or not. */
  get exists(): boolean {
    return homeOf(this.owner.switch.config, this.name) !== undefined;
  }

  /** @throws TaploomError `no_such_port`, as all that follows does when it has been removed */
  get bridge(): string {
    const bridge = homeOf(this.owner.switch.config, this.name);
    if (bridge === undefined) throw noSuchPort(this.name);
    return bridge;
  }

  /** As it is wanted, with defaults. */
  get config(): PortConfig {
    return this.owner.switch.config.bridges[this.bridge].ports[this.name];
  }

  /** Numbers, straight from shared memory. */
  get counters(): PortCounters {
    return this.owner.countersOf(this.name) ?? this.status().counters;
  }

  /** @param options.look whether to ask the kernel for its state first */
  status({ look = true }: { look?: boolean } = {}): PortStatus {
    const status = this.owner.switch.ports({ look }).find(({ name }) => name === this.name);
    if (status === undefined) throw noSuchPort(this.name);
    return status;
  }

  /** The program's end, of a port of type `memory`. */
  get memory(): MemoryPort {
    return this.owner.switch.memoryPort(this.name);
  }

  /** How a guest's network card is plugged in here. @throws TaploomError `no_way_in` */
  card(options?: VmCardOptions): VmCard {
    return vmCard(this.owner.switch, this.name, options);
  }

  /** Options for qemu-system-*. @throws TaploomError `no_way_in` */
  qemuArgs(options: VmCardOptions & VmOptions = {}): string[] {
    return this.card(options).qemuArgs(options);
  }

  /** Options for cloud-hypervisor. @throws TaploomError `no_way_in` */
  cloudHypervisorArgs(options: VmCardOptions & VmOptions = {}): string[] {
    return this.card(options).cloudHypervisorArgs(options);
  }

  /** For `PUT /network-interfaces/{id}` of Firecracker. @throws TaploomError `no_way_in` */
  firecrackerConfig(id?: string, options?: VmCardOptions): FirecrackerInterface {
    return this.card(options).firecrackerConfig(id);
  }

  /** The hypervisor's end of a TAP (type af_packet) that nobody holds. @throws TaploomError `no_way_in`, `port_busy` */
  openTap(options?: HoldOptions): GuestTap {
    return holdGuestTap(this.owner.switch, this.name, options);
  }

  /** `openTap`, and passes it through a Unix socket: see GuestTap.passFd. */
  passFd(socket: Socket | number, text?: string | Uint8Array, options?: HoldOptions): void {
    using tap = this.openTap(options);
    tap.passFd(socket, text);
  }

  /** What happens to it from now on. */
  events(): EventSubscription {
    return this.owner.switch.events.subscribe({ port: this.name });
  }

  /**
   * Changes some keys, while frames flow where the device can; other changes open a new device first.
   * @throws ConfigError, or TaploomError with the code of what could not be done; then everything is as before
   */
  async set(patch: PortPatch): Promise<void> {
    const results = await this.owner.switch.change((config) => {
      const bridge = homeOf(config, this.name);
      if (bridge === undefined) throw noSuchPort(this.name);
      const { ports } = config.bridges[bridge];
      const merged = Object.entries({ ...ports[this.name], ...patch });
      ports[this.name] = Object.fromEntries(merged.filter(([, value]) => value !== undefined)) as PortConfig;
      return config;
    });
    requireAll(results);
  }

  /** Takes it out of the configuration, with what depends on it, and closes its device. Nothing if it is gone already. */
  async detach(): Promise<void> {
    requireAll(
      await this.owner.switch.change((config) => {
        return homeOf(config, this.name) === undefined ? config : withoutPorts(config, new Set([this.name]));
      }),
    );
  }

  /** `detach`, also after the switch was closed. */
  async [Symbol.asyncDispose](): Promise<void> {
    try {
      await this.detach();
    } catch (error) {
      if (!(error instanceof TaploomError && error.code === 'closed')) throw error;
    }
  }
}

/** The bridge that has a port of this name: neither its own interface nor a member is one. */
export function homeOf({ bridges }: Pick<SwitchConfig, 'bridges'>, port: string): string | undefined {
  return Object.keys(bridges).find((bridge) => Object.hasOwn(bridges[bridge].ports, port));
}

/** Adds a port to a configuration. */
export function withPort(
  config: SwitchConfig,
  bridge: string,
  name: string,
  port: PortInput,
): SwitchConfigInput {
  const owner = Object.hasOwn(config.bridges, bridge) ? config.bridges[bridge] : undefined;
  if (owner === undefined) throw new TaploomError('no_such_bridge', `There is no bridge ${bridge}`);
  const home = homeOf(config, name);
  if (home !== undefined)
    throw new TaploomError('port_exists', `There is a port ${name} already, in bridge ${home}`);
  return {
    ...config,
    bridges: { ...config.bridges, [bridge]: { ...owner, ports: { ...owner.ports, [name]: port } } },
  };
}

/** @throws TaploomError with what could not be carried out */
export function requireAll(results: readonly ActionResult[]): void {
  const failed = results.filter(({ ok }) => !ok);
  if (failed.length === 0) return;
  const text = failed.map(({ path, error }) => `${path}: ${error}`).join('\n');
  throw new TaploomError(failed[0].code ?? 'not_applied', text);
}

export function noSuchPort(name: string): TaploomError {
  return new TaploomError('no_such_port', `There is no port ${name}`);
}
