// Interfaces of routers that have their address from a DHCP server: a client for each, and what it has.

import { type RouterPort, routerPorts } from '../compile/router_ports.ts';
import type { InterfaceLease } from '../config/router_leases.ts';
import { EMPTY_CONFIG, type SwitchConfig } from '../config/schema.ts';
import { formatAddress, formatSubnet } from '../config/subnet.ts';
import type { EventFact } from '../event.ts';
import { DhcpClient } from '../protocol/dhcp_client/client.ts';
import type { ClientLease } from '../protocol/dhcp_client/lease.ts';
import type { Host, Punt } from '../protocol/host.ts';
import { monotonicMs } from '../sys/clock.ts';
import { formatMac, type Mac } from '../wire/mac.ts';
import type { Service, Surroundings } from './service.ts';
import { wakeAt } from './wake_at.ts';
import { chance, MACHINE, type World } from './world.ts';

interface Place {
  port: RouterPort;
  mac: Mac;
  client: DhcpClient;
}

interface DhcpLease extends InterfaceLease {
  address: string;
  /** Unsigned numbers. */
  resolvers: readonly number[];
}

/** Who wants to know. */
export interface LeaseListeners {
  /** `leases` has changed. */
  changed(): void;
  tell(fact: EventFact): void;
  isUp(port: string): boolean;
}

export class InterfaceLeases implements Service {
  /** By port of the interface: `r1.wan`. */
  readonly leases = new Map<string, DhcpLease>();
  private readonly listeners: LeaseListeners;
  private host: Host | undefined;
  private config: SwitchConfig = EMPTY_CONFIG;
  private readonly places = new Map<string, Place>();
  /** Ports whose DHCP answers the host gets a copy of. */
  private trapped = new Set<string>();
  private stopListening: (() => void)[] = [];
  private timer: NodeJS.Timeout | undefined;
  private hasTimer = false;
  private world: World = MACHINE;
  private polledAt: number | undefined;

  constructor(listeners: LeaseListeners) {
    this.listeners = listeners;
  }

  attach(host: Host, { threaded, world }: Surroundings): void {
    this.world = world;
    this.host = host;
    this.hasTimer = threaded;
    const listen = (act: (client: DhcpClient, bytes: Uint8Array) => void) => (punt: Punt) => {
      for (const { port, client } of this.places.values())
        if (port.port === punt.port || this.isIn(port, punt)) act(client, punt.bytes);
      this.wait();
    };
    this.stopListening = [
      host.onPunt(
        'dhcp_client',
        listen((client, bytes) => client.received(bytes, this.now())),
      ),
      host.onPunt(
        'router',
        listen((client, bytes) => client.hearArp(bytes, this.now())),
      ),
    ];
  }

  /** The configuration in force, with all routers. */
  update(config: SwitchConfig): void {
    this.config = config;
    const { host } = this;
    const isWanted = Object.values(config.routers ?? {}).some(({ interfaces }) =>
      Object.values(interfaces).some(({ dhcp }) => dhcp),
    );
    if (host === undefined || (!isWanted && this.places.size === 0)) return;
    const wanted = new Map(
      [...routerPorts(config, this.world.machine).values()]
        .flat()
        .filter((port) => port.config.dhcp)
        .map((port) => [port.port, port]),
    );
    for (const [name, { client, mac }] of this.places) {
      const next = wanted.get(name);
      if (next?.mac.hi === mac.hi && next.mac.lo === mac.lo) continue;
      this.places.delete(name);
      client.release(this.now());
    }
    this.trap(wanted.values(), host);
    for (const [name, port] of wanted) {
      const known = this.places.get(name);
      if (known === undefined) this.enter(port, host);
      else known.port = port;
    }
    this.wait();
  }

  /** Whether no server has to give it one, or one has. */
  hasAddress(port: string): boolean {
    return !this.places.has(port) || this.leases.has(port);
  }

  /** What its server told of resolvers. */
  resolversOf(port: string): readonly number[] {
    return this.leases.get(port)?.resolvers ?? [];
  }

  /** Where the link comes back it may lead elsewhere: its interfaces ask whether their leases hold. */
  linkChanged(port: string): void {
    if (this.places.size === 0 || !this.listeners.isUp(port)) return;
    for (const { port: one, client } of this.places.values()) {
      const bridge = this.config.bridges[one.config.bridge];
      if (bridge !== undefined && Object.hasOwn(bridge.ports, port)) client.start(this.now());
    }
    this.wait();
  }

  poll(now?: number): void {
    if (this.hasTimer) return;
    this.polledAt = now ?? monotonicMs();
    if (this.places.size > 0 && this.deadline() <= this.polledAt) this.tick();
  }

  close(): void {
    clearTimeout(this.timer);
    for (const stop of this.stopListening) stop();
    this.host = undefined;
    this.places.clear();
  }

  private enter(port: RouterPort, host: Host): void {
    const { mac } = port;
    const name = port.port;
    const send = (frame: Uint8Array) => {
      const place = this.places.get(name)?.port ?? port;
      const isForAll = (frame[0] & 1) !== 0;
      if (isForAll) host.flood(place.config.bridge, place.vid, frame);
      else host.relay(name, frame, true);
    };
    const changed = (lease: ClientLease | undefined, reason: string) => this.changed(name, lease, reason);
    const client = new DhcpClient({ mac }, { send, changed, random: () => chance(this.world) });
    this.places.set(name, { port, mac, client });
    client.start(this.now());
  }

  private changed(name: string, lease: ClientLease | undefined, reason: string): void {
    const before = this.leases.get(name);
    const next = lease && interfaceLease(lease);
    if (JSON.stringify(before) === JSON.stringify(next)) return; // renewed
    if (next === undefined) this.leases.delete(name);
    else this.leases.set(name, next);
    this.tell(name, next, before, reason);
    this.listeners.changed();
  }

  private tell(
    name: string,
    next: DhcpLease | undefined,
    before: DhcpLease | undefined,
    reason: string,
  ): void {
    const place = this.places.get(name);
    if (place === undefined) return;
    const { config, vid, mac } = place.port;
    const about = {
      type: 'address',
      bridge: config.bridge,
      port: name,
      vlan: vid,
      mac: formatMac(mac.hi, mac.lo),
    } as const;
    if (next !== undefined) this.listeners.tell({ ...about, change: 'leased', address: next.address });
    else if (before !== undefined)
      this.listeners.tell({ ...about, change: 'ended', address: before.address, reason });
  }

  /** Every port by which the answer of a server may come. */
  private trap(ports: Iterable<RouterPort>, host: Host): void {
    const wanted = new Set<string>();
    for (const { config } of ports)
      for (const port of Object.keys(this.config.bridges[config.bridge]?.ports ?? {})) wanted.add(port);
    for (const port of difference(this.trapped, wanted))
      host.trap(port, 'dhcp_client', wanted.has(port)).catch(() => {}); // the port has just gone
    this.trapped = wanted;
  }

  private isIn({ config, vid }: RouterPort, { port, vlan }: Punt): boolean {
    const bridge = this.config.bridges[config.bridge];
    return bridge !== undefined && Object.hasOwn(bridge.ports, port) && vlan === vid;
  }

  private now(): number {
    return this.polledAt ?? monotonicMs();
  }

  private tick(): void {
    const now = this.now();
    for (const { client } of this.places.values()) if (client.deadline() <= now) client.tick(now);
    this.wait();
  }

  deadline(): number {
    let next = Number.POSITIVE_INFINITY;
    for (const { client } of this.places.values()) next = Math.min(next, client.deadline());
    return next;
  }

  private wait(): void {
    clearTimeout(this.timer);
    this.timer = this.hasTimer ? wakeAt(this.deadline(), () => this.tick()) : undefined;
  }
}

/** What is in one of the two. */
function difference(one: ReadonlySet<string>, other: ReadonlySet<string>): string[] {
  return [...[...one].filter((name) => !other.has(name)), ...[...other].filter((name) => !one.has(name))];
}

function interfaceLease({ address, prefix, router, routes, dns }: ClientLease): DhcpLease {
  const all = [...routes, { to: 0, prefix: 0, via: router }].filter(({ via }) => via !== 0);
  return {
    address: `${formatAddress(address)}/${prefix}`,
    routes: all.map(({ to, prefix: bits, via }) => ({
      to: formatSubnet({ network: to, prefix: bits }),
      via: formatAddress(via),
    })),
    resolvers: dns,
  };
}
