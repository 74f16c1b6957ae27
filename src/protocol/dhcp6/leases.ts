// All leases of a DHCPv6 server: who has what, and what the next client gets.
//
// A new client begins to look at a number that follows from what it is known by, so it gets the same address again without
// anybody remembering it. Behind one port there are at most so many leases: no guest takes them all.

import { createHash } from 'node:crypto';
import type { IpBytes } from '../../wire/ip_address.ts';
import { type Lease6, textOf } from './lease.ts';
import type { Pool6 } from './pool.ts';

/** Numbers that are looked at for one client: where so many in a row are given, the pool counts as empty. */
const MAX_STEPS = 4096;
/** Between two looks for what is over, ms. */
const GRAIN = 1000;

export class Leases6 {
  private readonly byAddress = new Map<string, Lease6>();
  private readonly byClient = new Map<string, Lease6>();
  /** The last address of each station. */
  private readonly byMac = new Map<string, Lease6>();
  private readonly ofPort = new Map<string, number>();
  /** Nothing is over before. */
  private next = Number.POSITIVE_INFINITY;

  get size(): number {
    return this.byAddress.size;
  }

  all(): Iterable<Lease6> {
    return this.byAddress.values();
  }

  deadline(): number {
    return this.next;
  }

  get({ address, bits }: Pick<Lease6, 'address' | 'bits'>): Lease6 | undefined {
    return this.byAddress.get(textOf({ address, bits }));
  }

  ofClient(client: string, bits: number): Lease6 | undefined {
    return this.byClient.get(clientName(client, bits));
  }

  ofMac(mac: string): Lease6 | undefined {
    return this.byMac.get(mac);
  }

  count(port: string): number {
    return this.ofPort.get(port) ?? 0;
  }

  put(lease: Lease6): void {
    const before = this.get(lease);
    if (before !== undefined) this.remove(before);
    this.byAddress.set(textOf(lease), lease);
    if (lease.client !== '') this.byClient.set(clientName(lease.client, lease.bits), lease);
    if (lease.state === 'bound' && lease.bits === 128) this.byMac.set(lease.mac, lease);
    if (!lease.relayed) this.ofPort.set(lease.port, this.count(lease.port) + 1);
    this.next = Math.min(this.next, lease.until);
  }

  remove(lease: Lease6): void {
    if (!this.byAddress.delete(textOf(lease))) return;
    const name = clientName(lease.client, lease.bits);
    if (this.byClient.get(name) === lease) this.byClient.delete(name);
    if (this.byMac.get(lease.mac) === lease) this.byMac.delete(lease.mac);
    if (lease.relayed) return;
    const left = this.count(lease.port) - 1;
    if (left > 0) this.ofPort.set(lease.port, left);
    else this.ofPort.delete(lease.port);
  }

  /** Removes what is over. */
  expire(now: number): Lease6[] {
    if (this.next > now) return [];
    const over: Lease6[] = [];
    this.next = Number.POSITIVE_INFINITY;
    for (const lease of this.byAddress.values()) {
      if (lease.until <= now) over.push(lease);
      else this.next = Math.min(this.next, lease.until);
    }
    for (const lease of over) this.remove(lease);
    this.next = Math.max(this.next, now + GRAIN);
    return over;
  }

  /** What nobody has: one of those that the client wishes, or the next one from its number on. */
  free(pool: Pool6, client: string, wishes: readonly IpBytes[], isKept: (address: IpBytes) => boolean) {
    const { bits, size } = pool;
    const isFree = (address: IpBytes) => !isKept(address) && this.get({ address, bits }) === undefined;
    const wish = wishes.find((address) => pool.contains(address, bits) && isFree(address));
    if (wish !== undefined) return wish;
    const start = createHash('sha256').update(client).digest().readUInt32BE(0) % size;
    for (let step = 0; step < Math.min(size, MAX_STEPS); step++) {
      const address = pool.nth((start + step) % size);
      if (isFree(address)) return address;
    }
    return undefined;
  }
}

/** A client has one address and one prefix by each of its associations. */
function clientName(client: string, bits: number): string {
  return `${bits === 128 ? 'address' : 'prefix'} ${client}`;
}
