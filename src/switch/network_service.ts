// Networks of bridges in a switch: which there are, and what ports say to them. Each runs by itself: running_network.ts. The
// way out through the host is one for all.

import type { LeaseFilter, LeaseStatus, NetworkStatus } from '../api.ts';
import { type NetworkPlace, networkPlaces } from '../config/network_places.ts';
import { placeOf, UPLINK } from '../config/network_uplink.ts';
import { type Network, networkOf } from '../config/networks.ts';
import { interfacePort, interfacesIn, type RouterInterface } from '../config/router_interfaces.ts';
import { interfaceMac } from '../config/router_mac.ts';
import { EMPTY_CONFIG, type SwitchConfig } from '../config/schema.ts';
import { formatAddress, isHostOf } from '../config/subnet.ts';
import { TaploomError } from '../error.ts';
import type { EventFact } from '../event.ts';
import { dnsRoom } from '../protocol/dns/limits.ts';
import type { Host, Punt, PuntReason } from '../protocol/host.ts';
import { monotonicMs } from '../sys/clock.ts';
import { formatIp, ipv4Number, parseIp } from '../wire/ip_address.ts';
import { formatMac, macAt } from '../wire/mac.ts';
import { bridgedStatus } from './bridged_network.ts';
import { Claims } from './claims.ts';
import { macOf } from './fdb_view.ts';
import type { NetworkFacts, NetworkHome } from './network_home.ts';
import { RunningNetwork } from './running_network.ts';
import type { Service, Surroundings } from './service.ts';
import { wakeAt } from './wake_at.ts';
import { WaysOut } from './ways_out.ts';
import { MACHINE, type World } from './world.ts';

/** Of the source address in a frame. */
const SRC = 6;

export class NetworkService implements Service {
  private readonly facts: NetworkFacts;
  private readonly tell: (fact: EventFact) => void;
  private home: NetworkHome | undefined;
  private config: SwitchConfig = EMPTY_CONFIG;
  private readonly running = new Map<string, RunningNetwork>();
  private readonly bridgeOf = new Map<string, string>();
  private readonly waysOut: WaysOut;
  private readonly claims: Claims;
  private stopListening: (() => void)[] = [];
  private timer: NodeJS.Timeout | undefined;
  private hasTimer = false;
  private world: World = MACHINE;
  private polledAt: number | undefined;

  constructor(facts: NetworkFacts, tell: (fact: EventFact) => void) {
    this.facts = facts;
    this.tell = tell;
    this.claims = new Claims(tell);
    this.waysOut = new WaysOut(facts.stateDirectory, () => this.refreshAll());
  }

  attach(host: Host, { threaded, world }: Surroundings): void {
    this.world = world;
    this.home = {
      host,
      facts: this.facts,
      dnsRoom: dnsRoom(),
      tell: this.tell,
      world,
      now: () => this.now(),
      wait: () => this.wait(),
      isTunnel: (port) => this.portOf(port)?.type === 'vxlan',
      gateways: () => this.gateways(),
      problemsOf: (network) => [...this.waysOut.problemsOf(network), ...this.missingWayOut(network)],
      uplinkOf: (network) => this.waysOut.uplinkOf(network),
      hasWayOut6: (network) => this.hasWayOut6(network),
      resolversOf: ({ name }) => this.facts.interfaceLeases.resolversOf(interfacePort(name, UPLINK)),
      resolvers6Of: ({ name }) => this.facts.learned.resolversOf(interfacePort(name, UPLINK)),
      mtuOf: ({ bridge }) => this.mtuOf(bridge),
    };
    this.hasTimer = threaded;
    const listen = (reason: PuntReason, hear: (network: RunningNetwork, punt: Punt) => void) =>
      host.onPunt(reason, (punt) => {
        const network = this.running.get(this.nameOf(punt));
        if (network === undefined || this.isLockedOut(punt)) return;
        // In the clock of whoever polls.
        hear(network, { ...punt, at: this.now() });
      });
    this.stopListening = [
      listen('dhcp', (network, punt) => network.hear(punt)),
      listen('arp', (network, punt) => network.hearArp(punt)),
      listen('solicitation', (network, punt) => network.hearSolicitation(punt)),
      listen('dhcp6', (network, punt) => network.hearDhcp6(punt)),
      listen('rogue', (network, punt) => network.hearRogue(punt)),
      host.onPunt('claim', (punt) => this.hearClaim(punt)),
    ];
  }

  /** The configuration in force, and the devices that there are. */
  update(config: SwitchConfig): void {
    this.config = config;
    const { home } = this;
    if (home === undefined) return;
    this.bridgeOf.clear();
    const wanted = new Map<string, [NetworkPlace, Network]>();
    const routers = [...interfacesIn(config)];
    for (const [name, bridge] of Object.entries(config.bridges)) {
      const places = networkPlaces(name, bridge);
      for (const port of places.length === 0 ? [] : Object.keys(bridge.ports)) this.bridgeOf.set(port, name);
      for (const place of places) {
        const network = networkOf(place, bridge);
        if (network === undefined) continue;
        const router = routerIn(routers, network, this.world.machine);
        wanted.set(place.name, [place, { ...network, router }]);
      }
    }
    for (const [name, network] of this.running) {
      if (wanted.has(name)) continue;
      this.running.delete(name);
      network.leave();
    }
    for (const [name, [place, network]] of wanted) {
      const running = this.running.get(name) ?? new RunningNetwork(network, home);
      this.running.set(name, running);
      running.configure(network, place.config);
    }
    const here = [...this.running.values()].filter(({ isHere }) => isHere);
    this.waysOut.set(here.map(({ network }) => network));
    this.refreshAll();
  }

  poll(now?: number): void {
    if (this.hasTimer) return;
    this.polledAt = now ?? monotonicMs();
    if (this.running.size > 0 && this.polledAt >= this.deadline()) this.tick();
  }

  /** An address is no interface's any more; undefined: some may be. That of a gateway is set again. */
  addressGone(address: string | undefined): void {
    for (const network of this.running.values()) network.addressGone(address);
  }

  /** With the link of an interface its IPv6 addresses go, and do not come back. */
  linkChanged(port: string): void {
    for (const network of this.running.values())
      if (network.network.interface?.name === port) network.lookAtGateway();
  }

  networks(): NetworkStatus[] {
    return Object.entries(this.config.bridges).flatMap(([bridge, config]) =>
      networkPlaces(bridge, config).map(({ name, vlan, config: { mode } }): NetworkStatus => {
        const running = this.running.get(name);
        if (running !== undefined) return running.status();
        const about = { network: name, bridge, ...(vlan !== 0 && { vlan }), mode };
        return mode === 'bridged'
          ? { ...about, ...bridgedStatus(bridge, config) }
          : { ...about, problems: [] };
      }),
    );
  }

  leases(filter: LeaseFilter = {}): LeaseStatus[] {
    checkFilter(filter);
    return this.chosen(filter).flatMap((network) => network.leases(filter, this.now()));
  }

  endLeases(filter: LeaseFilter): number {
    checkFilter(filter);
    return this.chosen(filter).reduce((sum, network) => sum + network.endLeases(filter, this.now()), 0);
  }

  close(): void {
    clearTimeout(this.timer);
    for (const stop of this.stopListening) stop();
    this.waysOut.close();
    for (const network of this.running.values()) network.leave();
    this.running.clear();
    this.home = undefined;
  }

  /** Of a network whose uplink is a port. */
  private missingWayOut(network: Network): string[] {
    const { name, uplink, ipv6 } = network;
    if (uplink === undefined) return [];
    if (!this.hasUplink(network))
      return [`no way out: port ${uplink} is missing, and taken again when it comes back`];
    const problems: string[] = [];
    if (!this.facts.interfaceLeases.hasAddress(interfacePort(name, UPLINK)))
      problems.push(`no way out yet: no DHCP server behind ${uplink} has answered`);
    if (ipv6 !== undefined && !this.hasWayOut6(network))
      problems.push(`no way out for IPv6 yet: no router behind ${uplink} advertises that it is one`);
    return problems;
  }

  private hasWayOut6(network: Network): boolean {
    const { name, uplink, fixed6 } = network;
    if (uplink === undefined) return this.waysOut.hasWayOut6(network);
    const isThere = fixed6 !== undefined || this.facts.learned.hasWayOut(interfacePort(name, UPLINK));
    return isThere && this.hasUplink(network);
  }

  private hasUplink({ uplink = '' }: Network): boolean {
    return placeOf(uplink, this.config.bridges) !== undefined;
  }

  private now(): number {
    return this.polledAt ?? monotonicMs();
  }

  private chosen({ bridge, network }: LeaseFilter): RunningNetwork[] {
    return [...this.running.values()].filter(
      ({ network: one }) =>
        (bridge ?? one.bridge) === one.bridge && [one.name, one.bridge, undefined].includes(network),
    );
  }

  private hearClaim(punt: Punt): void {
    const network = this.running.get(this.nameOf(punt))?.network;
    if (network !== undefined) this.claims.hear(punt, network);
  }

  private nameOf({ port, vlan }: Punt): string {
    const bridge = this.bridgeOf.get(port) ?? '';
    return vlan === 0 ? bridge : `${bridge}.${vlan}`;
  }

  private portOf(port: string) {
    return this.config.bridges[this.bridgeOf.get(port) ?? '']?.ports[port];
  }

  private gateways(): ReadonlySet<string> {
    const networks = [...this.running.values()].map(({ network }) => network);
    return new Set(
      networks.flatMap(({ gateway, ipv6 }) => [
        formatAddress(gateway),
        ...(ipv6 === undefined ? [] : [formatIp(ipv6.gateway)]),
      ]),
    );
  }

  /** Whether the port is locked for who sent the frame: it was taken out before the data plane looked. */
  private isLockedOut({ port, bytes }: Punt): boolean {
    if (this.portOf(port)?.locked !== true) return false;
    const { hi, lo } = macAt(new DataView(bytes.buffer, bytes.byteOffset), SRC);
    const sender = formatMac(hi, lo);
    const { static: entries } = this.config.bridges[this.bridgeOf.get(port) ?? ''];
    return !entries.some((entry) => entry.port === port && entry.mac === sender);
  }

  private mtuOf(bridge: string): number | undefined {
    const names = [bridge, ...Object.keys(this.config.bridges[bridge]?.ports ?? {})];
    const mtus = names.map((name) => this.facts.mtus.get(name)).filter((mtu) => mtu !== undefined);
    return mtus.length === 0 ? undefined : Math.min(...mtus);
  }

  private refreshAll(): void {
    for (const network of this.running.values()) network.refresh();
    this.noteAll();
    this.wait();
  }

  private noteAll(): void {
    for (const network of this.running.values()) network.note();
  }

  private tick(): void {
    const now = this.now();
    for (const network of this.running.values()) if (network.deadline() <= now) network.tick(now);
    this.wait();
  }

  deadline(): number {
    let next = Number.POSITIVE_INFINITY;
    for (const network of this.running.values()) next = Math.min(next, network.deadline());
    return next;
  }

  private wait(): void {
    clearTimeout(this.timer);
    this.timer = this.hasTimer ? wakeAt(this.deadline(), () => this.tick()) : undefined;
  }
}

/** Of the router that is the network's gateway, or else of the first that has an address in it. */
function routerIn(
  interfaces: readonly RouterInterface[],
  { bridge, vlan, subnet, gateway }: Network,
  machine: string,
): Network['router'] {
  let found: Network['router'];
  for (const one of interfaces) {
    if (one.config.bridge !== bridge || (one.config.vlan ?? 0) !== vlan) continue;
    for (const { bytes } of one.addresses) {
      const address = bytes.length === 4 ? ipv4Number(bytes) : 0;
      if (!isHostOf(subnet, address) || (found !== undefined && address !== gateway)) continue;
      found = { address, mac: interfaceMac(one, machine) };
    }
  }
  return found;
}

/** What is no address would match nothing, without a word. @throws TaploomError `invalid_mac`, `invalid_address` */
function checkFilter({ mac, address }: LeaseFilter): void {
  if (mac !== undefined) macOf(mac);
  if (address !== undefined && parseIp(address) === undefined)
    throw new TaploomError('invalid_address', `${address} is not an IPv4 or IPv6 address`);
}
