// Which address a client gets, RFC 2131 section 4.3.1: the one that is fixed for it, the one that it has or had, the one that
// it asks for, one that nobody had yet, the one that ended longest ago.

import { OPTION } from '../../wire/dhcp4/codes.ts';
import { readUint32 } from '../../wire/dhcp4/values.ts';
import type { Leases } from './leases.ts';
import type { Entry } from './pool.ts';
import { fixedAddressOf, type Request } from './request.ts';
import type { DhcpSettings } from './settings.ts';

export type NoAddress = 'port_full' | 'no_address';

export class Allocation {
  private readonly settings: DhcpSettings;
  private readonly leases: Leases;

  constructor(settings: DhcpSettings, leases: Leases) {
    this.settings = settings;
    this.leases = leases;
  }

  /** The entry that the client shall be offered; it is not changed yet. `except`: an address that it cannot be. */
  choose(request: Request, except?: number): Entry | NoAddress {
    const { pool, key } = request;
    const fixed = fixedAddressOf(request);
    if (fixed !== undefined && fixed !== except && this.isFree(fixed, request, true)) return pool.take(fixed);
    const own = pool.ofClient(key);
    const isOwn = own !== undefined && own.state !== 'declined' && pool.isDynamic(own.address);
    if (isOwn && own.state !== 'ended') return own;
    if (this.isFull(request)) return 'port_full';
    if (isOwn) return own;
    const address = this.asked(request) ?? pool.fresh() ?? pool.oldest();
    return address === undefined ? 'no_address' : pool.take(address);
  }

  /** What the client may use from now on if it says that it has `address`; undefined: it may not. */
  confirm(request: Request, address: number): Entry | NoAddress | undefined {
    const { pool, key } = request;
    const entry = pool.get(address);
    if (entry === undefined || entry.client !== key || !entry.verified) return undefined;
    const fixed = fixedAddressOf(request);
    if (address === fixed) return entry;
    // It has a place of its own to go to.
    if (fixed !== undefined && this.isFree(fixed, request, false)) return undefined;
    if (!pool.isDynamic(address)) return undefined;
    return entry.state === 'ended' && this.isFull(request) ? 'port_full' : entry;
  }

  /** Whether the guests behind its port have as many addresses as they may. */
  isFull({ port, relayed }: Pick<Request, 'port' | 'relayed'>): boolean {
    const { leasesOfPort, leasesPerPort } = this.settings;
    return !relayed && this.leases.countOf(port) >= (leasesOfPort?.get(port) ?? leasesPerPort);
  }

  /**
   * Whether a fixed address can go to its owner. Another machine may have it, from before it was fixed, or behind the same
   * port, which went without a word; `mayTakeOver`: a probe will tell.
   */
  private isFree(address: number, request: Request, mayTakeOver: boolean): boolean {
    const { pool, key, client, relayed } = request;
    const entry = pool.get(address);
    if (entry === undefined || entry.state === 'ended') return true;
    if (entry.client === key || entry.mac === client.mac) return true;
    return mayTakeOver && this.settings.probe && !relayed && entry.state === 'bound';
  }

  /** The address in option 50, if nobody had it yet. */
  private asked({ pool, frame }: Request): number | undefined {
    const address = readUint32(frame.message.options.get(OPTION.requestedAddress));
    if (address === undefined || !pool.contains(address) || !pool.isDynamic(address)) return undefined;
    return pool.hasRoom && pool.get(address) === undefined ? address : undefined;
  }
}
