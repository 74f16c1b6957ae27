// Tells of guests that claim addresses of others: once for each station and address in a while.

import { LRUCache } from 'lru-cache';
import type { Network } from '../config/networks.ts';
import type { EventFact } from '../event.ts';
import type { Punt } from '../protocol/host.ts';
import { claimedIn } from '../wire/claimed_address.ts';
import { formatIp } from '../wire/ip_address.ts';
import { formatMac, macAt } from '../wire/mac.ts';

const QUIET_MS = 60_000;
const REMEMBERED = 1000;
/** Of the source address in a frame. */
const SRC = 6;

export class Claims {
  private readonly tell: (fact: EventFact) => void;
  private readonly told = new LRUCache<string, true>({ max: REMEMBERED, ttl: QUIET_MS });

  constructor(tell: (fact: EventFact) => void) {
    this.tell = tell;
  }

  hear({ bytes, port }: Punt, { name, bridge }: Pick<Network, 'name' | 'bridge'>): void {
    const claimed = claimedIn(bytes);
    if (claimed === undefined) return;
    const address = formatIp(claimed);
    const { hi, lo } = macAt(new DataView(bytes.buffer, bytes.byteOffset), SRC);
    const mac = formatMac(hi, lo);
    const key = `${name} ${port} ${mac} ${address}`;
    if (this.told.has(key)) return;
    this.told.set(key, true);
    this.tell({ type: 'network', change: 'address_taken', network: name, bridge, port, address, mac });
  }
}
