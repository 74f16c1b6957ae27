// Which guest has which name: the configuration says so, or the guest when it gets its lease. Kept in step with each change
// of a lease, as there may be thousands.

import type { IpBytes } from '../../wire/ip_address.ts';
import { clientIdOf } from '../dhcp/client.ts';
import { Hosts } from '../dhcp/hosts.ts';
import type { Lease } from '../dhcp/lease.ts';
import type { DhcpHost } from '../dhcp/settings.ts';

/** Names are labels in lower case. */
export interface Names {
  readonly size: number;
  addressOf(name: string): number | undefined;
  nameOf(address: number): string | undefined;
  /** The same of IPv6, where the network has it. */
  address6Of?(name: string): IpBytes | undefined;
  nameOf6?(address: IpBytes): string | undefined;
}

export const NO_NAMES: Names = { size: 0, addressOf: () => undefined, nameOf: () => undefined };

/** What machines look for without being told to, and trust whoever has it: nobody gets such a name by asking for it. */
const RESERVED = ['localhost', 'wpad', 'isatap'];

/** Guests that wait for a name that others have. */
const MAX_HOLDERS = 64;

interface Holder {
  readonly name: string;
  readonly address: number;
  readonly since: number;
}

export class GuestNames implements Names {
  private readonly hosts: Hosts;
  /** Of hosts with a fixed address, whether they are there or not. */
  private readonly fixed = new Map<string, number>();
  private readonly fixedAt = new Map<number, string>();
  /** Names that only hosts of the configuration have. */
  private readonly reserved = new Set(RESERVED);
  /** Who had it longest goes first. */
  private readonly holders = new Map<string, Holder[]>();
  private readonly byAddress = new Map<number, Holder>();

  /** The name of a host is its option `hostName`. */
  constructor(hosts: readonly DhcpHost[]) {
    this.hosts = new Hosts(hosts);
    for (const { address, options } of hosts) {
      const name = options?.hostName?.toLowerCase();
      if (name === undefined || this.fixed.has(name)) continue;
      this.reserved.add(name);
      if (address === undefined) continue;
      this.fixed.set(name, address);
      this.fixedAt.set(address, name);
    }
  }

  get size(): number {
    return this.fixed.size + this.holders.size;
  }

  addressOf(name: string): number | undefined {
    return this.fixed.get(name) ?? this.holders.get(name)?.[0].address;
  }

  nameOf(address: number): string | undefined {
    const name = this.fixedAt.get(address) ?? this.byAddress.get(address)?.name;
    return name !== undefined && this.addressOf(name) === address ? name : undefined;
  }

  /** A lease as it is now. */
  note(lease: Lease): void {
    this.forget(lease.address);
    const name = lease.state === 'bound' ? this.wanted(lease) : '';
    if (name === '' || this.fixed.has(name)) return;
    const { address, since } = lease;
    const holder = { name, address, since };
    const holders = this.holders.get(name) ?? [];
    const after = holders.findLastIndex((other) => other.since <= since);
    holders.splice(after + 1, 0, holder);
    this.holders.set(name, holders);
    this.byAddress.set(address, holder);
    const surplus = holders.splice(MAX_HOLDERS);
    for (const other of surplus) this.byAddress.delete(other.address);
  }

  private forget(address: number): void {
    const holder = this.byAddress.get(address);
    if (holder === undefined) return;
    this.byAddress.delete(address);
    const others = this.holders.get(holder.name)?.filter((one) => one !== holder) ?? [];
    if (others.length > 0) this.holders.set(holder.name, others);
    else this.holders.delete(holder.name);
  }

  /** Empty: none. */
  private wanted({ client, mac, port, hostName }: Lease): string {
    const host = this.hosts.find({ clientId: clientIdOf(client), mac }, port);
    return host?.options?.hostName?.toLowerCase() ?? (this.reserved.has(hostName) ? '' : hostName);
  }
}
