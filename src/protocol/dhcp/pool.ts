// The addresses of one subnet: which there are, who has them, and which one is given next.
//
//   never used, in the order of the ranges  ->  ended longest ago
//
// Memory is bounded by the addresses that were ever used, and those by MAX_LEASES.

import type { Deadlines, Due } from './deadlines.ts';
import type { Lease } from './lease.ts';
import type { AddressRange, DhcpSubnet } from './settings.ts';

/** Of a subnet, as long as addresses of its ranges are concerned. Of the worst kind 30 MiB. */
export const MAX_LEASES = 65_536;

/** A lease in the table that may change it. */
export type Entry = { -readonly [K in keyof Lease]: Lease[K] } & Due & { readonly pool: Pool };

export class Pool {
  readonly subnet: DhcpSubnet;
  private readonly ranges: readonly AddressRange[];
  private readonly fixed: ReadonlySet<number>;
  private readonly taken: ReadonlySet<number>;
  private readonly byAddress = new Map<number, Entry>();
  private readonly byClient = new Map<string, Entry>();
  /** Oldest first. */
  private readonly ended = new Map<number, Entry>();
  private range = 0;
  /** First address of `range` that was not looked at yet. */
  private next: number;

  /** `server`, and `fixed`, the addresses of hosts, are given to nobody else, whatever ranges say. */
  constructor(subnet: DhcpSubnet, server: number, fixed: ReadonlySet<number>) {
    this.subnet = subnet;
    this.ranges = subnet.ranges;
    this.fixed = fixed;
    const routers = subnet.options.routers ?? [];
    this.taken = new Set([server, ...fixed, ...routers, ...subnet.excluded, subnet.network, this.broadcast]);
    this.next = this.ranges[0]?.first ?? 0;
  }

  get mask(): number {
    return (-1 << (32 - this.subnet.prefix)) >>> 0;
  }

  get broadcast(): number {
    return (this.subnet.network | ~this.mask) >>> 0;
  }

  contains(address: number): boolean {
    return (address & this.mask) >>> 0 === this.subnet.network;
  }

  /** Whether it may be given to anybody. */
  isDynamic(address: number): boolean {
    return (
      !this.taken.has(address) && this.ranges.some(({ first, last }) => address >= first && address <= last)
    );
  }

  get(address: number): Entry | undefined {
    return this.byAddress.get(address);
  }

  /** The newest of a client. */
  ofClient(client: string): Entry | undefined {
    return this.byClient.get(client);
  }

  entries(): IterableIterator<Entry> {
    return this.byAddress.values();
  }

  get hasRoom(): boolean {
    return this.byAddress.size < MAX_LEASES;
  }

  /** An address that was never used; undefined = none is left. All calls together look at each address once. */
  fresh(): number | undefined {
    if (!this.hasRoom) return undefined;
    for (; this.range < this.ranges.length; this.range++) {
      const { first, last } = this.ranges[this.range];
      for (this.next = Math.max(this.next, first); this.next <= last; this.next++) {
        if (!this.taken.has(this.next) && !this.byAddress.has(this.next)) return this.next;
      }
      this.next = 0;
    }
    return undefined;
  }

  /** What ended longest ago of all that may be given to anybody. */
  oldest(): number | undefined {
    return this.ended.keys().next().value;
  }

  /** The entry of an address, made if there is none. */
  take(address: number): Entry {
    const known = this.byAddress.get(address);
    if (known !== undefined) return known;
    const entry: Entry = {
      address,
      state: 'ended',
      client: '',
      mac: '',
      port: '',
      relayed: false,
      hostName: '',
      verified: false,
      since: 0,
      until: 0,
      dueAt: 0,
      place: -1,
      pool: this,
    };
    this.byAddress.set(address, entry);
    return entry;
  }

  /** Call it before an entry changes, and `index` after. */
  unindex(entry: Entry): void {
    this.ended.delete(entry.address);
    if (this.byClient.get(entry.client) === entry) this.byClient.delete(entry.client);
  }

  index(entry: Entry, deadlines: Deadlines<Entry>): void {
    const { address, client, state, until } = entry;
    if (state === 'ended') deadlines.delete(entry);
    else deadlines.set(entry, until);
    const isDynamic = this.isDynamic(address);
    if (state === 'ended' && !isDynamic && !this.fixed.has(address)) {
      // The ranges were others once.
      this.byAddress.delete(address);
      return;
    }
    if (client !== '') this.byClient.set(client, entry);
    if (state === 'ended' && isDynamic) this.ended.set(address, entry);
  }
}
