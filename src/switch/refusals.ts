// Tells of what guards refuse, a few of a kind: who attacks could fill every log.

import { LRUCache } from 'lru-cache';
import type { EventFact } from '../event.ts';
import type { Punt } from '../protocol/host.ts';
import { DROPS } from '../table/drops.ts';
import { claimedIn } from '../wire/claimed_address.ts';
import { formatIp } from '../wire/ip_address.ts';
import { formatMac, macAt } from '../wire/mac.ts';

/** The same is told again after this, and of a port and a reason only so much meanwhile. */
const QUIET_MS = 60_000;
const AT_MOST = 5;
const REMEMBERED = 4096;
/** Of the source address in a frame. */
const SRC = 6;

export class Refusals {
  private readonly tell: (fact: EventFact) => void;
  private readonly told = new LRUCache<string, Set<string>>({ max: REMEMBERED, ttl: QUIET_MS });

  constructor(tell: (fact: EventFact) => void) {
    this.tell = tell;
  }

  /** @param drop the code of the reason */
  hear({ port, vlan, bytes }: Punt, bridge: string, drop: number): void {
    const { name: reason } = DROPS[drop];
    const { hi, lo } = macAt(new DataView(bytes.buffer, bytes.byteOffset), SRC);
    const claimed = claimedIn(bytes);
    const mac = formatMac(hi, lo);
    const address = claimed && formatIp(claimed);
    if (!this.isNews(`${port} ${reason}`, `${mac} ${address}`)) return;
    const about = { type: 'guard', change: 'refused', bridge, port, vlan, reason, mac } as const;
    this.tell(address === undefined ? about : { ...about, address });
  }

  private isNews(kind: string, claim: string): boolean {
    const told = this.told.get(kind) ?? new Set();
    if (told.has(claim) || told.size >= AT_MOST) return false;
    this.told.set(kind, told.add(claim), { noUpdateTTL: true });
    return true;
  }
}
