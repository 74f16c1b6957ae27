// IPv6 of one network in a switch: router advertisements and a DHCPv6 server, to which it gives what ports hear.

import type { Ipv6Status, LeaseFilter, LeaseStatus, StoredLeases } from '../api.ts';
import { ROUTER_ADDRESS } from '../config/networks.ts';
import type { LeaseFact } from '../event.ts';
import { type Lease6, leaseKey6, storedLease6, storedLeases6, textOf } from '../protocol/dhcp6/lease.ts';
import type { Dhcp6Event, Dhcp6Outcome } from '../protocol/dhcp6/outcome.ts';
import { Dhcp6Server } from '../protocol/dhcp6/server.ts';
import type { Punt } from '../protocol/host.ts';
import { Advertiser } from '../protocol/router/advertiser.ts';
import type { OwnedAddresses } from '../table/owned_addresses.ts';
import { formatIp, type IpBytes, parseIp } from '../wire/ip_address.ts';
import { formatPrefix, type IpPrefix } from '../wire/ip_prefix.ts';
import { parseMac } from '../wire/mac.ts';
import type { Leased } from './guard_service.ts';
import type { Ipv6Plan } from './ipv6_plan.ts';
import { chance, type World } from './world.ts';

export interface Ipv6Facts {
  readonly store: StoredLeases;
  /** To all of the network, and through one of its ports. */
  flood(frame: Uint8Array): void;
  send(port: string, frame: Uint8Array): void;
  /** Of the network: the least of its ports'. */
  mtu(): number | undefined;
  /** Addresses that no guest may claim but whose they are. */
  readonly owned: OwnedAddresses | undefined;
  /** For guards of ports, see NetworkFacts. */
  leased(key: string, lease: Omit<Leased, 'vlan'> | undefined): void;
  /** The way to a prefix that is delegated, or none. Never throws. */
  route(to: IpPrefix, via: IpBytes, isOn: boolean): void;
  tell(fact: LeaseFact): void;
  /** ms, monotonic. */
  now(): number;
  readonly world: Pick<World, 'unixMs' | 'randomBytes'>;
  /** The deadline has moved. */
  wait(): void;
  /** `problem` is another one. */
  noted(): void;
}

export class Ipv6Service {
  private readonly facts: Ipv6Facts;
  private plan: Ipv6Plan;
  /** What the server was made of. */
  private madeOf = '';
  private advertiser: Advertiser | undefined;
  private server: Dhcp6Server | undefined;
  /** Why leases cannot be stored; empty: they can. */
  problem = '';

  constructor(plan: Ipv6Plan, facts: Ipv6Facts) {
    this.facts = facts;
    this.plan = plan;
    this.configure(plan);
  }

  /** Who has an address keeps it, as far as the network still has it. Another subnet is another service. */
  configure(plan: Ipv6Plan): void {
    this.plan = plan;
    this.setAdvertiser();
    this.setServer();
    this.guard();
    this.facts.wait();
  }

  deadline(): number {
    const never = Number.POSITIVE_INFINITY;
    return Math.min(this.advertiser?.deadline() ?? never, this.server?.deadline() ?? never);
  }

  solicited({ bytes, port, at }: Punt): void {
    this.advertiser?.solicited(bytes, port, at);
    this.facts.wait();
  }

  hear(punt: Punt): void {
    if (this.server !== undefined) this.carryOut(this.server.received(punt));
  }

  tick(now: number): void {
    for (const { port, frame } of this.advertiser?.tick(now).frames ?? []) {
      if (port === undefined) this.facts.flood(frame);
      else this.facts.send(port, frame);
    }
    if (this.server !== undefined && this.server.deadline() <= now) this.carryOut(this.server.tick(now));
  }

  /** Guests do without it from now on. */
  close(): void {
    if (this.advertiser !== undefined) this.facts.flood(this.advertiser.withdraw());
    this.advertiser = undefined;
    for (const lease of this.server?.leases() ?? []) this.own(lease, true);
    this.facts.owned?.clear();
  }

  /** Those to delegated prefixes were taken with the address of the gateway. */
  setRoutes(): void {
    for (const lease of this.server?.leases() ?? []) if (lease.bits !== 128) this.own(lease, false);
  }

  /** The port of the guest that has the address; undefined: it has none by a lease. */
  portOf(address: IpBytes): string | undefined {
    return this.server?.portOf(address);
  }

  /** The address that the guest with this MAC has by a lease; and the MAC of who has an address. */
  addressOf(mac: string): IpBytes | undefined {
    return this.server?.addressOf(mac);
  }

  macOf(address: IpBytes): string | undefined {
    return this.server?.macOf(address);
  }

  /** Of hosts of the configuration: the address, whether it is there or not, and back. Names are in lower case. */
  addressOfHost(name: string): IpBytes | undefined {
    return this.plan.settings?.hosts.find((host) => host.name.toLowerCase() === name)?.address;
  }

  hostAt(address: IpBytes): string | undefined {
    return this.server?.hostOf({ address, bits: 128 })?.name.toLowerCase();
  }

  /** Addresses that other guests can claim, as there is no room to guard them. */
  get unguarded(): number {
    return this.facts.owned?.unguarded ?? 0;
  }

  status(): Ipv6Status {
    const { subnet, gateway, dhcp } = this.plan;
    const { sent = 0, solicited = 0 } = this.advertiser?.counters ?? {};
    const server = this.server;
    const counters = server?.counters;
    return {
      subnet: formatPrefix(subnet),
      gateway: formatIp(gateway),
      advertisements: sent,
      solicitations: solicited,
      ...(counters !== undefined && {
        dhcp: {
          ...(dhcp?.range !== undefined && { range: dhcp.range }),
          leases: server?.leases().filter(({ state }) => state === 'bound').length ?? 0,
          received: { ...counters.received },
          sent: { ...counters.sent },
          ignored: { ...counters.ignored },
        },
      }),
    };
  }

  leases(filter: LeaseFilter, now: number): LeaseStatus[] {
    const { network, bridge } = this.plan;
    return this.chosen(filter).map((lease) => ({
      network,
      bridge,
      address: textOf(lease),
      mac: lease.mac,
      ...(this.nameOf(lease) !== '' && { name: this.nameOf(lease) }),
      port: lease.port,
      state: lease.state === 'declined' ? 'quarantined' : 'bound',
      isFixed: this.server?.hostOf(lease) !== undefined,
      expiresIn: Math.max(0, (lease.until - now) / 1000),
    }));
  }

  end(filter: LeaseFilter): number {
    const chosen = this.chosen(filter);
    for (const lease of chosen) if (this.server !== undefined) this.carryOut(this.server.end(lease));
    return chosen.length;
  }

  private chosen({ port, mac, address }: LeaseFilter): Lease6[] {
    const wanted = mac?.toLowerCase();
    return (this.server?.leases() ?? [])
      .filter(
        (lease) =>
          (port ?? lease.port) === lease.port &&
          (wanted ?? lease.mac) === lease.mac &&
          (address ?? textOf(lease)) === textOf(lease),
      )
      .sort((a, b) => Buffer.compare(a.address, b.address));
  }

  private setAdvertiser(): void {
    const { advertised } = this.plan;
    const now = this.facts.now();
    if (advertised === undefined) this.close();
    else if (this.advertiser === undefined)
      this.advertiser = new Advertiser(
        advertised,
        () => this.facts.mtu(),
        () => chance(this.facts.world),
      );
    else this.advertiser.configure(advertised, now);
  }

  private setServer(): void {
    const { settings, network } = this.plan;
    const { store, now } = this.facts;
    const { addresses: _, prefixes: __, relayed: ___, ...rest } = settings ?? {};
    const madeOf = JSON.stringify([rest, this.plan.dhcp]);
    if (settings === undefined) this.server = undefined;
    else if (this.server === undefined || madeOf !== this.madeOf) {
      const leases = this.server?.leases() ?? storedLeases6(network, store.entries, this.unixOffset());
      const counters = this.server?.counters;
      this.server = new Dhcp6Server(settings, leases, now());
      Object.assign(this.server.counters, counters);
    }
    this.madeOf = madeOf;
  }

  /** As the configuration calls it, or else as it calls itself. */
  private nameOf(lease: Lease6): string {
    return this.server?.hostOf(lease)?.name ?? lease.hostName;
  }

  /** What is the gateway's or a guest's nobody else may claim. */
  private guard(): void {
    const { owned } = this.facts;
    const { gateway, mac } = this.plan;
    owned?.clear();
    for (const address of [gateway, parseIp(ROUTER_ADDRESS) as IpBytes])
      owned?.set6(formatIp(address), address, mac.hi, mac.lo);
    for (const lease of this.server?.leases() ?? []) this.own(lease, false);
  }

  private own(lease: Lease6, isOver: boolean): void {
    const isHere = !isOver && lease.state === 'bound';
    const owner = isHere && !lease.relayed ? parseMac(lease.mac) : undefined;
    if (lease.bits !== 128) {
      const via = parseIp(lease.via);
      if (via !== undefined) this.facts.route(lease, via, isHere);
      return;
    }
    const ip = textOf(lease);
    const { port, mac } = lease;
    this.facts.leased(`${this.plan.network} ${ip}`, owner && { port, mac, ip });
    const before = this.unguarded;
    if (owner === undefined) this.facts.owned?.delete(textOf(lease));
    else this.facts.owned?.set6(textOf(lease), lease.address, owner.hi, owner.lo);
    if ((before === 0) !== (this.unguarded === 0)) this.facts.noted();
  }

  /** Unix time less the clock of the server, now, in ms. */
  private unixOffset(): number {
    return this.facts.world.unixMs() - this.facts.now();
  }

  private carryOut(outcome: Dhcp6Outcome): void {
    for (const [lease, isOver] of outcome.leases) this.own(lease, isOver);
    for (const event of outcome.events) this.tell(event);
    void this.commit(outcome).then(
      () => this.note(''),
      (error: Error) => this.note(error.message),
    );
    this.facts.wait();
  }

  /** No answer leaves before what it promises is on the disk. */
  private async commit({ leases, frames }: Dhcp6Outcome): Promise<void> {
    const { store } = this.facts;
    const offset = this.unixOffset();
    for (const [lease, isOver] of leases) {
      const key = leaseKey6(this.plan.network, lease);
      if (isOver) store.delete(key);
      else store.put(key, storedLease6(lease, offset));
    }
    if (leases.length > 0) await store.flushed();
    for (const { port, frame } of frames) this.facts.send(port, frame);
  }

  private note(problem: string): void {
    if (problem === this.problem) return;
    this.problem = problem;
    this.facts.noted();
  }

  private tell({ kind, lease }: Dhcp6Event): void {
    const { network, bridge, settings } = this.plan;
    const { port, mac, hostName } = lease;
    const about = { type: 'lease', network, bridge, port, mac } as const;
    if (kind === 'exhausted' || kind === 'port_full') {
      const reason =
        kind === 'exhausted'
          ? 'all of its range of DHCPv6 is given: widen dhcp6.range, or shorten lease_time'
          : `its port has ${settings?.leasesPerPort} leases: raise leases_per_port of dhcp6, or look who asks for so many`;
      this.facts.tell({ ...about, change: 'refused', reason });
    } else {
      const name = hostName === '' ? undefined : hostName;
      this.facts.tell({ ...about, change: kind, address: textOf(lease), name });
    }
  }
}
