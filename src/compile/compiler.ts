// Configuration -> topology: names become small numbers, lists become flat arrays.
//
//   number: which ports, bridges, domains and remotes there are   ->  membership.ts: which port is in which domain
//   ->  floods.ts: lists of next hops                             ->  statics

import { effectiveMtus } from '../config/defaults.ts';
import { networkPlaces } from '../config/network_places.ts';
import { portVlans, privateVlans } from '../config/private_vlans.ts';
import type { BridgeConfig, SwitchConfig } from '../config/schema.ts';
import {
  OWN_TAGS,
  type Topology,
  tagBit,
  trappingOf,
  VLAN_AWARE,
  VLAN_DEVICE_STRIDE,
  VLAN_STRIDE,
} from '../engine/topology.ts';
import { TaploomError } from '../error.ts';
import { hop, MAX_PORTS } from '../frame/hop.ts';
import { atOnce, breathing, type Parts } from '../parts.ts';
import { MAX_BRIDGES } from '../table/counters.ts';
import type { RemoteRow } from '../table/remotes.ts';
import { CONFIGURED_REMOTES } from '../table/remotes.ts';
import { TRAP_TYPES } from '../table/traps.ts';
import { addressWords } from '../wire/ip_address.ts';
import { type Mac, parseMac } from '../wire/mac.ts';
import { AclNumbers } from './acls.ts';
import { compileAggregates, type Distributions } from './aggregates.ts';
import { compileControls } from './controls.ts';
import { type Flooded, type Flooder, floodLists } from './floods.ts';
import { compileGuards } from './guards.ts';
import { HookNumbers } from './hooks.ts';
import { leastMtus } from './least_mtus.ts';
import { Memberships } from './membership.ts';
import { compileMirrors } from './mirrors.ts';
import { type Domain, Domains, Names, remoteName } from './names.ts';
import { NatNumbers } from './nat.ts';
import { networkBits } from './network_bits.ts';
import { type Overlay, PortStates, PortTraps } from './overlay.ts';
import { PolicerNumbers } from './policers.ts';
import { checkPolicy, PolicyNumbers } from './policy.ts';
import { type PortView, UNAWARE } from './port_view.ts';
import { compilePriorities } from './priorities.ts';
import { compileProtocolTunnels } from './protocol_tunnels.ts';
import { QosMemories } from './qos.ts';
import { ROUTER_PORT_MTU, type RouterPort } from './router_ports.ts';
import { compileRouters } from './routers.ts';
import { RouteCache } from './routes.ts';
import { shared } from './shared.ts';
import { compileTags, hasOwnTags } from './tags.ts';
import { addressShares } from './tenants.ts';
import { TopologyMemory } from './topology_memory.ts';
import { type Carrier, VIDS, type Wanted, wantedBy } from './wanted.ts';

/** The FDB's key has 16 bits for the domain. */
const MAX_DOMAINS = 65_536;
/** Slots of the FDB: 1 GiB. The arrays of a data plane must not be a way to exhaust the machine. */
const MAX_FDB_SLOTS = 2 ** 26;
const NO_MACS: ReadonlyMap<string, string> = new Map();
const NO_STATES = new PortStates();
const NO_TRAPS = new PortTraps();
const NO_DISTRIBUTIONS: Distributions = new Map();
export interface Compiled {
  topology: Topology;
  remotes: RemoteRow[];
}

export interface Surroundings {
  machine?: string;
  randomWords?: (count: number) => Int32Array;
}

export class Compiler {
  readonly ports = new Names('ports', MAX_PORTS);
  readonly bridges = new Names('bridges', MAX_BRIDGES);
  readonly domains = new Domains(MAX_DOMAINS);
  readonly remotes = new Names('configured remotes', CONFIGURED_REMOTES + 1);
  private readonly routes = new RouteCache();
  readonly nat: NatNumbers;
  readonly policy: PolicyNumbers;
  readonly hooks = new HookNumbers();
  readonly qos = new QosMemories();
  readonly policers = new PolicerNumbers();
  readonly acls = new AclNumbers();
  private readonly machine: string | undefined;
  private serial = 0;
  private readonly memory = new TopologyMemory();

  /** `machine`: what addresses are made of; `randomWords`: seeds of tables. Default: those of this machine. */
  constructor({ machine, randomWords }: Surroundings = {}) {
    this.machine = machine;
    this.nat = new NatNumbers(randomWords);
    this.policy = new PolicyNumbers(randomWords);
  }

  /** Rejects with TaploomError `too_many` if `compile` would throw it, now or after any part of the present was deleted. */
  async check(config: SwitchConfig): Promise<void> {
    const wanted = await breathing(wantedBy(config, this.machine));
    this.bridges.check(wanted.bridges);
    this.ports.check(wanted.ports);
    this.domains.check(wanted.domains);
    this.remotes.check(wanted.remotes);
    checkPolicy(config);
    slotsFor(config, VIDS * wanted.bridges.size + [...wanted.routed.values()].flat().length);
  }

  /** @throws TaploomError `too_many` */
  compile(config: SwitchConfig, overlay: Overlay = {}): Compiled {
    return atOnce(this.parts(config, overlay));
  }

  /** The same, with breaths in between: `overlay` may change meanwhile. @throws TaploomError `too_many` */
  compileBreathing(config: SwitchConfig, overlay: Overlay): Promise<Compiled> {
    return breathing(this.parts(config, overlay));
  }

  private *parts(config: SwitchConfig, overlay: Overlay): Parts<Compiled> {
    const { localMacs = NO_MACS, ownedMtus, underlayMtus, states = NO_STATES, traps = NO_TRAPS } = overlay;
    const wanted = yield* wantedBy(config, this.machine);
    this.number(wanted);
    const ports = this.ports.length;
    const domains = this.domains.length;
    const serial = ++this.serial;
    const topology = shared(
      {
        bridge: [Uint16Array, ports],
        pvid: [Uint16Array, ports],
        mtu: [Uint32Array, ports],
        fdbLimit: [Uint32Array, ports],
        groupFwdMask: [Uint16Array, ports],
        vlan: [Int32Array, ports * VLAN_STRIDE],
        extent: [Uint32Array, ports],
        traps: [Int32Array, ports],
        trapTypes: [Uint16Array, TRAP_TYPES],
        vlanDevices: [Uint16Array, ports],
        vlanDeviceBits: [Int32Array, (1 + (overlay.vlanTags?.size ?? 0)) * VLAN_DEVICE_STRIDE],
        domainBridge: [Uint16Array, domains],
        domainVid: [Uint16Array, domains],
        networks: [Uint8Array, domains],
        ageing: [Float64Array, domains],
        bridgeFdbLimit: [Uint32Array, this.bridges.length],
        listAt: [Uint32Array, 4 * domains],
      },
      (size) => this.memory.take(size),
    );
    topology.trapTypes.set(traps.types);
    let taggedPorts = 0;
    const flooded: Flooded[] = [];
    const remotes: RemoteRow[] = [];
    const routed = [...wanted.routed.values()].flat();
    const leastMtu = new Map<string, (vid: number) => number>();
    const addressesOf = addressShares(config);
    for (const [name, bridge] of Object.entries(config.bridges)) {
      const number = this.bridges.number(name);
      topology.bridgeFdbLimit[number] = bridge.fdb_limit;
      const numbers = this.domains.ofBridge(name);
      for (const [vid, domain] of numbers.entries()) {
        if (domain === 0) continue;
        topology.domainBridge[domain] = number;
        topology.domainVid[domain] = vid;
        topology.ageing[domain] = bridge.vlans[vid]?.learning === false ? 0 : bridge.ageing_time * 1000;
      }
      const own = wanted.routed.get(name) ?? [];
      for (const place of networkPlaces(name, bridge)) {
        const hasRouter = own.some(({ vid, config: { advertise } }) => vid === place.vlan && advertise);
        topology.networks[numbers[place.vlan]] = networkBits(place, bridge, hasRouter);
      }
      const mtus = effectiveMtus(config, name, ownedMtus, underlayMtus);
      const flooders: Flooder[] = [];
      const memberships = new Memberships(topology, this.domains.sharedOfBridge(name));
      for (const { view, vlans } of wanted.carriers.get(name) as Carrier[]) {
        const port = this.ports.number(view.name);
        topology.bridge[port] = number;
        topology.mtu[port] = mtus.get(view.name) as number;
        topology.fdbLimit[port] = Math.min(view.fdbLimit, addressesOf(view.name, bridge));
        topology.groupFwdMask[port] = view.groupFwdMask;
        const mask = view.traps | traps.of(view.name);
        topology.traps[port] = mask;
        const tags = overlay.vlanTags?.get(view.name);
        if (tags !== undefined) giveTags(topology, port, ++taggedPorts, tags);
        topology.pvid[port] =
          (bridge.vlan_filtering ? vlans.pvid | VLAN_AWARE : 0) |
          (bridge.vlan_filtering && hasOwnTags(view) ? OWN_TAGS : 0) |
          trappingOf(topology, port);
        memberships.join(port, view, vlans, overlay.tellers?.has(view.name) === true, states);
        const hops = view.isTunnel ? this.tunnelHops(view, port, remotes) : [port];
        flooders.push({ vlans, flood: view.flood, hops });
        yield;
      }
      for (const one of own)
        this.joinRouter(one, bridge.vlan_filtering, topology, memberships, number, states);
      if (own.length > 0) leastMtu.set(name, leastMtus(wanted.carriers.get(name) as Carrier[], mtus));
      flooded.push({ numbers, ports: flooders, floods: (vid) => bridge.vlans[vid]?.flood !== false });
    }
    for (const bridge of Object.values(config.bridges)) this.staticRemotes(bridge, remotes);
    const mirrors = compileMirrors(config, this);
    const controls = compileControls(config, this.ports);
    const guards = compileGuards(config, this.ports);
    const aggregates = compileAggregates(config, this.ports, overlay.distributions ?? NO_DISTRIBUTIONS);
    const tags = compileTags([...wanted.carriers.values()].flat(), this.ports);
    const protocolTunnels = compileProtocolTunnels(config, this.ports);
    const routers = yield* compileRouters(config, routed, {
      ports: this.ports,
      domains: this.domains,
      cache: this.routes,
      nat: this.nat,
      mtuOf: ({ config: { bridge }, vid }) => (leastMtu.get(bridge) as (vid: number) => number)(vid),
    });
    const policy = yield* this.policy.compile(config, this.ports, domains, topology.vlan);
    const acls = yield* this.acls.compile(config, this, mirrors);
    const { statics, locals } = this.statics(config, localMacs, routed);
    const fdbSlots = slotsFor(config, locals);
    const hops = yield* floodLists(flooded, topology.listAt);
    return {
      topology: {
        serial,
        ...topology,
        hops,
        mirrors,
        controls,
        guards,
        aggregates,
        tags,
        protocolTunnels,
        routers,
        hooks: this.hooks.compile(config, this.ports),
        policy,
        acls,
        qos: this.qos.compile(config, this.ports),
        priorities: compilePriorities(config, this.ports),
        policers: this.policers.compile(config, this.ports),
        fdbSlots,
        statics,
        locals,
      },
      remotes,
    };
  }

  /** Nobody reads this topology any more (traces wait in one line with changes): the next one may lie where it did. */
  retire(topology: Topology): void {
    this.memory.retire(topology);
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

  /** The destinations of a route of `Topology.routers`. */
  routePrefix(route: number): string | undefined {
    return this.routes.prefix(route);
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
    this.domains.keep(wanted.domains, wanted.privates);
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

  /** An interface of a router is a member of its VLANs, and no more. */
  private joinRouter(
    { port, view, vlans }: RouterPort,
    isAware: boolean,
    topology: Pick<Topology, 'bridge' | 'pvid' | 'mtu'>,
    memberships: Memberships,
    bridge: number,
    states: PortStates,
  ): void {
    const number = this.ports.number(port);
    topology.bridge[number] = bridge;
    topology.mtu[number] = ROUTER_PORT_MTU;
    topology.pvid[number] = isAware ? vlans.pvid | VLAN_AWARE : 0;
    memberships.join(number, view, vlans, false, states);
  }

  private statics(
    config: SwitchConfig,
    localMacs: ReadonlyMap<string, string>,
    routed: readonly RouterPort[],
  ): { statics: Int32Array; locals: number } {
    const words: number[] = [];
    const push = (domain: number, mac: Mac | undefined, to: number) => {
      if (domain !== 0 && mac !== undefined) words.push((domain << 16) | mac.hi, mac.lo, to);
    };
    for (const [name, bridge] of Object.entries(config.bridges)) {
      const text = localMacs.get(name);
      if (bridge.local === false || text === undefined) continue;
      const mac = parseMac(text);
      const port = this.ports.number(name);
      const vlans = privateVlans(bridge);
      const { tagged, untagged } = bridge.vlan_filtering ? portVlans(vlans, bridge.local.vlan) : UNAWARE;
      const numbers = this.domains.ofBridge(name);
      for (const { from, to } of [...tagged, ...untagged]) {
        for (let vid = from; vid <= to; vid++) push(numbers[vid], mac, port);
      }
    }
    for (const {
      config: { bridge },
      vid,
      mac,
      port,
    } of routed)
      push(this.domains.ofBridge(bridge)[vid], mac, this.ports.number(port));
    const locals = words.length / 3;
    for (const [name, bridge] of Object.entries(config.bridges)) {
      for (const entry of bridge.static) {
        const port = this.ports.find(entry.port);
        const row = entry.remote === undefined ? 0 : this.remotes.find(remoteName(entry.port, entry.remote));
        if (port === undefined || row === undefined) continue;
        const vid = bridge.vlan_filtering ? (entry.vlan as number) : 0;
        push(this.domains.ofBridge(name)[vid], parseMac(entry.mac), hop(port, row));
      }
    }
    const { statics } = shared({ statics: [Int32Array, words.length] });
    statics.set(words);
    return { statics, locals };
  }
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
