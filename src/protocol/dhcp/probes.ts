// Addresses that are probed for before they are offered: two ARP probes, and a while to answer. One that somebody has is put
// aside, and another one is tried for the same client.

import { Deadlines, type Due } from './deadlines.ts';
import type { Entry } from './pool.ts';
import type { Request } from './request.ts';

/** From the first probe to the second, and to the offer; ms. Together below the 300 ms that a new guest may wait. */
export const PROBE_INTERVAL = 100;
export const PROBE_TIME = 250;
/** Addresses that are tried for one client that asks once. */
export const MAX_TRIES = 8;
/** At once: each has a request in memory. */
export const MAX_PROBES = 4096;

export interface Probe extends Due {
  readonly entry: Entry;
  /** That of the entry when the probe began: if it changes meanwhile, the entry is not this client's to be offered. */
  readonly until: number;
  /** The newest one of the client. */
  request: Request;
  readonly tries: number;
  readonly offerAt: number;
  isRepeated: boolean;
}

export class Probes {
  private readonly byAddress = new Map<number, Probe>();
  private readonly deadlines = new Deadlines<Probe>();

  get isFull(): boolean {
    return this.byAddress.size >= MAX_PROBES;
  }

  get next(): number {
    return this.deadlines.next;
  }

  of(address: number): Probe | undefined {
    return this.byAddress.get(address);
  }

  /** The first probe is sent now. */
  start(entry: Entry, request: Request, now: number, tries = 1): void {
    const before = this.byAddress.get(entry.address);
    if (before !== undefined) this.stop(before);
    const probe: Probe = {
      entry,
      until: entry.until,
      request,
      tries,
      offerAt: now + PROBE_TIME,
      isRepeated: false,
      dueAt: 0,
      place: -1,
    };
    this.byAddress.set(entry.address, probe);
    this.deadlines.set(probe, now + PROBE_INTERVAL);
  }

  stop(probe: Probe): void {
    this.byAddress.delete(probe.entry.address);
    this.deadlines.delete(probe);
  }

  /** What is due: `repeat` sends the second probe; nobody answered an `offer`, and it is no longer here. */
  take(now: number): { probe: Probe; what: 'repeat' | 'offer' } | undefined {
    const probe = this.deadlines.take(now);
    if (probe === undefined) return undefined;
    if (probe.isRepeated || now >= probe.offerAt) {
      this.byAddress.delete(probe.entry.address);
      return { probe, what: 'offer' };
    }
    probe.isRepeated = true;
    this.deadlines.set(probe, probe.offerAt);
    return { probe, what: 'repeat' };
  }
}
