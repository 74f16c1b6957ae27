// Ports of guests that came by taploom-bridge-helper: a TAP for each, which its hypervisor holds, and whose end is the end of
// the port. They are in no file: a daemon that starts finds the TAPs by their marks, as long as guests hold them.

import { leastMtu } from '../config/defaults.ts';
import { devicesIn } from '../config/members.ts';
import { type BridgeHelperConfig, guestPort, type SwitchConfig } from '../config/schema.ts';
import { withoutPorts } from '../config/without_ports.ts';
import { TaploomError } from '../error.ts';
import type { Author } from '../event.ts';
import type { Changes } from './changes.ts';
import { putPort, requireBridge } from './edits.ts';

/** What makes the TAPs. */
export interface TapMaker {
  /** Undefined: there is an interface of that name. Throws an error whose message is for people. */
  open(name: string, options: { bridge: string; mtu: number; vnet: boolean }): number | undefined;
  /** Those that guests of this daemon, or of one before it, hold. */
  list(): { name: string; bridge: string }[];
  close(fd: number): void;
}

export interface HandedOut {
  name: string;
  fd: number;
}

/** So many names are tried, `tap0` and so on. */
const MAX_NAMES = 8192;

export class GuestPorts {
  private readonly maker: TapMaker;
  private readonly changes: Changes;
  private readonly config: () => SwitchConfig;
  /** Bridge by name. */
  private readonly ports = new Map<string, string>();

  constructor(maker: TapMaker, changes: Changes, config: () => SwitchConfig) {
    this.maker = maker;
    this.changes = changes;
    this.config = config;
  }

  /** A TAP that is a port of the bridge; whoever receives it closes `fd`. Throws TaploomError. */
  async handOut(bridge: string, vnet: boolean, by: Author): Promise<HandedOut> {
    const { limit } = this.helperOf(bridge);
    const count = [...this.ports.values()].filter((owner) => owner === bridge).length;
    if (count >= limit) {
      const sentence = `Bridge ${bridge} has ${count} TAPs of guests already, and its bridge_helper.limit is ${limit}`;
      throw new TaploomError('too_many_ports', sentence);
    }
    const made = this.make(bridge, vnet);
    this.ports.set(made.name, bridge);
    try {
      await this.changes.change((config) => this.put(config, made.name, bridge), { by });
      return made;
    } catch (error) {
      this.ports.delete(made.name);
      this.maker.close(made.fd);
      throw error;
    }
  }

  /** Makes ports of what guests of this bridge hold already. */
  async adopt(bridge: string, by: Author): Promise<void> {
    const taken = this.names();
    const found = this.maker.list().filter((tap) => tap.bridge === bridge && !taken.has(tap.name));
    if (found.length === 0) return;
    for (const { name } of found) this.ports.set(name, bridge);
    await this.changes.change(
      (config) => found.reduce((wanted: SwitchConfig, { name }) => this.put(wanted, name, bridge), config),
      { by },
    );
  }

  /** It is wanted no longer: its guest is gone, or somebody has deleted it. */
  forget(port: string): void {
    this.ports.delete(port);
  }

  /** A whole configuration that somebody wants, with the guests in it that it still lets be. */
  carry(wanted: unknown): unknown {
    const { bridges } = (wanted ?? {}) as { bridges?: Record<string, Bridge> };
    if (this.ports.size === 0 || typeof bridges !== 'object' || bridges === null) return wanted;
    const taken = new Set(Object.values(bridges).flatMap((bridge) => Object.keys(bridge?.ports ?? {})));
    const result: Record<string, Bridge> = { ...bridges };
    for (const [name, bridge] of this.ports) {
      const own = Object.hasOwn(result, bridge) ? result[bridge] : undefined;
      const helper = own?.bridge_helper;
      if (typeof helper !== 'object' || helper === null || taken.has(name)) continue;
      result[bridge] = { ...own, ports: { ...own?.ports, [name]: { ...GUEST, ...helper.template } } };
    }
    return { ...(wanted as object), bridges: result };
  }

  /** For the next start, which finds the guests by itself. */
  without(config: SwitchConfig): SwitchConfig {
    return withoutPorts(config, new Set(this.ports.keys()));
  }

  /** Throws TaploomError: nobody may have a TAP of it. */
  helperOf(bridge: string): BridgeHelperConfig {
    const { bridge_helper: helper } = requireBridge(this.config(), bridge);
    if (helper === undefined) {
      const help = `users: [NAME] under bridges.${bridge}.bridge_helper does`;
      throw new TaploomError(
        'not_permitted',
        `Bridge ${bridge} lets nobody have TAPs by the bridge helper: ${help}`,
      );
    }
    return helper;
  }

  /** Of ports and bridges, and of ports that are under way. */
  private names(): Set<string> {
    const { bridges } = this.config();
    const taken = new Set([...Object.keys(bridges), ...this.ports.keys()]);
    for (const bridge of Object.values(bridges)) for (const [port] of devicesIn(bridge)) taken.add(port);
    return taken;
  }

  private put(config: SwitchConfig, name: string, bridge: string): SwitchConfig {
    const { bridge_helper: helper } = requireBridge(config, bridge);
    if (helper === undefined)
      throw new TaploomError('not_permitted', `Bridge ${bridge} has no bridge_helper any more`);
    return putPort(config, bridge, name, guestPort(helper), true) as SwitchConfig;
  }

  private make(bridge: string, vnet: boolean): HandedOut {
    const config = this.config();
    const mtu = leastMtu(config, bridge);
    const taken = this.names();
    for (let n = 0; n < MAX_NAMES; n++) {
      const name = `tap${n}`;
      const fd = taken.has(name) ? undefined : this.maker.open(name, { bridge, mtu, vnet });
      if (fd !== undefined) return { name, fd };
    }
    throw new TaploomError('too_many_ports', `All names from tap0 to tap${MAX_NAMES - 1} are taken`);
  }
}

/** Of somebody's words, which are judged later. */
interface Bridge {
  ports?: Record<string, unknown>;
  bridge_helper?: { template?: object };
}
const GUEST = { type: 'af_packet', when_deleted: 'forget', lldp: false };
