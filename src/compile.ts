// Configuration -> topology: names become small numbers, lists become flat arrays.
//
// A number stays with its name while the thing exists, so that counters and FDB entries survive a reconfiguration. A
// number that is given back is not given out again before the next compilation: the data plane must have forgotten it.

import { TaploomError } from './api.ts';
import { effectiveMtus } from './config/defaults.ts';
import { type BridgeConfig, type SwitchConfig, type VlanConfig, vlanSet } from './config/schema.ts';
import {
  HAIRPIN,
  ISOLATED,
  LEARNING,
  MEMBER,
  SPLIT_HORIZON,
  type Topology,
  TUNNEL,
  UNTAGGED,
  VLAN_AWARE,
  VLAN_STRIDE,
} from './engine/topology.ts';
import { hop, MAX_PORTS } from './frame/hop.ts';
import type { RemoteRow } from './table/remotes.ts';
import { parseIp } from './wire/ip_address.ts';
import { parseMac } from './wire/mac.ts';
import { CONFIGURED_REMOTES } from './worker/data_plane.ts';

/** Most bridges of one switch: their counters are preallocated. */
export const MAX_BRIDGES = 4096;
/** The FDB's key has 16 bits for the domain. */
const MAX_DOMAINS = 65_536;

/** Numbers from 1 on for names. */
class Names {
  private readonly numbers = new Map<string, number>();
  private readonly names: (string | undefined)[] = [undefined];
  private readonly free: number[] = [];
  private readonly limit: number;
  private readonly what: string;

  constructor(what: string, limit: number) {
    this.what = what;
    this.limit = limit;
  }

  /** Highest number ever given, plus one: the length of an array by number. */
  get length(): number {
    return this.names.length;
  }

  find(name: string): number | undefined {
    return this.numbers.get(name);
  }

  name(number: number): string | undefined {
    return this.names[number];
  }

  number(name: string): number {
    const known = this.numbers.get(name);
    if (known !== undefined) return known;
    const number = this.free.pop() ?? this.names.length;
    if (number >= this.limit) {
      throw new TaploomError('too_many', `Cannot have more than ${this.limit - 1} ${this.what}`);
    }
    this.numbers.set(name, number);
    this.names[number] = name;
    return number;
  }

  /** Gives back every number whose name is not in `kept`; they are free from the next call on. */
  keep(kept: ReadonlySet<string>): void {
    for (const [name, number] of this.numbers) {
      if (kept.has(name)) continue;
      this.numbers.delete(name);
      this.names[number] = undefined;
      this.free.push(number);
    }
  }
}

/** A port as the compiler sees it; the bridge's local interface is one too, named like the bridge. */
export interface PortView {
  name: string;
  bridge: string;
  vlan: VlanConfig | undefined;
  hairpin: boolean;
  isolated: boolean;
  learning: boolean;
  flood: boolean;
  fdbLimit: number;
  isTunnel: boolean;
  remotes: string[];
}

/** All ports of a bridge, the local interface first. */
export function portViews(name: string, bridge: BridgeConfig): PortView[] {
  const views: PortView[] = [];
  const plain = {
    hairpin: false,
    isolated: false,
    learning: true,
    flood: true,
    isTunnel: false,
    remotes: [],
  };
  if (bridge.local !== false) {
    views.push({ name, bridge: name, vlan: bridge.local.vlan, fdbLimit: bridge.fdb_limit, ...plain });
  }
  for (const [portName, port] of Object.entries(bridge.ports)) {
    views.push({
      name: portName,
      bridge: name,
      vlan: port.vlan,
      hairpin: port.hairpin,
      isolated: port.isolated,
      learning: port.learning,
      flood: port.flood,
      fdbLimit: port.fdb_limit ?? bridge.fdb_limit,
      isTunnel: port.type === 'vxlan',
      remotes: port.type === 'vxlan' ? port.remotes : [],
    });
  }
  return views;
}

export class Compiler {
  readonly ports = new Names('ports', MAX_PORTS);
  readonly bridges = new Names('bridges', MAX_BRIDGES);
  readonly domains = new Names('domains (bridge and VLAN)', MAX_DOMAINS);
  private readonly remotes = new Names('configured remotes', CONFIGURED_REMOTES + 1);
  private serial = 0;

  /**
   * `localMacs`: address of each bridge's local interface, by bridge.
   * @throws TaploomError `too_many`
   */
  compile(
    config: SwitchConfig,
    localMacs: ReadonlyMap<string, string>,
  ): { topology: Topology; remotes: RemoteRow[] } {
    const bridges = Object.entries(config.bridges);
    const views = bridges.flatMap(([name, bridge]) => portViews(name, bridge));
    this.number(bridges, views);

    const ports = this.ports.length;
    const domains = this.domains.length;
    const topology = {
      serial: ++this.serial,
      bridge: new Uint16Array(ports),
      pvid: new Uint16Array(ports),
      mtu: new Uint32Array(ports),
      fdbLimit: new Uint32Array(ports),
      vlan: new Uint32Array(ports * VLAN_STRIDE),
      domainBridge: new Uint16Array(domains),
      domainVid: new Uint16Array(domains),
      ageing: new Float64Array(this.bridges.length),
      bridgeFdbLimit: new Uint32Array(this.bridges.length),
      groupFwdMask: new Uint16Array(this.bridges.length),
    };
    /** By domain: next hops of broadcasts, and those of them that take unknown unicast. */
    const floods: number[][] = Array.from({ length: 2 * domains }, () => []);
    const remotes: RemoteRow[] = [];
    let entries = 0;

    for (const [name, bridge] of bridges) {
      const number = this.bridges.number(name);
      topology.ageing[number] = bridge.ageing_time * 1000;
      topology.bridgeFdbLimit[number] = bridge.fdb_limit;
      topology.groupFwdMask[number] = bridge.group_fwd_mask;
      entries += bridge.fdb_limit + bridge.static.length;
      const mtus = effectiveMtus(config, name);
      for (const view of portViews(name, bridge)) {
        const port = this.ports.number(view.name);
        topology.bridge[port] = number;
        topology.mtu[port] = mtus.get(view.name) as number;
        topology.fdbLimit[port] = view.fdbLimit;
        const hops = view.isTunnel ? this.tunnelHops(view, port, remotes) : [port];
        const { pvid, tagged, untagged } = bridge.vlan_filtering
          ? vlanSet(view.vlan)
          : { pvid: 0, tagged: [], untagged: [0] };
        topology.pvid[port] = bridge.vlan_filtering ? pvid | VLAN_AWARE : 0;
        const portFlags = flagsOf(view);
        for (const [vids, flags] of [
          [tagged, MEMBER],
          [untagged, MEMBER | UNTAGGED],
        ] as const) {
          for (const vid of vids) {
            const domain = this.domains.number(domainName(name, vid));
            topology.domainBridge[domain] = number;
            topology.domainVid[domain] = vid;
            topology.vlan[port * VLAN_STRIDE + vid] = (domain << 8) | flags | portFlags;
            floods[2 * domain].push(...hops);
            if (view.flood) floods[2 * domain + 1].push(...hops);
          }
        }
      }
    }
    const { statics, locals } = this.statics(config, localMacs);
    entries += locals;
    return {
      topology: { ...topology, ...flatten(floods), fdbSlots: slotsFor(entries), statics, locals },
      remotes,
    };
  }

  /** Gives numbers back first, then out, so that no number changes its owner within one compilation. */
  private number(bridges: [string, BridgeConfig][], views: PortView[]): void {
    const domains = new Set<string>();
    const remotes = new Set<string>();
    const filtering = new Set(bridges.filter(([, bridge]) => bridge.vlan_filtering).map(([name]) => name));
    for (const view of views) {
      const vids = filtering.has(view.bridge) ? vidsOf(view) : [0];
      for (const vid of vids) domains.add(domainName(view.bridge, vid));
      for (const remote of view.remotes) remotes.add(remoteName(view.name, remote));
    }
    for (const [names, wanted] of [
      [this.bridges, new Set(bridges.map(([name]) => name))],
      [this.ports, new Set(views.map(({ name }) => name))],
      [this.domains, domains],
      [this.remotes, remotes],
    ] as const) {
      for (const name of wanted) names.number(name);
      names.keep(wanted);
    }
  }

  private tunnelHops(view: PortView, port: number, remotes: RemoteRow[]): number[] {
    return view.remotes.map((remote) => {
      const row = this.remotes.number(remoteName(view.name, remote));
      remotes.push({ row, port, address: addressWords(remote) });
      return hop(port, row);
    });
  }

  private statics(
    config: SwitchConfig,
    localMacs: ReadonlyMap<string, string>,
  ): { statics: Int32Array; locals: number } {
    const words: number[] = [];
    const push = (bridge: string, vid: number, macText: string, to: number) => {
      const domain = this.domains.find(domainName(bridge, vid));
      const mac = parseMac(macText);
      if (domain !== undefined && mac !== undefined) words.push((domain << 16) | mac.hi, mac.lo, to);
    };
    for (const [name, bridge] of Object.entries(config.bridges)) {
      const mac = localMacs.get(name);
      if (bridge.local === false || mac === undefined) continue;
      const [view] = portViews(name, bridge);
      const vids = bridge.vlan_filtering ? vidsOf(view) : [0];
      for (const vid of vids) push(name, vid, mac, this.ports.number(name));
    }
    const locals = words.length / 3;
    for (const [name, bridge] of Object.entries(config.bridges)) {
      for (const entry of bridge.static) {
        const port = this.ports.find(entry.port);
        if (port === undefined) continue;
        const row = entry.remote === undefined ? 0 : this.remotes.find(remoteName(entry.port, entry.remote));
        const vid = bridge.vlan_filtering ? (entry.vlan as number) : 0;
        if (row !== undefined) push(name, vid, entry.mac, hop(port, row));
      }
    }
    return { statics: Int32Array.from(words), locals };
  }

  /** Address of the configured remote in this row. */
  remote(row: number): string | undefined {
    const name = row === 0 ? undefined : this.remotes.name(row);
    return name?.slice(name.indexOf('/') + 1);
  }

  /** What the data plane's numbers mean. */
  domain(number: number): { bridge: string; vid: number } | undefined {
    const name = this.domains.name(number);
    if (name === undefined) return undefined;
    const at = name.lastIndexOf('/');
    return { bridge: name.slice(0, at), vid: Number(name.slice(at + 1)) };
  }
}

function vidsOf(view: PortView): number[] {
  const { tagged, untagged } = vlanSet(view.vlan);
  return [...tagged, ...untagged];
}

// An interface name has no slash, so these are unambiguous.
export function domainName(bridge: string, vid: number): string {
  return `${bridge}/${vid}`;
}

function remoteName(port: string, remote: string): string {
  return `${port}/${remote}`;
}

function flagsOf(view: PortView): number {
  return (
    (view.learning ? LEARNING : 0) |
    (view.hairpin ? HAIRPIN : 0) |
    (view.isolated ? ISOLATED : 0) |
    (view.isTunnel ? TUNNEL : 0) |
    (view.isTunnel && !view.hairpin ? SPLIT_HORIZON : 0)
  );
}

/** The address as it lies in memory, in words: see Remotes. */
export function addressWords(address: string): Int32Array {
  const bytes = new Uint8Array(16);
  bytes.set(parseIp(address) as Uint8Array);
  return new Int32Array(bytes.buffer);
}

function flatten(lists: number[][]): { listAt: Uint32Array; hops: Int32Array } {
  const listAt = new Uint32Array(lists.length + 1);
  lists.forEach((list, row) => {
    listAt[row + 1] = listAt[row] + list.length;
  });
  return { listAt, hops: Int32Array.from(lists.flat()) };
}

/** A power of two, at most half full. */
function slotsFor(entries: number): number {
  let slots = 1024;
  while (slots < 2 * entries) slots *= 2;
  return slots;
}
