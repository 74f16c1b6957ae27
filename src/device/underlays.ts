// What the network under each tunnel lets through: the least, over all remotes that the configuration names, of the
// interface's MTU and the `mtu` of the configured route. Never the path MTU that the kernel learned from ICMP: over IPv4
// anybody can forge that, and routers fragment what tunnels send (see native/udp.c).

import { networkInterfaces } from 'node:os';
import { setImmediate as breath } from 'node:timers/promises';
import { vxlanOverhead } from '../config/defaults.ts';
import type { BridgeConfig, SwitchConfig, VxlanPortConfig } from '../config/schema.ts';
import { IFF_LOOPBACK, LinkSocket, type LinkState } from '../sys/link.ts';
import { canonicalIp, formatIp, parseIp } from '../wire/ip_address.ts';
import type { Device } from './device.ts';

/** Looks between two breaths: 50 us each. */
const LOOKS = 50;

/** As in api.ts. */
export interface Underlay {
  mtu: number;
  device: string;
  remote?: string;
  route?: string;
  setBy: 'interface' | 'route';
}

export class Underlays {
  private readonly devices: ReadonlyMap<string, Device>;
  private readonly found = new Map<string, Underlay>();
  /** What was looked at last. */
  private key = '';

  constructor(devices: ReadonlyMap<string, Device>) {
    this.devices = devices;
  }

  /** As of the last look; undefined: nobody knows. */
  get(port: string): Underlay | undefined {
    return this.found.get(port);
  }

  /** By port, bytes: of an outer packet, and of an inner one for a tunnel of the kernel's. */
  mtus(): Map<string, number> {
    return new Map(
      [...this.found].map(([port, { mtu, remote = '' }]) => {
        const isKernels = this.devices.get(port)?.tellsMtu === true;
        return [port, isKernels ? mtu - vxlanOverhead(remote) : mtu];
      }),
    );
  }

  /** Looks if there are other tunnels than at the last look: what changes under them the kernel tells. Never throws. */
  async lookAtNew(config: SwitchConfig): Promise<void> {
    if (this.keyOf(config) !== this.key) await this.look(config);
  }

  /** Looks anew. A network that is away for a moment is believed to be as it was. True if an MTU is another one. Never throws. */
  async look(config: SwitchConfig): Promise<boolean> {
    this.key = this.keyOf(config);
    const tunnels = tunnelsOf(config);
    const kernels = this.kernels();
    const names = new Set([...tunnels.map(({ port }) => port), ...kernels.map(([port]) => port)]);
    for (const port of this.found.keys()) if (!names.has(port)) this.found.delete(port);
    let isChanged = kernels.map(([port, device]) => this.lookUnder(port, device)).includes(true);
    if (tunnels.length === 0) return isChanged;
    try {
      using links = LinkSocket.open();
      const glance = new Glance(links);
      for (const { port, config, remotes } of tunnels) {
        const now = await glance.at(config, remotes);
        if (now === undefined) continue;
        isChanged = this.take(port, now) || isChanged;
      }
    } catch {
      // Out of descriptors: what was found before is what is left.
    }
    return isChanged;
  }

  /** Tunnels of the kernel's. */
  private kernels(): [string, Device][] {
    return [...this.devices].filter(([, { tellsMtu }]) => tellsMtu);
  }

  private keyOf(config: SwitchConfig): string {
    const own = tunnelsOf(config).map(({ port, config: { local, underlay_tap }, remotes }) => [
      port,
      local,
      underlay_tap,
      ...remotes,
    ]);
    return JSON.stringify([own, this.kernels().map(([port, { ifindex }]) => [port, ifindex])]);
  }

  /** Under a VXLAN device of the kernel's. */
  private lookUnder(port: string, { netns, ifindex = 0 }: Device): boolean {
    try {
      using links = LinkSocket.open(netns);
      const remote = links.vxlanRemote(ifindex);
      const now = remote && new Glance(links).routeTo(remote, undefined);
      return now !== undefined && this.take(port, now);
    } catch {
      return false; // its namespace is gone
    }
  }

  private take(port: string, now: Underlay): boolean {
    const before = this.found.get(port);
    this.found.set(port, now);
    return before?.mtu !== now.mtu;
  }
}

/** One look at interfaces and routes. */
class Glance {
  private readonly links: LinkSocket;
  private readonly devices = new Map<number, LinkState | undefined>();
  private count = 0;

  constructor(links: LinkSocket) {
    this.links = links;
  }

  async at(
    { local, underlay_tap }: VxlanPortConfig,
    remotes: Iterable<string>,
  ): Promise<Underlay | undefined> {
    let least: Underlay | undefined;
    for (const remote of remotes) {
      if (++this.count % LOOKS === 0) await breath();
      // Behind a TAP the host is a router, and the address is not its own.
      const to = parseIp(remote) as Uint8Array;
      const found = this.routeTo(to, underlay_tap === undefined ? local : undefined);
      if (found !== undefined && (least === undefined || found.mtu < least.mtu)) least = found;
    }
    return least ?? this.interfaceOf(local);
  }

  routeTo(to: Uint8Array, local: string | undefined): Underlay | undefined {
    const remote = formatIp(to);
    const from = local === undefined ? new Uint8Array(to.length) : (parseIp(local) as Uint8Array);
    const found = this.links.route(from, to);
    if (found === undefined) return undefined;
    let least: Underlay | undefined;
    for (const index of found.devices) {
      const device = this.device(index);
      if (device === undefined || (least !== undefined && least.mtu <= device.mtu)) continue;
      const route = found.prefix === 0 ? 'default' : `${networkOf(to, found.prefix)}/${found.prefix}`;
      least = { mtu: device.mtu, device: device.name, remote, route, setBy: 'interface' };
    }
    if (least === undefined || found.mtu === 0 || found.mtu >= least.mtu) return least;
    return { ...least, mtu: found.mtu, setBy: 'route' };
  }

  /** For a tunnel that knows no remote yet. */
  private interfaceOf(address: string): Underlay | undefined {
    for (const [name, addresses = []] of Object.entries(networkInterfaces())) {
      if (!addresses.some((one) => canonicalIp(one.address) === address)) continue;
      const link = network(this.links.find(name));
      if (link !== undefined) return { mtu: link.mtu, device: name, setBy: 'interface' };
    }
    return undefined;
  }

  private device(index: number): LinkState | undefined {
    if (!this.devices.has(index)) this.devices.set(index, network(this.links.at(index)));
    return this.devices.get(index);
  }
}

/** A loopback is none: what it carries says nothing. */
function network(link: LinkState | undefined): LinkState | undefined {
  return link === undefined || (link.flags & IFF_LOOPBACK) !== 0 ? undefined : link;
}

interface Tunnel {
  port: string;
  config: VxlanPortConfig;
  remotes: Set<string>;
}

function tunnelsOf({ bridges }: SwitchConfig): Tunnel[] {
  return Object.values(bridges).flatMap((bridge) =>
    Object.entries(bridge.ports).flatMap(([port, config]) =>
      config.type === 'vxlan' ? [{ port, config, remotes: remotesOf(bridge, port, config) }] : [],
    ),
  );
}

/** Those of floods, of static entries and of mirrors. */
function remotesOf(bridge: BridgeConfig, port: string, { remotes }: VxlanPortConfig): Set<string> {
  const all = new Set(remotes);
  for (const entry of bridge.static) if (entry.port === port && entry.remote) all.add(entry.remote);
  for (const { to } of Object.values(bridge.mirrors)) {
    if (typeof to === 'object' && 'port' in to && to.port === port) all.add(to.remote);
  }
  return all;
}

/** The address of a network: the first bits of one in it. */
function networkOf(address: Uint8Array, prefix: number): string {
  const bytes = address.map((byte, at) => byte & (0xff00 >>> Math.min(8, Math.max(0, prefix - 8 * at))));
  return formatIp(bytes);
}
