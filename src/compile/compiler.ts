// Configuration -> topology: names become small numbers, lists become flat arrays.
//
//   number: which ports, bridges, domains and remotes there are   ->  membership: which port is in which domain
//   ->  flood lists: next hops of each domain                     ->  statics

import { effectiveMtus } from '../config/defaults.ts';
import { type BridgeConfig, type SwitchConfig, UNAWARE, type VlanSet, vlanSet } from '../config/schema.ts';
import {
  DOMAIN_SHIFT,
  FORWARDING,
  HAIRPIN,
  ISOLATED,
  LEARNING,
  SPLIT_HORIZON,
  TELLS_MTU,
  type Topology,
  TUNNEL,
  tagBit,
  trappingOf,
  UNTAGGED,
  VLAN_AWARE,
  VLAN_DEVICE_STRIDE,
  VLAN_STRIDE,
} from '../engine/topology.ts';
import { TaploomError } from '../error.ts';
import { hop, MAX_PORTS } from '../frame/hop.ts';
import { MAX_BRIDGES } from '../table/counters.ts';
import type { RemoteRow } from '../table/remotes.ts';
import { CONFIGURED_REMOTES } from '../table/remotes.ts';
import { TRAP_TYPES } from '../table/traps.ts';
import { addressWords } from '../wire/ip_address.ts';
import { parseMac } from '../wire/mac.ts';
import { FloodLists, type FloodMember } from './flood_lists.ts';
import { compileMirrors } from './mirrors.ts';
import { type Domain, Domains, Names, remoteName, type VidSet } from './names.ts';
import { type Overlay, type PortState, PortStates, PortTraps } from './overlay.ts';
import { type PortView, portViews } from './port_view.ts';
import { shared } from './shared.ts';
import { atOnce, type Steps } from './steps.ts';

/** The FDB's key has 16 bits for the domain. */
const MAX_DOMAINS = 65_536;
/** Slots of the FDB: 1 GiB. The arrays of a data plane must not be a way to exhaust the machine. */
const MAX_FDB_SLOTS = 2 ** 26;
const VIDS = 4096;
const NO_MACS: ReadonlyMap<string, string> = new Map();
const NO_STATES = new PortStates();
const NO_TRAPS = new PortTraps();

/** Words of a row that are written one by one sooner than copied. */
const FEW_VLANS = 64;
/** Where the rows of Topology.vlan are that ports with these VLANs and flags have. */
type Rows = Map<VlanSet, Map<number, number>>;

export interface Compiled {
  topology: Topology;
  remotes: RemoteRow[];
}

interface Wanted {
  bridges: Set<string>;
  ports: Set<string>;
  domains: Map<string, VidSet>;
  remotes: Set<string>;
}

export class Compiler {
  readonly ports = new Names('ports', MAX_PORTS);
  readonly bridges = new Names('bridges', MAX_BRIDGES);
  readonly domains = new Domains(MAX_DOMAINS);
  readonly remotes = new Names('configured remotes', CONFIGURED_REMOTES + 1);
  private serial = 0;

  /** Throws TaploomError `too_many` if `compile` would, now or after any part of the present was deleted. */
  check(config: SwitchConfig): void {
    const wanted = wantedBy(config);
    this.bridges.check(wanted.bridges);
    this.ports.check(wanted.ports);
    this.domains.check(wanted.domains);
    this.remotes.check(wanted.remotes);
    slotsFor(config, VIDS * wanted.bridges.size);
  }

  /** @throws TaploomError `too_many` */
  compile(config: SwitchConfig, overlay?: Overlay): Compiled {
    return atOnce(this.steps(config, overlay));
  }

  /** The same; one compilation at a time. What changes in `overlay` meanwhile may be left out. */
  *steps(config: SwitchConfig, overlay: Overlay = {}): Steps<Compiled> {
    const { localMacs = NO_MACS, ownedMtus, underlayMtus, states = NO_STATES, traps = NO_TRAPS } = overlay;
    this.number(wantedBy(config));
    yield;
    const ports = this.ports.length;
    const domains = this.domains.length;
    const topology = {
      serial: ++this.serial,
      bridge: shared(Uint16Array, ports),
      pvid: shared(Uint16Array, ports),
      mtu: shared(Uint32Array, ports),
      fdbLimit: shared(Uint32Array, ports),
      groupFwdMask: shared(Uint16Array, ports),
      vlan: shared(Int32Array, ports * VLAN_STRIDE),
      traps: shared(Int32Array, ports),
      trapTypes: shared(Uint16Array, TRAP_TYPES),
      vlanDevices: shared(Uint16Array, ports),
      vlanDeviceBits: shared(Int32Array, (1 + (overlay.vlanTags?.size ?? 0)) * VLAN_DEVICE_STRIDE),
      domainBridge: shared(Uint16Array, domains),
      domainVid: shared(Uint16Array, domains),
      ageing: shared(Float64Array, this.bridges.length),
      bridgeFdbLimit: shared(Uint32Array, this.bridges.length),
    };
    topology.trapTypes.set(traps.types);
    let taggedPorts = 0;
    const floods = new FloodLists(domains);
    this.nameDomains(topology);
    const remotes: RemoteRow[] = [];
    for (const [name, bridge] of Object.entries(config.bridges)) {
      const number = this.bridges.number(name);
      topology.ageing[number] = bridge.ageing_time * 1000;
      topology.bridgeFdbLimit[number] = bridge.fdb_limit;
      const mtus = effectiveMtus(config, name, ownedMtus, underlayMtus);
      const members: FloodMember[] = [];
      const rows: Rows = new Map();
      for (const view of portViews(name, bridge)) {
        const port = this.ports.number(view.name);
        const vlans = bridge.vlan_filtering ? vlanSet(view.vlan) : UNAWARE;
        topology.bridge[port] = number;
        topology.mtu[port] = mtus.get(view.name) as number;
        topology.fdbLimit[port] = view.fdbLimit;
        topology.groupFwdMask[port] = view.groupFwdMask;
        const mask = view.traps | traps.of(view.name);
        topology.traps[port] = mask;
        const tags = overlay.vlanTags?.get(view.name);
        if (tags !== undefined) giveTags(topology, port, ++taggedPorts, tags);
        topology.pvid[port] =
          (bridge.vlan_filtering ? vlans.pvid | VLAN_AWARE : 0) | trappingOf(topology, port);
        const tells = overlay.tellers?.has(view.name) === true;
        this.join(topology.vlan, view, port, vlans, states, tells, rows);
        const hops = view.isTunnel ? this.tunnelHops(view, port, remotes) : [port];
        members.push({ vlans, hops, flood: view.flood });
        yield;
      }
      yield* floods.add(this.domains.ofBridge(name), members);
    }
    for (const bridge of Object.values(config.bridges)) this.staticRemotes(bridge, remotes);
    const mirrors = compileMirrors(config, this);
    const { statics, locals } = this.statics(config, localMacs);
    const fdbSlots = slotsFor(config, locals);
    return {
      topology: { ...topology, ...floods.pack(), mirrors, fdbSlots, statics, locals },
      remotes,
    };
  }

  /** Address of the configured remote in this row. */
  remote(row: number): string | undefined {
    const name = row === 0 ? undefined : this.remotes.name(row);
    return name?.slice(name.indexOf('/') + 1);
  }

  /** The row of a configured remote. */
  remoteRow(port: string, address: string): number | undefined {
    return this.remotes.find(remoteName(port, address));
  }

  /** What the data plane's numbers mean. */
  domain(number: number): Domain | undefined {
    return this.domains.owner(number);
  }

  private number(wanted: Wanted): void {
    for (const [names, kept] of [
      [this.bridges, wanted.bridges],
      [this.ports, wanted.ports],
      [this.remotes, wanted.remotes],
    ] as const) {
      for (const name of kept) names.number(name);
      names.keep(kept);
    }
    this.domains.keep(wanted.domains);
  }

  /** Puts a port into the domains of its VLANs. @param rows of ports before it, to copy */
  private join(
    vlan: Int32Array,
    view: PortView,
    port: number,
    vlans: VlanSet,
    states: PortStates,
    tells: boolean,
    rows: Rows,
  ): void {
    const numbers = this.domains.ofBridge(view.bridge);
    const row = port * VLAN_STRIDE;
    // Nearly always the same in all VLANs.
    const state = view.isMirrorEnd ? 'blocking' : states.inAll(view.name);
    const common = state === undefined ? undefined : stateFlags(state, view.learning);
    const portFlags = flagsOf(view) | (tells ? TELLS_MTU : 0) | (common ?? 0);
    if (common !== undefined && vlans.tagged.length > FEW_VLANS) {
      const like = rows.get(vlans)?.get(portFlags);
      if (like !== undefined) {
        vlan.copyWithin(row, like, like + VLAN_STRIDE);
        return;
      }
      rows.set(vlans, (rows.get(vlans) ?? new Map()).set(portFlags, row));
    }
    for (const [vids, flags] of [
      [vlans.tagged, portFlags],
      [vlans.untagged, UNTAGGED | portFlags],
    ] as const) {
      for (let n = 0; n < vids.length; n++) {
        const vid = vids[n];
        const inVlan = common === undefined ? stateFlags(states.of(view.name, vid), view.learning) : 0;
        vlan[row + vid] = (numbers[vid] << DOMAIN_SHIFT) | flags | inVlan;
      }
    }
  }

  private nameDomains({ domainBridge, domainVid }: Pick<Topology, 'domainBridge' | 'domainVid'>): void {
    for (let domain = 1; domain < this.domains.length; domain++) {
      const owner = this.domains.owner(domain);
      if (owner === undefined) continue;
      domainBridge[domain] = this.bridges.number(owner.bridge);
      domainVid[domain] = owner.vid;
    }
  }

  private tunnelHops(view: PortView, port: number, remotes: RemoteRow[]): number[] {
    return view.remotes.map((remote) => {
      const row = this.remotes.number(remoteName(view.name, remote));
      remotes.push({ row, port, address: addressWords(remote) });
      return hop(port, row);
    });
  }

  /** Remotes that only a static entry or a mirror names get unicast, no floods. */
  private staticRemotes(bridge: BridgeConfig, remotes: RemoteRow[]): void {
    const known = new Set(remotes.map(({ row }) => row));
    const mirrored = Object.values(bridge.mirrors).flatMap(({ to }) =>
      typeof to === 'object' && 'port' in to ? [to] : [],
    );
    for (const { port, remote } of [...bridge.static, ...mirrored]) {
      const number = this.ports.find(port);
      if (remote === undefined || number === undefined) continue;
      const row = this.remotes.number(remoteName(port, remote));
      if (known.has(row)) continue;
      known.add(row);
      remotes.push({ row, port: number, address: addressWords(remote) });
    }
  }

  private statics(
    config: SwitchConfig,
    localMacs: ReadonlyMap<string, string>,
  ): { statics: Int32Array; locals: number } {
    const words: number[] = [];
    const push = (bridge: string, vid: number, macText: string, to: number) => {
      const domain = this.domains.find(bridge, vid);
      const mac = parseMac(macText);
      if (domain !== undefined && mac !== undefined) words.push((domain << 16) | mac.hi, mac.lo, to);
    };
    for (const [name, bridge] of Object.entries(config.bridges)) {
      const mac = localMacs.get(name);
      if (bridge.local === false || mac === undefined) continue;
      const { all } = bridge.vlan_filtering ? vlanSet(bridge.local.vlan) : UNAWARE;
      for (const vid of all) push(name, vid, mac, this.ports.number(name));
    }
    const locals = words.length / 3;
    for (const [name, bridge] of Object.entries(config.bridges)) {
      for (const entry of bridge.static) {
        const port = this.ports.find(entry.port);
        const row = entry.remote === undefined ? 0 : this.remotes.find(remoteName(entry.port, entry.remote));
        if (port === undefined || row === undefined) continue;
        push(name, bridge.vlan_filtering ? (entry.vlan as number) : 0, entry.mac, hop(port, row));
      }
    }
    const statics = shared(Int32Array, words.length);
    statics.set(words);
    return { statics, locals };
  }
}

function wantedBy(config: SwitchConfig): Wanted {
  const wanted: Wanted = { bridges: new Set(), ports: new Set(), domains: new Map(), remotes: new Set() };
  for (const [name, bridge] of Object.entries(config.bridges)) {
    const vids = new Uint8Array(VIDS);
    const seen = new Set<VlanSet>();
    wanted.bridges.add(name);
    wanted.domains.set(name, vids);
    for (const view of portViews(name, bridge)) {
      wanted.ports.add(view.name);
      for (const remote of view.remotes) wanted.remotes.add(remoteName(view.name, remote));
      const vlans = bridge.vlan_filtering ? vlanSet(view.vlan) : UNAWARE;
      if (seen.has(vlans)) continue;
      seen.add(vlans);
      for (let n = 0; n < vlans.all.length; n++) vids[vlans.all[n]] = 1;
    }
    for (const { port, remote } of bridge.static) {
      if (remote !== undefined) wanted.remotes.add(remoteName(port, remote));
    }
    for (const { to } of Object.values(bridge.mirrors)) {
      if (typeof to === 'object' && 'port' in to) wanted.remotes.add(remoteName(to.port, to.remote));
    }
  }
  return wanted;
}

/** Row 0 is that of ports without. */
function giveTags(
  { vlanDevices, vlanDeviceBits }: Pick<Topology, 'vlanDevices' | 'vlanDeviceBits'>,
  port: number,
  row: number,
  tags: ReadonlySet<number>,
): void {
  vlanDevices[port] = row;
  for (const tag of tags) {
    const bit = tagBit(tag);
    vlanDeviceBits[row * VLAN_DEVICE_STRIDE + (bit >>> 5)] |= 1 << (bit & 31);
  }
}

/** What a state allows. The same flags are stored into a topology in force: see Switch.setPortState. */
export function stateFlags(state: PortState, isLearning: boolean): number {
  if (state === 'blocking') return 0;
  return (state === 'forwarding' ? FORWARDING : 0) | (isLearning ? LEARNING : 0);
}

function flagsOf(view: PortView): number {
  return (
    (view.hairpin ? HAIRPIN : 0) |
    (view.isolated ? ISOLATED : 0) |
    (view.isTunnel ? TUNNEL | TELLS_MTU : 0) |
    (view.isTunnel && !view.hairpin ? SPLIT_HORIZON : 0)
  );
}

/** A power of two, at most half full with what the limits allow. @throws TaploomError `too_many` */
function slotsFor(config: SwitchConfig, locals: number): number {
  let entries = locals;
  for (const bridge of Object.values(config.bridges)) entries += bridge.fdb_limit + bridge.static.length;
  let slots = 1024;
  while (slots < 2 * entries) slots *= 2;
  if (slots > MAX_FDB_SLOTS) {
    const most = MAX_FDB_SLOTS / 2;
    throw new TaploomError(
      'too_many',
      `Cannot have more than ${most} FDB entries: lower fdb_limit of the bridges`,
    );
  }
  return slots;
}
