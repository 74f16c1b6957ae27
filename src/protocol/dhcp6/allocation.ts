// Which address or prefix a client has or gets: the one that the configuration says, that of its lease, or one that is free.

import type { Association } from '../../wire/dhcp6/message.ts';
import { formatIp, type IpBytes } from '../../wire/ip_address.ts';
import { prefixContains } from '../../wire/ip_prefix.ts';
import { type Host6, Hosts6 } from './hosts.ts';
import type { Lease6 } from './lease.ts';
import type { Leases6 } from './leases.ts';
import type { Dhcp6Settings } from './outcome.ts';
import { clientKey, hexOf, type Request6 } from './request.ts';

export type Refusal = 'no_address' | 'port_full';

const ADDRESS_BITS = 128;

export class Allocation6 {
  private readonly settings: Dhcp6Settings;
  private readonly table: Leases6;
  private readonly hosts: Hosts6;

  constructor(settings: Dhcp6Settings, table: Leases6) {
    this.settings = settings;
    this.table = table;
    this.hosts = new Hosts6(settings.hosts);
  }

  hostAt({ address, bits }: Pick<Lease6, 'address' | 'bits'>): Host6 | undefined {
    return bits === ADDRESS_BITS ? this.hosts.at(address) : undefined;
  }

  /** Whether the configuration still has what the lease is about. */
  isOurs({ address, bits }: Lease6): boolean {
    const { settings } = this;
    if (bits !== ADDRESS_BITS) return settings.prefixes?.contains(address, bits) === true;
    const isGiven = [settings, ...settings.relayed].some((link) => link.addresses?.contains(address, bits));
    return isGiven || this.hosts.at(address) !== undefined;
  }

  /** The lease of an association: its old one, or a new one, which nobody has been told yet. */
  find(request: Request6, one: Association): Lease6 | Refusal {
    const { prefixes, leasesPerPort } = this.settings;
    const { port, relayed, link, hostName } = request;
    const client = clientKey(request, one);
    const fixed = one.kind === 'address' ? this.fixedFor(request, client) : undefined;
    if (fixed !== undefined) return this.lease(request, client, fixed, ADDRESS_BITS, hostName);
    const pool = one.kind === 'address' ? link.addresses : prefixes;
    if (pool === undefined) return 'no_address';
    const { bits } = pool;
    const isKept = (address: IpBytes) =>
      formatIp(address) === formatIp(this.settings.gateway) || this.hosts.at(address) !== undefined;
    const known = this.table.ofClient(client, bits);
    if (known !== undefined && pool.contains(known.address, bits) && !isKept(known.address))
      return this.lease(request, client, known.address, bits, hostName || known.hostName);
    if (!relayed && this.table.count(port) >= leasesPerPort) return 'port_full';
    const wishes = one.items.map((item) => item.address);
    const address = this.table.free(pool, client, wishes, isKept);
    return address === undefined ? 'no_address' : this.lease(request, client, address, bits, hostName);
  }

  private lease(
    { mac, port, relayed, via, now }: Request6,
    client: string,
    address: IpBytes,
    bits: number,
    hostName: string,
  ): Lease6 {
    const until = now + 1000 * this.settings.leaseTime;
    return { address, bits, client, mac, port, relayed, hostName, via, state: 'bound', until };
  }

  /** Undefined: the configuration says none for this link, or somebody else has it. */
  private fixedFor(request: Request6, client: string): IpBytes | undefined {
    const host = this.hosts.find(request, hexOf(request.clientId));
    if (host === undefined || !prefixContains(request.link.subnet, host.address)) return undefined;
    const holder = this.table.get({ address: host.address, bits: ADDRESS_BITS });
    if (holder === undefined || holder.client === client) return host.address;
    // The same host with another system, which does not know of the lease of the first.
    const others = request.frame.message.associations.map((one) => clientKey(request, one));
    const isSame = holder.state === 'bound' && this.hosts.ofLease(holder) === host;
    return isSame && !others.includes(holder.client) ? host.address : undefined;
  }
}
