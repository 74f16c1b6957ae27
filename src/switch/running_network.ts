// One network of guests in a switch: the gateway's address on its interface, a DHCP server and a DNS server. What could not
// be had is tried again, and told once.

import type { LeaseFilter, LeaseStatus, NetworkStatus } from '../api.ts';
import { stableMac } from '../config/defaults.ts';
import { leadsOut } from '../config/network_places.ts';
import type { Network } from '../config/networks.ts';
import { formatAddress, formatSubnet, parseHostAddress6 } from '../config/subnet.ts';
import type { Lease } from '../protocol/dhcp/lease.ts';
import { type Names, NO_NAMES } from '../protocol/dns/names.ts';
import type { Punt } from '../protocol/host.ts';
import { monotonicMs } from '../sys/clock.ts';
import { MAX_NEIGHBOURS } from '../table/neighbours.ts';
import type { OwnedAddresses } from '../table/owned_addresses.ts';
import { formatPrefix } from '../wire/ip_prefix.ts';
import { type Mac, parseMac } from '../wire/mac.ts';
import { DhcpService } from './dhcp_service.ts';
import { dhcpSettings } from './dhcp_settings.ts';
import { DnsService } from './dns_service.ts';
import { hostResolvers, resolversForHost } from './host_resolvers.ts';
import { type Ipv6Plan, ipv6Plan } from './ipv6_plan.ts';
import { Ipv6Service } from './ipv6_service.ts';
import { NetworkGateway } from './network_gateway.ts';
import type { NetworkHome } from './network_home.ts';
import { withIpv6 } from './network_names.ts';
import { RogueWatch } from './rogue_watch.ts';
import { Stations } from './stations.ts';

/** What failed is tried again after this, ms. */
const RETRY = 1000;

export class RunningNetwork {
  network: Network;
  private readonly home: NetworkHome;
  /** Addresses that no guest may claim but whose they are. */
  private owned: OwnedAddresses | undefined;
  private dhcp: DhcpService | undefined;
  /** What the DHCP server was made of: one that is made anew forgets who waits for an offer. */
  private dhcpOf = '';
  private dns: DnsService | undefined;
  private ipv6: Ipv6Service | undefined;
  private readonly rogues = new RogueWatch();
  private readonly stations = new Stations();
  private readonly gateway: NetworkGateway;
  /** What was told of it last; undefined: nothing yet. */
  private told: string | undefined;
  private retryAt = Number.POSITIVE_INFINITY;

  constructor(network: Network, home: NetworkHome) {
    this.network = network;
    this.home = home;
    this.gateway = new NetworkGateway({ device: () => this.device(), retry: () => this.retry() });
  }

  /** Whether the host's interface is in the namespace of this process. */
  get isHere(): boolean {
    const { interface: own } = this.network;
    return own !== undefined && own.netns === undefined;
  }

  /** `config`: of what it was made. */
  configure(network: Network, config: unknown): void {
    // An interface of another name has taken the gateway's address.
    if (network.interface?.name !== this.network.interface?.name) this.gateway.clear();
    if (network.gateway !== this.network.gateway) this.owned?.delete(this.network.gateway);
    const { router } = this.network;
    if (router !== undefined && router.address !== network.router?.address)
      this.owned?.delete(router.address);
    this.network = network;
    this.owned ??= this.home.facts.ownedBy(network.bridge, network.vlan);
    this.ownGateway();
    this.gateway.set(network);
    this.setDns();
    this.setDhcp(config);
    this.refresh();
  }

  /** Whether there is a way out for IPv6 may have changed, and with it what guests are told. */
  refresh(): void {
    const plan = this.ipv6Plan();
    const isOther = plan === undefined || formatPrefix(plan.subnet) !== this.ipv6?.status().subnet;
    if (this.ipv6 !== undefined && isOther) {
      this.ipv6.close();
      this.ipv6 = undefined;
    }
    if (plan === undefined) return;
    if (this.ipv6 !== undefined) this.ipv6.configure(plan);
    else this.ipv6 = this.openIpv6(plan);
  }

  leases(filter: LeaseFilter, now: number): LeaseStatus[] {
    return [...(this.dhcp?.leases(filter, now) ?? []), ...(this.ipv6?.leases(filter, now) ?? [])];
  }

  endLeases(filter: LeaseFilter, now: number): number {
    return (this.dhcp?.end(filter, now) ?? 0) + (this.ipv6?.end(filter) ?? 0);
  }

  hear(punt: Punt): void {
    this.dhcp?.hear(punt);
  }

  hearArp(punt: Punt): void {
    this.dhcp?.hearArp(punt);
  }

  hearSolicitation(punt: Punt): void {
    this.ipv6?.solicited(punt);
  }

  hearDhcp6(punt: Punt): void {
    this.ipv6?.hear(punt);
  }

  /** What nobody else heard. */
  hearRogue(punt: Punt): void {
    const { name, bridge } = this.network;
    const found = this.rogues.notice(punt.bytes);
    if (found !== undefined)
      this.home.tell({ type: 'lease', change: 'rogue', network: name, bridge, port: punt.port, ...found });
  }

  deadline(): number {
    const { retryAt, gateway, dhcp, ipv6 } = this;
    return Math.min(retryAt, gateway.deadline, dhcp?.deadline() ?? retryAt, ipv6?.deadline() ?? retryAt);
  }

  tick(now: number): void {
    if (this.dhcp !== undefined && this.dhcp.deadline() <= now) this.dhcp.tick(now);
    this.ipv6?.tick(now);
    if (this.gateway.deadline <= now) this.restoreGateway(now);
    if (this.retryAt > now) return;
    this.retryAt = Number.POSITIVE_INFINITY;
    if (this.gateway.problem !== '') {
      this.gateway.give();
      this.refresh();
    }
    this.listen();
    this.note();
  }

  /** An address is no interface's any more; undefined: some may be. */
  addressGone(address: string | undefined): void {
    if (address === undefined || this.gateway.has(address)) this.lookAtGateway();
  }

  /** Something of the interface has changed. */
  lookAtGateway(): void {
    if (!this.isHere) return;
    this.gateway.look(this.home.now());
    this.home.wait();
  }

  status(): NetworkStatus {
    const { name, bridge, vlan, mode, subnet, gateway } = this.network;
    return {
      network: name,
      bridge,
      ...(vlan !== 0 && { vlan }),
      mode,
      subnet: formatSubnet(subnet),
      gateway: formatAddress(gateway),
      uplink: this.home.uplinkOf(this.network),
      problems: this.problems(),
      dhcp: this.dhcp?.status(),
      dns: this.dns?.status(),
      ...(this.ipv6 !== undefined && { ipv6: this.ipv6.status() }),
    };
  }

  /** Tells of what stands in the way, when that is something else than before. */
  note(): void {
    const reason = this.problems().join('; ');
    if (reason === this.told) return;
    this.told = reason;
    const { name, bridge } = this.network;
    const about = { type: 'network', network: name, bridge, port: '' } as const;
    this.home.tell(reason === '' ? { ...about, change: 'ready' } : { ...about, change: 'failed', reason });
  }

  leave(): void {
    this.dns?.close();
    this.ipv6?.close();
    this.unbind();
    this.owned?.clear();
    this.gateway.clear();
  }

  private device() {
    return this.home.facts.devices.get(this.network.interface?.name ?? '');
  }

  private mac(): Mac {
    const { name, gateway, router } = this.network;
    if (router?.address === gateway) return router.mac;
    return parseMac(this.device()?.mac ?? stableMac(name, this.home.world.machine)) as Mac;
  }

  private restoreGateway(now: number): void {
    const { name: network, bridge, interface: own } = this.network;
    const added = this.gateway.restore(now);
    if (added.length > 0) {
      this.ipv6?.setRoutes();
      this.listen();
      const address = added.join(' ');
      if (this.gateway.isNews(address, now))
        this.home.tell({
          type: 'network',
          change: 'restored',
          network,
          bridge,
          port: own?.name ?? '',
          address,
        });
    }
    this.note();
  }

  private setDhcp(config: unknown): void {
    const { network, home } = this;
    if (network.dhcp === undefined) {
      if (this.dhcp !== undefined) this.forgetLeases();
      this.dhcp = undefined;
      return;
    }
    const servers =
      this.dns === undefined
        ? { resolvers: this.resolvers() }
        : { resolvers: [network.gateway], domain: network.dns?.domain };
    const mac = this.mac();
    const madeOf = JSON.stringify([config, mac, servers, network.router]);
    if (this.dhcp !== undefined && madeOf === this.dhcpOf) return;
    this.dhcpOf = madeOf;
    const settings = dhcpSettings(network, mac, servers);
    if (this.dhcp !== undefined) {
      this.forgetLeases(); // it tells of those that it keeps
      this.dhcp.configure(network, settings, home.now());
      return;
    }
    const { store, mtus } = home.facts;
    this.dhcp = new DhcpService(network, settings, {
      store,
      flood: (frame) => this.flood(frame),
      send: (port, frame) => this.send(port, frame),
      mtuOf: (port) => mtus.get(port),
      tell: home.tell,
      changed: (lease) => this.own(lease),
      now: () => home.now(),
      world: home.world,
      wait: () => home.wait(),
      noted: () => this.note(),
    });
  }

  /** Whom guests ask for names, if the gateway does not answer. */
  private resolvers(): readonly number[] {
    const { network, home } = this;
    if (!leadsOut(network.mode)) return [];
    const ofUplink = home.resolversOf(network);
    return ofUplink.length > 0 ? ofUplink : hostResolvers();
  }

  private ownGateway(): void {
    const { gateway, router } = this.network;
    const { hi, lo } = this.mac();
    this.owned?.set(gateway, hi, lo);
    if (router !== undefined) this.owned?.set(router.address, router.mac.hi, router.mac.lo);
  }

  private forgetLeases(): void {
    this.unbind();
    this.owned?.clear();
    this.stations.clear();
    this.ownGateway();
  }

  /** From their ports. */
  private unbind(): void {
    for (const { address } of this.dhcp?.leases({}, 0) ?? [])
      this.home.facts.leased(`${this.network.name} ${address}`, undefined);
  }

  private get names(): Names {
    const names = this.dhcp?.names ?? NO_NAMES;
    return this.ipv6 === undefined ? names : withIpv6(names, this.ipv6, this.stations);
  }

  /** What a guest has by a lease nobody else may claim; what no lease is about any more, whoever uses it. */
  private own({ address, state, relayed, mac, port }: Lease): void {
    if (address === this.network.gateway) return;
    this.stations.note(address, state === 'bound' ? mac : undefined);
    const owner = state === 'bound' && !relayed ? parseMac(mac) : undefined;
    const ip = formatAddress(address);
    this.home.facts.leased(`${this.network.name} ${ip}`, owner && { port, mac, ip, vlan: this.network.vlan });
    const before = this.owned?.unguarded;
    if (owner === undefined) this.owned?.delete(address);
    else this.owned?.set(address, owner.hi, owner.lo);
    if ((before === 0) !== (this.owned?.unguarded === 0)) this.note();
  }

  /** The DNS server that a network has if the host is in it, and here. */
  private setDns(): void {
    const { dns, gateway, subnet, ipv6 } = this.network;
    if (dns === undefined || !this.isHere) {
      this.dns?.close();
      this.dns = undefined;
      return;
    }
    const plan = { ...dns, gateway, subnet, ipv6 };
    if (this.dns !== undefined) this.dns.configure(plan);
    else
      this.dns = new DnsService(plan, {
        room: this.home.dnsRoom,
        names: () => this.names,
        portOf: (address) => this.dhcp?.portOf(address),
        portOf6: (address) => this.ipv6?.portOf(address),
        resolvers: () => resolversForHost(this.home.gateways()),
        now: monotonicMs,
        noted: () => this.noteDns(),
      });
    this.listen();
  }

  private ipv6Plan(): Ipv6Plan | undefined {
    const { network, home } = this;
    const { ipv6, mode, dns } = network;
    const outside = () => {
      const ofUplink = home.resolvers6Of(network);
      if (ofUplink.length > 0) return ofUplink;
      return resolversForHost(home.gateways()).flatMap((text) => parseHostAddress6(text) ?? []);
    };
    return ipv6Plan(network, {
      mac: this.mac(),
      resolvers:
        this.dns !== undefined && ipv6 !== undefined ? [ipv6.gateway] : leadsOut(mode) ? outside() : [],
      domain: this.dns === undefined ? undefined : dns?.domain,
      hasWayOut: home.hasWayOut6(network),
    });
  }

  private openIpv6(plan: Ipv6Plan): Ipv6Service {
    const { home } = this;
    return new Ipv6Service(plan, {
      store: home.facts.store,
      flood: (frame) => this.flood(frame),
      send: (port, frame) => this.send(port, frame),
      mtu: () => home.mtuOf(this.network),
      owned: home.facts.ownedBy(this.network.bridge, this.network.vlan),
      leased: (key, lease) => home.facts.leased(key, lease && { ...lease, vlan: this.network.vlan }),
      route: (to, via, isOn) => this.gateway.setRoute(to, via, isOn),
      tell: home.tell,
      now: () => home.now(),
      world: home.world,
      wait: () => home.wait(),
      noted: () => this.note(),
    });
  }

  /** As soon as the gateway has its address. */
  private listen(): void {
    if (this.gateway.problem === '' && this.device() !== undefined) this.dns?.listen();
  }

  private noteDns(): void {
    if (this.dns?.problem !== '') this.retry();
    this.note();
    this.home.wait();
  }

  private retry(): void {
    this.retryAt = Math.min(this.retryAt, this.home.now() + RETRY);
  }

  private problems(): string[] {
    const problems = [
      this.gateway.problem,
      this.dhcp?.problem ?? '',
      this.dns?.problem ?? '',
      this.ipv6?.problem ?? '',
      this.guardProblem(),
      ...this.home.problemsOf(this.network),
    ];
    return problems.filter((problem) => problem !== '');
  }

  /** A table that is full is no reason to give no address. */
  private guardProblem(): string {
    const count = (this.owned?.unguarded ?? 0) + (this.ipv6?.unguarded ?? 0);
    if (count === 0) return '';
    return `${count} of its addresses can be claimed by other guests: all networks together guard ${MAX_NEIGHBOURS}; make dhcp.range or leases_per_port smaller`;
  }

  private flood(frame: Uint8Array): void {
    this.home.host.flood(this.network.bridge, this.network.vlan, frame);
  }

  /** Through one port; who is behind a tunnel is known by its MAC address alone. */
  private send(port: string, frame: Uint8Array): void {
    const { bridge, vlan } = this.network;
    if (this.home.isTunnel(port)) this.flood(frame);
    else this.home.host.sendIn(bridge, vlan, port, frame);
  }
}
