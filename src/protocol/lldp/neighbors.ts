// The neighbours of a port, IEEE 802.1AB-2016 clause 9.2.7.7: one for each pair of chassis and port ID (MSAP), kept until
// its time to live is over or it says that it shuts down. A neighbour that changes its port ID without a word stays beside
// its new self until then.
//
// Who sends LLDP is not known, so the table is bounded, per port and in total; further neighbours are refused. Those
// that are there keep being refreshed: a stranger can take the free places of its own port, and nothing from others.

import { equal } from '../../config/equal.ts';
import type { Lldpdu } from '../../wire/lldp/lldpdu.ts';

/** A shared segment may have several; a port to one device has one. */
export const MAX_PER_PORT = 16;
/** Of the worst kind 12 MiB. */
export const MAX_IN_TOTAL = 1024;

export interface Neighbor {
  lldpdu: Lldpdu;
  /** Source of its last frame. */
  mac: string;
  /** VLAN that its last frame came in. */
  vlan: number;
  /** ms, as all times. */
  firstSeen: number;
  expiresAt: number;
}

/** How many there are, in all tables of an agent together. */
export interface Population {
  count: number;
}

export type Outcome = 'added' | 'changed' | 'refreshed' | 'removed' | 'unknown' | 'refused';

export class Neighbors {
  private readonly known = new Map<string, Neighbor>();
  private readonly population: Population;

  constructor(population: Population) {
    this.population = population;
  }

  get size(): number {
    return this.known.size;
  }

  values(): IterableIterator<Neighbor> {
    return this.known.values();
  }

  /** Takes in an LLDPDU; the neighbour is the one that came, changed or went. */
  learn(lldpdu: Lldpdu, mac: string, vlan: number, now: number): { outcome: Outcome; neighbor?: Neighbor } {
    const key = `${lldpdu.chassisId.key} ${lldpdu.portId.key}`;
    const before = this.known.get(key);
    if (lldpdu.ttl === 0) {
      if (before === undefined) return { outcome: 'unknown' };
      this.forget(key);
      return { outcome: 'removed', neighbor: before };
    }
    const expiresAt = now + lldpdu.ttl * 1000;
    if (before === undefined) {
      if (this.known.size >= MAX_PER_PORT || this.population.count >= MAX_IN_TOTAL)
        return { outcome: 'refused' };
      const neighbor = { lldpdu, mac, vlan, firstSeen: now, expiresAt };
      this.known.set(key, neighbor);
      this.population.count++;
      return { outcome: 'added', neighbor };
    }
    // A neighbour that is about to go may have sent a shorter time to live: that alone is no news.
    const isSame =
      before.mac === mac &&
      before.vlan === vlan &&
      equal({ ...before.lldpdu, ttl: 0 }, { ...lldpdu, ttl: 0 });
    Object.assign(before, { lldpdu, mac, vlan, expiresAt });
    return { outcome: isSame ? 'refreshed' : 'changed', neighbor: before };
  }

  /** Takes out those whose time is over. */
  age(now: number): Neighbor[] {
    const over: Neighbor[] = [];
    for (const [key, neighbor] of this.known) {
      if (neighbor.expiresAt > now) continue;
      over.push(neighbor);
      this.forget(key);
    }
    return over;
  }

  /** Takes out all. */
  clear(): Neighbor[] {
    return this.age(Number.POSITIVE_INFINITY);
  }

  /** When the next one's time is over. */
  deadline(): number {
    let next = Number.POSITIVE_INFINITY;
    for (const { expiresAt } of this.known.values()) next = Math.min(next, expiresAt);
    return next;
  }

  private forget(key: string): void {
    if (this.known.delete(key)) this.population.count--;
  }
}
