// All leases of a server: every change of one goes through here, so that clients, ports and times are always in step.

import { Deadlines } from './deadlines.ts';
import type { Holder, Lease, LeaseState } from './lease.ts';
import { type Entry, Pool } from './pool.ts';
import type { DhcpSettings } from './settings.ts';

export class Leases {
  readonly pools: readonly Pool[];
  private readonly deadlines = new Deadlines<Entry>();
  private readonly byPort = new Map<string, number>();
  private readonly changed: (lease: Lease) => void;

  /** Leases of other subnets, and offers, are left out. `changed` hears of all others, and of each change. */
  constructor(
    settings: DhcpSettings,
    known: Iterable<Lease>,
    now: number,
    changed: (lease: Lease) => void = () => {},
  ) {
    this.changed = changed;
    const addresses = settings.hosts.flatMap(({ address }) => (address === undefined ? [] : [address]));
    const fixed = new Set(addresses);
    this.pools = settings.subnets.map((subnet) => new Pool(subnet, settings.address, fixed));
    // The order of their ends is that in which they are given again.
    for (const lease of [...known].sort((a, b) => a.until - b.until)) {
      const entry = this.poolOf(lease.address)?.take(lease.address);
      if (entry === undefined || lease.state === 'offered') continue;
      const isOver = lease.state !== 'ended' && lease.until <= now;
      this.change(entry, { ...lease, ...(isOver && { state: 'ended' as const }) });
    }
  }

  poolOf(address: number): Pool | undefined {
    return this.pools.find((pool) => pool.contains(address));
  }

  *all(): IterableIterator<Lease> {
    for (const pool of this.pools) for (const entry of pool.entries()) yield leaseOf(entry);
  }

  /** How many addresses are held, offered or spoilt behind a port, fixed ones included. */
  countOf(port: string): number {
    return this.byPort.get(port) ?? 0;
  }

  /** Keeps an address for a client until it asks for it. */
  offer(entry: Entry, holder: Holder, until: number): void {
    const verified = entry.verified && entry.client === holder.client;
    this.change(entry, { ...holder, state: 'offered', verified, until });
  }

  bind(entry: Entry, holder: Holder, now: number, until: number): void {
    const since = entry.state === 'bound' && entry.client === holder.client ? entry.since : now;
    this.change(entry, { ...holder, state: 'bound', verified: true, since, until });
  }

  end(entry: Entry, now: number): void {
    this.change(entry, { state: 'ended', until: now });
  }

  /** Somebody else uses it: `mac`, if it is known, behind `port`. */
  decline(entry: Entry, mac: string, port: string, until: number): void {
    this.change(entry, { state: 'declined', client: '', hostName: '', mac, port, verified: false, until });
  }

  verify(entry: Entry): void {
    entry.verified = true;
  }

  /** When a lease, an offer or a quarantine is over next. */
  get next(): number {
    return this.deadlines.next;
  }

  /** Ends what is over first; undefined = nothing is. */
  endOne(now: number): { entry: Entry; was: LeaseState } | undefined {
    const entry = this.deadlines.take(now);
    if (entry === undefined) return undefined;
    const was = entry.state;
    this.end(entry, now);
    return { entry, was };
  }

  private change(entry: Entry, to: Partial<Lease>): void {
    const { pool } = entry;
    this.count(entry, -1);
    pool.unindex(entry);
    const { address: _, ...rest } = to;
    Object.assign(entry, rest);
    pool.index(entry, this.deadlines);
    this.count(entry, 1);
    this.changed(entry);
  }

  private count({ state, relayed, port }: Entry, by: number): void {
    if (state === 'ended' || relayed) return;
    const count = this.countOf(port) + by;
    if (count === 0) this.byPort.delete(port);
    else this.byPort.set(port, count);
  }
}

/** As it is now, without what the table knows beside. */
export function leaseOf(entry: Entry): Lease {
  const { address, state, client, mac, port, relayed, hostName, verified, since, until } = entry;
  return { address, state, client, mac, port, relayed, hostName, verified, since, until };
}
