// Networks of bridges in a switch: the gateway's address on the bridge's own interface, the way out through the host, and a
// DHCP server each. What could not be had is tried again, and told once.

import type { LeaseFilter, LeaseStatus, NetworkStatus, StoredLeases } from '../api.ts';
import { stableMac } from '../config/defaults.ts';
import { hasHost, leadsOut, type Network, networkOf } from '../config/networks.ts';
import { EMPTY_CONFIG, type SwitchConfig } from '../config/schema.ts';
import { formatAddress, formatSubnet } from '../config/subnet.ts';
import type { Device } from '../device/device.ts';
import type { PortMtus } from '../device/mtus.ts';
import type { EventFact } from '../event.ts';
import type { Lease } from '../protocol/dhcp/lease.ts';
import { dnsRoom } from '../protocol/dns/limits.ts';
import { NO_NAMES } from '../protocol/dns/names.ts';
import type { Host, Punt } from '../protocol/host.ts';
import { monotonicMs } from '../sys/clock.ts';
import type { OwnedAddresses } from '../table/owned_addresses.ts';
import { formatMac, type Mac, macAt, parseMac } from '../wire/mac.ts';
import { Claims } from './claims.ts';
import { DhcpService } from './dhcp_service.ts';
import { dhcpSettings } from './dhcp_settings.ts';
import { DnsService } from './dns_service.ts';
import { hostResolvers, resolversForHost } from './host_resolvers.ts';
import { wakeAt } from './wake_at.ts';
import { WaysOut } from './ways_out.ts';

/** What failed is tried again after this, ms. */
const RETRY = 1000;
/** Of the source address in a frame. */
const SRC = 6;

/** What the switch knows, by name. */
export interface NetworkFacts {
  readonly devices: ReadonlyMap<string, Device>;
  readonly mtus: Pick<PortMtus, 'get'>;
  readonly store: StoredLeases;
  /** Where the addresses of a bridge's network are kept for the data plane; undefined: the bridge is not in force yet. */
  ownedBy(bridge: string): OwnedAddresses | undefined;
  /** Empty: no network gets out. */
  readonly stateDirectory: string;
}

interface Place {
  network: Network;
  /** Addresses that no guest may claim but whose they are. */
  owned?: OwnedAddresses;
  dhcp?: DhcpService;
  /** What the DHCP server was made of: one that is made anew forgets who waits for an offer. */
  dhcpOf?: string;
  dns?: DnsService;
  /** Why the gateway has no address; empty: it has. */
  gatewayProblem: string;
  /** What was told of it last; undefined: nothing yet. */
  told?: string;
}

export class NetworkService {
  private readonly facts: NetworkFacts;
  private readonly tell: (fact: EventFact) => void;
  private host: Host | undefined;
  private config: SwitchConfig = EMPTY_CONFIG;
  private readonly places = new Map<string, Place>();
  private readonly bridgeOf = new Map<string, string>();
  private readonly waysOut: WaysOut;
  private readonly dnsRoom = dnsRoom();
  private readonly claims: Claims;
  private stopListening: (() => void)[] = [];
  private timer: NodeJS.Timeout | undefined;
  private hasTimer = false;
  private retryAt = Number.POSITIVE_INFINITY;
  private polledAt: number | undefined;

  constructor(facts: NetworkFacts, tell: (fact: EventFact) => void) {
    this.facts = facts;
    this.tell = tell;
    this.claims = new Claims(tell);
    this.waysOut = new WaysOut(facts.stateDirectory, () => this.noteAll());
  }

  /** `threaded`: with a timer of its own. Otherwise things happen in `poll`, in the time of whoever calls it. */
  attach(host: Host, { threaded }: { threaded: boolean }): void {
    this.host = host;
    this.hasTimer = threaded;
    const listen = (hear: (dhcp: DhcpService, punt: Punt) => void) => (punt: Punt) => {
      const bridge = this.bridgeOf.get(punt.port) ?? '';
      const dhcp = this.places.get(bridge)?.dhcp;
      if (isLockedOut(this.config, bridge, punt)) return;
      // In the clock of whoever polls.
      if (dhcp !== undefined) hear(dhcp, { ...punt, at: this.now() });
    };
    this.stopListening = [
      host.onPunt(
        'dhcp',
        listen((dhcp, punt) => dhcp.hear(punt)),
      ),
      host.onPunt(
        'arp',
        listen((dhcp, punt) => dhcp.hearArp(punt)),
      ),
      host.onPunt('claim', (punt) => this.claims.hear(punt, this.bridgeOf.get(punt.port))),
    ];
  }

  /** The configuration in force, and the devices that there are. */
  update(config: SwitchConfig): void {
    this.config = config;
    if (this.host === undefined) return;
    this.bridgeOf.clear();
    for (const [name, place] of this.places) {
      if (networkOf(name, config.bridges[name]?.network) !== undefined) continue;
      this.places.delete(name);
      this.leave(place);
    }
    for (const [name, bridge] of Object.entries(config.bridges)) {
      const network = networkOf(name, bridge.network);
      if (network === undefined) continue;
      for (const port of Object.keys(bridge.ports)) this.bridgeOf.set(port, name);
      this.enter(network, this.host);
    }
    this.waysOut.set(
      [...this.places.values()].map(({ network }) => network).filter(({ bridge }) => isHere(config, bridge)),
    );
    this.noteAll();
    this.wait();
  }

  /** Of a switch without threads, with each of its polls. */
  poll(now?: number): void {
    if (this.hasTimer) return;
    this.polledAt = now ?? monotonicMs();
    if (this.places.size > 0 && this.polledAt >= this.deadline()) this.tick();
  }

  networks(): NetworkStatus[] {
    return Object.entries(this.config.bridges).flatMap(([bridge, { network }]): NetworkStatus[] => {
      if (network === undefined) return [];
      const place = this.places.get(bridge);
      const { mode } = network;
      if (place === undefined) return [{ bridge, mode, problems: [] }];
      const { subnet, gateway } = place.network;
      return [
        {
          bridge,
          mode,
          subnet: formatSubnet(subnet),
          gateway: formatAddress(gateway),
          uplink: this.waysOut.uplinkOf(place.network),
          problems: this.problemsOf(place),
          dhcp: place.dhcp?.status(),
          dns: place.dns?.status(),
        },
      ];
    });
  }

  leases(filter: LeaseFilter = {}): LeaseStatus[] {
    return this.chosen(filter).flatMap((dhcp) => dhcp.leases(filter, this.now()));
  }

  endLeases(filter: LeaseFilter): number {
    return this.chosen(filter).reduce((sum, dhcp) => sum + dhcp.end(filter, this.now()), 0);
  }

  close(): void {
    clearTimeout(this.timer);
    for (const stop of this.stopListening) stop();
    this.waysOut.close();
    for (const place of this.places.values()) this.leave(place);
    this.places.clear();
    this.host = undefined;
  }

  private now(): number {
    return this.polledAt ?? monotonicMs();
  }

  private chosen({ bridge }: LeaseFilter): DhcpService[] {
    return [...this.places].flatMap(([name, { dhcp }]) =>
      dhcp !== undefined && (bridge ?? name) === name ? [dhcp] : [],
    );
  }

  private enter(network: Network, host: Host): void {
    const { bridge, dhcp, mode } = network;
    const place: Place = this.places.get(bridge) ?? { network, gatewayProblem: '' };
    this.places.set(bridge, place);
    if (place.network.gateway !== network.gateway) place.owned?.delete(place.network.gateway);
    place.network = network;
    place.owned ??= this.facts.ownedBy(bridge);
    const mac = this.macOf(bridge);
    place.owned?.set(network.gateway, mac.hi, mac.lo);
    this.setGateway(place);
    this.enterDns(place);
    if (dhcp === undefined) {
      if (place.dhcp !== undefined) this.forgetLeases(place, mac);
      place.dhcp = undefined;
      return;
    }
    const servers =
      place.dns === undefined
        ? { resolvers: leadsOut(mode) ? hostResolvers() : [] }
        : { resolvers: [network.gateway], domain: network.dns?.domain };
    const madeOf = JSON.stringify([this.config.bridges[bridge].network, mac, servers]);
    if (place.dhcp !== undefined && madeOf === place.dhcpOf) return;
    place.dhcpOf = madeOf;
    const settings = dhcpSettings(network, mac, servers);
    const { store, mtus } = this.facts;
    const facts = {
      host,
      store,
      mtuOf: (port: string) => mtus.get(port),
      changed: (lease: Lease) => own(place, lease),
      tell: this.tell,
      now: () => this.now(),
      wait: () => this.wait(),
      noted: () => this.note(place),
    };
    if (place.dhcp === undefined) place.dhcp = new DhcpService(network, settings, facts);
    else {
      this.forgetLeases(place, mac); // it tells of those that it keeps
      place.dhcp.configure(network, settings, this.now());
    }
  }

  private forgetLeases({ owned, network }: Place, mac: Mac): void {
    owned?.clear();
    owned?.set(network.gateway, mac.hi, mac.lo);
  }

  /** The DNS server that a network has if the host is in it, and here. */
  private enterDns(place: Place): void {
    const { dns, gateway, subnet, bridge } = place.network;
    if (dns === undefined || !isHere(this.config, bridge)) {
      place.dns?.close();
      place.dns = undefined;
      return;
    }
    const plan = { ...dns, gateway, subnet };
    if (place.dns !== undefined) place.dns.configure(plan);
    else
      place.dns = new DnsService(plan, {
        room: this.dnsRoom,
        names: () => place.dhcp?.names ?? NO_NAMES,
        portOf: (address) => place.dhcp?.portOf(address),
        resolvers: () => resolversForHost(this.gateways()),
        now: monotonicMs,
        noted: () => this.noteDns(place),
      });
    this.listen(place);
  }

  /** As soon as the gateway has its address. */
  private listen({ dns, network, gatewayProblem }: Place): void {
    if (gatewayProblem === '' && this.facts.devices.has(network.bridge)) dns?.listen();
  }

  private noteDns(place: Place): void {
    if (place.dns?.problem !== '') this.retryAt = Math.min(this.retryAt, this.now() + RETRY);
    this.note(place);
    this.wait();
  }

  /** Nobody asks itself, or in a ring. */
  private gateways(): ReadonlySet<string> {
    return new Set([...this.places.values()].map(({ network }) => formatAddress(network.gateway)));
  }

  private macOf(bridge: string) {
    return parseMac(this.facts.devices.get(bridge)?.mac ?? stableMac(bridge)) as { hi: number; lo: number };
  }

  /** Gives the bridge's own interface the gateway's address, where the host is in the network. */
  private setGateway(place: Place): void {
    const { bridge, mode, gateway, subnet } = place.network;
    const device = this.facts.devices.get(bridge);
    try {
      device?.setGateway?.(hasHost(mode) ? `${formatAddress(gateway)}/${subnet.prefix}` : undefined);
      place.gatewayProblem = '';
    } catch (error) {
      place.gatewayProblem = (error as Error).message;
      this.retryAt = this.now() + RETRY;
    }
  }

  private problemsOf({ network, gatewayProblem, dhcp, dns }: Place): string[] {
    const problems = [
      gatewayProblem,
      dhcp?.problem ?? '',
      dns?.problem ?? '',
      ...this.waysOut.problemsOf(network),
    ];
    return problems.filter((problem) => problem !== '');
  }

  private noteAll(): void {
    for (const place of this.places.values()) this.note(place);
  }

  /** Tells of what stands in the way, when that is something else than before. */
  private note(place: Place): void {
    const reason = this.problemsOf(place).join('; ');
    if (reason === place.told) return;
    place.told = reason;
    const { bridge } = place.network;
    if (reason === '') this.tell({ type: 'network', change: 'ready', bridge, port: '' });
    else this.tell({ type: 'network', change: 'failed', bridge, port: '', reason });
  }

  private leave({ network, dns, owned }: Place): void {
    dns?.close();
    owned?.clear();
    try {
      this.facts.devices.get(network.bridge)?.setGateway?.(undefined);
    } catch {
      // The interface is gone, and its address with it.
    }
  }

  private tick(): void {
    const now = this.now();
    for (const { dhcp } of this.places.values())
      if (dhcp !== undefined && dhcp.deadline() <= now) dhcp.tick(now);
    if (this.retryAt <= now) {
      this.retryAt = Number.POSITIVE_INFINITY;
      for (const place of this.places.values()) {
        if (place.gatewayProblem !== '') this.setGateway(place);
        this.listen(place);
      }
      this.noteAll();
    }
    this.wait();
  }

  private deadline(): number {
    let next = this.retryAt;
    for (const { dhcp } of this.places.values()) next = Math.min(next, dhcp?.deadline() ?? next);
    return next;
  }

  private wait(): void {
    clearTimeout(this.timer);
    this.timer = this.hasTimer ? wakeAt(this.deadline(), () => this.tick()) : undefined;
  }
}

/** What a guest has by a lease nobody else may claim; what no lease is about any more, whoever uses it. */
function own({ owned, network }: Place, { address, state, relayed, mac }: Lease): void {
  if (owned === undefined || address === network.gateway) return;
  const owner = state === 'bound' && !relayed ? parseMac(mac) : undefined;
  if (owner === undefined) owned.delete(address);
  else owned.set(address, owner.hi, owner.lo);
}

/** Whether the bridge's own interface is in the namespace of this process. */
function isHere({ bridges }: SwitchConfig, bridge: string): boolean {
  const { local } = bridges[bridge];
  return local !== false && local.netns === undefined;
}

/** Whether the port is locked for who sent the frame: it was taken out before the data plane looked. */
function isLockedOut({ bridges }: SwitchConfig, bridge: string, { port, bytes }: Punt): boolean {
  const config = bridges[bridge];
  if (config?.ports[port]?.locked !== true) return false;
  const { hi, lo } = macAt(new DataView(bytes.buffer, bytes.byteOffset), SRC);
  const sender = formatMac(hi, lo);
  return !config.static.some((entry) => entry.port === port && entry.mac === sender);
}
