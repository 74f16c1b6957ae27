// What the commands look at: the switch's bridges and ports, and the kernel's interfaces that belong to them.

import type { PortStatus } from '../../api.ts';
import type { BridgeConfig, PortConfig, SwitchConfig, VlanConfig } from '../../config/schema.ts';
import type { ControlClient, SwitchSummary } from '../../control/client.ts';
import { TaploomError } from '../../error.ts';
import { BridgeFailure } from './failure.ts';
import type { Link, Namespace } from './namespace.ts';
import type { Options } from './options.ts';

/** Types of ports that no interface of the host belongs to. */
const WITHOUT_INTERFACE: ReadonlySet<string | undefined> = new Set(['vxlan', 'stream', 'dgram', 'memory']);

export interface Context {
  readonly client: ControlClient;
  readonly namespace: Namespace;
  readonly options: Options;
  readonly out: (text: string) => unknown;
  readonly error: (text: string) => unknown;
}

/** A port, or a bridge's own interface, which has no `config`. */
export interface Device {
  readonly name: string;
  readonly bridge: string;
  readonly bridgeConfig: BridgeConfig;
  readonly status?: PortStatus;
  readonly config?: PortConfig;
}

export class Scene {
  readonly summary: SwitchSummary;
  readonly config: SwitchConfig;
  /** Names of all interfaces of the namespace that is meant. */
  private readonly interfaces: readonly string[];

  private constructor(summary: SwitchSummary, config: SwitchConfig, interfaces: readonly string[]) {
    this.summary = summary;
    this.config = config;
    this.interfaces = interfaces;
  }

  static async look({ client, namespace }: Pick<Context, 'client' | 'namespace'>): Promise<Scene> {
    return new Scene(...(await Promise.all([client.summary(), client.config(), namespace.names()])));
  }

  /** Bridges and ports by their names. */
  *devices(): Generator<Device> {
    const statuses = new Map(this.summary.ports.map((port) => [port.name, port]));
    for (const [bridge, bridgeConfig] of Object.entries(this.config.bridges)) {
      yield { name: bridge, bridge, bridgeConfig, status: statuses.get(bridge) };
      for (const [name, config] of Object.entries(bridgeConfig.ports)) {
        yield { name, bridge, bridgeConfig, config, status: statuses.get(name) };
      }
    }
  }

  device(name: string): Device | undefined {
    return [...this.devices()].find((device) => device.name === name);
  }

  /** Whether there is an interface of this name, of the switch or of the namespace that is meant. */
  knows(name: string): boolean {
    return this.device(name) !== undefined || this.interfaces.includes(name);
  }

  /** @param kind as iproute2 calls it where there is none: `device`, `bridge device` */
  need(name: string, kind = 'device'): void {
    if (!this.knows(name)) throw new BridgeFailure(`Cannot find ${kind} "${name}"`);
  }
}

export type Port = Device & { readonly config: PortConfig };

export function isPort(device: Device | undefined): device is Port {
  return device?.config !== undefined;
}

/** VLANs of a port, or of a bridge's interface, which a bridge may do without. */
export function vlanKey({ bridgeConfig, config }: Device): VlanConfig | undefined {
  if (config !== undefined) return config.vlan;
  return bridgeConfig.local === false ? { trunk: [] } : bridgeConfig.local.vlan;
}

/** Interfaces by name. What is in another namespace, or no interface at all, is told as far as the switch knows it. */
export async function readLinks({
  client,
  namespace,
}: Pick<Context, 'client' | 'namespace'>): Promise<(device: Device) => Link> {
  const links = new Map<string, Link>();
  let here: string | undefined;
  try {
    here = await client.netns(namespace.number);
    for (const link of await namespace.links()) links.set(link.ifname, link);
  } catch (error) {
    // a namespace without a name has none of the switch's interfaces; a machine may have no `ip`
    if (!(error instanceof TaploomError)) throw error;
  }
  return ({ name, status, config }) => {
    const own = config?.type === 'af_packet' ? (config.interface ?? name) : name;
    const isInterface = !WITHOUT_INTERFACE.has(config?.type) && status?.netns === here;
    const found = isInterface ? links.get(status?.interface ?? own) : undefined;
    if (found !== undefined) return { ...found, ifname: name };
    const flags = ['BROADCAST', 'MULTICAST', ...(status?.state === 'up' ? ['UP', 'LOWER_UP'] : [])];
    return { ifindex: status?.number ?? 0, ifname: name, flags, mtu: status?.mtu ?? 0 };
  };
}

/** As the kernel lists interfaces. */
export function byIndex(link: (device: Device) => Link): (a: Device, b: Device) => number {
  return (a, b) => link(a).ifindex - link(b).ifindex;
}
