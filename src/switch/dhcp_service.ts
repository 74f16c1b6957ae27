// The DHCP server of one network in a switch: gives it what ports hear, stores its leases, and sends its answers.
//
//   punt of DHCP -> server -> leases on disk -> frames to ports

import type { DhcpStatus, LeaseFilter, LeaseStatus, StoredLeases } from '../api.ts';
import type { Network } from '../config/networks.ts';
import { formatAddress } from '../config/subnet.ts';
import type { LeaseFact } from '../event.ts';
import { Commit } from '../protocol/dhcp/commit.ts';
import { type Lease, storedLeases } from '../protocol/dhcp/lease.ts';
import type { DhcpEvent, DhcpOutcome } from '../protocol/dhcp/outcome.ts';
import { DhcpServer } from '../protocol/dhcp/server.ts';
import type { DhcpSettings } from '../protocol/dhcp/settings.ts';
import { GuestNames } from '../protocol/dns/names.ts';
import type { Punt } from '../protocol/host.ts';
import { arpProbe, parseArp } from '../wire/arp.ts';
import type { World } from './world.ts';

export interface DhcpFacts {
  readonly store: StoredLeases;
  /** To all of the network, and through one of its ports. */
  flood(frame: Uint8Array): void;
  send(port: string, frame: Uint8Array): void;
  /** Of a port, for its guests. */
  mtuOf(port: string): number | undefined;
  tell(fact: LeaseFact): void;
  /** Hears of every lease, and of each change of one. */
  changed(lease: Lease): void;
  /** ms, monotonic. */
  now(): number;
  readonly world: Pick<World, 'unixMs'>;
  /** The deadline has moved. */
  wait(): void;
  /** `problem` is another one. */
  noted(): void;
}

export class DhcpService {
  private readonly facts: DhcpFacts;
  private server: DhcpServer;
  private network: Network;
  private settings: DhcpSettings;
  private readonly commit: Commit;
  /** Of its guests. */
  names: GuestNames;
  /** Why leases cannot be stored; empty: they can. */
  problem = '';

  constructor(network: Network, settings: DhcpSettings, facts: DhcpFacts) {
    this.facts = facts;
    this.network = network;
    this.settings = settings;
    const offset = () => facts.world.unixMs() - facts.now();
    const known = storedLeases(network.name, facts.store.entries, offset());
    this.names = new GuestNames(settings.hosts);
    this.server = this.open(known, facts.now());
    this.commit = new Commit(network.name, facts.store, offset, ({ port, frame }) => facts.send(port, frame));
  }

  /** Who has an address keeps it, as far as the network still has it. */
  configure(network: Network, settings: DhcpSettings, now: number): void {
    const { counters } = this.server;
    this.network = network;
    this.settings = settings;
    this.names = new GuestNames(settings.hosts);
    this.server = this.open(this.server.leases(), now);
    Object.assign(this.server.counters, counters);
  }

  deadline(): number {
    return this.server.deadline();
  }

  /** The port of the guest that has the address; undefined: it has none by a lease. */
  portOf(address: number): string | undefined {
    return this.server.portOf(address);
  }

  hear(punt: Punt): void {
    this.carryOut(this.server.received(punt, this.facts.mtuOf(punt.port)));
  }

  /** A guest claims an address. */
  hearArp({ bytes, port, at }: Punt): void {
    const arp = parseArp(bytes);
    if (arp !== undefined) this.carryOut(this.server.addressInUse(arp.sender, arp.senderMac, port, at));
  }

  tick(now: number): void {
    this.carryOut(this.server.tick(now));
  }

  status(): DhcpStatus {
    const { range, gateway, relayed } = this.network;
    const given = [{ range, gateway }, ...relayed];
    const { received, sent, ignored } = this.server.counters;
    const used = this.server.leases().filter(({ state }) => state !== 'ended');
    const free = given.reduce((sum, one) => sum + freeIn(one, used), 0);
    return {
      range: `${formatAddress(range.first)}-${formatAddress(range.last)}`,
      leases: used.filter(({ state }) => state === 'bound').length,
      free,
      received: { ...received },
      sent: { ...sent },
      ignored: { ...ignored },
    };
  }

  leases(filter: LeaseFilter, now: number): LeaseStatus[] {
    return this.chosen(filter)
      .sort((a, b) => a.address - b.address)
      .map((lease) => this.statusOf(lease, now));
  }

  end(filter: LeaseFilter, now: number): number {
    const chosen = this.chosen(filter);
    for (const { address } of chosen) this.carryOut(this.server.end(address, now));
    return chosen.length;
  }

  private open(leases: Iterable<Lease>, now: number): DhcpServer {
    return new DhcpServer(this.settings, leases, now, (lease) => {
      this.names.note(lease);
      this.facts.changed(lease);
    });
  }

  private chosen({ port, mac, address }: LeaseFilter): Lease[] {
    const wanted = mac?.toLowerCase();
    return this.server
      .leases()
      .filter(
        (lease) =>
          lease.state !== 'ended' &&
          (port ?? lease.port) === lease.port &&
          (wanted ?? lease.mac) === lease.mac &&
          (address ?? formatAddress(lease.address)) === formatAddress(lease.address),
      );
  }

  private statusOf({ address, mac, port, state, until, hostName }: Lease, now: number): LeaseStatus {
    const fixed = [...this.network.hosts].find(([, fixedAddress]) => fixedAddress === address)?.[0];
    const name = fixed ?? hostName;
    return {
      network: this.network.name,
      bridge: this.network.bridge,
      address: formatAddress(address),
      mac,
      ...(name !== '' && { name }),
      port,
      state: state === 'declined' ? 'quarantined' : state === 'offered' ? 'offered' : 'bound',
      isFixed: fixed !== undefined,
      ...(Number.isFinite(until) && { expiresIn: Math.max(0, (until - now) / 1000) }),
    };
  }

  private carryOut(outcome: DhcpOutcome): void {
    for (const address of outcome.probes) this.facts.flood(arpProbe(this.settings.mac, address));
    for (const event of outcome.events) this.tell(event);
    void this.commit.take(outcome).then(
      () => this.note(''),
      (error: Error) => this.note(error.message),
    );
    this.facts.wait();
  }

  /** What could not be stored was not answered: clients ask again. */
  private note(problem: string): void {
    if (problem === this.problem) return;
    this.problem = problem;
    this.facts.noted();
  }

  private tell({ kind, address, mac, port, hostName }: DhcpEvent): void {
    if (kind === 'renewed') return;
    const { name: network, bridge } = this.network;
    const about = { type: 'lease', network, bridge, port, mac } as const;
    const name = hostName === '' ? undefined : hostName;
    if (kind === 'exhausted' || kind === 'port_full') {
      const reason =
        kind === 'exhausted'
          ? 'all addresses of the network are given: widen its dhcp.range, or shorten lease_time'
          : `its port has ${this.settings.leasesPerPort} leases: raise leases_per_port, or look who asks for so many`;
      this.facts.tell({ ...about, change: 'refused', reason });
    } else this.facts.tell({ ...about, change: CHANGES[kind], address: formatAddress(address), name });
  }
}

function freeIn({ range, gateway }: Pick<Network, 'range' | 'gateway'>, used: readonly Lease[]): number {
  const isIn = (address: number) => address >= range.first && address <= range.last;
  const taken = used.filter(({ address }) => isIn(address)).length;
  return range.last - range.first + 1 - taken - Number(isIn(gateway));
}

const CHANGES = {
  bound: 'bound',
  released: 'released',
  expired: 'expired',
  declined: 'declined',
  conflict: 'declined',
  other_server: 'rogue',
} as const;
