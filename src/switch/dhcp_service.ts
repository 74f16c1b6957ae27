// The DHCP server of one network in a switch: gives it what ports hear, stores its leases, and sends its answers.
//
//   punt of DHCP -> server -> leases on disk -> frames to ports

import type { DhcpStatus, LeaseFilter, LeaseStatus } from '../api.ts';
import type { Network } from '../config/networks.ts';
import { formatAddress } from '../config/subnet.ts';
import type { LeaseFact } from '../event.ts';
import type { Lease } from '../protocol/dhcp/lease.ts';
import type { DhcpEvent, DhcpOutcome, DhcpReply } from '../protocol/dhcp/outcome.ts';
import { DhcpServer } from '../protocol/dhcp/server.ts';
import type { DhcpSettings } from '../protocol/dhcp/settings.ts';
import type { Host, Punt } from '../protocol/host.ts';
import { arpProbe, parseArp } from '../wire/arp.ts';
import type { LeaseStore } from './options.ts';

export interface DhcpFacts {
  readonly host: Host;
  readonly store: LeaseStore;
  /** Of a port, for its guests. */
  mtuOf(port: string): number | undefined;
  tell(fact: LeaseFact): void;
  /** The deadline has moved. */
  wait(): void;
}

export class DhcpService {
  private readonly facts: DhcpFacts;
  private server: DhcpServer;
  private network: Network;
  private settings: DhcpSettings;

  constructor(network: Network, settings: DhcpSettings, facts: DhcpFacts, now: number) {
    this.facts = facts;
    this.network = network;
    this.settings = settings;
    this.server = new DhcpServer(settings, facts.store.leases(network.bridge, now), now);
  }

  /** Who has an address keeps it, as far as the network still has it. */
  configure(network: Network, settings: DhcpSettings, now: number): void {
    const { counters } = this.server;
    this.network = network;
    this.settings = settings;
    this.server = new DhcpServer(settings, this.server.leases(), now);
    Object.assign(this.server.counters, counters);
  }

  deadline(): number {
    return this.server.deadline();
  }

  hear(punt: Punt): void {
    this.carryOut(this.server.received(punt, this.facts.mtuOf(punt.port)), punt.at);
  }

  /** A guest claims an address. */
  hearArp({ bytes, port, at }: Punt): void {
    const arp = parseArp(bytes);
    if (arp !== undefined) this.carryOut(this.server.addressInUse(arp.sender, arp.senderMac, port, at), at);
  }

  tick(now: number): void {
    this.carryOut(this.server.tick(now), now);
  }

  status(): DhcpStatus {
    const { range } = this.network;
    const { received, sent, ignored } = this.server.counters;
    const used = this.server.leases().filter(({ state }) => state !== 'ended');
    const inRange = used.filter(({ address }) => address >= range.first && address <= range.last);
    const isGatewayIn = this.network.gateway >= range.first && this.network.gateway <= range.last;
    return {
      range: `${formatAddress(range.first)}-${formatAddress(range.last)}`,
      leases: used.filter(({ state }) => state === 'bound').length,
      free: range.last - range.first + 1 - inRange.length - Number(isGatewayIn),
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
    for (const { address } of chosen) this.carryOut(this.server.end(address, now), now);
    return chosen.length;
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

  private carryOut({ leases, frames, probes, events }: DhcpOutcome, now: number): void {
    const { host, store } = this.facts;
    const { bridge } = this.network;
    for (const address of probes) host.flood(bridge, 0, arpProbe(this.settings.mac, address));
    for (const event of events) this.tell(event);
    if (leases.length === 0) this.send(frames);
    // Whoever has an address on the wire has it on disk: no restart gives it to another.
    else
      store.keep(bridge, leases, now).then(
        () => this.send(frames),
        () => {}, // the store has told why; clients ask again
      );
    this.facts.wait();
  }

  private send(frames: readonly DhcpReply[]): void {
    for (const { port, frame } of frames) this.facts.host.send(port, frame);
  }

  private tell({ kind, address, mac, port, hostName }: DhcpEvent): void {
    if (kind === 'renewed') return;
    const { bridge } = this.network;
    const about = { type: 'lease', bridge, port, mac } as const;
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

const CHANGES = {
  bound: 'bound',
  released: 'released',
  expired: 'expired',
  declined: 'declined',
  conflict: 'declined',
  other_server: 'rogue',
} as const;
