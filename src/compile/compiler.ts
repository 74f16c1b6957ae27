// Configuration -> topology: names become small numbers, lists become flat arrays.
//
//   number: which ports, bridges, domains and remotes there are   ->  membership: which port is in which domain
//   ->  floods: one list of next hops for each domain             ->  statics

import { effectiveMtus } from '../config/defaults.ts';
import { type BridgeConfig, type SwitchConfig, type VlanSet, vlanSet } from '../config/schema.ts';
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
import { compileMirrors } from './mirrors.ts';
import { type Domain, Domains, Names, remoteName, type VidSet } from './names.ts';
import { type Overlay, type PortState, PortStates, PortTraps } from './overlay.ts';
import { type PortView, portViews } from './port_view.ts';
import { shared } from './shared.ts';

/** The FDB's key has 16 bits for the domain. */
const MAX_DOMAINS = 65_536;
/** Slots of the FDB: 1 GiB. The arrays of a data plane must not be a way to exhaust the machine. */
const MAX_FDB_SLOTS = 2 ** 26;
const VIDS = 4096;
const NO_MACS: ReadonlyMap<string, string> = new Map();
const NO_STATES = new PortStates();
const NO_TRAPS = new PortTraps();
/** VLANs of every port of a VLAN-unaware bridge. */
const UNAWARE: VlanSet = { pvid: 0, tagged: [], untagged: [0] };

/** A port with what the compilation found out about it. */
interface Member {
  view: PortView;
  port: number;
  vlans: VlanSet;
  /** Next hops by which a flooded frame leaves: the port, or its remotes. */
  hops: number[];
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
  compile(config: SwitchConfig, overlay: Overlay = {}): { topology: Topology; remotes: RemoteRow[] } {
    const { localMacs = NO_MACS, ownedMtus, underlayMtus, states = NO_STATES, traps = NO_TRAPS } = overlay;
    this.number(wantedBy(config));
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
    const members: Member[] = [];
    const remotes: RemoteRow[] = [];
    for (const [name, bridge] of Object.entries(config.bridges)) {
      const number = this.bridges.number(name);
      topology.ageing[number] = bridge.ageing_time * 1000;
      topology.bridgeFdbLimit[number] = bridge.fdb_limit;
      const mtus = effectiveMtus(config, name, ownedMtus, underlayMtus);
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
        this.join(topology, view, port, vlans, states, overlay.tellers?.has(view.name) === true);
        const hops = view.isTunnel ? this.tunnelHops(view, port, remotes) : [port];
        members.push({ view, port, vlans, hops });
      }
    }
    for (const bridge of Object.values(config.bridges)) this.staticRemotes(bridge, remotes);
    const mirrors = compileMirrors(config, this);
    const { statics, locals } = this.statics(config, localMacs);
    const fdbSlots = slotsFor(config, locals);
    return {
      topology: { ...topology, ...this.floods(members), mirrors, fdbSlots, statics, locals },
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

  /** Puts a port into the domains of its VLANs. */
  private join(
    topology: Pick<Topology, 'vlan' | 'domainBridge' | 'domainVid' | 'bridge'>,
    view: PortView,
    port: number,
    { tagged, untagged }: VlanSet,
    states: PortStates,
    tells: boolean,
  ): void {
    const numbers = this.domains.ofBridge(view.bridge);
    const portFlags = flagsOf(view) | (tells ? TELLS_MTU : 0);
    const bridge = topology.bridge[port];
    const row = port * VLAN_STRIDE;
    // Nearly always the same in all VLANs.
    const state = view.isMirrorEnd ? 'blocking' : states.inAll(view.name);
    const common = state === undefined ? undefined : stateFlags(state, view.learning);
    for (const [vids, flags] of [
      [tagged, portFlags],
      [untagged, UNTAGGED | portFlags],
    ] as const) {
      for (let n = 0; n < vids.length; n++) {
        const vid = vids[n];
        const domain = numbers[vid];
        topology.domainBridge[domain] = bridge;
        topology.domainVid[domain] = vid;
        const inVlan = common === undefined ? stateFlags(states.of(view.name, vid), view.learning) : common;
        topology.vlan[row + vid] = (domain << DOMAIN_SHIFT) | flags | inVlan;
      }
    }
  }

  /** Flood lists: count, lay out, fill. */
  private floods(members: readonly Member[]): { listAt: Uint32Array; hops: Int32Array } {
    const lists = 2 * this.domains.length;
    const listAt = shared(Uint32Array, lists + 1);
    // Loops instead of closures: a thousand trunks of 4,094 VLANs are 16 million steps, and took 0.25 s with them.
    for (const { view, vlans, hops: own } of members) {
      const numbers = this.domains.ofBridge(view.bridge);
      for (const vids of [vlans.tagged, vlans.untagged]) {
        for (let n = 0; n < vids.length; n++) {
          const list = 2 * numbers[vids[n]];
          listAt[list + 1] += own.length;
          if (view.flood) listAt[list + 2] += own.length;
        }
      }
    }
    for (let list = 0; list < lists; list++) listAt[list + 1] += listAt[list];
    const hops = shared(Int32Array, listAt[lists]);
    const next = Uint32Array.from(listAt);
    for (const { view, vlans, hops: own } of members) {
      const numbers = this.domains.ofBridge(view.bridge);
      for (const vids of [vlans.tagged, vlans.untagged]) {
        for (let n = 0; n < vids.length; n++) {
          const list = 2 * numbers[vids[n]];
          for (let m = 0; m < own.length; m++) {
            hops[next[list]++] = own[m];
            if (view.flood) hops[next[list + 1]++] = own[m];
          }
        }
      }
    }
    return { listAt, hops };
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
      const { tagged, untagged } = bridge.vlan_filtering ? vlanSet(bridge.local.vlan) : UNAWARE;
      for (const vid of [...tagged, ...untagged]) push(name, vid, mac, this.ports.number(name));
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
    wanted.bridges.add(name);
    wanted.domains.set(name, vids);
    for (const view of portViews(name, bridge)) {
      wanted.ports.add(view.name);
      for (const remote of view.remotes) wanted.remotes.add(remoteName(view.name, remote));
      const { tagged, untagged } = bridge.vlan_filtering ? vlanSet(view.vlan) : UNAWARE;
      for (const vid of tagged) vids[vid] = 1;
      for (const vid of untagged) vids[vid] = 1;
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
